package operator

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keptGroups is what an Aggregate stores: its groups, each with the number of its
// rows and the state of each call, and the values of each DISTINCT.
type keptGroups struct {
	prefix   []byte
	groups   *keptTable
	calls    []aggregate.Keeper
	distinct []*distinctRows // of the calls that have one
	rows     []*callRows     // and of those that keep their rows
}

// Tags of what lies under an aggregate's prefix.
const (
	tagBounds   = 'b' // of a window
	tagGroups   = 'g'
	tagDistinct = 'v' // and the call's place
	tagValues   = 'V' // likewise, of those that are evicted
)

// Keep has the aggregate remember what changes.
func (a *Aggregate) Keep() error { return a.keepUnder(nil) }

func (a *Aggregate) keepUnder(prefix []byte) error { return a.keepGeneration(prefix, 0) }

// keepGeneration has the aggregate remember what changes of its groups, which are
// those of a generation.
func (a *Aggregate) keepGeneration(prefix []byte, number uint32) error {
	prefix = prefix[:len(prefix):len(prefix)]
	k := &keptGroups{prefix: prefix, groups: newKeptTable(generationPrefix(prefix, number), a.spec.KeyTypes)}
	if a.kept != nil {
		k.groups.by = a.kept.groups.by
	}
	for i, c := range a.spec.Calls {
		f, ok := c.spec.Func.(aggregate.Keeper)
		if !ok || c.ordered != nil {
			return sqlerr.Errorf(sqlerr.InternalError, "a call of an aggregate cannot be kept: %T", c.spec.Func)
		}
		k.calls = append(k.calls, f)
		d := c.distinct
		if c.rows != nil {
			d = c.rows.distinctRows
			k.rows = append(k.rows, c.rows)
		}
		if d != nil {
			d.keepUnder(prefix, i)
			k.distinct = append(k.distinct, d)
		}
	}
	a.kept, a.near = k, 0 // a row that is kept back would be in no epoch
	return nil
}

// Save writes the groups that changed.
func (a *Aggregate) Save(w StateWriter) error {
	if err := a.kept.groups.save(w, a.table.keys, a.count, a.saver()); err != nil {
		return err
	}
	if err := a.saveValues(w); err != nil {
		return err
	}
	if a.evicted == nil {
		return nil
	}
	return a.saveEvicted(w)
}

// saver returns what appends what a group, of those that there are now, has beside
// its key. It may be called from other goroutines when they change no more.
func (a *Aggregate) saver() func(g int32, dst []byte) []byte {
	stay, rows, seen, calls := a.stay, a.rows, a.seen, a.kept.calls
	return func(g int32, dst []byte) []byte {
		if !stay {
			dst = binary.AppendVarint(dst, rows[g])
			dst = binary.AppendVarint(dst, seenAt(seen, g))
		}
		for _, c := range calls {
			dst = c.Save(g, dst)
		}
		return dst
	}
}

// load gives a group that has seen no row what saver wrote.
func (a *Aggregate) load(g int32, src []byte) error {
	if !a.stay {
		rows, n := binary.Varint(src)
		if n <= 0 {
			return errKept
		}
		a.rows[g], src = rows, src[n:]
		seen, n := binary.Varint(src)
		if n <= 0 {
			return errKept
		}
		if src = src[n:]; a.seen != nil {
			a.seen[g] = a.spec.Retention.seenAgain(seen)
		}
	}
	for _, c := range a.kept.calls {
		var err error
		if src, err = c.Load(g, src); err != nil {
			return err
		}
	}
	return nil
}

// Restore brings the groups back, under the numbers that they had, or, of a share,
// under new ones.
func (a *Aggregate) Restore(r StateReader) error {
	if err := a.restoreParts(r); err != nil {
		return err
	}
	if a.count == 0 && !a.evicted.some() {
		return nil
	}
	// What needs no row has gone out in an epoch before.
	a.started, a.epoch = true, 2
	if len(a.spec.Keys) == 0 {
		a.always = 1
	} else if a.spec.Always != nil {
		a.always = int32(a.spec.Always.Rows)
	}
	return nil
}

// restoreTable brings the groups of one table back.
func (a *Aggregate) restoreTable(r StateReader, kept *keptTable) error {
	one, ids := []int32{0}, []int32{0}
	var renamed map[int32]int32 // of the groups of a share
	if r.Share != nil && len(a.kept.distinct) > 0 {
		renamed = map[int32]int32{}
	}
	// Of a share in slices those are of the values, as a group may have any number of them.
	byValue := len(a.valueTables()) > 0
	add := func(key []vec.Vec, was int32) error {
		ids[0] = int32(a.count)
		if len(key) > 0 {
			if err := a.table.assign(key, 1, one, ids); err != nil {
				return err
			}
		} else if byValue && r.Share.later() {
			ids[0] = 0
		}
		if byValue && r.Share.later() {
			renamed[was] = ids[0] // the first slice has brought all groups
			return errThere
		}
		if int(ids[0]) != a.count && r.Share != nil && a.evicted != nil {
			return errThere // a newer part has it
		}
		if int(ids[0]) != a.count || r.Share == nil && ids[0] != was {
			return fmt.Errorf("%w: a group is there twice", errKept)
		}
		if renamed != nil {
			renamed[was] = ids[0]
		}
		return a.grow(a.count + 1)
	}
	groups := r
	if byValue {
		groups.Share = r.Share.unsliced()
	}
	err := kept.restore(groups, a.table, a.count, add, a.load)
	if err != nil {
		return err
	}
	for _, d := range a.kept.distinct {
		if err := d.restore(r, renamed); err != nil {
			return err
		}
	}
	for _, c := range a.kept.rows {
		c.relist(a.count)
	}
	return nil
}

// forget removes all that was stored.
func (a *Aggregate) forget(w StateWriter) error {
	a.kept.groups.drop(w)
	for _, d := range a.kept.distinct {
		d.kept.drop(w)
		if err := d.evicted.forget(w); err != nil {
			return err
		}
	}
	return a.evicted.forget(w)
}

// restoreCounts brings back a table and a count beside each of its groups. more takes
// what follows the count; nil: nothing does.
func restoreCounts(r StateReader, k *keptTable, t *table, counts *[]int64, more func(src []byte) error) error {
	one, ids := []int32{0}, []int32{0}
	add := func(key []vec.Vec, _ int32) error {
		n := t.Len()
		if err := t.assign(key, 1, one, ids); err != nil {
			return err
		}
		if int(ids[0]) != n {
			return fmt.Errorf("%w: a row is there twice", errKept)
		}
		*counts = append(*counts, 0)
		return nil
	}
	return k.restore(r, t, t.Len(), add, func(g int32, src []byte) error {
		n, size := binary.Varint(src)
		if size <= 0 {
			return errKept
		}
		(*counts)[g] = n
		if more == nil {
			return nil
		}
		return more(src[size:])
	})
}
