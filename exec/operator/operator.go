// Package operator holds the relational operators, one file each. An operator
// is pushed batches and pushes batches on; it belongs to one goroutine and
// knows nothing of who feeds it, of sessions or of jobs.
//
// Ops travel with the rows: an operator handles Deletes, or refuses them; its
// contract says which. What changes within an epoch goes out at the barrier,
// as the net effect.
package operator

import (
	"context"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Output takes an operator's rows.
type Output interface {
	// Emit passes rows on; the batch is lent until Emit returns, and the
	// receiver changes nothing in it. An empty batch may be left out.
	// stream.Done: nobody wants more rows.
	Emit(ctx context.Context, b *vec.Batch) error
}

// Operator is one relational operator. Calls come from one goroutine. Inputs are
// numbered from 0 as plan.Node.Inputs has them.
type Operator interface {
	// Process takes rows of one input; b is lent until it returns.
	Process(ctx context.Context, input int, b *vec.Batch, out Output) error
	// Watermark says that no row with a time before t (microseconds since
	// 2000-01-01 UTC) is to come.
	Watermark(ctx context.Context, t int64, out Output) error
	// Barrier ends an epoch; the net effects of the epoch go out here.
	Barrier(ctx context.Context, e stream.Epoch, out Output) error
	// Finish says that an input has ended; it is called once for each.
	Finish(ctx context.Context, input int, out Output) error
	// Close gives back what the operator holds. It may be called twice.
	Close() error
}

// Settler is an operator of several inputs that needs to know what none of them will bring
// any more, idle ones among them, which the watermark passes.
type Settler interface {
	// Settled says before each watermark that no row will be from before t.
	Settled(t int64)
}

// Holder is an operator that may hold rows back which the watermark has passed.
type Holder interface {
	// Held is the least time of the rows held back, math.MaxInt64 where there is
	// none, math.MinInt64 where it is not known.
	Held() int64
}

// heldRows is what an operator says that holds rows of unknown times until the
// barrier.
func heldRows(some bool) int64 {
	if some {
		return math.MinInt64
	}
	return math.MaxInt64
}

// Filling is an operator that may come to want no more rows.
type Filling interface {
	// Full reports whether it has: whatever comes, its output does not change.
	Full() bool
}

// Leaf makes rows: what has no input.
type Leaf interface {
	// Next returns rows, which are lent until the following call; io.EOF at the
	// end.
	Next(ctx context.Context) (*vec.Batch, error)
	// Close gives back what the leaf holds. It may be called twice.
	Close() error
}

// Fault decides what becomes of a row whose computation failed: nil leaves the
// row out, an error ends the statement. A nil Fault returns every error. The row
// is one of b, an operator's input, which is lent for the call.
type Fault func(b *vec.Batch, row int, err error) error

// stateless is embedded by operators that hold nothing from one row to the next.
type stateless struct{}

func (stateless) Watermark(context.Context, int64, Output) error      { return nil }
func (stateless) Barrier(context.Context, stream.Epoch, Output) error { return nil }
func (stateless) Finish(context.Context, int, Output) error           { return nil }
func (stateless) Close() error                                        { return nil }

// hasDelete reports whether a live row is a Delete.
func hasDelete(b *vec.Batch) bool {
	if b.Ops == nil {
		return false
	}
	if b.Sel == nil {
		for _, op := range b.Ops[:b.Rows] {
			if op == vec.Delete {
				return true
			}
		}
		return false
	}
	for _, r := range b.Sel {
		if b.Ops[r] == vec.Delete {
			return true
		}
	}
	return false
}

// refuseDelete is the answer of an operator that cannot take a row back.
func refuseDelete(what string) error {
	return sqlerr.Unsupported("Remove EMIT CHANGES from the inner query, or apply "+what+" to a stream that only grows.",
		"%s over rows that change is not supported", what)
}

// rows calls f for each live row.
func rows(b *vec.Batch, f func(row int32) error) error {
	if b.Sel != nil {
		for _, r := range b.Sel {
			if err := f(r); err != nil {
				return err
			}
		}
		return nil
	}
	for r := range int32(b.Rows) {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// selector lists the live rows of batches in a buffer of its own.
type selector struct{ buf []int32 }

// of returns the live rows; they are valid until the next call, and the batch's
// own where it has a selection.
func (s *selector) of(b *vec.Batch) []int32 { return s.all(b.Sel, b.Rows) }

// all returns sel, or 0..n-1 where it is nil.
func (s *selector) all(sel []int32, n int) []int32 {
	if sel != nil {
		return sel
	}
	for i := len(s.buf); i < n; i++ {
		s.buf = append(s.buf, int32(i))
	}
	return s.buf[:n]
}
