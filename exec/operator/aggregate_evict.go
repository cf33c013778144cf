package operator

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Evict lets the aggregate keep only a part of its groups in memory, or of the values that
// DISTINCT has seen in them. One whose groups are there without rows, or whose calls keep
// rows besides, keeps all of its groups.
func (a *Aggregate) Evict(e Evictions) {
	a.evictValues(e)
	if a.spec.Changes && len(a.spec.Keys) > 0 && a.spec.Always == nil && evictableCalls(a.spec.Calls) {
		a.evicted = newEvicted(a.kept.prefix, a.spec.KeyTypes, a.spec.Account, e)
	}
}

// evictableCalls reports whether all that calls have of a group is the state of their
// functions.
func evictableCalls(calls []*Call) bool {
	for _, c := range calls {
		if c.distinct != nil || c.ordered != nil || c.rows != nil || c.spec.New == nil {
			return false
		}
	}
	return true
}

// evictAmong lets the aggregate, which is one of several of an operator, keep only a
// part of its groups in memory.
func (a *Aggregate) evictAmong(t *evictedTables) { a.among = t }

// size is how many groups are in the table, and outside are those that are not.
func (a *Aggregate) size() int         { return a.count }
func (a *Aggregate) outside() *evicted { return a.evicted }

// becomeEvicted makes room for what the aggregate has elsewhere, where it is one of
// several and has had all of its groups in memory so far.
func (a *Aggregate) becomeEvicted() {
	if a.evicted == nil && a.among != nil {
		a.evicted = a.among.newTable(newEvicted(a.kept.prefix, a.spec.KeyTypes, a.spec.Account, a.among.from))
	}
}

// Evicts reports whether it does.
func (a *Aggregate) Evicts() bool { return a.evicted != nil || a.values != nil }

// Committed lets go of what the store has now.
func (a *Aggregate) Committed() {
	a.evicted.committed()
	a.values.committed(a.valueTables())
}

// Evicted is how many groups, and values of DISTINCT, are in the store's pages.
func (a *Aggregate) Evicted() int64 { return a.evicted.stored() + a.values.stored(a.valueTables()) }

// fetch gives the groups from known on what is kept of them elsewhere.
func (a *Aggregate) fetch(known int) error {
	if known == a.count {
		return nil
	}
	if err := a.evicted.fetch(a.table.keys, known, a.count, a.load); err != nil {
		return err
	}
	for _, c := range a.spec.Calls {
		if err := c.charge(); err != nil {
			return err
		}
	}
	if a.among == nil {
		a.evicted.crowded(a.state())
	}
	return nil
}

// saveEvicted writes what has changed of the groups that are not in the table, and
// gives up the table where it has grown to what it may hold.
func (a *Aggregate) saveEvicted(w StateWriter) error {
	if a.among != nil {
		return a.evicted.proceed(w)
	}
	full, err := a.evicted.save(w, a.state(), a.count)
	if err != nil {
		return err
	}
	if full {
		if err := a.freeze(); err != nil {
			return err
		}
	}
	a.evicted.put(w)
	return nil
}

// freeze has the groups become the generation before, and begins a table anew.
func (a *Aggregate) freeze() error {
	a.becomeEvicted()
	old, rows, held := a.kept.groups, a.rows, a.held
	g := &generation{table: a.table, save: a.saver(), dead: func(g int32) bool { return rows != nil && rows[g] == 0 }, forget: old.drop}
	for _, c := range a.spec.Calls {
		held += c.held
		c.held = 0
		if err := c.renew(); err != nil {
			return err
		}
	}
	account := a.spec.Account
	g.close = func() {
		g.table.close()
		account.Release(held)
	}
	a.table = newTable(a.spec.KeyTypes, account, "GROUP BY")
	a.rows, a.seen, a.stamp, a.count, a.held = nil, nil, nil, 0, 0
	a.evicted.replace(g)
	return a.keepGeneration(a.kept.prefix, a.evicted.own)
}

// restoreParts brings the groups back, or those of them that are not in pages.
func (a *Aggregate) restoreParts(r StateReader) error {
	prefix := a.kept.prefix
	lie, some, err := a.evicted.partsOf(r, prefix)
	if err != nil || !some {
		if err == nil {
			err = a.restoreTable(r, a.kept.groups)
		}
		return err
	}
	a.becomeEvicted()
	switch {
	case a.evicted == nil:
		return fmt.Errorf("%w: groups were evicted that cannot be", errKept)
	case r.Share != nil:
		return a.restoreAll(r, lie)
	}
	e := a.evicted
	e.now = lie.space
	if lie.old >= 0 {
		if err := a.keepGeneration(prefix, uint32(lie.old)); err != nil {
			return err
		}
		if err := a.restoreTable(r, a.kept.groups); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		if err := a.freeze(); err != nil {
			return err
		}
	}
	e.own = lie.own
	if err := a.keepGeneration(prefix, lie.own); err != nil {
		return err
	}
	return a.restoreTable(r, a.kept.groups)
}

// restoreAll brings the groups of every part back into the table: the newest first,
// since what is there stays.
func (a *Aggregate) restoreAll(r StateReader, lie parts) error {
	prefix := a.kept.prefix
	for _, number := range []int64{int64(lie.own), lie.old} {
		if number < 0 {
			continue
		}
		// Of the table that is there every group has to be written.
		t := newKeptTable(generationPrefix(prefix, uint32(number)), a.spec.KeyTypes)
		t.by = a.kept.groups.by
		if err := a.restoreTable(r, t); err != nil {
			return err
		}
	}
	codec := newGroupCodec(a.spec.KeyTypes)
	one, ids := []int32{0}, []int32{0}
	err := eachRecord(r, prefix, lie.space, codec, func(key []vec.Vec, beside []byte) error {
		if !r.Share.has(key, codec.types, a.kept.groups.by) {
			return nil
		}
		if err := a.table.assign(key, 1, one, ids); err != nil || int(ids[0]) != a.count {
			return err
		}
		if err := a.grow(a.count + 1); err != nil {
			return err
		}
		return a.load(ids[0], beside)
	})
	a.kept.groups.touchAll(a.count)
	return err
}

// expireEvicted takes back groups that are not in the table and that no row has
// touched for long: some pages at each barrier.
func (a *Aggregate) expireEvicted(ctx context.Context) error {
	r := a.spec.Retention
	if r.For == 0 || !a.evicted.some() {
		return nil
	}
	return a.evicted.sweep(func(beside []byte) bool {
		rows, n := binary.Varint(beside)
		if n <= 0 || rows <= 0 {
			return false
		}
		seen, m := binary.Varint(beside[n:])
		return m > 0 && r.Now()-r.seenAgain(seen) > r.For
	}, func(keys *vec.Batch) error {
		known := a.count
		a.ids = sized(a.ids, keys.Rows)
		if err := a.table.assign(keys.Cols, keys.Rows, a.sel.all(nil, keys.Rows), a.ids); err != nil {
			return err
		}
		if err := a.grow(a.table.Len()); err != nil {
			return err
		}
		if err := a.fetch(known); err != nil {
			return err
		}
		first := len(a.touched)
		for g := int32(known); int(g) < a.count; g++ {
			// The other part may have said what this one has taken back since.
			if a.there(g) && r.Now()-a.seen[g] > r.For {
				a.stamp[g] = a.epoch
				a.touched, a.existed = append(a.touched, g), append(a.existed, true)
			}
		}
		gone := a.touched[first:]
		if err := a.results(ctx, gone, a.before); err != nil {
			return err
		}
		for g := int32(known); int(g) < a.count; g++ {
			a.kept.groups.touchOne(g)
		}
		for _, g := range gone {
			a.rows[g] = 0
		}
		return nil
	})
}
