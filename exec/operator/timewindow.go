package operator

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// toUnixEpoch is 1970-01-01 before 2000-01-01, in microseconds: windows are
// aligned to the former.
const toUnixEpoch int64 = 946_684_800_000_000

// TimeWindowSpec says which windows a TimeWindow has, its lengths in
// microseconds.
type TimeWindowSpec struct {
	Kind   plan.WindowKind // but SESSION
	Time   *expr.Program   // timestamp or timestamptz
	Size   int64
	Slide  int64
	Offset int64
	Zone   *time.Location // nil: UTC
	Fault  Fault
}

// TimeWindow passes each row on once for every window that it is in, with the
// window's bounds as two columns more. A row without a time, or with an infinite
// one, is in none. Deletes pass as Inserts do.
type TimeWindow struct {
	stateless
	spec  TimeWindowSpec
	zone  zoneCache
	start vec.Fixed[int64]
	end   vec.Fixed[int64]
	first []int64 // of each row: the start of its latest window, local
	local []int64 // and its time, local
	cols  []vec.Vec
	live  []int32
	sel   selector
	in    []int32
	out   vec.Batch
}

// NewTimeWindow returns a TimeWindow.
func NewTimeWindow(spec TimeWindowSpec) *TimeWindow {
	return &TimeWindow{spec: spec, zone: zoneCache{zone: spec.Zone}, cols: make([]vec.Vec, 1)}
}

// Process passes rows on, all of one window after another.
func (w *TimeWindow) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel, err := runAll([]*expr.Program{w.spec.Time}, b, w.cols, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	sel = w.place(b, w.sel.all(sel, b.Rows))
	if len(sel) == 0 {
		return nil
	}
	switch w.spec.Kind {
	case plan.WindowHopping:
		for back := int64(0); back < w.spec.Size; back += w.spec.Slide {
			if err := w.emit(ctx, b, sel, func(r int32) (int64, int64, bool) {
				start := w.first[r] - back
				return start, start + w.spec.Size, w.local[r] < start+w.spec.Size
			}, out); err != nil {
				return err
			}
		}
		return nil
	case plan.WindowCumulate:
		for size := w.spec.Slide; size <= w.spec.Size; size += w.spec.Slide {
			if err := w.emit(ctx, b, sel, func(r int32) (int64, int64, bool) {
				first := w.first[r]
				return first, first + size, w.local[r] < first+size && w.ends(first+size)
			}, out); err != nil {
				return err
			}
		}
		return nil
	}
	return w.emit(ctx, b, sel, func(r int32) (int64, int64, bool) {
		return w.first[r], w.first[r] + w.spec.Size, true
	}, out)
}

// ends reports whether a window of CUMULATE that ends so, local, ends later than the one
// before: the clock of a zone may leave both ends out.
func (w *TimeWindow) ends(local int64) bool {
	return w.zone.zone == nil || w.zone.end(local) > w.zone.end(local-w.spec.Slide)
}

// place finds the latest window's start of each row, and leaves out the rows
// that have no time.
func (w *TimeWindow) place(b *vec.Batch, sel []int32) []int32 {
	w.first, w.local = sized(w.first, b.Rows), sized(w.local, b.Rows)
	unit := w.spec.Size
	if w.spec.Kind == plan.WindowHopping {
		unit = w.spec.Slide
	}
	shift := toUnixEpoch - w.spec.Offset
	at := timeColumn(w.cols[0])
	kept := w.in[:0]
	for _, r := range sel {
		t, ok := at.get(r)
		if !ok {
			continue
		}
		t = w.zone.local(t)
		w.local[r] = t
		w.first[r] = floorTo(t+shift, unit) - shift
		kept = append(kept, r)
	}
	w.in = kept
	return kept
}

// emit passes on the rows that are in the window that bounds gives, local; false:
// the row is not in it.
func (w *TimeWindow) emit(ctx context.Context, b *vec.Batch, sel []int32, bounds func(r int32) (start, end int64, ok bool), out Output) error {
	starts, ends := w.start.Resize(b.Rows), w.end.Resize(b.Rows)
	kept := w.out.Sel[:0]
	for _, r := range sel {
		start, end, ok := bounds(r)
		if !ok {
			continue
		}
		starts[r], ends[r] = w.zone.utc(start), w.zone.end(end)
		kept = append(kept, r)
	}
	w.out = vec.Batch{Cols: append(append(w.out.Cols[:0], b.Cols...), &w.start, &w.end), Ops: b.Ops, Sel: kept, Rows: b.Rows}
	if len(kept) == 0 {
		return nil
	}
	return out.Emit(ctx, &w.out)
}

// floorTo is the greatest multiple of unit that is not above t.
func floorTo(t, unit int64) int64 {
	m := t % unit
	if m < 0 {
		m += unit
	}
	return t - m
}

// times is a column of times.
type times struct {
	values []int64
	nulls  *vec.Bitmap
	one    bool // every row has the first value
}

func timeColumn(c vec.Vec) times {
	if k, ok := c.(*vec.Const); ok {
		t := timeColumn(k.Of)
		t.one = true
		return t
	}
	return times{values: c.(*vec.Fixed[int64]).Values, nulls: c.Nulls()}
}

// get is a row's time; false: it has none, or an infinite one.
func (t times) get(r int32) (int64, bool) {
	if t.one {
		r = 0
	}
	v := t.values[r]
	return v, v != types.TimestampInfinity && v != types.TimestampNegInfinity && !t.nulls.Get(int(r))
}

// zoneCache converts between UTC and a zone, of which it remembers the span of
// one offset.
type zoneCache struct {
	zone     *time.Location
	from, to int64 // UTC, in which the offset holds; from >= to: nothing is known
	east     int64
}

// offset is the zone's offset at a time, in microseconds.
func (z *zoneCache) offset(utc int64) int64 {
	if z.from <= utc && utc < z.to {
		return z.east
	}
	t := time.UnixMicro(utc + toUnixEpoch).In(z.zone)
	start, end := t.ZoneBounds()
	_, east := t.Zone()
	z.from, z.to, z.east = -1<<62, 1<<62, int64(east)*1_000_000
	if !start.IsZero() {
		z.from = start.UnixMicro() - toUnixEpoch
	}
	if !end.IsZero() {
		z.to = end.UnixMicro() - toUnixEpoch
	}
	return z.east
}

// local is the wall clock's time.
func (z *zoneCache) local(utc int64) int64 {
	if z.zone == nil {
		return utc
	}
	return utc + z.offset(utc)
}

// utc is when the wall clock shows a time, the first of two; where it leaves it out,
// when it does.
func (z *zoneCache) utc(local int64) int64 {
	if z.zone == nil {
		return local
	}
	if t, ok := z.shown(local, -zoneReach); ok {
		return t
	}
	t, ok := z.shown(local, zoneReach)
	if !ok {
		z.offset(local - z.offset(local-zoneReach))
		return z.from
	}
	return t
}

// end is when a window has ended that the wall clock says ends at a time: when it has
// shown what comes before that as often as it does.
func (z *zoneCache) end(local int64) int64 {
	if z.zone == nil {
		return local
	}
	if t, ok := z.shown(local-1, zoneReach); ok {
		return t + 1
	}
	if t, ok := z.shown(local-1, -zoneReach); ok {
		return t + 1
	}
	return z.utc(local - 1)
}

// zoneReach is longer than any offset is, in microseconds.
const zoneReach int64 = 24 * 60 * 60 * 1_000_000

// shown is when the wall clock shows a time under the offset that it has so much
// before or after; false: it does not.
func (z *zoneCache) shown(local, aside int64) (t int64, ok bool) {
	east := z.offset(local + aside)
	t = local - east
	return t, z.offset(t) == east
}
