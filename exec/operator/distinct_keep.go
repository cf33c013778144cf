package operator

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Keep has the operator remember which keys are new.
func (d *Distinct) Keep() error {
	d.kept = newKeptTable([]byte{tagGroups}, d.types)
	return nil
}

// Save writes the keys that are new, and when each came.
func (d *Distinct) Save(w StateWriter) error {
	err := d.kept.save(w, d.table.keys, d.table.Len(), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, seenAt(d.seen, g))
	})
	if err != nil || d.evicted == nil {
		return err
	}
	return d.saveEvicted(w)
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
	lie, some, err := d.evicted.partsOf(r, nil)
	if err != nil || !some {
		return firstOf(err, func() error { return d.restoreTable(r, d.kept) })
	}
	return d.restoreEvicted(r, lie)
}

func (d *Distinct) restoreTable(r StateReader, kept *keptTable) error {
	one, ids := []int32{0}, []int32{0}
	add := func(key []vec.Vec, _ int32) error {
		n := d.table.Len()
		if err := d.table.assign(key, 1, one, ids); err != nil {
			return err
		}
		if int(ids[0]) != n {
			return thereTwice(r)
		}
		return nil
	}
	return kept.restore(r, d.table, d.table.Len(), add, func(_ int32, src []byte) error { return d.load(src) })
}

// thereTwice is what is said of a row that the table has: of a share an older part
// may have it too.
func thereTwice(r StateReader) error {
	if r.Share != nil {
		return errThere
	}
	return fmt.Errorf("%w: a row is there twice", errKept)
}

// load takes what Save wrote beside the key that is the table's last.
func (d *Distinct) load(src []byte) error {
	at, n := binary.Varint(src)
	if n <= 0 {
		return errKept
	}
	if at == forgotten && d.seen == nil {
		d.seen = []int64{} // though keys are kept for ever now
	}
	if d.grow(); d.retain.For > 0 {
		at = d.retain.seenAgain(at)
	}
	if d.seen != nil {
		d.seen[d.table.Len()-1] = at
	}
	return nil
}

// Keep has the operator remember which rows were counted.
func (d *DistinctChanges) Keep() error {
	d.kept = newKeptTable([]byte{tagGroups}, d.table.types)
	return nil
}

// Save writes the counts that changed, and when.
func (d *DistinctChanges) Save(w StateWriter) error {
	err := d.kept.save(w, d.table.keys, d.table.Len(), d.saver())
	if err != nil || d.evicted == nil {
		return err
	}
	return d.saveEvicted(w)
}

// saver returns what appends what a row, of those that there are now, has beside it.
// It may be called from other goroutines when they change no more.
func (d *DistinctChanges) saver() func(g int32, dst []byte) []byte {
	counts, seen := d.counts, d.seen
	return func(g int32, dst []byte) []byte {
		return binary.AppendVarint(binary.AppendVarint(dst, counts[g]), seenAt(seen, g))
	}
}

// load gives a row that is new what saver wrote.
func (d *DistinctChanges) load(g int32, src []byte) error {
	count, n := binary.Varint(src)
	at, m := binary.Varint(src[max(n, 0):])
	if n <= 0 || m <= 0 {
		return errKept
	}
	d.counts[g], d.before[g] = count, count
	if d.retain.For > 0 {
		d.seen[g] = d.retain.seenAgain(at)
	}
	return nil
}

// Restore brings the counts back, as they were at a barrier.
func (d *DistinctChanges) Restore(r StateReader) error {
	lie, some, err := d.evicted.partsOf(r, nil)
	if err != nil || !some {
		return firstOf(err, func() error { return d.restoreTable(r, d.kept) })
	}
	return d.restoreEvicted(r, lie)
}

func (d *DistinctChanges) restoreTable(r StateReader, kept *keptTable) error {
	one, ids := []int32{0}, []int32{0}
	add := func(row []vec.Vec, _ int32) error {
		n := d.table.Len()
		if err := d.table.assign(row, 1, one, ids); err != nil {
			return err
		}
		if int(ids[0]) != n {
			return thereTwice(r)
		}
		d.grow()
		return nil
	}
	return kept.restore(r, d.table, d.table.Len(), add, d.load)
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

// Restore brings that back. Of several tasks one has had the rows: its numbers are
// below those that the others began with.
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
		l.skip, l.left = min(l.skip, skip), min(l.left, left)
		l.stored, l.saved = [2]int64{l.skip, l.left}, r.Share == nil
		return nil
	})
}
