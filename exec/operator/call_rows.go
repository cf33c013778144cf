package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// callRows keeps the rows of a call over a stream, each as often as it is there,
// where its function must see all of them whenever its value is asked for: in an
// order, or because it cannot take a row out again. It is a multiset, ordered when
// it is read. Counts are signed: a Delete may come before its Insert.
type callRows struct {
	*distinctRows // of the group, the arguments, and what ORDER BY sorts by
	keys          []SortKey
	first         int // column of the first key
	once          bool
	fresh         func() (aggregate.Aggregate, error)

	of     [][]int32 // of each group: its rows, among them some that are there no more
	listed []bool    // by row: it is in of
	picked []int32
	groups []int32
	part   *vec.Batch
}

func newCallRows(s CallSpec, k keptColumns) *callRows {
	return &callRows{distinctRows: newDistinctRows(k.types, s.Account), keys: s.OrderBy, first: 1 + len(s.Args), once: s.Distinct, fresh: s.New,
		part: vec.NewBatch(k.types)}
}

// grow makes groups 0 to n-1.
func (c *callRows) grow(n int) {
	for len(c.of) < n {
		c.of = append(c.of, nil)
	}
}

// add counts rows of kept columns.
func (c *callRows) add(b *vec.Batch) error {
	if _, err := c.changed(b); err != nil {
		return err
	}
	groups := b.Cols[0].(*vec.Fixed[int32]).Values
	for _, r := range c.sel.of(b) {
		c.list(groups[r], c.ids[r])
	}
	return nil
}

// list notes that a row is of a group.
func (c *callRows) list(group, row int32) {
	for len(c.listed) <= int(row) {
		c.listed = append(c.listed, false)
	}
	if !c.listed[row] {
		c.listed[row] = true
		c.of[group] = append(c.of[group], row)
	}
}

// rowsOf are the rows of a group, in their order; those that compare as equal in the
// order in which they came first.
func (c *callRows) rowsOf(g int32) []int32 {
	rows := c.of[g][:0]
	for _, id := range c.of[g] {
		if c.counts[id] == 0 {
			c.listed[id] = false
			continue
		}
		rows = append(rows, id)
	}
	c.of[g] = rows
	cols := c.table.keys[c.first:]
	slices.SortFunc(rows, func(a, b int32) int {
		for k := range c.keys {
			if x := c.keys[k].compare(cols[k], int(a), cols[k], int(b)); x != 0 {
				return x
			}
		}
		return int(a - b)
	})
	return rows
}

// results appends the value of each group.
func (c *callRows) results(ctx context.Context, groups []int32, dst vec.Vec) error {
	f, err := c.fresh()
	if err != nil {
		return err
	}
	f.Grow(len(groups))
	numbers := make([]int32, len(groups))
	for i, g := range groups {
		numbers[i] = int32(i)
		for _, id := range c.rowsOf(g) {
			n := c.counts[id]
			if c.once {
				n = min(n, 1)
			}
			for ; n > 0; n-- {
				c.picked, c.groups = append(c.picked, id), append(c.groups, int32(i))
				if len(c.picked) < vec.MaxRows {
					continue
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := c.give(f); err != nil {
					return err
				}
			}
		}
	}
	if err := c.give(f); err != nil {
		return err
	}
	return f.Result(numbers, dst)
}

// give gives the rows that are picked to a function.
func (c *callRows) give(f aggregate.Aggregate) error {
	c.part.Reset()
	args := c.part.Cols[1:c.first]
	for i, col := range args {
		vec.CopyRows(col, c.table.keys[1+i], c.picked)
	}
	err := f.Add(c.groups, args, nil, nil)
	c.picked, c.groups = c.picked[:0], c.groups[:0]
	return err
}

// combine gives group to all that group from has.
func (c *callRows) combine(to, from int32) error {
	for ids := range slices.Chunk(c.rowsOf(from), vec.MaxRows) {
		c.part.Reset()
		for range ids {
			c.part.Cols[0].(*vec.Fixed[int32]).Append(to)
		}
		for i, col := range c.part.Cols[1:] {
			vec.CopyRows(col, c.table.keys[1+i], ids)
		}
		sel := c.sel.all(nil, len(ids))
		c.ids = sized(c.ids, len(ids))
		if err := c.table.assign(c.part.Cols, len(ids), sel, c.ids); err != nil {
			return err
		}
		for len(c.counts) < c.table.Len() {
			c.counts = append(c.counts, 0)
		}
		for i, id := range ids {
			c.counts[c.ids[i]] += c.counts[id]
			c.list(to, c.ids[i])
		}
		if c.kept != nil {
			c.kept.touch(c.ids, sel)
		}
	}
	c.clear(from)
	return nil
}

// clear takes all rows of a group out.
func (c *callRows) clear(g int32) {
	for _, id := range c.of[g] {
		c.counts[id], c.listed[id] = 0, false
		if c.kept != nil {
			c.kept.touchOne(id)
		}
	}
	c.of[g] = c.of[g][:0]
}

// relist lists the rows of all groups anew, of which there are n: they have been
// restored, or numbered anew.
func (c *callRows) relist(n int) {
	c.of, c.listed = nil, nil
	c.grow(n)
	for id, g := range c.table.keys[0].(*vec.Fixed[int32]).Values {
		if c.counts[id] != 0 {
			c.list(g, int32(id))
		}
	}
}

// noState stands for the state of a function whose rows are kept.
type noState struct{}

func (noState) Grow(int) {}

func (noState) Add([]int32, []vec.Vec, []int32, []vec.Op) error { return errNoState }

func (noState) Result([]int32, vec.Vec) error { return errNoState }

func (noState) Bytes() int64 { return 0 }

func (noState) Save(_ int32, dst []byte) []byte { return dst }

func (noState) Load(_ int32, src []byte) ([]byte, error) { return src, nil }

var errNoState = sqlerr.Errorf(sqlerr.InternalError, "an aggregate whose rows are kept has no state of its own")
