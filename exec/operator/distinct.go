package operator

import (
	"context"
	"errors"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Distinct passes the first row of each key as it comes, over an input that only
// grows. It refuses Deletes; DistinctChanges takes them.
//
// When its memory is full it learns no more keys: rows of those that it does not
// know go to disk, and are told apart at the end, part by part.
type Distinct struct {
	stateless
	keys    []*expr.Program // of DISTINCT ON; nil: the whole row
	types   []types.Type    // of the keys
	account *memory.Account
	fault   Fault
	table   *table
	rest    *partitions // rows of keys that are not in the table; nil: none
	level   int
	backlog backlog
	inputs  int        // that have not ended
	done    bool       // nobody wants more rows
	kept    *keptTable // nil: nothing is stored
	cols    []vec.Vec
	ids     []int32
	sel     selector
	live    []int32
	other   []int32
	out     vec.Batch
}

// NewDistinct returns a Distinct by keys, which have the types given; keys nil:
// by the whole row.
func NewDistinct(keys []*expr.Program, ts []types.Type, account *memory.Account, fault Fault) *Distinct {
	return &Distinct{keys: keys, types: ts, account: account, fault: fault, table: newTable(ts, account, "DISTINCT"), inputs: 1, cols: make([]vec.Vec, len(keys))}
}

// NewUnion returns a Distinct by the whole row, of the types given, over so many
// inputs.
func NewUnion(inputs int, ts []types.Type, account *memory.Account, fault Fault) *Distinct {
	d := NewDistinct(nil, ts, account, fault)
	d.inputs = inputs
	return d
}

// Process passes on rows whose key is new.
func (d *Distinct) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("DISTINCT ON")
	}
	cols, sel := b.Cols, b.Sel
	if d.keys != nil {
		var err error
		if sel, err = runAll(d.keys, b, d.cols, d.fault, &d.live); err != nil {
			return err
		}
		cols = d.cols
	}
	sel = d.sel.all(sel, b.Rows)
	d.ids = sized(d.ids, b.Rows)
	if d.rest != nil {
		return d.setAside(b, cols, sel)
	}
	known := int32(d.table.Len())
	if err := d.table.assign(cols, b.Rows, sel, d.ids); err != nil {
		return err
	}
	first := d.out.Sel[:0]
	for _, r := range sel {
		// Groups are numbered in order of appearance, so the first row of a new
		// one is the row that brings the next number.
		if d.ids[r] == known {
			first = append(first, r)
			known++
		}
	}
	if d.kept != nil {
		d.kept.touch(d.ids, first)
	}
	d.out = vec.Batch{Cols: b.Cols, Sel: first, Rows: b.Rows}
	if full(d.account) {
		var err error
		if d.rest, err = newPartitions(d.types, d.level, d.account); err != nil {
			return err
		}
	}
	if len(first) == 0 {
		return nil
	}
	err := out.Emit(ctx, &d.out)
	d.done = d.done || errors.Is(err, stream.Done)
	return err
}

// full reports whether a table that grows by doubling should not.
func full(account *memory.Account) bool { return account.Pressed() || account.Doubles() }

// setAside writes the rows whose key is not known.
func (d *Distinct) setAside(b *vec.Batch, cols []vec.Vec, sel []int32) error {
	d.table.lookup(cols, b.Rows, sel, d.ids)
	d.other = d.other[:0]
	for _, r := range sel {
		if d.ids[r] < 0 {
			d.other = append(d.other, r)
		}
	}
	if err := d.rest.add(b, cols, d.other); err != nil {
		return err
	}
	return d.account.Check()
}

// Finish passes on the first rows of the keys that memory had no room for, when
// every input has ended.
func (d *Distinct) Finish(ctx context.Context, input int, out Output) error {
	if d.inputs--; d.inputs > 0 {
		return nil
	}
	for !d.done {
		if d.rest != nil {
			if err := d.backlog.push(d.rest); err != nil {
				return err
			}
			d.rest = nil
		}
		p, ok := d.backlog.pop()
		if !ok {
			return nil
		}
		d.table.close()
		d.table = newTable(d.types, d.account, "DISTINCT")
		d.level = p.of.level + 1
		err := p.each(ctx, func(b *vec.Batch) error { return d.Process(ctx, input, b, out) })
		if cerr := p.of.done(); err == nil {
			err = cerr
		}
		if err != nil && !errors.Is(err, stream.Done) {
			return err
		}
	}
	return nil
}

// Close gives the table back.
func (d *Distinct) Close() error {
	d.table.close()
	d.rest.close()
	d.rest = nil
	d.backlog.close()
	return nil
}

// DistinctChanges keeps a count per row and passes, at the barrier, the rows
// that came to be or ceased in the epoch. Deletes may come before their Inserts.
type DistinctChanges struct {
	stateless
	table   *table
	counts  []int64    // of each group, now
	before  []int64    // and at the last barrier
	kept    *keptTable // nil: nothing is stored
	touched []int32
	ids     []int32
	sel     selector
	out     emitter
}

// NewDistinctChanges returns a DistinctChanges over rows of the types given.
func NewDistinctChanges(ts []types.Type, account *memory.Account) *DistinctChanges {
	return &DistinctChanges{table: newTable(ts, account, "DISTINCT"), out: newEmitter(ts)}
}

// Process counts rows.
func (d *DistinctChanges) Process(_ context.Context, _ int, b *vec.Batch, _ Output) error {
	sel := d.sel.of(b)
	d.ids = sized(d.ids, b.Rows)
	if err := d.table.assign(b.Cols, b.Rows, sel, d.ids); err != nil {
		return err
	}
	for len(d.counts) < d.table.Len() {
		d.counts, d.before = append(d.counts, 0), append(d.before, 0)
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

// Barrier passes on what changed.
func (d *DistinctChanges) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
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
	return d.out.flush(ctx, out)
}

// Finish passes on what changed since the last barrier.
func (d *DistinctChanges) Finish(ctx context.Context, _ int, out Output) error {
	return d.Barrier(ctx, 0, out)
}

// Close gives the table back.
func (d *DistinctChanges) Close() error {
	d.table.close()
	return nil
}
