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
	spec  IndexJoinSpec
	cols  []vec.Vec
	ids   []int32
	live  []int32
	keyed []int32
	chain keyChain
	sel   selector
	hit   []bool
	own   []int32 // pairs: rows of the left batch
	other []int32 // and of what was found
	pairs *vec.Batch
	nulls []vec.Vec // one NULL row of each right column
	alone []int32
	out   vec.Batch
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
	j := &IndexJoin{spec: s, cols: make([]vec.Vec, len(s.Keys))}
	j.pairs = vec.NewBatch(append(append([]types.Type(nil), s.Left...), s.Right...))
	for _, t := range s.Right {
		v := vec.New(t)
		vec.AppendNull(v)
		j.nulls = append(j.nulls, v)
	}
	return j
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
	j.hit = sized(j.hit, b.Rows)
	clear(j.hit)
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
	j.keyed = j.keyed[:0]
	nullable := someNull(j.cols)
	for _, r := range sel {
		if !nullable || !anyNull(j.cols, int(r)) {
			j.keyed = append(j.keyed, r)
		}
	}
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
	j.own, j.other = j.own[:0], j.other[:0]
	enough := j.spec.Kind.KeepsLeft()
	pair := func(r int32) error {
		j.found++
		for l := j.chain.heads[of[r]]; l >= 0; l = j.chain.next[l] {
			if enough && j.hit[l] {
				continue
			}
			if enough && j.spec.Cond == nil {
				j.hit[l] = true
				continue
			}
			j.own, j.other = append(j.own, l), append(j.other, r)
			if len(j.own) < vec.MaxRows {
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

// flush passes on the pairs that the condition keeps.
func (j *IndexJoin) flush(ctx context.Context, b, rows *vec.Batch, out Output) error {
	n := len(j.own)
	if n == 0 {
		return nil
	}
	width := len(j.spec.Left)
	j.pairs.Reset()
	for i, c := range b.Cols {
		vec.CopyRows(j.pairs.Cols[i], c, j.own)
	}
	for i, c := range rows.Cols {
		vec.CopyRows(j.pairs.Cols[width+i], c, j.other)
	}
	j.pairs.Rows, j.pairs.Sel = n, nil
	var failed error
	if j.spec.Cond != nil {
		var err error
		if j.pairs.Sel, failed, err = passing(j.spec.Cond, j.pairs, j.spec.Fault); err != nil {
			return err
		}
		if j.pairs.Sel == nil {
			j.pairs.Sel = []int32{}
		}
	}
	some := false
	if j.pairs.Sel == nil {
		for _, l := range j.own {
			j.hit[l], some = true, true
		}
	}
	for _, i := range j.pairs.Sel {
		j.hit[j.own[i]], some = true, true
	}
	j.own, j.other = j.own[:0], j.other[:0]
	if some && !j.spec.Kind.KeepsLeft() {
		j.out = vec.Batch{Cols: j.pairs.Cols, Sel: j.pairs.Sel, Rows: n}
		if err := out.Emit(ctx, &j.out); err != nil {
			return err
		}
	}
	return failed
}

// leftover passes on the left rows that go out by themselves.
func (j *IndexJoin) leftover(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	if j.spec.Kind == plan.JoinInner {
		return nil
	}
	j.alone = j.alone[:0]
	for _, r := range sel {
		if j.hit[r] == (j.spec.Kind == plan.JoinSemi) {
			j.alone = append(j.alone, r)
		}
	}
	if len(j.alone) == 0 {
		return nil
	}
	cols := append(j.out.Cols[:0:0], b.Cols...)
	if j.spec.Kind == plan.JoinLeft {
		for _, null := range j.nulls {
			cols = append(cols, vec.ConstOf(null, b.Rows))
		}
	}
	j.out = vec.Batch{Cols: cols, Sel: j.alone, Rows: b.Rows}
	return out.Emit(ctx, &j.out)
}

// Looked is how many keys were looked up, and how many rows were found.
func (j *IndexJoin) Looked() (keys, rows int64) { return j.keys, j.found }

// Close closes the Lookup.
func (j *IndexJoin) Close() error { return j.spec.Lookup.Close() }
