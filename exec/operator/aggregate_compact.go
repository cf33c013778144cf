package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Retention is how long a live operator keeps a group that no row touches. What it
// forgets it takes back, as if the rows had been deleted; who comes later begins
// anew. The zero Retention keeps everything.
type Retention struct {
	For int64        // microseconds; 0: for ever
	Now func() int64 // the time of the epoch, microseconds
}

// sweepParts is how often in its time a Retention is looked after.
const sweepParts = 8

// due reports whether groups have to be looked through, when they were at last.
func (r Retention) due(last int64) bool { return r.For > 0 && r.Now()-last >= r.For/sweepParts }

// leastDead is how many groups there are at least when dead ones are given back.
const leastDead = 4096

// expire takes back the groups that no row has touched for long.
func (a *Aggregate) expire(ctx context.Context) (some bool, err error) {
	r := a.spec.Retention
	if !r.due(a.swept) {
		return false, nil
	}
	a.swept = r.Now()
	first := len(a.touched)
	for g := a.always; int(g) < a.count; g++ {
		if a.stamp[g] != a.epoch && a.there(g) && a.swept-a.seen[g] > r.For {
			a.stamp[g] = a.epoch
			a.touched, a.existed = append(a.touched, g), append(a.existed, true)
		}
	}
	gone := a.touched[first:]
	if err := a.results(ctx, gone, a.before); err != nil {
		return false, err
	}
	for _, g := range gone {
		a.rows[g] = 0
	}
	return len(gone) > 0, nil
}

// compact gives back the groups that no row is in, where they are half of all or
// must go. It is called between epochs.
func (a *Aggregate) compact(must bool) error {
	for _, c := range a.spec.Calls {
		if err := c.compact(); err != nil {
			return err
		}
	}
	if !must && a.count < a.full || a.evicted.some() {
		return nil // a dead group says that one of the other parts is dead
	}
	if a.outsideValues() {
		return nil // they know the groups by their numbers
	}
	live := []int32{}
	for g := range int32(a.count) {
		if a.there(g) {
			live = append(live, g)
		}
	}
	a.full = max(2*len(live), a.least)
	if !must && 2*len(live) > a.count || len(live) == a.count || len(a.spec.Keys) == 0 {
		return nil
	}
	for _, c := range a.spec.Calls {
		if _, ok := c.spec.Func.(aggregate.Keeper); !ok || c.spec.New == nil || c.ordered != nil || c.distinct != nil && c.distinct.rest != nil {
			return nil
		}
	}
	return a.rebuild(live)
}

// rebuild makes the groups anew of those that are live.
func (a *Aggregate) rebuild(live []int32) error {
	old := *a
	a.rows, a.seen, a.stamp, a.count, a.held = nil, nil, nil, 0, 0
	moved := make([]int32, old.count) // where each group is now; -1: nowhere
	for g := range moved {
		moved[g] = -1
	}
	var err error
	if a.table, err = old.table.of(live); err != nil {
		return err
	}
	funcs := make([]aggregate.Aggregate, len(a.spec.Calls))
	for i, c := range a.spec.Calls {
		funcs[i] = c.spec.Func
		c.spec.Account.Release(c.held)
		c.held = 0
		if err := c.renew(); err != nil {
			return err
		}
	}
	if err := a.grow(len(live)); err != nil {
		return err
	}
	var buf []byte
	for i, g := range live {
		n := int32(i)
		moved[g] = n
		a.rows[n] = old.rows[g]
		if old.seen != nil {
			a.seen[n] = old.seen[g]
		}
		for k, c := range a.spec.Calls {
			buf = funcs[k].(aggregate.Keeper).Save(g, buf[:0])
			if _, err := c.spec.Func.(aggregate.Keeper).Load(n, buf); err != nil {
				return err
			}
		}
	}
	for _, c := range a.spec.Calls {
		if err := c.charge(); err != nil {
			return err
		}
		if c.distinct != nil {
			if err := c.distinct.rebuild(moved); err != nil {
				return err
			}
		}
		if c.rows != nil {
			if err := c.rows.rebuild(moved); err != nil {
				return err
			}
			c.rows.relist(len(live))
		}
	}
	a.spec.Account.Release(old.held)
	if a.kept != nil {
		for i, c := range a.spec.Calls {
			a.kept.calls[i] = c.spec.Func.(aggregate.Keeper)
		}
		a.kept.groups.renumbered(a.count)
	}
	return nil
}

// compact gives back the rows that are in no group any more, where they are more
// than half.
func (c *Call) compact() error {
	d := c.distinct
	if c.rows != nil {
		d = c.rows.distinctRows
	}
	if d == nil || d.rest != nil || d.evicted.some() || d.table.Len() < max(d.full, leastDead) {
		return nil
	}
	live := 0
	for _, n := range d.counts {
		if n != 0 {
			live++
		}
	}
	d.full = 2 * live
	if 2*live > d.table.Len() {
		return nil
	}
	same := make([]int32, c.groups)
	for g := range same {
		same[g] = int32(g)
	}
	if err := d.rebuild(same); err != nil || c.rows == nil {
		return err
	}
	c.rows.relist(c.groups)
	return nil
}

// rebuild counts the rows of the groups that are left alone, under their new
// numbers.
func (d *distinctRows) rebuild(moved []int32) error {
	groups := d.table.keys[0].(*vec.Fixed[int32]).Values
	var sel []int32
	for i, g := range groups {
		if moved[g] >= 0 && d.counts[i] != 0 {
			groups[i] = moved[g]
			sel = append(sel, int32(i))
		}
	}
	old, counts := d.table, d.counts
	d.table, d.counts = newTable(d.types, d.account, "DISTINCT"), make([]int64, len(sel))
	ids := make([]int32, len(groups))
	if err := d.table.assign(old.keys, len(groups), sel, ids); err != nil {
		return err
	}
	for _, i := range sel {
		d.counts[ids[i]] = counts[i]
	}
	old.close()
	if d.kept != nil {
		d.kept.renumbered(d.table.Len())
	}
	return nil
}

// renumbered notes that groups have other numbers, and that there are n.
func (k *keptTable) renumbered(n int) {
	clear(k.dirty)
	k.touchAll(n)
}
