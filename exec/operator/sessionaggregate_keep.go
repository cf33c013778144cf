package operator

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keptSlots is what a SessionAggregate stores: its sessions in pages by slot, each
// with its partition, its span and the states of its calls; an empty slot is nothing.
// Beside them lie the rows of calls that keep theirs.
type keptSlots struct {
	pages
	layout *rowkey.Layout
	reader *rowkey.Reader
	calls  []aggregate.Keeper
	dirty  []bool // by page
	buf    []byte
	row    []byte
}

// Keep has the operator remember which sessions change.
func (w *SessionAggregate) Keep() error {
	t := newKeptTable([]byte{tagSession}, w.spec.PartitionTypes)
	k := &keptSlots{pages: t.pages, layout: t.layout, reader: t.reader}
	for i, c := range w.spec.Calls {
		k.calls = append(k.calls, c.spec.Func.(aggregate.Keeper))
		if c.rows != nil {
			c.rows.kept = newKeptTable([]byte{tagDistinct, byte(i >> 8), byte(i)}, c.rows.types)
		}
	}
	w.kept = k
	return nil
}

// touch notes that a slot has changed.
func (k *keptSlots) touch(slot int32) {
	page := int(slot) / pageGroups
	for len(k.dirty) <= page {
		k.dirty = append(k.dirty, false)
	}
	k.dirty[page] = true
}

// Save writes the sessions that changed.
func (w *SessionAggregate) Save(sw StateWriter) error {
	k := w.kept
	for page, changed := range k.dirty {
		if !changed {
			continue
		}
		k.dirty[page] = false
		k.buf = k.buf[:0]
		for slot := page * pageGroups; slot < min((page+1)*pageGroups, len(w.sessions)); slot++ {
			w.encode(int32(slot))
			k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
		}
		if err := k.set(sw, page, k.buf); err != nil {
			return err
		}
	}
	for _, c := range w.spec.Calls {
		if c.rows == nil {
			continue
		}
		if err := c.rows.save(sw); err != nil {
			return err
		}
	}
	return nil
}

// encode writes a slot to k.row.
func (w *SessionAggregate) encode(slot int32) {
	k, s := w.kept, &w.sessions[slot]
	k.row = k.row[:0]
	if !s.open {
		return
	}
	shown := int64(0)
	if s.shown {
		shown = 1
	}
	for _, v := range []int64{s.start, s.last, shown} {
		k.row = binary.AppendVarint(k.row, v)
	}
	for _, c := range k.calls {
		k.row = c.Save(slot, k.row)
	}
	if w.table != nil {
		k.row = k.layout.Append(k.row, w.table.keys, int(s.partition))
	}
}

// Restore brings the open sessions back.
func (w *SessionAggregate) Restore(r StateReader) error {
	k := w.kept
	var renamed map[int32]int32
	if r.Share != nil {
		renamed = map[int32]int32{}
	}
	w.alarms = w.due.begin()
	err := k.read(r, func(page int, value []byte) error {
		for was := int32(page * pageGroups); len(value) > 0; was++ {
			one, rest, err := takeSized(value)
			if err != nil {
				return err
			}
			value = rest
			if err := w.restoreSlot(r, was, one, renamed); err != nil {
				return err
			}
		}
		return nil
	})
	w.setAlarms()
	if err != nil {
		return err
	}
	for _, all := range w.open {
		slices.SortFunc(all, func(a, b int32) int { return cmp.Compare(w.sessions[a].start, w.sessions[b].start) })
	}
	slices.Sort(w.free)
	slices.Reverse(w.free)
	for _, c := range w.spec.Calls {
		if c.rows == nil {
			continue
		}
		if err := c.rows.restore(r, renamed); err != nil {
			return err
		}
		c.rows.relist(w.room)
	}
	return w.charge()
}

// restoreSlot brings the session back that was in a slot, into the same one, or, of a
// share, into the next.
func (w *SessionAggregate) restoreSlot(r StateReader, was int32, value []byte, renamed map[int32]int32) error {
	slot := int32(len(w.sessions))
	if renamed == nil && slot != was {
		return errKept
	}
	if len(value) == 0 && renamed != nil {
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
	s := &w.sessions[slot]
	*s = oneSession{open: true}
	var shown int64
	for _, to := range []*int64{&s.start, &s.last, &shown} {
		v, n := binary.Varint(value)
		if n <= 0 {
			return errKept
		}
		*to, value = v, value[n:]
	}
	s.shown = shown != 0
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
	if !r.Share.has(partition, w.spec.PartitionTypes, nil) {
		w.sessions = w.sessions[:slot]
		w.clearCalls(slot)
		return nil
	}
	if w.table != nil {
		ids := []int32{0}
		if err := w.table.assign(partition, 1, []int32{0}, ids); err != nil {
			return err
		}
		s.partition = ids[0]
	}
	for len(w.open) <= int(s.partition) {
		w.open = append(w.open, nil)
	}
	w.open[s.partition] = append(w.open[s.partition], slot)
	w.alarm(slot)
	if renamed != nil {
		renamed[was] = slot
		w.kept.touch(slot)
	}
	return nil
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
