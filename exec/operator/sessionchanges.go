package operator

import (
	"cmp"
	"context"
	"encoding/binary"
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
	spec     SessionSpec
	changes  bool
	programs []*expr.Program
	computed []vec.Vec
	cols     []vec.Vec
	parts    *table // nil: there is one partition
	rows     *table // the input's columns, the partition's, the time
	now      []int64
	before   []int64 // as they went out
	members  [][]int32
	alarms   []int64 // of each partition: when it is looked at; never: it is not
	due      dueRuns
	rung     int64
	mark     int64
	changed  rowMarks
	dirty    []int32
	touched  []int32
	gone     int // rows that are there no more
	ids      []int32
	groups   []int32
	live     []int32
	sel      selector
	net      netRows
	held     int64
	kept     *keptTable // nil: nothing is stored
	anew     bool
}

// NewSessionChanges returns a SessionChanges.
func NewSessionChanges(spec SessionSpec, changes bool) *SessionChanges {
	w := &SessionChanges{spec: spec, changes: changes, mark: math.MinInt64}
	w.programs = append(slices.Clone(spec.Partition), spec.Time)
	w.computed = make([]vec.Vec, len(w.programs))
	w.makeTables()
	w.cols = make([]vec.Vec, len(w.rows.types))
	return w
}

func (w *SessionChanges) makeTables() {
	if len(w.spec.Partition) > 0 {
		w.parts = newTable(w.spec.PartitionTypes, w.spec.Account, "SESSION")
	}
	w.rows = newTable(slices.Concat(w.spec.Rows, w.spec.PartitionTypes, []types.Type{w.spec.TimeType}), w.spec.Account, "SESSION")
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
	if err := w.assign(w.cols, b.Rows, sel); err != nil {
		return err
	}
	for _, r := range sel {
		id, g := w.ids[r], w.groups[r]
		if w.now[id] == w.before[id] {
			w.touched = append(w.touched, id) // it may be listed twice
		}
		if b.Op(int(r)) == vec.Delete {
			w.now[id]--
		} else {
			w.now[id]++
		}
		w.touch(g)
		w.ring(g, w.time(id)+w.spec.Gap+w.spec.Late.Allowed)
	}
	return w.charge()
}

func (w *SessionChanges) touch(g int32) {
	if !w.changed.get(g) {
		w.changed.set(g)
		w.dirty = append(w.dirty, g)
	}
}

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

// assign writes the partitions of rows to groups, and their numbers to ids.
func (w *SessionChanges) assign(cols []vec.Vec, n int, sel []int32) error {
	w.ids, w.groups = sized(w.ids, n), sized(w.groups, n)
	groups := 1
	if w.parts == nil {
		clear(w.groups)
	} else {
		width := len(w.spec.Rows)
		if err := w.parts.assign(cols[width:width+len(w.spec.Partition)], n, sel, w.groups); err != nil {
			return err
		}
		groups = w.parts.Len()
	}
	for len(w.members) < groups {
		w.members, w.alarms = append(w.members, nil), append(w.alarms, never)
	}
	if err := w.rows.assign(cols, n, sel, w.ids); err != nil {
		return err
	}
	for _, r := range sel {
		if id := w.ids[r]; int(id) == len(w.now) {
			w.now, w.before = append(w.now, 0), append(w.before, 0)
			w.members[w.groups[r]] = append(w.members[w.groups[r]], id)
		}
	}
	if w.kept != nil {
		w.kept.touch(w.ids, sel)
	}
	return nil
}

func (w *SessionChanges) charge() error {
	size := int64(len(w.now))*24 + int64(len(w.members))*40
	if size <= w.held {
		return nil
	}
	err := w.spec.Account.Resize(w.held, size)
	if err == nil {
		w.held = size
	}
	return err
}

// ring has a partition be looked at when the watermark has passed a time, and grace.
func (w *SessionChanges) ring(g int32, at int64) {
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
	w.net.open(w.types(), w.spec.Account)
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
			if err := w.count(ctx, rows, w.now, start, end, 1); err != nil {
				return err
			}
		}
		for _, id := range rows {
			w.now[id], w.before[id] = 0, 0
			w.gone++
			if w.kept != nil {
				w.kept.touchOne(id)
			}
		}
		return nil
	})
}

// types are those of the rows that go out.
func (w *SessionChanges) types() []types.Type {
	return append(slices.Clone(w.spec.Rows), w.spec.TimeType, w.spec.TimeType)
}

// count adds rows of a session to the net of what goes out.
func (w *SessionChanges) count(ctx context.Context, rows []int32, counts []int64, start, end, by int64) error {
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
	return w.compact()
}

func (w *SessionChanges) pass(ctx context.Context, out Output) error {
	if len(w.dirty) == 0 {
		return nil
	}
	if w.changes {
		w.net.open(w.types(), w.spec.Account)
		defer w.net.close()
		for _, g := range w.dirty {
			for _, side := range []struct {
				counts []int64
				by     int64
			}{{w.before, -1}, {w.now, 1}} {
				err := w.sessions(g, side.counts, func(rows []int32, start, end int64) error {
					return w.count(ctx, rows, side.counts, start, end, side.by)
				})
				if err != nil {
					return err
				}
			}
		}
	}
	for _, id := range w.touched {
		if w.before[id] = w.now[id]; w.now[id] == 0 {
			w.gone++
		}
	}
	for _, g := range w.dirty {
		w.changed.unset(g)
	}
	w.dirty, w.touched = w.dirty[:0], w.touched[:0]
	if !w.changes {
		return nil
	}
	return w.net.emit(ctx, out)
}

// compact makes the tables anew when most rows are not there any more. It is called
// at a barrier.
func (w *SessionChanges) compact() error {
	if w.gone < fewRows || 2*w.gone < len(w.now) {
		return nil
	}
	rows, parts, counts := w.rows, w.parts, w.now
	var kept []int32
	for id, n := range counts {
		if n != 0 {
			kept = append(kept, int32(id))
		}
	}
	w.gone = 0
	if 2*len(kept) > len(counts) {
		return nil // some had come again
	}
	w.makeTables()
	w.now, w.before, w.members, w.alarms, w.due, w.changed = nil, nil, nil, nil, dueRuns{}, nil
	part := vec.NewBatch(rows.types)
	for some := range slices.Chunk(kept, vec.MaxRows) {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, rows.keys[i], some)
		}
		if err := w.assign(part.Cols, len(some), w.sel.all(nil, len(some))); err != nil {
			return err
		}
		for i, id := range some {
			w.restored(w.ids[i], w.groups[i], counts[id])
		}
	}
	rows.close()
	if parts != nil {
		parts.close()
	}
	if w.kept != nil {
		w.anew = true
		w.kept.renumbered(len(w.now))
	}
	return nil
}

// restored sets the count of a row.
func (w *SessionChanges) restored(id, g int32, n int64) {
	w.now[id], w.before[id] = n, n
	w.ring(g, w.time(id)+w.spec.Gap+w.spec.Late.Allowed)
}

// Finish closes every session: no row is to come.
func (w *SessionChanges) Finish(ctx context.Context, _ int, out Output) error {
	if err := w.pass(ctx, out); err != nil {
		return err
	}
	w.net.open(w.types(), w.spec.Account)
	defer w.net.close()
	for g := range w.members {
		if err := w.end(ctx, int32(g), func(int64) bool { return true }); err != nil {
			return err
		}
	}
	return w.net.emit(ctx, out)
}

// Close gives the rows back.
func (w *SessionChanges) Close() error {
	if w.parts != nil {
		w.parts.close()
	}
	w.rows.close()
	w.spec.Account.Release(w.held)
	w.held, w.now, w.before, w.members = 0, nil, nil, nil
	return nil
}

// Keep has the operator remember which rows were counted.
func (w *SessionChanges) Keep() error {
	w.kept = newKeptTable([]byte{tagGroups}, w.rows.types)
	w.kept.by = []int{} // of one partition a share has all
	for i := range w.spec.Partition {
		w.kept.by = append(w.kept.by, len(w.spec.Rows)+i)
	}
	return nil
}

// Save writes the counts that changed.
func (w *SessionChanges) Save(sw StateWriter) error {
	if w.anew {
		w.kept.drop(sw)
		w.anew = false
	}
	return w.kept.save(sw, w.rows.keys, len(w.now), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, w.now[g])
	})
}

// Restore brings the counts back, as they were at a barrier.
func (w *SessionChanges) Restore(r StateReader) error {
	one := []int32{0}
	add := func(row []vec.Vec, _ int32) error { return w.assign(row, 1, one) }
	err := w.kept.restore(r, len(w.now), add, func(id int32, src []byte) error {
		n, size := binary.Varint(src)
		if size <= 0 || int(id) >= len(w.now) {
			return errKept
		}
		w.restored(id, w.groups[0], n)
		return nil
	})
	if err != nil {
		return err
	}
	return w.charge()
}
