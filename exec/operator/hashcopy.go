package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// HashCopy holds the rows of a table that changes, by keys. It belongs to one
// goroutine.
type HashCopy struct {
	programs []*expr.Program
	keyTypes []types.Type
	types    []types.Type
	fault    Fault
	account  *memory.Account

	side  *changesSide
	table *table // of the keys; nil: there are none
	dead  int    // rows that are there no more
	ids   []int32
	live  []int32
	sel   selector
	part  *vec.Batch
	rows  []int32
	of    []int32
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
func (c *HashCopy) Apply(b *vec.Batch) error {
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
		switch was, is := s.before[row] > 0, s.now[row] > 0; {
		case was && !is:
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

// compact makes the copy anew where most of its rows are there no more.
func (c *HashCopy) compact() error {
	if c.dead < fewRows || 2*c.dead < len(c.side.now) {
		return nil
	}
	was := *c
	c.open()
	part := vec.NewBatch(c.types)
	flush := func() error {
		if part.Rows == 0 {
			return nil
		}
		err := c.Apply(part)
		part.Reset()
		return err
	}
	for row, n := range was.side.now {
		for range n {
			for i, v := range was.side.columns() {
				vec.AppendRow(part.Cols[i], v, row)
			}
			if part.Rows++; part.Rows == vec.MaxRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	err := flush()
	was.close()
	return err
}

// Find is Lookup's.
func (c *HashCopy) Find(_ context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
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
	return flush()
}

func (c *HashCopy) close() {
	if c.table != nil {
		c.table.close()
	}
	c.side.close()
}

// Close gives the rows back. It may be called twice.
func (c *HashCopy) Close() error {
	c.close()
	return nil
}
