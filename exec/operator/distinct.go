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
	evicted *evicted   // keys that are not in table; nil: all are
	found   []bool     // of the keys that a batch has brought into table: they have come before
	hashed  bool       // rows are told apart by hash alone
	live    bool       // rows may come for ever: none is set aside for the end
	retain  Retention
	seen    []int64 // when each key came last, or forgotten; nil: all are kept for ever
	swept   int64   // when keys were last looked through
	cols    []vec.Vec
	ids     []int32
	sel     selector
	passed  []int32
	other   []int32
	out     vec.Batch
}

// Live has the operator keep every key in memory, or as long as r says.
func (d *Distinct) Live(r Retention) { d.live, d.retain = true, r }

// NewDistinct returns a Distinct by keys, which have the types given; keys nil:
// by the whole row.
func NewDistinct(keys []*expr.Program, ts []types.Type, account *memory.Account, fault Fault) *Distinct {
	return &Distinct{keys: keys, types: ts, account: account, fault: fault, table: newTable(ts, account, "DISTINCT"), inputs: 1, cols: make([]vec.Vec, len(keys))}
}

// Hashed has rows of several shapes be different, where DISTINCT could not compare
// them: PostgreSQL's recursive UNION knows rows by hash alone.
func (d *Distinct) Hashed() { d.hashed, d.table.alike = true, nil }

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
		if sel, err = runAll(d.keys, b, d.cols, d.fault, &d.passed); err != nil {
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
	from := known
	if err := d.table.assign(cols, b.Rows, sel, d.ids); err != nil {
		return err
	}
	d.grow()
	if d.evicted != nil {
		if err := d.fetch(int(from)); err != nil {
			return err
		}
	}
	first := d.out.Sel[:0]
	for _, r := range sel {
		// Groups are numbered in order of appearance, so the first row of a new
		// one is the row that brings the next number.
		if g := d.ids[r]; g == known {
			if d.evicted == nil || !d.found[known-from] {
				first = append(first, r)
			}
			known++
		} else if g < from && d.again(g) {
			first = append(first, r)
		}
	}
	if d.retain.For > 0 {
		d.saw(sel)
	} else if d.kept != nil {
		for g := from; g < known; g++ {
			d.kept.touchOne(g)
		}
	}
	if d.evicted != nil {
		d.evicted.crowded(d.table.held)
	}
	d.out = vec.Batch{Cols: b.Cols, Sel: first, Rows: b.Rows}
	if !d.live && full(d.account) {
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
	if err := d.table.comparable(cols, d.other); err != nil { // the parts do not see one another's rows
		return err
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
		if d.hashed {
			d.table.alike = nil
		}
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
	d.evicted.close()
	d.table.close()
	d.rest.close()
	d.rest = nil
	d.backlog.close()
	return nil
}
