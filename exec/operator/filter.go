package operator

import (
	"context"
	"sort"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Filter passes the rows for which a condition is true. It narrows the
// selection and copies nothing. Deletes pass as Inserts do.
type Filter struct {
	stateless
	cond   *expr.Program
	fault  Fault
	locate func(row int, err error) error // nil: errors are as they are
	out    vec.Batch
}

// NewFilter returns a Filter; cond is boolean.
func NewFilter(cond *expr.Program, fault Fault) *Filter { return &Filter{cond: cond, fault: fault} }

// Locate has the error of a row say where that is: row is its place in the batch.
func (f *Filter) Locate(locate func(row int, err error) error) *Filter {
	f.locate = locate
	return f
}

// Process passes on what the condition keeps.
func (f *Filter) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel, at, failed, err := passingAt(f.cond, b, f.fault)
	if err != nil {
		return err
	}
	if len(sel) > 0 {
		f.out = vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
		if err := out.Emit(ctx, &f.out); err != nil {
			return err
		}
	}
	if failed != nil && f.locate != nil {
		return f.locate(at, failed)
	}
	return failed
}

// passing returns the rows of b that meet a condition. One whose condition failed is
// not true, and is shown to fault, whose error is err. Where fault is nil, the rows
// are those before the first that failed, and failed is that one's error: it comes
// after what goes wrong with them.
func passing(cond *expr.Program, b *vec.Batch, fault Fault) (sel []int32, failed, err error) {
	sel, _, failed, err = passingAt(cond, b, fault)
	return sel, failed, err
}

// passingAt is passing, with the row that failed is of.
func passingAt(cond *expr.Program, b *vec.Batch, fault Fault) (sel []int32, at int, failed, err error) {
	sel, errs := cond.Filter(b, b.Sel)
	if !errs.Any() {
		return sel, 0, nil, nil
	}
	if fault != nil {
		return sel, 0, nil, faults(b, errs, fault)
	}
	for at = range errs.Rows().Rows {
		sel = sel[:sort.Search(len(sel), func(i int) bool { return int(sel[i]) >= at })]
		break
	}
	return sel, at, errs.First(), nil
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
