package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Evict lets the operator keep only a part of its keys in memory.
func (d *Distinct) Evict(e Evictions) {
	if d.live {
		d.evicted = newEvicted(nil, d.types, d.account, e)
	}
}

// Evicts reports whether it does.
func (d *Distinct) Evicts() bool { return d.evicted != nil }

// Committed lets go of what the store has now.
func (d *Distinct) Committed() { d.evicted.committed() }

// Evicted is how many keys are in the store's pages.
func (d *Distinct) Evicted() int64 { return d.evicted.stored() }

// forgotten is when a key was seen that is in the table only because another part has
// it too, from before it was forgotten.
const forgotten = -1

// fetch looks for the keys from one on, which are new in the table, where they may
// lie besides; those that are there have come before, at the time in seen.
func (d *Distinct) fetch(from int) error {
	for i := range d.found {
		d.found[i] = false
	}
	n := d.table.Len() - from
	for len(d.found) < n {
		d.found = append(d.found, false)
	}
	d.grow()
	return d.evicted.fetch(d.table.keys, from, from+n, func(g int32, beside []byte) error {
		at, size := binary.Varint(beside)
		if size <= 0 {
			return errKept
		}
		if at == forgotten {
			return nil
		}
		if r := d.retain; r.For > 0 {
			if r.Now()-r.seenAgain(at) > r.For {
				return nil
			}
			d.seen[g] = r.seenAgain(at)
		}
		d.found[int(g)-from] = true
		return nil
	})
}

// again reports whether a key of the table is one that has been forgotten, which is
// there again then.
func (d *Distinct) again(g int32) bool {
	if seenAt(d.seen, g) != forgotten {
		return false
	}
	if d.seen[g] = 0; d.retain.For > 0 {
		d.seen[g] = d.retain.Now()
	}
	if d.kept != nil {
		d.kept.touchOne(g)
	}
	return true
}

// forgetEvicted has keys that are not in the table, and have not come for long, leave
// the other parts, when those are merged next: some pages at each barrier.
func (d *Distinct) forgetEvicted() error {
	r := d.retain
	if r.For == 0 || !d.evicted.some() {
		return nil
	}
	return d.evicted.sweep(func(beside []byte) bool {
		at, n := binary.Varint(beside)
		return n > 0 && at != forgotten && r.Now()-r.seenAgain(at) > r.For
	}, func(keys *vec.Batch) error {
		from := d.table.Len()
		d.ids = sized(d.ids, keys.Rows)
		if err := d.table.assign(keys.Cols, keys.Rows, d.sel.all(nil, keys.Rows), d.ids); err != nil {
			return err
		}
		if err := d.fetch(from); err != nil {
			return err
		}
		for g := from; g < d.table.Len(); g++ {
			// Another part may have it from later.
			if !d.found[g-from] {
				d.seen[g] = forgotten
			}
			if d.kept != nil {
				d.kept.touchOne(int32(g))
			}
		}
		return nil
	})
}

// saveEvicted writes what has changed of the keys that are not in the table, and
// gives up the table where it has grown to what it may hold.
func (d *Distinct) saveEvicted(w StateWriter) error {
	full, err := d.evicted.save(w, d.table.held, d.table.Len())
	if err != nil {
		return err
	}
	if full {
		d.freeze()
	}
	d.evicted.put(w)
	return nil
}

// freeze has the keys become the generation before, and begins a table anew. Keys
// that have not come for long are forgotten: they go into no page.
func (d *Distinct) freeze() {
	t, seen := d.table, d.seen
	if r := d.retain; r.For > 0 {
		now := r.Now()
		for g, at := range seen {
			if now-at > r.For {
				seen[g] = forgotten
			}
		}
	}
	d.evicted.replace(&generation{
		table:  t,
		save:   func(g int32, dst []byte) []byte { return binary.AppendVarint(dst, seenAt(seen, g)) },
		dead:   func(g int32) bool { return seenAt(seen, g) == forgotten },
		forget: d.kept.drop,
		close:  t.close,
	})
	d.table, d.seen = newTable(d.types, d.account, "DISTINCT"), nil
	d.kept = newKeptTable(generationPrefix(nil, d.evicted.own), d.types)
}

// restoreEvicted brings the keys back that were not in pages, or, of a share, all.
func (d *Distinct) restoreEvicted(r StateReader, lie parts) error {
	err := restoreGenerations(r, nil, d.evicted, lie, d.types, &d.kept, d.restoreTable, d.freeze, func(key []vec.Vec, beside []byte) error {
		one, ids := []int32{0}, []int32{0}
		n := d.table.Len()
		if err := d.table.assign(key, 1, one, ids); err != nil || int(ids[0]) != n {
			return err
		}
		return d.load(beside)
	})
	if r.Share != nil {
		d.kept.touchAll(d.table.Len())
	}
	return err
}

// Evict lets the operator keep only a part of its rows in memory.
func (d *DistinctChanges) Evict(e Evictions) {
	d.evicted = newEvicted(nil, d.table.types, d.table.account, e)
}

// Evicts reports whether it does.
func (d *DistinctChanges) Evicts() bool { return d.evicted != nil }

// Committed lets go of what the store has now.
func (d *DistinctChanges) Committed() { d.evicted.committed() }

// Evicted is how many rows are in the store's pages.
func (d *DistinctChanges) Evicted() int64 { return d.evicted.stored() }

// fetch gives the rows from one on, which are new in the table, their counts.
func (d *DistinctChanges) fetch(from int) error {
	return d.evicted.fetch(d.table.keys, from, d.table.Len(), d.load)
}

func (d *DistinctChanges) saveEvicted(w StateWriter) error {
	full, err := d.evicted.save(w, d.table.held+int64(cap(d.counts)+cap(d.before))*8, d.table.Len())
	if err != nil {
		return err
	}
	if full {
		d.freeze()
	}
	d.evicted.put(w)
	return nil
}

// freeze has the rows become the generation before, and begins a table anew.
func (d *DistinctChanges) freeze() {
	t, counts := d.table, d.counts
	d.evicted.replace(&generation{
		table:  t,
		save:   d.saver(),
		dead:   func(g int32) bool { return counts[g] == 0 },
		forget: d.kept.drop,
		close:  t.close,
	})
	d.table, d.counts, d.before, d.seen = newTable(t.types, t.account, "DISTINCT"), nil, nil, nil
	d.kept = newKeptTable(generationPrefix(nil, d.evicted.own), t.types)
}

func (d *DistinctChanges) restoreEvicted(r StateReader, lie parts) error {
	err := restoreGenerations(r, nil, d.evicted, lie, d.table.types, &d.kept, d.restoreTable, d.freeze, func(key []vec.Vec, beside []byte) error {
		one, ids := []int32{0}, []int32{0}
		n := d.table.Len()
		if err := d.table.assign(key, 1, one, ids); err != nil || int(ids[0]) != n {
			return err
		}
		d.grow()
		return d.load(ids[0], beside)
	})
	if r.Share != nil {
		d.kept.touchAll(d.table.Len())
	}
	return err
}

// expireEvicted takes back rows that are not in the table and that nothing has
// touched for long: some pages at each barrier.
func (d *DistinctChanges) expireEvicted() error {
	r := d.retain
	if r.For == 0 || !d.evicted.some() {
		return nil
	}
	return d.evicted.sweep(func(beside []byte) bool {
		count, n := binary.Varint(beside)
		if n <= 0 || count <= 0 {
			return false
		}
		seen, m := binary.Varint(beside[n:])
		return m > 0 && r.Now()-r.seenAgain(seen) > r.For
	}, func(rows *vec.Batch) error {
		from := d.table.Len()
		d.ids = sized(d.ids, rows.Rows)
		if err := d.table.assign(rows.Cols, rows.Rows, d.sel.all(nil, rows.Rows), d.ids); err != nil {
			return err
		}
		d.grow()
		if err := d.fetch(from); err != nil {
			return err
		}
		for g := from; g < d.table.Len(); g++ {
			d.kept.touchOne(int32(g))
			// Another part may have said what this one has taken back since.
			if d.counts[g] > 0 && r.Now()-d.seen[g] > r.For {
				d.counts[g] = 0
				d.touched = append(d.touched, int32(g))
			}
		}
		return nil
	})
}
