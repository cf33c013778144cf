package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// IndexJoinSpec is what an IndexJoin joins.
type IndexJoinSpec struct {
	Kind        plan.JoinKind // inner, left, semi or anti
	Left, Right []types.Type
	Keys        []*expr.Program // over left's columns
	KeyTypes    []types.Type
	Cond        *expr.Program // over left's columns and then right's; nil: none
	Lookup      Lookup
	Fault       Fault
}

// IndexJoin joins each row of its one input with the rows that a Lookup has for its
// key. Nothing is kept: what is found is joined at once, so that rows of a batch go
// out by their keys, in the order in which those come first, and then the rows that
// go out by themselves. Deletes are refused.
type IndexJoin struct {
	stateless
	pairing
	spec  IndexJoinSpec
	cols  []vec.Vec
	ids   []int32
	live  []int32
	chain keyChain
	keys  int64
	found int64
}

// keyChain links the rows of a batch that have one key.
type keyChain struct {
	heads []int32 // by key: its first row; -1: none
	tails []int32
	next  []int32 // by physical row
}

func (c *keyChain) link(rows, ids []int32, keys, physical int) {
	c.heads, c.tails, c.next = sized(c.heads, keys), sized(c.tails, keys), sized(c.next, physical)
	for k := range c.heads {
		c.heads[k] = -1
	}
	for _, r := range rows {
		k := ids[r]
		c.next[r] = -1
		if c.heads[k] < 0 {
			c.heads[k] = r
		} else {
			c.next[c.tails[k]] = r
		}
		c.tails[k] = r
	}
}

// NewIndexJoin returns an IndexJoin, which closes its Lookup.
func NewIndexJoin(s IndexJoinSpec) *IndexJoin {
	return &IndexJoin{pairing: newPairing(s.Kind, s.Left, s.Right, s.Cond, s.Fault), spec: s, cols: make([]vec.Vec, len(s.Keys))}
}

// Process joins the rows of a batch.
func (j *IndexJoin) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("a join by an index")
	}
	sel, failed, err := runBefore(j.spec.Keys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	j.begin(b.Rows)
	if err := j.find(ctx, b, sel, out); err != nil {
		return err
	}
	if err := j.leftover(ctx, b, sel, out); err != nil {
		return err
	}
	return failed
}

// find looks the keys of sel up and joins what it finds.
func (j *IndexJoin) find(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	j.withKeys(j.cols, sel)
	if len(j.keyed) == 0 {
		return nil
	}
	j.ids = sized(j.ids, b.Rows)
	t := newTable(j.spec.KeyTypes, nil, "JOIN")
	if err := t.assign(j.cols, b.Rows, j.keyed, j.ids); err != nil {
		return err
	}
	j.chain.link(j.keyed, j.ids, t.Len(), b.Rows)
	j.keys += int64(t.Len())
	return j.spec.Lookup.Find(ctx, t.keys, t.Len(), func(rows *vec.Batch, of []int32) error {
		return j.join(ctx, b, rows, of, out)
	})
}

// join pairs rows that were found with those that have their keys.
func (j *IndexJoin) join(ctx context.Context, b, rows *vec.Batch, of []int32, out Output) error {
	pair := func(r int32) error {
		j.found++
		for l := j.chain.heads[of[r]]; l >= 0; l = j.chain.next[l] {
			if full, _ := j.add(l, r); !full {
				continue
			}
			if err := j.flush(ctx, b, rows, out); err != nil {
				return err
			}
		}
		return nil
	}
	if rows.Sel != nil {
		for _, r := range rows.Sel {
			if err := pair(r); err != nil {
				return err
			}
		}
	} else {
		for r := range int32(rows.Rows) {
			if err := pair(r); err != nil {
				return err
			}
		}
	}
	return j.flush(ctx, b, rows, out)
}

// Looked is how many keys were looked up, and how many rows were found.
func (j *IndexJoin) Looked() (keys, rows int64) { return j.keys, j.found }

// Close closes the Lookup.
func (j *IndexJoin) Close() error { return j.spec.Lookup.Close() }
