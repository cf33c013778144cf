package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Filter passes the rows for which a condition is true. It narrows the
// selection and copies nothing. Deletes pass as Inserts do.
type Filter struct {
	stateless
	cond  *expr.Program
	fault Fault
	out   vec.Batch
}

// NewFilter returns a Filter; cond is boolean.
func NewFilter(cond *expr.Program, fault Fault) *Filter { return &Filter{cond: cond, fault: fault} }

// Process passes on what the condition keeps.
func (f *Filter) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel, errs := f.cond.Filter(b, b.Sel)
	if errs.Any() {
		// A row whose condition failed is in neither part: it is not true, and
		// Filter has left it out already.
		if err := faults(b, errs, f.fault); err != nil {
			return err
		}
	}
	if len(sel) == 0 {
		return nil
	}
	f.out = vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
	return out.Emit(ctx, &f.out)
}

// faults shows every failed row's error to fault and returns the first that it
// will not let pass.
func faults(b *vec.Batch, errs *expr.Errors, fault Fault) error {
	if fault == nil {
		return errs.First()
	}
	return rows(b, func(r int32) error {
		if err := errs.At(int(r)); err != nil {
			return fault(b, int(r), err)
		}
		return nil
	})
}
