package operator

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SessionChanges is a SessionWindow over rows that may be taken back: a row that goes
// may part its session in two, or shorten it. It counts the rows, and finds the
// sessions of a partition anew when it has changed.
//
// Final: a session's rows go out when the watermark has passed its end and grace.
// With changes the net of what has become of a partition's sessions goes out at the
// barrier. A row is late where it would make a session of its own that is closed, or
// is taken out of one. A Delete may come before its Insert within an epoch.
type SessionChanges struct {
	countedRows
	spec     SessionSpec
	changes  bool
	programs []*expr.Program
	computed []vec.Vec
	cols     []vec.Vec // the input's, the partition's, the time
	alarms   []int64   // of each partition: when it is looked at; never: it is not
	due      dueRuns
	rung     int64
	mark     int64
	live     []int32
	net      netRows
}

// NewSessionChanges returns a SessionChanges.
func NewSessionChanges(spec SessionSpec, changes bool) *SessionChanges {
	w := &SessionChanges{spec: spec, changes: changes, mark: math.MinInt64}
	w.programs = append(slices.Clone(spec.Partition), spec.Time)
	w.computed = make([]vec.Vec, len(w.programs))
	w.countedRows = newCountedRows("SESSION", spec.Account, slices.Concat(spec.Rows, spec.PartitionTypes, []types.Type{spec.TimeType}), len(spec.Rows), len(spec.Partition))
	w.cols = make([]vec.Vec, len(w.types))
	return w
}

// Process counts rows.
func (w *SessionChanges) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel, err := runAll(w.programs, b, w.computed, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	for i := range w.computed {
		w.computed[i] = vec.Flat(w.computed[i])
	}
	copy(w.cols[copy(w.cols, b.Cols):], w.computed)
	if sel, err = w.inTime(b, w.sel.all(sel, b.Rows)); err != nil || len(sel) == 0 {
		return err
	}
	if err := w.count(b, w.cols, sel); err != nil {
		return err
	}
	for _, r := range sel {
		w.wake(w.ids[r], w.groups[r])
	}
	return nil
}

// wake has a row's partition be looked at when a session of the row alone would be over.
func (w *SessionChanges) wake(id, g int32) { w.ring(g, w.time(id)+w.spec.Gap+w.spec.Late.Allowed) }

// inTime are the rows that have a time and are not late.
func (w *SessionChanges) inTime(b *vec.Batch, sel []int32) ([]int32, error) {
	at := timeColumn(w.computed[len(w.computed)-1])
	w.groups = sized(w.groups, b.Rows)
	if w.parts == nil {
		clear(w.groups)
	} else {
		w.parts.lookup(w.computed[:len(w.computed)-1], b.Rows, sel, w.groups)
	}
	kept, late := w.live[:0], 0
	for _, r := range sel {
		t, ok := at.get(r)
		switch {
		case !ok:
		case w.closed(t+w.spec.Gap) && !w.reaches(w.groups[r], t):
			late++
			if err := w.spec.Late.row(b, r, t+w.spec.Gap, w.mark); err != nil {
				return nil, err
			}
		default:
			kept = append(kept, r)
		}
	}
	w.live = kept
	w.spec.Late.late(late)
	return kept, nil
}

// reaches reports whether a row is near to one that is there.
func (w *SessionChanges) reaches(g int32, t int64) bool {
	if g < 0 || int(g) >= len(w.members) {
		return false
	}
	for _, id := range w.members[g] {
		if at := w.time(id); w.now[id] > 0 && t-w.spec.Gap <= at && at <= t+w.spec.Gap {
			return true
		}
	}
	return false
}

func (w *SessionChanges) closed(end int64) bool {
	return w.mark != math.MinInt64 && end+w.spec.Grace+w.spec.Late.Allowed < w.mark
}

func (w *SessionChanges) time(id int32) int64 {
	return w.rows.keys[len(w.rows.keys)-1].(*vec.Fixed[int64]).Values[id]
}

// ring has a partition be looked at when the watermark has passed a time, and grace.
func (w *SessionChanges) ring(g int32, at int64) {
	for int(g) >= len(w.alarms) {
		w.alarms = append(w.alarms, never)
	}
	if w.alarms[g] <= at {
		return
	}
	w.alarms[g] = at
	w.rung++
	w.due.end(w.rung/alarmsABucket, append(w.due.begin(), dueRow{at: at, row: g}))
}

// sessions calls f for each session of a partition, of rows as often as counts says.
func (w *SessionChanges) sessions(g int32, counts []int64, f func(rows []int32, start, end int64) error) error {
	var rows []int32
	for _, id := range w.members[g] {
		if counts[id] > 0 {
			rows = append(rows, id)
		}
	}
	slices.SortFunc(rows, func(a, b int32) int { return cmp.Or(cmp.Compare(w.time(a), w.time(b)), cmp.Compare(a, b)) })
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && w.time(rows[n])-w.time(rows[n-1]) <= w.spec.Gap {
			n++
		}
		if err := f(rows[:n], w.time(rows[0]), w.time(rows[n-1])+w.spec.Gap); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// Watermark passes on the sessions that t has passed, or forgets them.
func (w *SessionChanges) Watermark(ctx context.Context, t int64, out Output) error {
	w.mark = t
	if at, ok := w.due.first(); !ok || at+w.spec.Grace >= t {
		return nil
	}
	if w.changes {
		if err := w.pass(ctx, out); err != nil {
			return err
		}
	}
	w.net.open(w.results(), w.spec.Account)
	defer w.net.close()
	for {
		at, ok := w.due.first()
		if !ok || at+w.spec.Grace >= t {
			break
		}
		_, g := w.due.pop()
		if w.alarms[g] != at {
			continue
		}
		w.alarms[g] = never
		if err := w.end(ctx, g, w.closed); err != nil {
			return err
		}
	}
	return w.net.emit(ctx, out)
}

// end forgets the sessions of a partition that are over; where they go out once, they
// do.
func (w *SessionChanges) end(ctx context.Context, g int32, over func(end int64) bool) error {
	return w.sessions(g, w.now, func(rows []int32, start, end int64) error {
		if !over(end) {
			w.ring(g, end+w.spec.Late.Allowed)
			return nil
		}
		if !w.changes {
			if err := w.weigh(ctx, rows, w.now, start, end, 1); err != nil {
				return err
			}
		}
		for _, id := range rows {
			w.forget(id)
		}
		return nil
	})
}

// results are the types of the rows that go out.
func (w *SessionChanges) results() []types.Type {
	return append(slices.Clone(w.spec.Rows), w.spec.TimeType, w.spec.TimeType)
}

// weigh adds rows of a session to the net of what goes out.
func (w *SessionChanges) weigh(ctx context.Context, rows []int32, counts []int64, start, end, by int64) error {
	part := vec.NewBatch(w.spec.Rows)
	bounds := boundsOf(w.spec.TimeType, start, end)
	for some := range slices.Chunk(rows, vec.MaxRows) {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, w.rows.keys[i], some)
		}
		part.Rows = len(some)
		b := withBounds(nil, part, bounds)
		for i, c := range b.Cols {
			b.Cols[i] = vec.Flat(c)
		}
		w.net.weights = w.net.weights[:0]
		for _, id := range some {
			w.net.weights = append(w.net.weights, by*counts[id])
		}
		if err := w.net.Emit(ctx, &b); err != nil {
			return err
		}
	}
	return nil
}

// Barrier passes on, with changes, the difference that the epoch makes.
func (w *SessionChanges) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if err := w.pass(ctx, out); err != nil {
		return err
	}
	if !w.sparse() {
		return nil
	}
	w.alarms, w.due = nil, dueRuns{}
	return w.compact(w.wake)
}

func (w *SessionChanges) pass(ctx context.Context, out Output) error {
	if len(w.dirty) == 0 {
		return nil
	}
	if w.changes {
		w.net.open(w.results(), w.spec.Account)
		defer w.net.close()
		for _, g := range w.dirty {
			for _, side := range []struct {
				counts []int64
				by     int64
			}{{w.before, -1}, {w.now, 1}} {
				err := w.sessions(g, side.counts, func(rows []int32, start, end int64) error {
					return w.weigh(ctx, rows, side.counts, start, end, side.by)
				})
				if err != nil {
					return err
				}
			}
		}
	}
	w.settle()
	if !w.changes {
		return nil
	}
	return w.net.emit(ctx, out)
}

// Finish closes every session: no row is to come.
func (w *SessionChanges) Finish(ctx context.Context, _ int, out Output) error {
	if err := w.pass(ctx, out); err != nil {
		return err
	}
	w.net.open(w.results(), w.spec.Account)
	defer w.net.close()
	for g := range w.members {
		if err := w.end(ctx, int32(g), func(int64) bool { return true }); err != nil {
			return err
		}
	}
	return w.net.emit(ctx, out)
}

// Restore brings the counts back, as they were at a barrier.
func (w *SessionChanges) Restore(r StateReader) error { return w.restore(r, w.wake) }
