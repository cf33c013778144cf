package operator

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SessionWindow puts the rows of a stream into sessions, in whatever order they
// come, and merges sessions that a row connects (Flink's merging windows). A row
// has its session's bounds as two columns more.
//
// Final: a session's rows go out when the watermark has passed its end and grace.
// With changes they go out at the barrier; where the session has grown since, the
// rows that went out before are taken back and come again with the new bounds. A
// row is late where it would make a session of its own that is closed: it is left
// out, and counted. Deletes are refused.
type SessionWindow struct {
	spec      SessionSpec
	changes   bool
	keys      []*expr.Program
	cols      []vec.Vec
	table     *table
	open      [][]*session // of each partition, by time
	watermark int64
	dirty     []*session
	held      int64
	kept      *keptSessions // nil: nothing is stored
	ids       []int32
	live      []int32
	sel       selector
	out       vec.Batch
	ops       []vec.Op
}

// session is the rows that are near to each other.
type session struct {
	start, last int64
	parts       []*sessionRows
	dirty       bool
	gone        bool // it is closed, or has become part of another
	// Of one that is kept: its key's values, one row; its number; whether it is in
	// the store.
	partition []vec.Vec
	number    uint64
	stored    bool
}

// sessionRows are rows of a session that went out together, or have not yet.
type sessionRows struct {
	rows   *vec.Batch
	bytes  int64
	out    bool
	bounds [2]vec.Vec // as they went out
	start  int64
	end    int64
	// Of those that are kept.
	number  uint64
	changed bool
	pages   pages
}

// NewSessionWindow returns a SessionWindow.
func NewSessionWindow(spec SessionSpec, changes bool) *SessionWindow {
	w := &SessionWindow{spec: spec, changes: changes, watermark: math.MinInt64}
	w.keys = append(append(w.keys, spec.Partition...), spec.Time)
	w.cols = make([]vec.Vec, len(w.keys))
	if len(spec.Partition) > 0 {
		w.table = newTable(spec.PartitionTypes, spec.Account, "SESSION")
	}
	return w
}

// Process adds rows to sessions.
func (w *SessionWindow) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete("a SESSION window")
	}
	sel, err := runAll(w.keys, b, w.cols, w.spec.Fault, &w.live)
	if err != nil {
		return err
	}
	sel = w.sel.all(sel, b.Rows)
	w.ids = sized(w.ids, b.Rows)
	groups := 1
	if w.table == nil {
		clear(w.ids)
	} else {
		if err := w.table.assign(w.cols[:len(w.cols)-1], b.Rows, sel, w.ids); err != nil {
			return err
		}
		groups = w.table.Len()
	}
	for len(w.open) < groups {
		w.open = append(w.open, nil)
	}
	at := timeColumn(w.cols[len(w.cols)-1])
	late := 0
	for _, r := range sel {
		t, ok := at.get(r)
		if !ok {
			continue
		}
		if w.closed(t+w.spec.Gap) && !w.reaches(w.ids[r], t) {
			late++
			if err := w.spec.Late.row(b, r, t+w.spec.Gap, w.watermark); err != nil {
				return err
			}
			continue
		}
		if err := w.add(w.ids[r], t, b, r); err != nil {
			return err
		}
	}
	w.spec.Late.late(late)
	return nil
}

func (w *SessionWindow) closed(end int64) bool {
	return w.watermark != math.MinInt64 && end+w.spec.Grace+w.spec.Late.Allowed < w.watermark
}

// reaches reports whether a row is near to an open session of its partition.
func (w *SessionWindow) reaches(group int32, t int64) bool {
	i := w.from(group, t)
	return i < len(w.open[group]) && w.open[group][i].start <= t+w.spec.Gap
}

// from is the place of the first session that does not end before a row's reach.
func (w *SessionWindow) from(group int32, t int64) int {
	i, _ := slices.BinarySearchFunc(w.open[group], t-w.spec.Gap, func(s *session, from int64) int { return cmp.Compare(s.last, from) })
	return i
}

// add puts a row into the session that it is near to; of two that it connects
// one is left.
func (w *SessionWindow) add(group int32, t int64, b *vec.Batch, r int32) error {
	all := w.open[group]
	i := w.from(group, t)
	if i == len(all) || all[i].start > t+w.spec.Gap {
		s := &session{start: t, last: t}
		if w.kept != nil {
			s.number = w.kept.number()
			s.partition = vec.NewBatch(w.spec.PartitionTypes).Cols
			for i, c := range s.partition {
				vec.AppendRow(c, w.cols[i], int(r))
			}
		}
		w.open[group] = slices.Insert(all, i, s)
		return w.put(s, b, r)
	}
	s := all[i]
	s.start, s.last = min(s.start, t), max(s.last, t)
	if i+1 < len(all) && all[i+1].start <= s.last+w.spec.Gap {
		next := all[i+1]
		s.last = max(s.last, next.last)
		s.parts = append(s.parts, next.parts...)
		next.gone, next.parts = true, nil
		w.forgetSession(next)
		w.open[group] = slices.Delete(all, i+1, i+2)
	}
	return w.put(s, b, r)
}

// put keeps a row.
func (w *SessionWindow) put(s *session, b *vec.Batch, r int32) error {
	if w.changes && !s.dirty {
		s.dirty = true
		w.dirty = append(w.dirty, s)
	}
	var p *sessionRows
	if n := len(s.parts); n > 0 && !s.parts[n-1].out && s.parts[n-1].rows.Rows < vec.MaxRows {
		p = s.parts[n-1]
	} else {
		p = &sessionRows{rows: vec.NewBatch(w.spec.Rows)}
		if w.kept != nil {
			p.number = w.kept.number()
		}
		s.parts = append(s.parts, p)
	}
	if w.kept != nil {
		p.changed, w.kept.changed[s] = true, true
	}
	for i, c := range b.Cols {
		vec.AppendRow(p.rows.Cols[i], c, int(r))
	}
	p.rows.Rows++
	now := batchBytes(p.rows)
	if err := w.spec.Account.Reserve(now - p.bytes); err != nil {
		return err
	}
	w.held += now - p.bytes
	p.bytes = now
	return nil
}

// Watermark closes the sessions that t has passed.
func (w *SessionWindow) Watermark(ctx context.Context, t int64, out Output) error {
	if w.spec.Ends {
		return nil
	}
	w.watermark = t
	if w.changes {
		if err := w.Barrier(ctx, 0, out); err != nil {
			return err
		}
	}
	for g, all := range w.open {
		n := 0
		for n < len(all) && w.closed(all[n].last+w.spec.Gap) {
			n++
		}
		if n == 0 {
			continue
		}
		for _, s := range all[:n] {
			if err := w.end(ctx, s, out); err != nil {
				return err
			}
		}
		w.open[g] = slices.Delete(all, 0, n)
	}
	w.dirty = slices.DeleteFunc(w.dirty, func(s *session) bool { return s.gone })
	return w.compact()
}

// compact drops partitions without a session when most are.
func (w *SessionWindow) compact() error {
	if w.table == nil || len(w.open) < 2*vec.MaxRows {
		return nil
	}
	var kept []int32
	for g, all := range w.open {
		if len(all) > 0 {
			kept = append(kept, int32(g))
		}
	}
	if 4*len(kept) > len(w.open) {
		return nil
	}
	t := newTable(w.spec.PartitionTypes, w.spec.Account, "SESSION")
	open := make([][]*session, 0, len(kept))
	keys := vec.NewBatch(w.spec.PartitionTypes)
	for part := range slices.Chunk(kept, vec.MaxRows) {
		keys.Reset()
		for i, c := range keys.Cols {
			vec.CopyRows(c, w.table.keys[i], part)
		}
		w.ids = sized(w.ids, len(part))
		if err := t.assign(keys.Cols, len(part), w.sel.all(nil, len(part)), w.ids); err != nil {
			return err
		}
		for _, g := range part {
			open = append(open, w.open[g])
		}
	}
	w.table.close()
	w.table, w.open = t, open
	return nil
}

// end passes on a session that is closed, and forgets it.
func (w *SessionWindow) end(ctx context.Context, s *session, out Output) error {
	s.gone = true
	w.forgetSession(s)
	bounds := boundsOf(w.spec.TimeType, s.start, s.last+w.spec.Gap)
	for _, p := range s.parts {
		if !p.out {
			if err := w.emit(ctx, p.rows, bounds, vec.Insert, out); err != nil {
				return err
			}
		}
		w.spec.Account.Release(p.bytes)
		w.held -= p.bytes
	}
	s.parts = nil
	return nil
}

// Barrier passes on, with changes, the sessions that the epoch has touched.
func (w *SessionWindow) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if !w.changes {
		return nil
	}
	for _, s := range w.dirty {
		if s.gone {
			continue
		}
		if err := w.update(ctx, s, out); err != nil {
			return err
		}
		s.dirty = false
	}
	w.dirty = w.dirty[:0]
	return nil
}

func (w *SessionWindow) update(ctx context.Context, s *session, out Output) error {
	end := s.last + w.spec.Gap
	bounds := boundsOf(w.spec.TimeType, s.start, end)
	if w.kept != nil {
		w.kept.changed[s] = true // what has gone out is part of it
	}
	for _, p := range s.parts {
		if p.out && (p.start != s.start || p.end != end) {
			if err := w.emit(ctx, p.rows, p.bounds, vec.Delete, out); err != nil {
				return err
			}
			p.out = false
		}
	}
	for _, p := range s.parts {
		if p.out {
			continue
		}
		if err := w.emit(ctx, p.rows, bounds, vec.Insert, out); err != nil {
			return err
		}
		p.out, p.bounds, p.start, p.end = true, bounds, s.start, end
	}
	return nil
}

func (w *SessionWindow) emit(ctx context.Context, rows *vec.Batch, bounds [2]vec.Vec, op vec.Op, out Output) error {
	w.out = withBounds(w.out.Cols, rows, bounds)
	if op == vec.Delete {
		w.ops = w.ops[:0]
		for range rows.Rows {
			w.ops = append(w.ops, vec.Delete)
		}
		w.out.Ops = w.ops
	}
	return out.Emit(ctx, &w.out)
}

// Finish closes every session: no row is to come.
func (w *SessionWindow) Finish(ctx context.Context, _ int, out Output) error {
	if err := w.Barrier(ctx, 0, out); err != nil {
		return err
	}
	for g, all := range w.open {
		for _, s := range all {
			if err := w.end(ctx, s, out); err != nil {
				return err
			}
		}
		w.open[g] = nil
	}
	return nil
}

// Close gives the rows back.
func (w *SessionWindow) Close() error {
	if w.table != nil {
		w.table.close()
	}
	w.spec.Account.Release(w.held)
	w.open, w.dirty, w.held = nil, nil, 0
	return nil
}
