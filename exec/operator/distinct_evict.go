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

// Committed lets go of what the store has now.
func (d *Distinct) Committed() { d.evicted.committed() }

// Evicted is how many keys are in the store's pages.
func (d *Distinct) Evicted() int64 { return d.evicted.stored() }

// fetch looks for the keys from one on, which are new in the table, where they may
// lie besides; those that are there have come before.
func (d *Distinct) fetch(from int) error {
	for i := range d.found {
		d.found[i] = false
	}
	n := d.table.Len() - from
	for len(d.found) < n {
		d.found = append(d.found, false)
	}
	for d.retain.For > 0 && len(d.seen) < d.table.Len() {
		d.seen = append(d.seen, 0)
	}
	return d.evicted.fetch(d.table.keys, from, from+n, func(g int32, beside []byte) error {
		at, size := binary.Varint(beside)
		if size <= 0 {
			return errKept
		}
		if d.retain.For > 0 && d.retain.Now()-d.retain.seenAgain(at) > d.retain.For {
			return nil // it has been forgotten
		}
		d.found[int(g)-from] = true
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

// freeze has the keys become the generation before, and begins a table anew.
func (d *Distinct) freeze() {
	t, seen := d.table, d.seen
	d.evicted.replace(&generation{
		table:  t,
		save:   func(g int32, dst []byte) []byte { return binary.AppendVarint(dst, seenAt(seen, g)) },
		dead:   func(int32) bool { return false },
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
