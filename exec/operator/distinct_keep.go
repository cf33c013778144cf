package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Keep has the operator remember which keys are new.
func (d *Distinct) Keep() error {
	d.kept = newKeptTable([]byte{tagGroups}, d.types)
	return nil
}

// Save writes the keys that are new, and when each came.
func (d *Distinct) Save(w StateWriter) error {
	return d.kept.save(w, d.table.keys, d.table.Len(), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, seenAt(d.seen, g))
	})
}

// seenAt is when a group was touched; 0 where all are kept for ever.
func seenAt(seen []int64, g int32) int64 {
	if seen == nil {
		return 0
	}
	return seen[g]
}

// seenAgain is when a restored group was touched: now, where that was not kept.
func (r Retention) seenAgain(at int64) int64 {
	if at == 0 {
		return r.Now()
	}
	return at
}

// Restore brings the keys back.
func (d *Distinct) Restore(r StateReader) error {
	one, ids := []int32{0}, []int32{0}
	add := func(key []vec.Vec, _ int32) error { return d.table.assign(key, 1, one, ids) }
	return d.kept.restore(r, d.table.Len(), add, func(_ int32, src []byte) error {
		at, n := binary.Varint(src)
		if n <= 0 {
			return errKept
		}
		if d.retain.For > 0 {
			d.seen = append(d.seen, d.retain.seenAgain(at))
		}
		return nil
	})
}

// Keep has the operator remember which rows were counted.
func (d *DistinctChanges) Keep() error {
	d.kept = newKeptTable([]byte{tagGroups}, d.table.types)
	return nil
}

// Save writes the counts that changed, and when.
func (d *DistinctChanges) Save(w StateWriter) error {
	return d.kept.save(w, d.table.keys, d.table.Len(), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(binary.AppendVarint(dst, d.counts[g]), seenAt(d.seen, g))
	})
}

// Restore brings the counts back, as they were at a barrier.
func (d *DistinctChanges) Restore(r StateReader) error {
	err := restoreCounts(r, d.kept, d.table, &d.counts, func(src []byte) error {
		at, n := binary.Varint(src)
		if n <= 0 {
			return errKept
		}
		if d.retain.For > 0 {
			d.seen = append(d.seen, d.retain.seenAgain(at))
		}
		return nil
	})
	d.before = append(d.before[:0], d.counts...)
	return err
}

// Keep does nothing: there is one thing to remember.
func (l *Limit) Keep() error { return nil }

// Save writes how many rows are left.
func (l *Limit) Save(w StateWriter) error {
	if at := [2]int64{l.skip, l.left}; !l.saved || at != l.stored {
		w.Set([]byte{tagGroups}, binary.AppendVarint(binary.AppendVarint(nil, l.skip), l.left))
		l.stored, l.saved = at, true
	}
	return nil
}

// Restore brings that back.
func (l *Limit) Restore(r StateReader) error {
	if r.Share != nil && r.Share.Task > 0 {
		return nil
	}
	return r.Scan([]byte{tagGroups}, func(_, value []byte) error {
		skip, n := binary.Varint(value)
		left, m := binary.Varint(value[max(n, 0):])
		if n <= 0 || m <= 0 {
			return errKept
		}
		l.skip, l.left = skip, left
		l.stored, l.saved = [2]int64{skip, left}, r.Share == nil
		return nil
	})
}
