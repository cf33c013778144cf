package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// DistinctChanges keeps a count per row and passes, at the barrier, the rows
// that came to be or ceased in the epoch. Deletes may come before their Inserts.
type DistinctChanges struct {
	stateless
	table   *table
	counts  []int64    // of each group, now
	before  []int64    // and at the last barrier
	kept    *keptTable // nil: nothing is stored
	evicted *evicted   // rows that are not in table; nil: all are
	retain  Retention
	seen    []int64 // when each group was touched last; nil: all are kept for ever
	swept   int64   // when groups were last looked through
	full    int     // the groups from which dead ones are looked for
	least   int     // full at least
	touched []int32
	ids     []int32
	sel     selector
	out     emitter
}

// Retain has the operator keep rows as long as r says.
func (d *DistinctChanges) Retain(r Retention) { d.retain = r }

// NewDistinctChanges returns a DistinctChanges over rows of the types given.
func NewDistinctChanges(ts []types.Type, account *memory.Account) *DistinctChanges {
	return &DistinctChanges{full: leastDead, least: leastDead, table: newTable(ts, account, "DISTINCT"), out: newEmitter(ts)}
}

// Process counts rows.
func (d *DistinctChanges) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel := d.sel.of(b)
	d.ids = sized(d.ids, b.Rows)
	from := d.table.Len()
	rows, err := d.evicted.canonical(d.table, b.Cols, b.Rows, sel, d.ids)
	if err != nil {
		return err
	}
	if err := d.table.assign(rows, b.Rows, sel, d.ids); err != nil {
		return err
	}
	d.grow()
	if d.evicted != nil {
		if err := d.fetch(from); err != nil {
			return err
		}
		d.evicted.crowded(d.table.held)
	}
	if d.seen != nil {
		now := d.retain.Now()
		for _, r := range sel {
			d.seen[d.ids[r]] = now
		}
	}
	if d.kept != nil {
		d.kept.touch(d.ids, sel)
	}
	for _, r := range sel {
		g := d.ids[r]
		if d.counts[g] == d.before[g] {
			// It may be listed twice when it comes back to where it was.
			d.touched = append(d.touched, g)
		}
		if b.Op(int(r)) == vec.Delete {
			d.counts[g]--
		} else {
			d.counts[g]++
		}
	}
	return nil
}

// grow makes the counts of the rows that are in the table.
func (d *DistinctChanges) grow() {
	for len(d.counts) < d.table.Len() {
		d.counts, d.before = append(d.counts, 0), append(d.before, 0)
		if d.retain.For > 0 {
			d.seen = append(d.seen, 0)
		}
	}
}

// Barrier passes on what changed.
func (d *DistinctChanges) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	expired := d.expire()
	if err := d.expireEvicted(); err != nil {
		return err
	}
	for _, g := range d.touched {
		was, is := d.before[g] > 0, d.counts[g] > 0
		d.before[g] = d.counts[g]
		if was == is {
			continue
		}
		op := vec.Insert
		if was {
			op = vec.Delete
		}
		if err := d.out.add(ctx, d.table.keys, g, op, out); err != nil {
			return err
		}
	}
	d.touched = d.touched[:0]
	if err := d.out.flush(ctx, out); err != nil {
		return err
	}
	return d.compact(expired)
}

// Finish passes on what changed since the last barrier.
func (d *DistinctChanges) Finish(ctx context.Context, _ int, out Output) error {
	return d.Barrier(ctx, 0, out)
}

// Close gives the table back.
func (d *DistinctChanges) Close() error {
	d.evicted.close()
	d.table.close()
	return nil
}

// Held says that changes wait for the barrier.
func (d *DistinctChanges) Held() int64 { return heldRows(len(d.touched) > 0) }
