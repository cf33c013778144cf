package operator

import (
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// WindowAggregateSpec is what a WindowAggregate computes: as AggregateSpec, and
// which of the keys are a window's bounds.
type WindowAggregateSpec struct {
	Keys       []*expr.Program
	KeyTypes   []types.Type
	Closing    plan.ClosingKeys
	Session    bool // a window takes rows at its end, too
	Starts     bool // windows of one end may have several starts
	AppendOnly bool
	Merge      bool // the rows are a PartialAggregate's
	// Calls makes the calls of one window, which have state of their own.
	Calls   func() ([]*Call, error)
	Late    Lateness // of rows whose window was closed
	Account *memory.Account
	Fault   Fault
}

// WindowAggregate groups the rows of a stream by keys of which one is the end of
// a window of time. Each window has an aggregate of its own (Flink calls it a
// pane), so that closing one is dropping it: when the watermark has passed its
// end and grace. Final: a window's groups go out then, window by window;
// otherwise their net changes at each barrier.
//
// A row is late where its window is closed: it is counted, and spec.Late says what
// becomes of it. Where that is that the window is given again, a final window
// stays, once its groups have gone out, and passes on their changes.
type WindowAggregate struct {
	spec      WindowAggregateSpec
	inner     []int // the keys that a pane groups by
	bounds    []*expr.Program
	cols      []vec.Vec // end, and start where it is a key
	panes     map[int64]*pane
	watermark int64
	sel       selector
	live      []int32
	parts     map[int64]*[]int32
	order     []int64 // the windows of the batch at hand
	spare     []*[]int32
	out       windowOutput
	kept      bool
	dropped   []*pane        // closed since the last Save, and stored
	evicted   *evictedTables // nil: all groups are in memory
	values    *evictedTables // nil: all values of DISTINCT are
}

// pane is one window.
type pane struct {
	agg     *Aggregate
	bounds  [2]vec.Vec // start (nil: a key of its own, or none) and end, one row each
	touched bool
	end     int64
	changed bool // since it was last stored
	stored  bool
	flags   byte // as they are stored
	fired   bool // final groups have gone out, and their changes do
}

// never is the end of the rows whose window has none: they wait for their input
// to end.
const never = math.MaxInt64

// NewWindowAggregate returns a WindowAggregate.
func NewWindowAggregate(spec WindowAggregateSpec) *WindowAggregate {
	w := &WindowAggregate{spec: spec, panes: map[int64]*pane{}, watermark: math.MinInt64, parts: map[int64]*[]int32{}}
	for i := range spec.Keys {
		if i != spec.Closing.End && (spec.Starts || i != spec.Closing.Start) {
			w.inner = append(w.inner, i)
		}
	}
	w.bounds = append(w.bounds, spec.Keys[spec.Closing.End])
	if spec.Closing.Start >= 0 {
		w.bounds = append(w.bounds, spec.Keys[spec.Closing.Start])
	}
	w.cols = make([]vec.Vec, len(w.bounds))
	w.out.agg = w
	return w
}

// Process gives rows to their windows.
func (w *WindowAggregate) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	sel, err := runAll(w.bounds, b, w.cols, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	if w.spec.Late.Next != nil {
		if b, sel, err = w.move(b, sel); err != nil {
			return err
		}
	}
	defer w.forget()
	if err := w.split(b, w.sel.all(sel, b.Rows)); err != nil {
		return err
	}
	for _, end := range w.order {
		part := *w.parts[end]
		p, err := w.pane(end, int(part[0]))
		if err != nil {
			return err
		}
		p.touched, p.changed = true, true
		if err := p.agg.Process(ctx, 0, &vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: part, Rows: b.Rows}, nil); err != nil {
			return err
		}
	}
	w.evicted.crowded()
	w.values.crowded()
	return nil
}

// move puts late rows into the window that is open: what the operator is given has
// the bounds of that one then.
func (w *WindowAggregate) move(b *vec.Batch, sel []int32) (*vec.Batch, []int32, error) {
	ends, late := timeColumn(w.cols[0]), 0
	var moved *vec.Batch
	for _, r := range w.sel.all(sel, b.Rows) {
		end, ok := ends.get(r)
		if !ok || !w.closed(end) {
			continue
		}
		if late++; moved == nil {
			moved = w.spec.Late.Next.copyBounds(b)
		}
		w.spec.Late.Next.set(moved, r, end, w.watermark, w.closed)
	}
	if moved == nil {
		return b, sel, nil
	}
	w.spec.Late.late(late)
	moved.Sel = sel
	sel, err := runAll(w.bounds, moved, w.cols, w.spec.Fault, &w.live)
	return moved, sel, err
}

// split sorts rows out by window, and leaves out those that are late.
func (w *WindowAggregate) split(b *vec.Batch, sel []int32) error {
	ends := timeColumn(w.cols[0])
	late := 0
	var last *[]int32
	lastEnd := int64(0)
	for _, r := range sel {
		end, ok := ends.get(r)
		if !ok {
			end = never
		}
		if w.closed(end) {
			late += w.rowsOf(b, r)
			if err := w.spec.Late.row(b, r, end, w.watermark); err != nil {
				return err
			}
			continue
		}
		if last == nil || end != lastEnd {
			if last = w.parts[end]; last == nil {
				if n := len(w.spare); n > 0 {
					last, w.spare = w.spare[n-1], w.spare[:n-1]
				} else {
					last = new([]int32)
				}
				w.parts[end] = last
				w.order = append(w.order, end)
			}
			lastEnd = end
		}
		*last = append(*last, r)
	}
	w.spec.Late.late(late)
	return nil
}

// rowsOf is how many rows one of the input stands for.
func (w *WindowAggregate) rowsOf(b *vec.Batch, r int32) int {
	if !w.spec.Merge {
		return 1
	}
	n := vec.Flat(b.Cols[len(w.spec.Keys)]).(*vec.Fixed[int64]).Values[r]
	return int(max(n, -n))
}

// forget empties what split made.
func (w *WindowAggregate) forget() {
	for _, end := range w.order {
		part := w.parts[end]
		*part = (*part)[:0]
		w.spare = append(w.spare, part)
		delete(w.parts, end)
	}
	w.order = w.order[:0]
}

// due reports whether the watermark has passed a window. A session still takes a
// row that is just its gap away.
func (w *WindowAggregate) due(end int64) bool { return w.passed(end, w.spec.Closing.Grace) }

// closed reports whether a window takes no row any more.
func (w *WindowAggregate) closed(end int64) bool {
	return w.passed(end, w.spec.Closing.Grace+w.spec.Late.Allowed)
}

func (w *WindowAggregate) passed(end, by int64) bool {
	if end == never || w.watermark == math.MinInt64 {
		return false
	}
	if w.spec.Session {
		return end+by < w.watermark
	}
	return end+by <= w.watermark
}

// updates reports whether groups that have gone out are given again.
func (w *WindowAggregate) updates() bool { return w.spec.Closing.Final && w.spec.Late.Updates }

// pane returns a window's, making it of the bounds in a row of the keys.
func (w *WindowAggregate) pane(end int64, row int) (*pane, error) {
	if p := w.panes[end]; p != nil {
		return p, nil
	}
	p := &pane{end: end}
	bound := func(col vec.Vec) vec.Vec {
		v := vec.New(w.spec.KeyTypes[w.spec.Closing.End])
		vec.AppendRow(v, col, row)
		return v
	}
	p.bounds[1] = bound(w.cols[0])
	if len(w.cols) > 1 && !w.spec.Starts {
		p.bounds[0] = bound(w.cols[1])
	}
	return p, w.open(p)
}

// open gives a window its aggregate.
func (w *WindowAggregate) open(p *pane) error {
	calls, err := w.spec.Calls()
	if err != nil {
		return err
	}
	spec := AggregateSpec{Calls: calls, AppendOnly: w.spec.AppendOnly, Merge: w.spec.Merge, Counts: len(w.spec.Keys), Changes: !w.spec.Closing.Final || w.updates(), Account: w.spec.Account, Fault: w.spec.Fault}
	for _, k := range w.inner {
		spec.Keys, spec.KeyTypes = append(spec.Keys, w.spec.Keys[k]), append(spec.KeyTypes, w.spec.KeyTypes[k])
	}
	if len(w.inner) == 0 {
		// The window's end stands for all: a group that no row is in any more is
		// gone, as it is not where there are no keys at all.
		spec.Keys, spec.KeyTypes = w.spec.Keys[w.spec.Closing.End:w.spec.Closing.End+1], w.spec.KeyTypes[w.spec.Closing.End:w.spec.Closing.End+1]
	}
	p.agg = NewAggregate(spec)
	p.agg.silent = w.updates() && !p.fired
	p.agg.evictAmong(w.evicted)
	p.agg.evictValuesAmong(w.values)
	if w.kept {
		if err := p.agg.keepUnder(endKey(p.end)); err != nil {
			return err
		}
		// A task has the sessions of a key whole.
		for i, k := range w.inner {
			if k != w.spec.Closing.Start {
				p.agg.kept.groups.by = append(p.agg.kept.groups.by, i)
			}
		}
	}
	w.panes[p.end] = p
	return nil
}

// ends are the open windows, the earliest first.
func (w *WindowAggregate) ends() []int64 {
	all := make([]int64, 0, len(w.panes))
	for end := range w.panes {
		all = append(all, end)
	}
	slices.Sort(all)
	return all
}

// Watermark closes the windows that t has passed.
func (w *WindowAggregate) Watermark(ctx context.Context, t int64, out Output) error {
	w.watermark = t
	for _, end := range w.ends() {
		var err error
		switch p := w.panes[end]; {
		case !w.due(end):
			return nil
		case w.closed(end):
			err = w.close(ctx, end, out)
		case !p.fired:
			err = w.fire(ctx, p, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fire passes a window's groups on; it stays. Before its end nobody is told of
// changes where they go out by themselves.
func (w *WindowAggregate) fire(ctx context.Context, p *pane, out Output) error {
	if !w.updates() {
		return nil
	}
	p.fired, p.changed, p.touched = true, true, false
	w.out.to, w.out.pane = out, p
	return p.agg.passAll(ctx, &w.out)
}

// close passes on what a window still has to say, and drops it.
func (w *WindowAggregate) close(ctx context.Context, end int64, out Output) error {
	p := w.panes[end]
	w.out.to, w.out.pane = out, p
	err := error(nil)
	if p.agg.silent {
		err = p.agg.passAll(ctx, &w.out)
	} else {
		err = p.agg.Finish(ctx, 0, &w.out)
	}
	if err != nil {
		return err
	}
	delete(w.panes, end)
	if p.stored {
		w.dropped = append(w.dropped, p)
	}
	return p.agg.Close()
}

// Barrier passes on the net changes of the epoch.
func (w *WindowAggregate) Barrier(ctx context.Context, e stream.Epoch, out Output) error {
	if w.spec.Closing.Once() {
		return nil
	}
	for _, end := range w.ends() {
		p := w.panes[end]
		if !p.touched {
			continue
		}
		p.touched = false
		if p.agg.silent {
			if w.due(end) {
				if err := w.fire(ctx, p, out); err != nil {
					return err
				}
			}
			continue
		}
		w.out.to, w.out.pane = out, p
		if err := p.agg.Barrier(ctx, e, &w.out); err != nil {
			return err
		}
	}
	return nil
}

// Finish closes every window: no row is to come.
func (w *WindowAggregate) Finish(ctx context.Context, _ int, out Output) error {
	for _, end := range w.ends() {
		if err := w.close(ctx, end, out); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the windows back.
func (w *WindowAggregate) Close() error {
	for end, p := range w.panes {
		if err := p.agg.Close(); err != nil {
			return err
		}
		delete(w.panes, end)
	}
	w.evicted.close()
	w.values.close()
	return nil
}

// windowOutput puts a window's bounds among the keys of its groups.
type windowOutput struct {
	agg  *WindowAggregate
	pane *pane
	to   Output
	out  vec.Batch
}

// Emit passes a pane's rows on.
func (o *windowOutput) Emit(ctx context.Context, b *vec.Batch) error {
	w := o.agg
	cols := o.out.Cols[:0]
	for range w.spec.Keys {
		cols = append(cols, nil)
	}
	for i, k := range w.inner {
		cols[k] = b.Cols[i]
	}
	for i, k := range []int{w.spec.Closing.Start, w.spec.Closing.End} {
		if k >= 0 && o.pane.bounds[i] != nil {
			cols[k] = vec.ConstOf(o.pane.bounds[i], b.Rows)
		}
	}
	cols = append(cols, b.Cols[max(len(w.inner), 1):]...)
	o.out = vec.Batch{Cols: cols, Ops: b.Ops, Sel: b.Sel, Rows: b.Rows}
	return o.to.Emit(ctx, &o.out)
}
