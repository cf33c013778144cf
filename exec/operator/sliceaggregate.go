package operator

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// SliceAggregateSpec is what a SliceAggregate computes. Lengths are microseconds.
type SliceAggregateSpec struct {
	Kind       plan.WindowKind // HOPPING or CUMULATE
	Time       *expr.Program   // timestamp or timestamptz
	TimeType   types.Type
	Size       int64
	Slide      int64 // of CUMULATE the step
	Offset     int64
	Grace      int64
	RowKeys    []*expr.Program // that rows are grouped by in a window; never none: a constant will do
	RowTypes   []types.Type
	Keys       []int // of a result: places in RowKeys, plan.WindowStart or plan.WindowEnd
	AppendOnly bool
	// Calls makes the calls of one slice; each of which keeps no rows, and has a function that is a Combiner.
	Calls   func() ([]*Call, error)
	Late    Lateness // but updates and the next window
	Account *memory.Account
	Fault   Fault
}

// SliceAggregate groups the rows of a stream by windows that overlap, each of which
// goes out once, when the watermark has passed its end and grace. A row is added to
// the one slice of time that it is in; what the slices of a window hold is put
// together when the window goes out (Krishnamurthy, Wu and Franklin, On-the-fly
// Sharing for Streamed Aggregation, 2006). Growing windows (CUMULATE) have a sum that
// takes in slice after slice, as long as neither has evicted groups: those that follow
// stay slices until the last window is closed.
//
// A row is late for the windows that are closed: it is counted for each, and is in
// the others. Deletes are taken.
type SliceAggregate struct {
	spec  SliceAggregateSpec
	unit  int64 // the length of a slice
	shift int64
	mark  int64
	saved int64
	// By their starts: slices, and the sums of growing windows.
	slices, sums map[int64]*slice
	next         int64 // the end of the first window that will go out; never: there is none

	time    []*expr.Program
	cols    []vec.Vec
	parts   map[int64]*[]int32
	order   []int64
	spare   []*[]int32
	live    []int32
	sel     selector
	out     sliceOutput
	kept    bool
	dropped []*slice       // since the last Save, and stored
	evicted *evictedTables // nil: all groups are in memory
}

// slice is what a span of time holds.
type slice struct {
	start   int64
	sum     bool
	agg     *Aggregate
	changed bool
	stored  bool
}

// SliceUnit is how long the slices of a window are, that moves by slide.
func SliceUnit(size, slide int64) int64 {
	for slide != 0 {
		size, slide = slide, size%slide
	}
	return size
}

// NewSliceAggregate returns a SliceAggregate.
func NewSliceAggregate(spec SliceAggregateSpec) *SliceAggregate {
	w := &SliceAggregate{spec: spec, unit: SliceUnit(spec.Size, spec.Slide), shift: toUnixEpoch - spec.Offset, mark: math.MinInt64, saved: math.MinInt64,
		slices: map[int64]*slice{}, sums: map[int64]*slice{}, next: never, time: []*expr.Program{spec.Time}, cols: make([]vec.Vec, 1), parts: map[int64]*[]int32{}}
	w.out.agg = w
	return w
}

// floor is the last multiple of unit, from where windows begin, that is not after t.
func (w *SliceAggregate) floor(t, unit int64) int64 { return floorTo(t+w.shift, unit) - w.shift }

// ends are those of the first and the last window that a slice is part of.
func (w *SliceAggregate) ends(start int64) (first, last int64) {
	if w.spec.Kind == plan.WindowCumulate {
		return start + w.unit, w.floor(start, w.spec.Size) + w.spec.Size
	}
	return w.floor(start+w.unit-w.spec.Size-1, w.spec.Slide) + w.spec.Slide + w.spec.Size, w.floor(start, w.spec.Slide) + w.spec.Size
}

// after is the end of the first window after another, of those that a slice is part
// of; never: there is none.
func (w *SliceAggregate) after(start, end int64) int64 {
	first, last := w.ends(start)
	if first <= end {
		first += floorTo(end-first, w.spec.Slide) + w.spec.Slide
	}
	if first > last {
		return never
	}
	return first
}

func (w *SliceAggregate) closed(end int64) bool {
	return w.mark != math.MinInt64 && end+w.spec.Grace <= w.mark
}

// Process gives rows to their slices.
func (w *SliceAggregate) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	sel, err := runAll(w.time, b, w.cols, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	defer w.forget()
	if err := w.split(b, w.sel.all(sel, b.Rows)); err != nil {
		return err
	}
	for _, start := range w.order {
		s, err := w.open(start, false)
		if err != nil {
			return err
		}
		s.changed = true
		if err := s.agg.Process(ctx, 0, &vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: *w.parts[start], Rows: b.Rows}, nil); err != nil {
			return err
		}
	}
	w.evicted.crowded()
	return nil
}

// split sorts rows out by slice, and leaves out those that are late for all windows.
func (w *SliceAggregate) split(b *vec.Batch, sel []int32) error {
	at := timeColumn(w.cols[0])
	late := 0
	var part *[]int32
	from, to := int64(0), int64(0) // the slice of part, where no row is late
	for _, r := range sel {
		t, ok := at.get(r)
		if !ok {
			continue
		}
		if part != nil && from <= t && t < to {
			*part = append(*part, r)
			continue
		}
		start := w.floor(t, w.unit)
		first, last := w.ends(start)
		if w.closed(first) {
			n, err := w.late(b, r, first, last)
			if err != nil {
				return err
			}
			if late += n; w.closed(last) {
				continue
			}
			if w.spec.Kind == plan.WindowCumulate {
				start = first + int64(n)*w.unit - w.unit // what is before has gone into the sum
			}
			p := w.part(start)
			*p = append(*p, r)
			continue
		}
		part, from, to = w.part(start), start, start+w.unit
		*part = append(*part, r)
	}
	w.spec.Late.late(late)
	return nil
}

// late tells of a row that is late for n windows.
func (w *SliceAggregate) late(b *vec.Batch, r int32, first, last int64) (n int, err error) {
	for end := first; end <= last && w.closed(end); end += w.spec.Slide {
		n++
		if err := w.spec.Late.row(b, r, end, w.mark); err != nil {
			return n, err
		}
	}
	return n, nil
}

// part is the list of the rows of a slice.
func (w *SliceAggregate) part(start int64) *[]int32 {
	p := w.parts[start]
	if p != nil {
		return p
	}
	if n := len(w.spare); n > 0 {
		p, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		p = new([]int32)
	}
	w.parts[start] = p
	w.order = append(w.order, start)
	return p
}

// forget empties what split made.
func (w *SliceAggregate) forget() {
	for _, start := range w.order {
		p := w.parts[start]
		*p = (*p)[:0]
		w.spare = append(w.spare, p)
		delete(w.parts, start)
	}
	w.order = w.order[:0]
}

// open returns a slice, or a sum, making it where it is not there.
func (w *SliceAggregate) open(start int64, sum bool) (*slice, error) {
	in := w.slices
	if sum {
		in = w.sums
	}
	if s := in[start]; s != nil {
		return s, nil
	}
	a, err := w.aggregate()
	if err != nil {
		return nil, err
	}
	s := &slice{start: start, agg: a, sum: sum}
	if w.kept {
		if err := a.keepUnder(s.key()); err != nil {
			return nil, err
		}
		a.evictAmong(w.evicted)
	}
	in[start] = s
	w.next = min(w.next, w.after(start, w.done()))
	return s, nil
}

// aggregate makes an aggregate of the rows' keys.
func (w *SliceAggregate) aggregate() (*Aggregate, error) {
	calls, err := w.spec.Calls()
	if err != nil {
		return nil, err
	}
	return NewAggregate(AggregateSpec{Keys: w.spec.RowKeys, KeyTypes: w.spec.RowTypes, Calls: calls, AppendOnly: w.spec.AppendOnly, Account: w.spec.Account, Fault: w.spec.Fault}), nil
}

// done is the end up to which windows are closed.
func (w *SliceAggregate) done() int64 {
	if w.mark == math.MinInt64 {
		return math.MinInt64
	}
	return w.mark - w.spec.Grace
}

// Watermark passes on the windows that t has passed.
func (w *SliceAggregate) Watermark(ctx context.Context, t int64, out Output) error {
	if err := w.fire(ctx, t-w.spec.Grace, out); err != nil {
		return err
	}
	w.mark = t
	return nil
}

// fire passes on the windows that end by a time, the first first.
func (w *SliceAggregate) fire(ctx context.Context, by int64, out Output) error {
	for w.next != never && w.next <= by {
		end := w.next
		err := error(nil)
		if w.spec.Kind == plan.WindowCumulate {
			err = w.grow(ctx, end, out)
		} else {
			err = w.gather(ctx, end, out)
		}
		if err != nil {
			return err
		}
		w.next = never
		for start := range w.slices {
			w.next = min(w.next, w.after(start, end))
		}
		for start := range w.sums {
			w.next = min(w.next, w.after(start, end))
		}
	}
	return nil
}

// gather passes a window on that moves.
func (w *SliceAggregate) gather(ctx context.Context, end int64, out Output) error {
	var parts []*slice
	for _, start := range slices.Sorted(maps.Keys(w.slices)) {
		if start >= end-w.spec.Size && start < end {
			parts = append(parts, w.slices[start])
		}
	}
	if err := w.emit(ctx, parts, end-w.spec.Size, end, out); err != nil {
		return err
	}
	for _, s := range parts {
		if _, last := w.ends(s.start); last <= end {
			if err := w.drop(w.slices, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// emit passes on what slices hold together.
func (w *SliceAggregate) emit(ctx context.Context, parts []*slice, start, end int64, out Output) error {
	w.out.to, w.out.bounds = out, boundsOf(w.spec.TimeType, start, end)
	if len(parts) == 1 {
		return parts[0].agg.emitAll(ctx, &w.out)
	}
	for _, s := range parts {
		if s.agg.evicted.some() {
			return w.emitByHash(ctx, parts)
		}
	}
	sum, err := w.aggregate()
	if err != nil {
		return err
	}
	for _, s := range parts {
		if err == nil {
			err = sum.absorb(s.agg)
		}
	}
	if err == nil {
		err = sum.emitAll(ctx, &w.out)
	}
	if cerr := sum.Close(); err == nil {
		err = cerr
	}
	return err
}

// grow passes a window on that grows.
func (w *SliceAggregate) grow(ctx context.Context, end int64, out Output) error {
	first := w.floor(end-1, w.spec.Size)
	sum, err := w.open(first, true)
	if err != nil {
		return err
	}
	parts, evicted := []*slice{sum}, sum.agg.evicted.some()
	for _, start := range slices.Sorted(maps.Keys(w.slices)) {
		if start >= first && start < end {
			parts = append(parts, w.slices[start])
			evicted = evicted || w.slices[start].agg.evicted.some()
		}
	}
	if !evicted {
		if err := w.absorb(sum, parts[1:]); err != nil {
			return err
		}
		parts = parts[:1]
	}
	if err := w.emit(ctx, parts, first, end, out); err != nil || end < first+w.spec.Size {
		return err
	}
	return w.dropAll(parts)
}

// absorb has a sum take in slices.
func (w *SliceAggregate) absorb(sum *slice, parts []*slice) error {
	for _, s := range parts {
		if err := sum.agg.absorb(s.agg); err != nil {
			return err
		}
		sum.changed = true
	}
	return w.dropAll(parts)
}

// dropAll forgets slices and sums.
func (w *SliceAggregate) dropAll(parts []*slice) error {
	for _, s := range parts {
		in := w.slices
		if s.sum {
			in = w.sums
		}
		if err := w.drop(in, s); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets a slice.
func (w *SliceAggregate) drop(in map[int64]*slice, s *slice) error {
	delete(in, s.start)
	if s.stored {
		w.dropped = append(w.dropped, s)
	}
	return s.agg.Close()
}

// Barrier does nothing: windows go out when they are closed.
func (w *SliceAggregate) Barrier(context.Context, stream.Epoch, Output) error { return nil }

// Finish passes on every window: no row is to come.
func (w *SliceAggregate) Finish(ctx context.Context, _ int, out Output) error {
	return w.fire(ctx, never-1, out)
}

// Close gives the slices back.
func (w *SliceAggregate) Close() error {
	for _, in := range []map[int64]*slice{w.slices, w.sums} {
		for start, s := range in {
			if err := s.agg.Close(); err != nil {
				return err
			}
			delete(in, start)
		}
	}
	w.evicted.close()
	return nil
}

// sliceOutput puts a window's bounds among the keys of its groups.
type sliceOutput struct {
	agg    *SliceAggregate
	bounds [2]vec.Vec
	to     Output
	out    vec.Batch
}

// Emit passes groups on.
func (o *sliceOutput) Emit(ctx context.Context, b *vec.Batch) error {
	cols := o.out.Cols[:0]
	for _, k := range o.agg.spec.Keys {
		switch k {
		case plan.WindowStart:
			cols = append(cols, vec.ConstOf(o.bounds[0], b.Rows))
		case plan.WindowEnd:
			cols = append(cols, vec.ConstOf(o.bounds[1], b.Rows))
		default:
			cols = append(cols, b.Cols[k])
		}
	}
	cols = append(cols, b.Cols[len(o.agg.spec.RowKeys):]...)
	o.out = vec.Batch{Cols: cols, Ops: b.Ops, Sel: b.Sel, Rows: b.Rows}
	return o.to.Emit(ctx, &o.out)
}
