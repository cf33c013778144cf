package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Project computes columns from each row. Ops and the selection stay as they
// are, so Deletes pass as Inserts do.
type Project struct {
	stateless
	programs []*expr.Program
	fault    Fault
	out      vec.Batch
	sel      []int32
}

// NewProject returns a Project with one column for each program.
func NewProject(programs []*expr.Program, fault Fault) *Project {
	return &Project{programs: programs, fault: fault, out: vec.Batch{Cols: make([]vec.Vec, len(programs))}}
}

// Process passes on the computed rows.
func (p *Project) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	return runParts(p.programs, b, p.out.Cols, p.fault, &p.sel, func(sel []int32) error {
		if sel != nil && len(sel) == 0 {
			return nil
		}
		p.out.Ops, p.out.Sel, p.out.Rows = b.Ops, sel, b.Rows
		return out.Emit(ctx, &p.out)
	})
}

// dropFailed returns the rows of sel (nil: all of b's) that did not fail, in *buf.
// The first error that fault will not let pass ends it.
func dropFailed(b *vec.Batch, sel []int32, errs *expr.Errors, fault Fault, buf *[]int32) ([]int32, error) {
	if fault == nil {
		return nil, errs.First()
	}
	live := (*buf)[:0]
	if live == nil {
		live = make([]int32, 0, b.Rows)
	}
	keep := func(r int32) error {
		err := errs.At(int(r))
		if err == nil {
			live = append(live, r)
			return nil
		}
		return fault(b, int(r), err)
	}
	// live may lie over sel: it is never ahead of it.
	if err := rows(&vec.Batch{Sel: sel, Rows: b.Rows}, keep); err != nil {
		return nil, err
	}
	*buf = live
	return live, nil
}
