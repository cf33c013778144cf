package operator

import (
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// alarmsABucket is how many alarms go into one bucket of dueRuns, so that those that
// have rung are given back.
const alarmsABucket = 1 << 14

// wakes is when a session is looked at: when it is to go out, or, once it has, when
// it takes no row any more; that it has grown meanwhile is seen then.
func (w *SessionAggregate) wakes(s *oneSession) int64 {
	at := s.last + w.spec.Gap
	if !w.spec.Final || s.shown {
		at += w.spec.Late.Allowed
	}
	return at
}

// alarm has a session be looked at, with the next setAlarms.
func (w *SessionAggregate) alarm(slot int32) {
	s := &w.sessions[slot]
	s.alarm = w.wakes(s)
	w.alarms = append(w.alarms, dueRow{at: s.alarm, row: slot})
}

func (w *SessionAggregate) setAlarms() {
	w.rung += int64(len(w.alarms))
	w.due.end(w.rung/alarmsABucket, w.alarms)
	w.alarms = nil
}

// passed reports whether the watermark has passed a time, and grace: a session still
// takes a row that is just its gap away.
func (w *SessionAggregate) passed(at int64) bool { return w.passedAt(at, w.mark) }

// passedAt is passed of another watermark.
func (w *SessionAggregate) passedAt(at, mark int64) bool {
	return mark != math.MinInt64 && at+w.spec.Grace < mark
}

// closed reports whether a session with an end takes no row any more.
func (w *SessionAggregate) closed(end int64) bool { return w.passed(end + w.spec.Late.Allowed) }

// closedAt reports of a session's last time whether the session took no row any more at
// a watermark.
func (w *SessionAggregate) closedAt(last, mark int64) bool {
	return w.passedAt(last+w.spec.Gap+w.spec.Late.Allowed, mark)
}

// Watermark passes on the sessions that t has passed, and forgets those that take no
// row any more.
func (w *SessionAggregate) Watermark(ctx context.Context, t int64, out Output) error {
	from := w.mark
	w.mark = max(w.mark, t) // a restart may tell it again what was
	if w.spec.Final && w.evicted.some() {
		if err := w.sweep(ctx, from, out); err != nil {
			return err
		}
	}
	for {
		show, end := w.ring()
		if len(show) == 0 && len(end) == 0 {
			return w.out.flush(ctx, out)
		}
		for _, slot := range slices.Concat(show, end) {
			if w.sessions[slot].change > 0 {
				// What it was has to be taken back before it goes out again, or is gone.
				if err := w.pass(ctx, out); err != nil {
					return err
				}
				break
			}
		}
		if err := w.show(ctx, show, out); err != nil {
			return err
		}
		w.end(end)
	}
}

// ring returns the sessions that are to go out and those that end, of those whose
// time has come.
func (w *SessionAggregate) ring() (show, end []int32) {
	w.alarms = w.due.begin()
	for {
		at, ok := w.due.first()
		if !ok || !w.passed(at) {
			break
		}
		_, slot := w.due.pop()
		s := &w.sessions[slot]
		if !s.open || s.alarm != at {
			continue // it is another's, or was before it grew
		}
		s.alarm = math.MinInt64 // there may be the same again, of one that had the slot before
		switch {
		case !w.passed(w.wakes(s)):
			w.alarm(slot)
		case w.spec.Final && !s.shown && w.spec.Late.Updates:
			show = append(show, slot)
		case w.spec.Final && !s.shown:
			show, end = append(show, slot), append(end, slot)
		default:
			end = append(end, slot)
		}
	}
	w.setAlarms()
	return show, end
}

// show passes sessions on whose end has come.
func (w *SessionAggregate) show(ctx context.Context, slots []int32, out Output) error {
	// Some may have gone out with what the epoch changed.
	slots = slices.DeleteFunc(slots, func(slot int32) bool { return w.sessions[slot].shown })
	if err := w.emitAll(ctx, slots, out); err != nil {
		return err
	}
	w.alarms = w.due.begin()
	for _, slot := range slots {
		w.sessions[slot].shown = true
		if w.spec.Late.Updates {
			w.alarm(slot)
			if w.kept != nil {
				w.kept.slots.touchOne(slot)
			}
		}
	}
	w.setAlarms()
	return nil
}

// emitAll passes sessions on.
func (w *SessionAggregate) emitAll(ctx context.Context, slots []int32, out Output) error {
	if len(slots) == 0 {
		return nil
	}
	if err := w.out.flush(ctx, out); err != nil {
		return err
	}
	b := w.out.batch
	for some := range slices.Chunk(slots, w.perTurn()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.parts = w.parts[:0]
		for _, slot := range some {
			w.parts = append(w.parts, w.sessions[slot].partition)
		}
		for at, k := range w.spec.Keys {
			if k >= 0 {
				vec.CopyRows(b.Cols[at], w.table.keys[k], w.parts)
				continue
			}
			col := b.Cols[at].(*vec.Fixed[int64])
			for _, slot := range some {
				if s := &w.sessions[slot]; k == plan.WindowStart {
					col.Append(s.start)
				} else {
					col.Append(s.last + w.spec.Gap)
				}
			}
		}
		for i, c := range w.spec.Calls {
			if err := c.results(ctx, some, b.Cols[len(w.spec.Keys)+i]); err != nil {
				return err
			}
		}
		b.Rows = len(some)
		err := out.Emit(ctx, b)
		b.Reset()
		if err != nil {
			return err
		}
	}
	return nil
}

// perTurn is how many sessions may go out at once: of those that hold much few.
func (w *SessionAggregate) perTurn() int {
	held := int64(1)
	for _, c := range w.spec.Calls {
		held += c.held
	}
	return int(min(max(pickBytes*int64(len(w.sessions))/held, 1), vec.MaxRows))
}

// end forgets sessions.
func (w *SessionAggregate) end(slots []int32) {
	if len(slots) == 0 {
		return
	}
	for _, c := range w.spec.Calls {
		c.clearGroups(slots)
	}
	for _, slot := range slots {
		partition := w.sessions[slot].partition
		all := w.open[partition]
		i := slices.Index(all, slot)
		w.open[partition] = slices.Delete(all, i, i+1)
		w.release(slot)
	}
}

// compact drops partitions without a session when most are, and what calls keep of
// sessions that are gone. It is called between epochs.
func (w *SessionAggregate) compact() error {
	for _, c := range w.spec.Calls {
		if err := c.compact(); err != nil {
			return err
		}
	}
	if w.table == nil || len(w.open) < 2*vec.MaxRows || 4*(len(w.sessions)-len(w.free)) > len(w.open) {
		return nil
	}
	var kept []int32
	for p, all := range w.open {
		if len(all) > 0 {
			kept = append(kept, int32(p))
		}
	}
	t, err := w.table.of(kept)
	if err != nil {
		return err
	}
	open := make([][]int32, len(kept))
	for p, was := range kept {
		open[p] = w.open[was]
		for _, slot := range open[p] {
			w.sessions[slot].partition = int32(p)
		}
	}
	w.table, w.open = t, open
	return nil
}
