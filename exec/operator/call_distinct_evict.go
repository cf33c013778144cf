package operator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// The values that DISTINCT has seen are told by their group's number and the arguments, and
// are evicted by both, so that a group may have any number of them. Groups keep their
// numbers, and stay in memory, as long as values are elsewhere.

// evictValues lets the calls keep only a part of the values that DISTINCT has seen in
// memory, where they have an account for that.
func (a *Aggregate) evictValues(e Evictions) {
	if a.spec.Changes {
		a.values = newValueTables(a.spec.Calls, e)
		a.evictValuesAmong(a.values)
	}
}

// newValueTables are the tables of the values of calls; nil: none of them may evict any.
func newValueTables(calls []*Call, e Evictions) *evictedTables {
	for _, c := range calls {
		if c.distinct != nil && c.spec.Values != nil {
			return &evictedTables{account: c.spec.Values, from: e}
		}
	}
	return nil
}

// evictValuesAmong lets the calls keep only a part of their values in memory, among the
// tables of an operator.
func (a *Aggregate) evictValuesAmong(t *evictedTables) {
	for _, c := range a.spec.Calls {
		if c.distinct != nil && c.spec.Values != nil {
			c.distinct.among = t
		}
	}
}

// valueTables are the tables of values that may be evicted.
func (a *Aggregate) valueTables() []evictable {
	var all []evictable
	for _, c := range a.spec.Calls {
		if c.distinct != nil && c.distinct.among != nil {
			all = append(all, c.distinct)
		}
	}
	return all
}

// outsideValues reports whether any value may be elsewhere.
func (a *Aggregate) outsideValues() bool {
	return slices.ContainsFunc(a.spec.Calls, func(c *Call) bool { return c.distinct != nil && c.distinct.evicted.some() })
}

// moving reports whether there is something to be written of what is elsewhere, though no
// row has come.
func (a *Aggregate) moving() bool {
	return a.evicted.moving() || slices.ContainsFunc(a.spec.Calls, func(c *Call) bool { return c.distinct != nil && c.distinct.evicted.moving() })
}

// saveValues writes what has changed of the calls' rows.
func (a *Aggregate) saveValues(w StateWriter) error {
	tables := a.valueTables()
	if a.values != nil {
		a.values.begin(tables)
	}
	for _, d := range a.kept.distinct {
		if err := d.save(w); err != nil {
			return err
		}
	}
	if a.values == nil {
		return nil
	}
	return a.values.end(w, tables)
}

// keepUnder has the rows of the call at a place be stored under the prefix of its
// aggregate.
func (d *distinctRows) keepUnder(prefix []byte, place int) {
	under := func(tag byte) []byte { return append(slices.Clone(prefix), tag, byte(place>>8), byte(place)) }
	d.first, d.prefix = under(tagDistinct), under(tagValues)
	d.kept = d.keptOf(0)
}

// keptOf is what is stored of a generation. The first lies where all rows do of which none
// has been evicted.
func (d *distinctRows) keptOf(number uint32) *keptTable {
	if number == 0 {
		return newKeptTable(d.first, d.types)
	}
	return newKeptTable(generationPrefix(d.prefix, number), d.types)
}

func (d *distinctRows) save(w StateWriter) error {
	if err := d.kept.save(w, d.table.keys, d.table.Len(), countSaver(d.counts)); err != nil || d.evicted == nil {
		return err
	}
	return d.evicted.proceed(w)
}

func countSaver(counts []int64) func(g int32, dst []byte) []byte {
	return func(g int32, dst []byte) []byte { return binary.AppendVarint(dst, counts[g]) }
}

// fetch gives the rows from known on, which are new in the table, their counts.
func (d *distinctRows) fetch(known int) error {
	if !d.evicted.some() || known == d.table.Len() {
		return nil
	}
	return d.evicted.fetch(d.table.keys, known, d.table.Len(), func(g int32, beside []byte) error {
		n, size := binary.Varint(beside)
		if size <= 0 {
			return errKept
		}
		d.counts[g] = n
		return nil
	})
}

// state is how many bytes the rows hold that are not evicted, size how many of them there
// are, and outside those that are.
func (d *distinctRows) state() int64      { return d.table.held + d.held }
func (d *distinctRows) size() int         { return d.table.Len() }
func (d *distinctRows) outside() *evicted { return d.evicted }

// note has the operator know what the rows hold.
func (d *distinctRows) note() {
	now := d.state()
	d.among.noted(d.noted, now)
	d.noted = now
}

// becomeEvicted makes room for what is elsewhere, where all has been in memory so far.
func (d *distinctRows) becomeEvicted() {
	if d.evicted == nil {
		d.evicted = d.among.newTable(newEvicted(d.prefix, d.types, d.account, d.among.from))
	}
}

// freeze has the rows become the generation before, and begins a table anew.
func (d *distinctRows) freeze() error {
	d.becomeEvicted()
	t, counts, held, account := d.table, d.counts, d.held, d.account
	d.evicted.replace(&generation{
		table:  t,
		save:   countSaver(counts),
		dead:   func(g int32) bool { return counts[g] == 0 },
		forget: d.kept.drop,
		close: func() {
			t.close()
			account.Release(held)
		},
	})
	d.table, d.counts, d.held = newTable(d.types, account, "DISTINCT"), nil, 0
	d.kept = d.keptOf(d.evicted.own)
	d.note()
	return nil
}

// restore brings the counts back, but for those in pages. renamed are the groups of a share
// under their old numbers, which are the first column's.
func (d *distinctRows) restore(r StateReader, renamed map[int32]int32) error {
	lie, some, err := readParts(r, d.prefix)
	if err != nil {
		return err
	}
	if some && d.among == nil {
		return sqlerr.Unsupported("Set state.ttl back to 0, or start another job.",
			"DISTINCT has values in the store alone, which are not forgotten after a time")
	}
	if r.Share != nil {
		return d.restoreShare(r, lie, renamed)
	}
	if !some {
		return d.restoreOwn(r)
	}
	d.becomeEvicted()
	e := d.evicted
	e.now = lie.space
	if lie.old >= 0 {
		d.kept = d.keptOf(uint32(lie.old))
		if err := d.restoreOwn(r); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		if err := d.freeze(); err != nil {
			return err
		}
	}
	e.own = lie.own
	d.kept = d.keptOf(lie.own)
	return d.restoreOwn(r)
}

// restoreOwn brings the counts of one generation back, into the table.
func (d *distinctRows) restoreOwn(r StateReader) error {
	if err := restoreCounts(r, d.kept, d.table, &d.counts, nil); err != nil {
		return err
	}
	return d.grow()
}

// restoreShare brings the counts of a share's groups into the table, the newest part of
// them first: what is there stays. Every task reads all of them, or a slice, and takes those of
// its own groups.
func (d *distinctRows) restoreShare(r StateReader, lie parts, renamed map[int32]int32) error {
	r.Share = &Share{Tasks: 1, Slice: r.Share.Slice, Slices: r.Share.Slices}
	one, ids := []int32{0}, []int32{0}
	add := func(key []vec.Vec, _ int32) error {
		group := key[0].(*vec.Fixed[int32]).Values
		now, ok := renamed[group[0]]
		if !ok {
			return errThere
		}
		group[0] = now
		n := d.table.Len()
		if err := d.table.assign(key, 1, one, ids); err != nil {
			return err
		}
		if int(ids[0]) < n {
			return errThere
		}
		return d.grow()
	}
	load := func(g int32, beside []byte) error {
		n, size := binary.Varint(beside)
		if size <= 0 {
			return errKept
		}
		d.counts[g] = n
		return nil
	}
	for _, number := range []int64{int64(lie.own), lie.old} {
		if number < 0 {
			continue
		}
		t := d.keptOf(uint32(number))
		t.by = []int{}
		if err := t.restore(r, nil, d.table.Len(), add, load); err != nil {
			return fmt.Errorf("reading the values of DISTINCT: %w", err)
		}
	}
	err := eachRecord(r, d.prefix, lie.space, newGroupCodec(d.types), func(key []vec.Vec, beside []byte) error {
		if !r.Share.has(key, d.types, []int{}) {
			return nil
		}
		if err := add(key, 0); errors.Is(err, errThere) {
			return nil
		} else if err != nil {
			return err
		}
		return load(int32(d.table.Len()-1), beside)
	})
	d.kept.touchAll(d.table.Len())
	return err
}
