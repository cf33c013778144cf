package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// HashCopy holds the rows of a table that changes, by keys: in memory, or, where its
// account has no room and can spill, on disk. It belongs to one goroutine.
type HashCopy struct {
	programs []*expr.Program
	keyTypes []types.Type
	types    []types.Type
	fault    Fault
	account  *memory.Account

	side  *changesSide
	table *table // of the keys; nil: there are none
	dead  int    // rows that count nothing
	ids   []int32
	live  []int32
	sel   selector
	part  *vec.Batch
	rows  []int32
	of    []int32

	stored *storedRight // rows that are on disk; nil: none are
	bytes  int64        // about how many of those there are
}

// NewHashCopy returns an empty one, of rows of the types with the keys that the
// programs compute.
func NewHashCopy(ts []types.Type, keys []*expr.Program, keyTypes []types.Type, account *memory.Account, fault Fault) *HashCopy {
	c := &HashCopy{programs: keys, keyTypes: keyTypes, types: ts, fault: fault, account: account, part: vec.NewBatch(ts)}
	c.open()
	return c
}

func (c *HashCopy) open() {
	c.side = newChangesSide(c.types, len(c.keyTypes), false, false, c.account)
	c.table, c.dead = nil, 0
	if len(c.keyTypes) > 0 {
		c.table = newTable(c.keyTypes, c.account, "JOIN")
	}
}

// Apply takes rows that come and go.
func (c *HashCopy) Apply(ctx context.Context, b *vec.Batch) error {
	if c.stored.filling() {
		if !hasDelete(b) {
			return c.toDisk(ctx, b, nil)
		}
		if err := c.stored.finish(ctx); err != nil {
			return err
		}
	}
	if err := c.change(b); err != nil {
		return err
	}
	if !c.full() {
		return nil
	}
	if err := c.store(ctx); err != nil {
		return err
	}
	return c.account.Check()
}

// change takes rows that come and go into memory.
func (c *HashCopy) change(b *vec.Batch) error {
	s := c.side
	sel, err := runAll(c.programs, b, s.keys, c.fault, &c.live)
	if err != nil {
		return err
	}
	sel = c.sel.all(sel, b.Rows)
	c.ids = sized(c.ids, b.Rows)
	if c.table == nil {
		clear(c.ids)
	} else if err := c.table.assign(s.keys, b.Rows, sel, c.ids); err != nil {
		return err
	}
	had := len(s.now)
	if err := s.add(b, s.wanted(sel, c.ids), c.ids); err != nil {
		return err
	}
	for _, row := range s.touched {
		switch was, is := s.before[row] != 0, s.now[row] != 0; {
		case !is && (was || int(row) >= had):
			c.dead++
		case !was && is && int(row) < had:
			c.dead--
		}
		s.before[row] = s.now[row]
		s.listed.unset(row)
	}
	s.touched = s.touched[:0]
	return c.compact()
}

// compact makes the copy anew where most of its rows count nothing.
func (c *HashCopy) compact() error {
	if c.dead < fewRows || 2*c.dead < len(c.side.now) {
		return nil
	}
	was, keys := c.side, c.table
	c.open()
	err := eachCounted(was, func(row int) int64 { return was.now[row] }, c.change)
	if err == nil {
		err = eachCounted(was, func(row int) int64 { return -was.now[row] }, c.take)
	}
	if keys != nil {
		keys.close()
	}
	was.close()
	return err
}

// take takes rows into memory that go.
func (c *HashCopy) take(b *vec.Batch) error {
	b.Ops = slices.Repeat([]vec.Op{vec.Delete}, b.Rows)
	return c.change(b)
}

// Find is Lookup's.
func (c *HashCopy) Find(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
	c.ids = sized(c.ids, n)
	if c.table == nil {
		clear(c.ids)
	} else {
		c.table.lookup(keys, n, c.sel.all(nil, n), c.ids)
	}
	c.rows, c.of = c.rows[:0], c.of[:0]
	flush := func() error {
		if len(c.rows) == 0 {
			return nil
		}
		c.part.Reset()
		for i, v := range c.side.columns() {
			vec.CopyRows(c.part.Cols[i], v, c.rows)
		}
		c.part.Rows = len(c.rows)
		err := f(c.part, c.of)
		c.rows, c.of = c.rows[:0], c.of[:0]
		return err
	}
	for k := range n {
		err := c.side.each(c.ids[k], func(row int32) error {
			for range c.side.now[row] {
				c.rows, c.of = append(c.rows, row), append(c.of, int32(k))
				if len(c.rows) < vec.MaxRows {
					continue
				}
				if err := flush(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := flush(); err != nil || c.stored == nil {
		return err
	}
	return c.findStored(ctx, keys, n, f)
}

// Close gives the rows back. It may be called twice.
func (c *HashCopy) Close() error {
	if c.table != nil {
		c.table.close()
	}
	c.side.close()
	c.stored.close()
	return nil
}
