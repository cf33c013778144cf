package operator

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keptSlots is what a SessionAggregate stores: its sessions by slot, each with its
// span, the states of its calls and its partition; an empty slot is nothing. Beside
// them lie the rows of calls that keep theirs.
type keptSlots struct {
	slots  *keptTable // without keys
	older  pages      // of a release that had slots in pages without a log: they go
	layout *rowkey.Layout
	reader *rowkey.Reader
	calls  []aggregate.Keeper
	mark   int64 // as it is stored; math.MinInt64: it is not
}

// Keep has the operator remember which sessions change.
func (w *SessionAggregate) Keep() error {
	codec := newRowCodec(w.spec.PartitionTypes)
	w.kept = &keptSlots{slots: newKeptTable(generationPrefix(nil, 0), nil), layout: codec.layout, reader: codec.reader, mark: math.MinInt64}
	w.keepCalls()
	for i, c := range w.spec.Calls {
		if c.rows != nil {
			c.rows.keepUnder(nil, i)
		}
	}
	return nil
}

// keepCalls notes the functions that the calls have now.
func (w *SessionAggregate) keepCalls() {
	w.kept.calls = nil
	for _, c := range w.spec.Calls {
		w.kept.calls = append(w.kept.calls, c.spec.Func.(aggregate.Keeper))
	}
}

// Save writes the sessions that changed.
func (w *SessionAggregate) Save(sw StateWriter) error {
	k := w.kept
	k.older.drop(sw)
	if w.over && w.evicted != nil {
		return w.forgetEvicted(sw)
	}
	if err := k.slots.save(sw, nil, len(w.sessions), w.encode); err != nil {
		return err
	}
	for _, c := range w.spec.Calls {
		if c.rows == nil {
			continue
		}
		if err := c.rows.save(sw); err != nil {
			return err
		}
	}
	if w.evicted == nil {
		return nil
	}
	return w.saveEvicted(sw)
}

// encode appends what is stored of a slot.
func (w *SessionAggregate) encode(slot int32, dst []byte) []byte {
	k, s := w.kept, &w.sessions[slot]
	if !s.open {
		return dst
	}
	shown := int64(0)
	if s.shown {
		shown = 1
	}
	for _, v := range []int64{s.start, s.last, shown} {
		dst = binary.AppendVarint(dst, v)
	}
	for _, c := range k.calls {
		dst = c.Save(slot, dst)
	}
	if w.table != nil {
		dst = k.layout.Append(dst, w.table.keys, int(s.partition))
	}
	return dst
}

// Restore brings the open sessions back.
func (w *SessionAggregate) Restore(r StateReader) error {
	passed, err := w.restoreMark(r)
	if err != nil {
		return err
	}
	from := restoredSlots{share: r.Share, passed: passed}
	if r.Share != nil {
		from.renamed = map[int32]int32{}
	}
	w.alarms = w.due.begin()
	lie, some, err := w.evicted.partsOf(r, nil)
	if err == nil && lie.own == 0 && lie.old < 0 {
		err = w.restoreOlder(r, &from)
	}
	switch {
	case err != nil:
	case !some:
		err = w.restoreTable(r, w.kept.slots, &from)
	case w.evicted == nil:
		err = fmt.Errorf("%w: sessions were evicted that cannot be", errKept)
	default:
		err = w.restoreEvicted(r, lie, &from)
	}
	w.setAlarms()
	if err != nil {
		return err
	}
	for _, c := range w.spec.Calls {
		if c.rows == nil {
			continue
		}
		if err := c.rows.restore(r, from.renamed); err != nil {
			return err
		}
		c.rows.relist(w.room)
	}
	return w.charge()
}

// restoredSlots is what restoreSlot needs to know of the slots that are read.
type restoredSlots struct {
	share   *Share // nil: all are wanted, and keep their slots
	passed  int64  // sessions that are closed at that time are gone
	newer   int    // partitions of which newer slots say everything
	renamed map[int32]int32
}

// restoreTable brings the sessions back that a table of slots has.
func (w *SessionAggregate) restoreTable(r StateReader, kept *keptTable, from *restoredSlots) error {
	if r.Share != nil {
		r.Share = &Share{Tasks: 1} // a slot says itself whose it is
	}
	from.newer = len(w.open)
	was := int32(0)
	err := kept.restore(r, nil, len(w.sessions), func(_ []vec.Vec, slot int32) error {
		was = slot
		return nil
	}, func(_ int32, value []byte) error { return w.restoreSlot(was, value, from) })
	w.arrange()
	return err
}

// restoreOlder is restoreTable of what an older release has stored.
func (w *SessionAggregate) restoreOlder(r StateReader, from *restoredSlots) error {
	k := w.kept
	k.older = pages{prefix: []byte{tagSession}}
	return k.older.read(r, func(page int, value []byte) error {
		for was := int32(page * pageGroups); len(value) > 0; was++ {
			one, rest, err := takeSized(value)
			if err != nil {
				return err
			}
			value = rest
			if err := w.restoreSlot(was, one, from); err != nil {
				return err
			}
			k.slots.touchOne(was)
		}
		return nil
	})
}

// arrange puts the sessions of each partition, and the free slots, in order.
func (w *SessionAggregate) arrange() {
	for _, all := range w.open {
		slices.SortFunc(all, func(a, b int32) int { return cmp.Compare(w.sessions[a].start, w.sessions[b].start) })
	}
	slices.Sort(w.free)
	slices.Reverse(w.free)
}

// restoreSlot brings the session back that was in a slot, into the same one, or, of a
// share, into the next.
func (w *SessionAggregate) restoreSlot(was int32, value []byte, from *restoredSlots) error {
	slot := int32(len(w.sessions))
	if from.share == nil && slot != was {
		return errKept
	}
	if len(value) == 0 && from.share != nil {
		return nil
	}
	w.sessions = append(w.sessions, oneSession{})
	if err := w.grow(); err != nil {
		return err
	}
	if len(value) == 0 {
		w.free = append(w.free, slot)
		return nil
	}
	s := oneSession{open: true}
	var shown int64
	for _, to := range []*int64{&s.start, &s.last, &shown} {
		v, n := binary.Varint(value)
		if n <= 0 {
			return errKept
		}
		*to, value = v, value[n:]
	}
	for _, c := range w.kept.calls {
		var err error
		if value, err = c.Load(slot, value); err != nil {
			return err
		}
	}
	partition := vec.NewBatch(w.spec.PartitionTypes).Cols
	if w.table != nil {
		if err := w.kept.reader.Read(value, partition); err != nil {
			return err
		}
	}
	wanted := from.share.has(partition, w.spec.PartitionTypes, nil)
	if wanted && w.table != nil {
		ids := []int32{0}
		if err := w.table.assign(partition, 1, []int32{0}, ids); err != nil {
			return err
		}
		s.partition = ids[0]
	}
	if from.share != nil && (!wanted || int(s.partition) < from.newer && w.evicted != nil || w.closedAt(s.last, from.passed)) {
		w.sessions = w.sessions[:slot]
		w.clearCalls(slot)
		return nil
	}
	s.shown = shown != 0 || w.passedAt(s.last+w.spec.Gap, from.passed)
	w.sessions[slot] = s
	w.roomFor(int(s.partition) + 1)
	w.open[s.partition] = append(w.open[s.partition], slot)
	w.alarm(slot)
	if from.share != nil {
		from.renamed[was] = slot
		w.kept.slots.touchOne(slot)
	}
	return nil
}

// roomFor sees that there are so many partitions.
func (w *SessionAggregate) roomFor(partitions int) {
	for len(w.open) < partitions {
		w.open = append(w.open, nil)
	}
}

// clearCalls has the calls forget what they were given for a slot that is another
// task's.
func (w *SessionAggregate) clearCalls(slot int32) {
	for _, c := range w.spec.Calls {
		if c.rows == nil {
			c.clearGroups([]int32{slot})
		}
	}
}
