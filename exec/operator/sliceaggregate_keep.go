package operator

import (
	"encoding/binary"
	"maps"
	"slices"
)

// A slice's state lies under its start, a sum's under that of its windows; beside
// them is the watermark, up to which windows have gone out.
const (
	tagSlice = 'w'
	tagSum   = 's'
	tagMark  = 'm'
)

// Keep has the operator remember which slices change.
func (w *SliceAggregate) Keep() error {
	w.kept = true
	a, err := w.aggregate() // what a slice needs is known from its calls
	if err != nil {
		return err
	}
	return a.keepUnder(nil)
}

func (s *slice) key() []byte {
	tag := byte(tagSlice)
	if s.sum {
		tag = tagSum
	}
	return append([]byte{tag}, endKey(s.start)...)
}

// Save writes the slices that changed, and removes those that are gone.
func (w *SliceAggregate) Save(sw StateWriter) error {
	for _, s := range w.dropped {
		sw.Delete(append(s.key(), tagBounds))
		if err := s.agg.forget(sw); err != nil {
			return err
		}
	}
	w.dropped = w.dropped[:0]
	if w.saved != w.mark {
		w.saved = w.mark
		sw.Set([]byte{tagMark}, binary.AppendVarint(nil, w.mark))
	}
	tables := []evictable(nil)
	if w.evicted != nil {
		tables = w.tables()
		w.evicted.begin(tables)
	}
	for _, in := range []map[int64]*slice{w.slices, w.sums} {
		for _, s := range in {
			if !s.changed && !s.agg.evicted.moving() {
				continue
			}
			s.changed = false
			if !s.stored {
				s.stored = true
				sw.Set(append(s.key(), tagBounds), nil)
			}
			if err := s.agg.Save(sw); err != nil {
				return err
			}
		}
	}
	if w.evicted == nil {
		return nil
	}
	return w.evicted.end(sw, tables)
}

// Evict lets the operator keep only a part of its groups in memory.
func (w *SliceAggregate) Evict(e Evictions) {
	w.evicted = &evictedTables{account: w.spec.Account, from: e}
}

// tables are those of the slices and sums.
func (w *SliceAggregate) tables() []evictable {
	var all []evictable
	for _, in := range []map[int64]*slice{w.slices, w.sums} {
		for _, start := range slices.Sorted(maps.Keys(in)) {
			all = append(all, in[start].agg)
		}
	}
	return all
}

// Evicts reports whether it does.
func (w *SliceAggregate) Evicts() bool { return w.evicted != nil }

// Committed lets go of what the store has now.
func (w *SliceAggregate) Committed() {
	if w.evicted != nil {
		w.evicted.committed(w.tables())
	}
}

// Evicted is how many groups are in the store's pages.
func (w *SliceAggregate) Evicted() int64 {
	if w.evicted == nil {
		return 0
	}
	return w.evicted.stored(w.tables())
}

// Restore brings the slices back, and with them how far windows had gone out.
func (w *SliceAggregate) Restore(r StateReader) error {
	var found []*slice
	err := r.Scan(nil, func(key, value []byte) error {
		switch {
		case len(key) == 1 && key[0] == tagMark:
			mark, n := binary.Varint(value)
			if n <= 0 {
				return errKept
			}
			w.mark = max(w.mark, mark)
		case len(key) == 10 && key[9] == tagBounds && (key[0] == tagSlice || key[0] == tagSum):
			found = append(found, &slice{start: int64(binary.BigEndian.Uint64(key[1:]) ^ 1<<63), sum: key[0] == tagSum})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.Share == nil {
		w.saved = w.mark
	}
	for _, f := range found {
		s, err := w.open(f.start, f.sum)
		if err != nil {
			return err
		}
		s.stored, s.changed = r.Share == nil, r.Share != nil
		if err := s.agg.Restore(r); err != nil {
			return err
		}
	}
	return nil
}
