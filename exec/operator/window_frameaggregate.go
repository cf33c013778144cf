package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// frameAggregate is an aggregate over the frame of each row. What the state
// holds is carried from row to row where the next frame has it too: rows are
// added as the frame grows and, of an aggregate that slides, taken out as it
// moves on; else the frame is aggregated anew.
type frameAggregate struct {
	frames
	windowInput
	w      *Window
	state  aggregate.Aggregate // of one group; nil: none
	lo, hi int                 // the rows in it
	last   vec.Vec             // the result of the frame before, one row
	known  bool                // last is that of lo and hi
	spans  []span
	sel    []int32
	args   []vec.Vec
	groups []int32 // of each row of a chunk its group, 0
	takes  []vec.Op
	held   int64
	added  int // rows since ctx was asked
}

func newFrameAggregate(w *Window, in windowInput) *frameAggregate {
	return &frameAggregate{frames: newFrames(w, in.call.Frame), windowInput: in, w: w,
		last: vec.New(in.call.Result), args: make([]vec.Vec, len(in.call.Args))}
}

func (a *frameAggregate) begin(p *windowPartition) {
	a.frames.begin(p)
	a.state, a.known = nil, false
}

func (a *frameAggregate) next(ctx context.Context, from, to int, dst vec.Vec) error {
	for i := from; i < to; i++ {
		lo, hi, err := a.of(i)
		if err != nil {
			return err
		}
		if a.frame.Exclude != plan.ExcludeNothing {
			err = a.excluding(ctx, lo, hi, i)
		} else if !a.known || lo != a.lo || hi != a.hi {
			err = a.move(ctx, lo, hi)
		}
		if err != nil {
			return err
		}
		vec.AppendRow(dst, a.last, 0)
	}
	return nil
}

// move brings the state from the frame before to that from lo to hi-1.
func (a *frameAggregate) move(ctx context.Context, lo, hi int) error {
	slides := lo == a.lo || a.call.Slides && lo >= a.lo && lo < a.hi
	if a.state == nil || !slides || hi < a.hi {
		if err := a.fresh(); err != nil {
			return err
		}
		a.lo, a.hi = lo, lo
	}
	if err := a.give(ctx, a.lo, lo, vec.Delete); err != nil {
		return err
	}
	if err := a.give(ctx, a.hi, hi, vec.Insert); err != nil {
		return err
	}
	a.lo, a.hi, a.known = lo, hi, true
	return a.result()
}

// excluding aggregates a frame with something left out of it.
func (a *frameAggregate) excluding(ctx context.Context, lo, hi, i int) error {
	if err := a.fresh(); err != nil {
		return err
	}
	a.spans = a.without(a.spans[:0], lo, hi, i)
	for _, s := range a.spans {
		if err := a.give(ctx, s.lo, s.hi, vec.Insert); err != nil {
			return err
		}
	}
	return a.result()
}

func (a *frameAggregate) fresh() (err error) {
	if a.state, err = a.call.Aggregate(); err != nil {
		return err
	}
	a.state.Grow(1)
	return nil
}

func (a *frameAggregate) result() error {
	a.last.Reset()
	return a.state.Result([]int32{0}, a.last)
}

// Rows that are given between two looks at whether the query was cancelled.
const rowsPerLook = 1 << 16

// give adds the rows from lo to hi-1 to the state, or takes them out.
func (a *frameAggregate) give(ctx context.Context, lo, hi int, op vec.Op) error {
	for lo < hi {
		chunk := int(a.p.refs[lo] >> 32)
		cols := a.w.spool.chunks[chunk].Cols
		a.sel = a.sel[:0]
		for ; lo < hi && int(a.p.refs[lo]>>32) == chunk && len(a.sel) < vec.MaxRows; lo++ {
			row := int32(a.p.refs[lo])
			if f := a.filter(); f < 0 || cols[f].(*vec.Fixed[bool]).Values[row] {
				a.sel = append(a.sel, row)
			}
		}
		if a.added += vec.MaxRows; a.added > rowsPerLook {
			a.added = 0
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if len(a.sel) == 0 {
			continue
		}
		a.room(a.w.spool.chunks[chunk].Rows, op)
		var ops []vec.Op
		if op == vec.Delete {
			ops = a.takes
		}
		copy(a.args, cols[a.windowInput.at:])
		if err := a.state.Add(a.groups, a.args, a.sel, ops); err != nil {
			return err
		}
		if err := a.charge(); err != nil {
			return err
		}
	}
	return nil
}

// room makes groups and ops of as many rows as a chunk has.
func (a *frameAggregate) room(rows int, op vec.Op) {
	if len(a.groups) < rows {
		a.groups = make([]int32, rows)
	}
	for op == vec.Delete && len(a.takes) < rows {
		a.takes = append(a.takes, vec.Delete)
	}
}

// charge counts what is held, as far as it is more than ever before.
func (a *frameAggregate) charge() error {
	n := a.state.Bytes() + 4*int64(len(a.groups)) + int64(len(a.takes))
	if n <= a.held {
		return nil
	}
	if err := a.w.spec.Account.Reserve(n - a.held); err != nil {
		return err
	}
	a.held = n
	return nil
}

func (a *frameAggregate) close() {
	a.w.spec.Account.Release(a.held)
	a.held, a.state = 0, nil
}
