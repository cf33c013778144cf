package operator

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Sessions are evicted by their partitions: a group has all sessions of one. A
// partition that a row comes for is given its sessions again, so that the row finds
// those that it reaches where they always are.
//
// Whether an evicted session has gone out, and whether it is over, follows from its
// last time and the watermark, so neither is ever written to what is evicted; that a
// session which is over still lies there does no harm. Nor does it where the partition
// has had later ones: what is evicted is as old as those or older, and over before.
//
// Those that are to go out are found by ranges of hashes: of each the time at which the
// first does is known, and the range is looked through then.

// sessionDues say when evicted sessions go out.
type sessionDues struct {
	bits  uint8
	at    []int64     // by range of hashes: the end of the first, or an earlier time; never: there is none
	least int64       // of them
	old   *groupOrder // partitions of the generation before, by the ranges
	held  int64
}

// Evict lets the operator keep only a part of its sessions in memory, where rows have
// partitions and its calls keep no rows.
func (w *SessionAggregate) Evict(e Evictions) {
	if w.table != nil && evictableCalls(w.spec.Calls) {
		w.evicted = newEvicted(nil, w.spec.PartitionTypes, w.spec.Account, e)
		w.dues.least = never
	}
}

// Evicts reports whether it does.
func (w *SessionAggregate) Evicts() bool { return w.evicted != nil }

// Committed lets go of what the store has now.
func (w *SessionAggregate) Committed() { w.evicted.committed() }

// Evicted is how many partitions are in the store's pages.
func (w *SessionAggregate) Evicted() int64 { return w.evicted.stored() }

// state is how many bytes the sessions hold that are not evicted.
func (w *SessionAggregate) state() int64 {
	n := w.held + w.table.held
	for _, c := range w.spec.Calls {
		n += c.held
	}
	return n
}

// evictedSession is a session of a partition that is evicted, and the states of the
// calls, with those after it.
type evictedSession struct {
	start, last int64
	states      []byte
}

// appendSession appends a session and, with their length before them, the states of
// calls that save appends.
func appendSession(dst []byte, s *oneSession, save func(dst []byte) []byte) []byte {
	dst = binary.AppendVarint(binary.AppendVarint(dst, s.start), s.last)
	at := len(dst)
	dst = save(append(dst, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// takeEvicted takes the first session off those of a partition.
func takeEvicted(b []byte) (s evictedSession, rest []byte, err error) {
	for _, to := range []*int64{&s.start, &s.last} {
		v, n := binary.Varint(b)
		if n <= 0 {
			return s, nil, errKept
		}
		*to, b = v, b[n:]
	}
	if len(b) < 4 {
		return s, nil, errKept
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; size > int64(len(b)) {
		return s, nil, errKept
	}
	s.states = b[:size]
	return s, b[size:], nil
}

// fetch gives the partitions from one on, which are new, the sessions that they have
// elsewhere.
func (w *SessionAggregate) fetch(from int) error {
	if !w.evicted.some() || from == w.table.Len() {
		return nil
	}
	err := w.evicted.fetch(w.table.keys, from, w.table.Len(), func(g int32, beside []byte) error { return w.load(g, beside, w.mark) })
	if err != nil {
		return err
	}
	for _, c := range w.spec.Calls {
		if err := c.charge(); err != nil {
			return err
		}
	}
	return nil
}

// load gives a partition, which has none, the sessions that are not over at a time:
// what was to go out by then has.
func (w *SessionAggregate) load(partition int32, beside []byte, mark int64) error {
	for len(beside) > 0 {
		s, rest, err := takeEvicted(beside)
		if err != nil {
			return err
		}
		if beside = rest; w.closedAt(s.last, mark) {
			continue
		}
		slot, err := w.slot()
		if err != nil {
			return err
		}
		w.sessions[slot] = oneSession{start: s.start, last: s.last, partition: partition, open: true, shown: !w.spec.Final || w.passedAt(s.last+w.spec.Gap, mark)}
		for _, c := range w.kept.calls {
			if s.states, err = c.Load(slot, s.states); err != nil {
				return err
			}
		}
		w.kept.slots.touchOne(slot)
		w.open[partition] = append(w.open[partition], slot)
		w.alarm(slot)
	}
	return nil
}

// saveEvicted writes what has changed of the sessions that are not in the table, and
// gives up the table where it has grown to what it may hold.
func (w *SessionAggregate) saveEvicted(sw StateWriter) error {
	e := w.evicted
	full, err := e.save(sw, w.state(), w.table.Len())
	if err != nil {
		return err
	}
	if full {
		if err := w.freeze(); err != nil {
			return err
		}
	}
	if e.some() && w.mark != w.kept.mark {
		w.kept.mark = w.mark
		sw.Set([]byte{tagMark}, binary.AppendVarint(nil, w.mark))
	}
	e.put(sw)
	return nil
}

// freeze has the sessions become the generation before, and begins a table anew.
func (w *SessionAggregate) freeze() error {
	stored, table, sessions, open, calls, mark, held := w.kept.slots, w.table, w.sessions, w.open, w.kept.calls, w.mark, w.held
	for _, c := range w.spec.Calls {
		held += c.held
		c.held = 0
		if err := c.renew(); err != nil {
			return err
		}
	}
	over := func(g int32) bool {
		for _, slot := range open[g] {
			if !w.closedAt(sessions[slot].last, mark) {
				return false
			}
		}
		return true
	}
	g := &generation{
		table: table,
		save: func(g int32, dst []byte) []byte {
			for _, slot := range open[g] {
				dst = appendSession(dst, &sessions[slot], func(dst []byte) []byte {
					for _, c := range calls {
						dst = c.Save(slot, dst)
					}
					return dst
				})
			}
			return dst
		},
		dead: over,
		gone: func(beside []byte) bool {
			for len(beside) > 0 {
				s, rest, err := takeEvicted(beside)
				if err != nil || !w.closedAt(s.last, mark) {
					return false
				}
				beside = rest
			}
			return true
		},
		forget: stored.drop,
		close: func() {
			table.close()
			w.spec.Account.Release(held)
		},
	}
	for len(open) < table.Len() {
		open = append(open, nil)
	}
	w.table = newTable(w.spec.PartitionTypes, w.spec.Account, "SESSION")
	w.sessions, w.open, w.free, w.room, w.held = nil, nil, nil, 0, 0
	w.due, w.alarms, w.rung = dueRuns{}, nil, 0
	if w.spec.Final {
		g.size = pageBytes / sweptGroups
	}
	w.evicted.replace(g)
	w.kept.slots = newKeptTable(generationPrefix(nil, w.evicted.own), nil)
	w.keepCalls()
	if w.spec.Final {
		w.noteDues(w.evicted.now.next, sessions, open)
	}
	return nil
}

// sweptGroups is about how many partitions a page holds at most whose sessions go out once:
// all of a page is looked through when one of them does.
const sweptGroups = 64

// noteDues notes when the sessions of the generation before go out, by so many bits of
// their hashes.
func (w *SessionAggregate) noteDues(bits uint8, sessions []oneSession, open [][]int32) {
	d := &w.dues
	w.makeDues(bits)
	d.old = w.evicted.oldGroups(bits)
	d.old.hashes = nil // they are not asked for again
	for at := range d.at {
		for _, g := range d.old.of(at) {
			for _, slot := range open[g] {
				if end := sessions[slot].last + w.spec.Gap; !w.passed(end) {
					d.at[at] = min(d.at[at], end)
				}
			}
		}
		d.least = min(d.least, d.at[at])
	}
	w.chargeDues(8*int64(len(d.at)) + 4*int64(len(d.old.groups)+len(d.old.starts)))
}

// makeDues has there be ranges of so many bits, with the times of those that there were.
func (w *SessionAggregate) makeDues(bits uint8) {
	d := &w.dues
	at := make([]int64, 1<<bits)
	for i := range at {
		switch {
		case d.at == nil:
			at[i] = never
		case bits >= d.bits:
			at[i] = d.at[i>>(bits-d.bits)]
		default:
			at[i] = math.MinInt64
		}
	}
	d.at, d.bits = at, bits
}

func (w *SessionAggregate) chargeDues(size int64) {
	w.spec.Account.Release(w.dues.held)
	w.spec.Account.Force(size)
	w.dues.held = size
}

// sweep passes on the evicted sessions that were not to go out at a time, and are now.
func (w *SessionAggregate) sweep(ctx context.Context, from int64, out Output) error {
	d := &w.dues
	if !w.isDue(d.least) {
		return nil
	}
	d.least = never
	for at := range d.at {
		if w.isDue(d.at[at]) {
			next, err := w.sweepRange(ctx, at, from, out)
			if err != nil {
				return err
			}
			d.at[at] = next
		}
		d.least = min(d.least, d.at[at])
	}
	return nil
}

func (w *SessionAggregate) isDue(end int64) bool { return end != never && w.passed(end) }

// sweepRange is sweep of a range of hashes. It returns when the next of them goes out.
func (w *SessionAggregate) sweepRange(ctx context.Context, at int, from int64, out Output) (next int64, err error) {
	next = never
	err = w.evicted.eachIn(w.table, hashRange{w.dues.bits, at}, w.dues.old.of(at), func(o *outsiders, sel []int32) error {
		some, err := w.oneByOne()
		if err != nil {
			return err
		}
		defer some.empty()
		for _, r := range sel {
			for rest := o.of(r); len(rest) > 0; {
				s, more, err := takeEvicted(rest)
				if err != nil {
					return err
				}
				rest = more
				switch end := s.last + w.spec.Gap; {
				case w.passedAt(end, from): // it has gone out
				case !w.passed(end):
					next = min(next, end)
				default:
					if err := some.take(o.keys, r, s); err != nil {
						return err
					}
				}
			}
		}
		return some.emitAll(ctx, some.all(), out)
	})
	return next, err
}

// oneByOne is an operator like w that has no sessions, and none elsewhere: for those
// that are passed on and do not come into memory.
func (w *SessionAggregate) oneByOne() (*SessionAggregate, error) {
	if w.passing != nil {
		return w.passing, nil
	}
	spec := w.spec
	spec.Calls = nil
	for _, c := range w.spec.Calls {
		again := *c
		again.held, again.groups = 0, 0
		if err := again.renew(); err != nil {
			return nil, err
		}
		spec.Calls = append(spec.Calls, &again)
	}
	w.passing = NewSessionAggregate(spec)
	return w.passing, w.passing.Keep()
}

// take adds a session as it is stored, of the partition in a row of keys.
func (w *SessionAggregate) take(keys *vec.Batch, row int32, s evictedSession) error {
	slot, err := w.slot()
	if err != nil {
		return err
	}
	w.parts = sized(w.parts, keys.Rows)
	if err := w.table.assign(keys.Cols, keys.Rows, []int32{row}, w.parts); err != nil {
		return err
	}
	w.sessions[slot] = oneSession{start: s.start, last: s.last, partition: w.parts[row], open: true}
	for _, c := range w.kept.calls {
		if s.states, err = c.Load(slot, s.states); err != nil {
			return err
		}
	}
	return nil
}

// empty forgets all sessions.
func (w *SessionAggregate) empty() {
	all := w.all()
	for _, c := range w.spec.Calls {
		c.clearGroups(all)
	}
	w.table.close()
	w.table = newTable(w.spec.PartitionTypes, w.spec.Account, "SESSION")
	w.sessions = w.sessions[:0]
}

// all are the slots, where each has a session.
func (w *SessionAggregate) all() []int32 {
	w.scratch = sized(w.scratch, len(w.sessions))
	for slot := range w.scratch {
		w.scratch[slot] = int32(slot)
	}
	return w.scratch
}

// finishEvicted passes on the evicted sessions that have not gone out: no row is to
// come.
func (w *SessionAggregate) finishEvicted(ctx context.Context, out Output) error {
	if !w.spec.Final || !w.evicted.some() {
		return nil
	}
	from := w.mark
	for at := range w.dues.at {
		w.dues.at[at] = math.MinInt64
	}
	w.mark, w.dues.least = math.MaxInt64, math.MinInt64
	err := w.sweep(ctx, from, out)
	w.mark = from
	return err
}

// forgetEvicted removes all that is stored: no session is left.
func (w *SessionAggregate) forgetEvicted(sw StateWriter) error {
	w.kept.slots.drop(sw)
	w.kept.slots = newKeptTable(generationPrefix(nil, 0), nil)
	w.sessions, w.free = nil, nil
	w.evicted.close()
	err := w.evicted.forget(sw)
	w.evicted = nil
	return err
}

// restoreMark brings the watermark back up to which evicted sessions have gone out;
// math.MinInt64: there are none.
func (w *SessionAggregate) restoreMark(r StateReader) (mark int64, err error) {
	mark = math.MinInt64
	err = r.Scan([]byte{tagMark}, func(_, value []byte) error {
		v, n := binary.Varint(value)
		if n <= 0 {
			return errKept
		}
		mark = v
		return nil
	})
	if r.Share == nil {
		w.kept.mark = mark
	}
	w.mark = max(w.mark, mark)
	return mark, err
}

// restoreEvicted brings the sessions back that were not in pages, or, of a share, all.
func (w *SessionAggregate) restoreEvicted(r StateReader, lie parts, from *restoredSlots) error {
	var failed error
	table := func(r StateReader, kept *keptTable) error {
		if failed != nil {
			return failed
		}
		return w.restoreTable(r, kept, from)
	}
	freeze := func() {
		failed = w.charge()
		if failed == nil {
			failed = w.freeze()
		}
	}
	one, ids := []int32{0}, []int32{0}
	add := func(key []vec.Vec, beside []byte) error {
		n := w.table.Len()
		if err := w.table.assign(key, 1, one, ids); err != nil || int(ids[0]) != n {
			return err
		}
		w.roomFor(n + 1)
		return w.load(ids[0], beside, from.passed)
	}
	if err := restoreGenerations(r, nil, w.evicted, lie, w.spec.PartitionTypes, &w.kept.slots, table, freeze, add); err != nil {
		return err
	}
	if r.Share == nil && w.spec.Final {
		// When those in pages go out is not known until they are looked at.
		if w.evicted.old == nil {
			w.makeDues(lie.space.bits)
			w.chargeDues(8 * int64(len(w.dues.at)))
		}
		for at := range w.dues.at {
			w.dues.at[at] = math.MinInt64
		}
		w.dues.least = math.MinInt64
	}
	return nil
}
