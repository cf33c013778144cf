package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// emitter gathers single rows with their ops into batches.
type emitter struct {
	batch *vec.Batch
	ops   []vec.Op
	dels  bool
}

func newEmitter(ts []types.Type) emitter { return emitter{batch: vec.NewBatch(ts)} }

// add appends row of cols, and emits when the batch is full.
func (e *emitter) add(ctx context.Context, cols []vec.Vec, row int32, op vec.Op, out Output) error {
	for i, c := range cols {
		vec.AppendRow(e.batch.Cols[i], c, int(row))
	}
	return e.added(ctx, op, out)
}

// added ends a row whose columns the caller appended to the batch itself.
func (e *emitter) added(ctx context.Context, op vec.Op, out Output) error {
	e.ops = append(e.ops, op)
	e.dels = e.dels || op == vec.Delete
	e.batch.Rows++
	if e.batch.Rows == vec.MaxRows {
		return e.flush(ctx, out)
	}
	return nil
}

// flush emits what is gathered.
func (e *emitter) flush(ctx context.Context, out Output) error {
	if e.batch.Rows == 0 {
		return nil
	}
	if e.dels {
		e.batch.Ops = e.ops
	}
	err := out.Emit(ctx, e.batch)
	e.batch.Reset()
	e.ops, e.dels = e.ops[:0], false
	return err
}

// sized returns buf with length n; what it holds is not defined.
func sized[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n, max(n, vec.MaxRows))
	}
	return buf[:n]
}

// runParts is runAll for so many rows of b at a time that their values fit (all,
// but where texts are long), each time followed by f with those that did not fail.
// Where fault is nil, f has the rows before the first that failed, whose error comes
// after f's own: what is made of those rows may go wrong first.
func runParts(programs []*expr.Program, b *vec.Batch, cols []vec.Vec, fault Fault, buf *[]int32, f func(sel []int32) error) error {
	return expr.Parts(b, b.Sel, func(sel []int32) (bool, error) {
		var failed error
		for i, p := range programs {
			v, errs, ok := p.TryRun(b, sel)
			if !ok {
				return false, nil
			}
			cols[i] = v
			if errs.Any() && fault == nil {
				sel, failed = before(b, sel, errs, buf)
			} else if errs.Any() {
				var err error
				if sel, err = dropFailed(b, sel, errs, fault, buf); err != nil {
					return false, err
				}
			}
		}
		if err := f(sel); err != nil {
			return true, err
		}
		return true, failed
	})
}

// before returns the rows of sel (nil: all of b's) before the first that failed, in
// *buf, and that one's error.
func before(b *vec.Batch, sel []int32, errs *expr.Errors, buf *[]int32) ([]int32, error) {
	live := (*buf)[:0]
	if live == nil {
		live = make([]int32, 0, b.Rows)
	}
	var failed error
	// live may lie over sel: it is never ahead of it.
	_ = rows(&vec.Batch{Sel: sel, Rows: b.Rows}, func(r int32) error {
		if failed = errs.At(int(r)); failed == nil {
			live = append(live, r)
		}
		return failed
	})
	*buf = live
	return live, failed
}

// runBefore is runAll where the rows before the first that fails are wanted still:
// sel has them, and failed is the error of that one.
func runBefore(programs []*expr.Program, b *vec.Batch, cols []vec.Vec, fault Fault, buf *[]int32) (sel []int32, failed, err error) {
	if fault != nil {
		sel, err = runAll(programs, b, cols, fault, buf)
		return sel, nil, err
	}
	sel = b.Sel
	for i, p := range programs {
		v, errs := p.Run(b, sel)
		cols[i] = v
		if errs.Any() {
			sel, failed = before(b, sel, errs, buf)
		}
	}
	return sel, failed, nil
}

// runAll computes one column for each program into cols and returns the rows
// that did not fail: b's own selection where none did, else a list in *buf.
func runAll(programs []*expr.Program, b *vec.Batch, cols []vec.Vec, fault Fault, buf *[]int32) ([]int32, error) {
	sel := b.Sel
	for i, p := range programs {
		v, errs := p.Run(b, sel)
		cols[i] = v
		if errs.Any() {
			var err error
			if sel, err = dropFailed(b, sel, errs, fault, buf); err != nil {
				return nil, err
			}
		}
	}
	return sel, nil
}
