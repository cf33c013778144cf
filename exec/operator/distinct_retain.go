package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// grow gives the keys that are new in the table a time, where keys have one.
func (d *Distinct) grow() {
	for (d.retain.For > 0 || d.seen != nil) && len(d.seen) < d.table.Len() {
		d.seen = append(d.seen, 0)
	}
}

// saw notes when the keys of rows came.
func (d *Distinct) saw(sel []int32) {
	d.grow()
	now := d.retain.Now()
	for _, r := range sel {
		d.seen[d.ids[r]] = now
	}
	if d.kept != nil {
		d.kept.touch(d.ids, sel)
	}
}

// Barrier forgets the keys that have not come for long.
func (d *Distinct) Barrier(context.Context, stream.Epoch, Output) error {
	if d.retain.due(d.swept) {
		d.swept = d.retain.Now()
		if err := d.forget(); err != nil {
			return err
		}
	}
	return d.forgetEvicted()
}

// forget drops the keys of the table that have not come for long: where other parts
// have them, it is from before. What says that such a part's are forgotten stays, as
// long as there are any.
func (d *Distinct) forget() error {
	stay := make([]int32, 0, len(d.seen))
	for g, at := range d.seen {
		if at == forgotten && d.evicted.some() || at != forgotten && d.swept-at <= d.retain.For {
			stay = append(stay, int32(g))
		}
	}
	if len(stay) == len(d.seen) {
		return nil
	}
	seen := make([]int64, len(stay))
	for i, g := range stay {
		seen[i] = d.seen[g]
	}
	t, err := d.table.of(stay)
	if err != nil {
		return err
	}
	d.table, d.seen = t, seen
	if d.kept != nil {
		d.kept.renumbered(t.Len())
	}
	return nil
}

// of closes the table and returns one of some of its groups, numbered in their order.
func (t *table) of(groups []int32) (*table, error) {
	fresh := newTable(t.types, t.account, t.what)
	keys := make([]vec.Vec, len(t.keys))
	for i, k := range t.keys {
		keys[i] = vec.New(t.types[i])
		vec.CopyRows(keys[i], k, groups)
	}
	t.close()
	sel := make([]int32, len(groups))
	for i := range sel {
		sel[i] = int32(i)
	}
	return fresh, fresh.assign(keys, len(groups), sel, make([]int32, len(groups)))
}

// expire takes back the rows that nothing has touched for long.
func (d *DistinctChanges) expire() (some bool) {
	if !d.retain.due(d.swept) {
		return false
	}
	d.swept = d.retain.Now()
	for g := range d.counts {
		if d.counts[g] > 0 && d.swept-d.seen[g] > d.retain.For {
			d.counts[g] = 0
			d.touched = append(d.touched, int32(g))
			some = true
		}
	}
	return some
}

// compact gives back the rows whose count is 0, where they are half of all or must
// go. It is called between epochs.
func (d *DistinctChanges) compact(must bool) error {
	if !must && len(d.counts) < d.full || d.evicted.some() {
		return nil // a count of 0 says that one of the other parts is dead
	}
	live := []int32{}
	for g, n := range d.counts {
		if n != 0 {
			live = append(live, int32(g))
		}
	}
	d.full = max(2*len(live), d.least)
	if !must && 2*len(live) > len(d.counts) {
		return nil
	}
	counts, seen := make([]int64, len(live)), []int64(nil)
	for i, g := range live {
		counts[i] = d.counts[g]
		if d.seen != nil {
			seen = append(seen, d.seen[g])
		}
	}
	t, err := d.table.of(live)
	if err != nil {
		return err
	}
	d.table, d.counts, d.seen, d.before = t, counts, seen, append([]int64(nil), counts...)
	if d.kept != nil {
		d.kept.renumbered(t.Len())
	}
	return nil
}
