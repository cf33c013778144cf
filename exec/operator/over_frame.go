package operator

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// overFrame finds the frames of the rows of an Over, partition by partition from
// the first row on: neither end of them goes back.
type overFrame struct {
	o      *Over
	frame  Frame
	start  *timeReach // of RANGE with an offset
	end    *timeReach
	lo, hi []int64 // by partition: the last frame
}

func newOverFrame(o *Over, f Frame) overFrame {
	fr := overFrame{o: o, frame: f}
	if f.Mode == plan.FrameRange && offsetKind(f.Start.Kind) {
		fr.start = newTimeReach(o, f.Start)
	}
	if f.Mode == plan.FrameRange && offsetKind(f.End.Kind) {
		fr.end = newTimeReach(o, f.End)
	}
	return fr
}

func (f *overFrame) framed() *overFrame { return f }

func (f *overFrame) grow(n int) {
	for len(f.lo) < n {
		f.lo, f.hi = append(f.lo, 0), append(f.hi, 0)
	}
}

// unbounded reports whether every frame begins with the partition.
func (f *overFrame) unbounded() bool { return f.frame.Start.Kind == plan.UnboundedPreceding }

// moves reports whether rows leave the frames as time goes on, whether or not
// rows come.
func (f *overFrame) moves() bool { return f.start != nil && f.frame.Start.Kind == plan.OffsetPreceding }

// out reports whether a row of a time is in no frame of a row of the time now or
// a later one.
func (f *overFrame) out(t, now int64) bool { return f.start.below(t, now) }

// of is the frame of row i, from lo to hi-1.
func (f *overFrame) of(p *overPart, id int32, i int64) (lo, hi int64, err error) {
	switch b := f.frame.Start; b.Kind {
	case plan.UnboundedPreceding:
	case plan.CurrentRow:
		if lo = p.at(i).group; f.frame.Mode == plan.FrameRows {
			lo = i
		}
	default:
		if lo, err = f.offset(p, i, b, f.start, max(f.lo[id], p.first), false); err != nil {
			return 0, 0, err
		}
	}
	switch b := f.frame.End; b.Kind {
	case plan.CurrentRow:
		if hi = i + 1; f.frame.Mode != plan.FrameRows {
			hi = p.groupEnd(i)
		}
	default:
		if hi, err = f.offset(p, i, b, f.end, max(f.hi[id], p.first), true); err != nil {
			return 0, 0, err
		}
	}
	return lo, max(lo, hi), nil
}

// offset is where a bound with an offset lies, at from or after it.
func (f *overFrame) offset(p *overPart, i int64, b FrameBound, reach *timeReach, from int64, end bool) (int64, error) {
	switch f.frame.Mode {
	case plan.FrameRows:
		k := b.Offset.I
		if b.Kind == plan.OffsetPreceding {
			k = -min(k, i+1)
		}
		at := i + min(k, p.next()-i)
		if end {
			at++
		}
		return min(max(at, 0), p.next()), nil
	case plan.FrameGroups:
		g := p.at(i).dense + min(b.Offset.I, math.MaxInt32)
		if b.Kind == plan.OffsetPreceding {
			g = p.at(i).dense - min(b.Offset.I, math.MaxInt32)
		}
		if end {
			g++
		}
		for from < p.next() && p.at(from).dense < g {
			from++
		}
		return from, nil
	}
	return reach.advance(p, from, i, end)
}

// timeReach finds the bounds of RANGE with an offset, over a time in ascending
// order.
type timeReach struct {
	o      *Over
	bound  FrameBound
	column int // of the store: the only key of ORDER BY
	typ    types.Type
	in     inRange
	micros int64 // the offset, where it is the same length at any time
	fixed  bool
	// Scratch.
	row, far types.Value
}

func newTimeReach(o *Over, b FrameBound) *timeReach {
	r := &timeReach{o: o, bound: b, column: o.width, typ: o.spec.OrderBy[0].Type}
	r.in = inRangeOf(r.typ.OID, o.spec.Env)
	span := b.Offset.Span
	r.fixed = span.Months == 0 && span.Micros >= 0 && span.Days >= 0 && (span.Days == 0 || r.typ.OID == types.Timestamp) && span.Days < 1<<20
	r.micros = plan.Micros(span)
	return r
}

// advance passes rows from at on that lie before the bound: of the end, those
// that it has in.
func (r *timeReach) advance(p *overPart, at, i int64, end bool) (int64, error) {
	base, plain := r.value(p, i)
	for ; at < p.next(); at++ {
		far, ok := r.value(p, at)
		var passes bool
		if ok && plain && r.fixed {
			limit := base + r.micros
			if r.bound.Kind == plan.OffsetPreceding {
				limit = base - r.micros
			}
			passes = far < limit || end && far == limit
		} else {
			var err error
			if passes, err = r.slow(p.at(at).ref, p.at(i).ref, end); err != nil {
				return 0, err
			}
		}
		if !passes {
			return at, nil
		}
	}
	return at, nil
}

// value is the key of row i; false: it is NULL or infinite.
func (r *timeReach) value(p *overPart, i int64) (int64, bool) {
	at := p.at(i).ref
	return timeColumn(r.o.store.batches[at>>32].Cols[r.column]).get(int32(at))
}

// slow decides by the operators of the key's type; NULLs come last.
func (r *timeReach) slow(far, row ref, end bool) (bool, error) {
	r.borrow(&r.far, far)
	r.borrow(&r.row, row)
	if r.far.Null || r.row.Null {
		if r.far.Null == r.row.Null {
			return end, nil
		}
		return r.row.Null, nil
	}
	offset := r.bound.Offset
	in, err := r.in(&r.far, &r.row, &offset, r.bound.Kind == plan.OffsetPreceding, end)
	return in == end, err
}

func (r *timeReach) borrow(v *types.Value, at ref) {
	vec.Borrow(v, r.o.store.batches[at>>32].Cols[r.column], int(int32(at)), r.typ)
}

// below reports whether a row of time t comes before where the frame of one of
// the time now begins.
func (r *timeReach) below(t, now int64) bool {
	if now == math.MaxInt64 || t == math.MaxInt64 || now == math.MinInt64 {
		return false
	}
	if r.fixed {
		return t < now-r.micros
	}
	far, row, offset := types.NewInt(r.typ.OID, t), types.NewInt(r.typ.OID, now), r.bound.Offset
	in, err := r.in(&far, &row, &offset, true, false)
	return err == nil && !in
}

// beyond reports whether no row of the time now or a later one is in the frame of
// one of time t, whose end follows it.
func (r *timeReach) beyond(t, now int64) bool {
	if now == math.MaxInt64 || t == math.MaxInt64 || now == math.MinInt64 {
		return false
	}
	if r.fixed {
		return t+r.micros < now
	}
	far, row, offset := types.NewInt(r.typ.OID, now), types.NewInt(r.typ.OID, t), r.bound.Offset
	in, err := r.in(&far, &row, &offset, false, true)
	return err == nil && !in
}

// followers is what must follow a row before it can go out.
type followers struct {
	rows, groups int64
	times        []*timeReach
}

func (w *followers) any() bool { return w.rows > 0 || w.groups > 0 || len(w.times) > 0 }

// frame takes the end of a frame into account.
func (w *followers) frame(f *overFrame) {
	for _, b := range []FrameBound{f.frame.Start, f.frame.End} {
		if b.Kind != plan.OffsetFollowing {
			continue
		}
		switch f.frame.Mode {
		case plan.FrameRows:
			w.rows = max(w.rows, min(b.Offset.I, math.MaxInt32))
		case plan.FrameGroups:
			w.groups = max(w.groups, min(b.Offset.I, math.MaxInt32))
		case plan.FrameRange:
			w.times = append(w.times, newTimeReach(f.o, b))
		}
	}
}

// over reports whether what must follow row i of a partition is there.
func (w *followers) over(o *Over, p *overPart, i int64) bool {
	if w.rows > 0 && i+w.rows >= p.next() {
		return false
	}
	if w.groups > 0 && p.dense < p.at(i).dense+w.groups {
		return false
	}
	return len(w.times) == 0 || w.passed(o.store.time(p.at(i).ref), o)
}

// passed reports whether the watermark has passed the times that the frames of a
// row of time t have.
func (w *followers) passed(t int64, o *Over) bool {
	for _, r := range w.times {
		if !r.beyond(t, o.mark) {
			return false
		}
	}
	return true
}
