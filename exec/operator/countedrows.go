package operator

import (
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// countedRows are the rows of an input that changes, by partition: each distinct row
// once, with how often it is there; less than never where a Delete came before its
// Insert. It is embedded by operators that compute a partition anew when it has
// changed, and stores the rows for them.
type countedRows struct {
	account *memory.Account
	what    string       // holds the rows, for the account
	types   []types.Type // of a row's columns
	by      []int        // of which these, one after another, are the partition's
	parts   *table       // of the partitions; nil: there is one
	rows    *table       // distinct rows
	members [][]int32    // the rows of each partition
	now     []int64
	before  []int64 // at the last barrier
	alive   int     // rows that were there then
	dirty   []int32 // partitions that have changed since
	changed rowMarks
	touched []int32 // rows that have; some may be listed twice
	ids     []int32 // of a batch's rows
	groups  []int32 // and their partitions
	sel     selector
	held    int64
	kept    *keptTable // nil: nothing is stored
	anew    bool       // rows have other numbers: all pages go
}

// newCountedRows returns countedRows for rows of types, of which keys from first on
// are the partition's.
func newCountedRows(what string, account *memory.Account, ts []types.Type, first, keys int) countedRows {
	c := countedRows{account: account, what: what, types: ts, by: make([]int, keys)}
	for i := range c.by {
		c.by[i] = first + i
	}
	c.makeTables()
	return c
}

func (c *countedRows) makeTables() {
	if len(c.by) > 0 {
		c.parts = newTable(c.types[c.by[0]:][:len(c.by)], c.account, c.what)
	}
	c.rows = newRowTable(c.types, c.account, c.what)
}

// count takes rows of a batch in, or out. cols are b's, with those that its rows have
// more.
func (c *countedRows) count(b *vec.Batch, cols []vec.Vec, sel []int32) error {
	if err := c.assign(cols, b.Rows, sel); err != nil {
		return err
	}
	for _, r := range sel {
		id, g := c.ids[r], c.groups[r]
		if c.now[id] == c.before[id] {
			c.touched = append(c.touched, id)
		}
		if b.Op(int(r)) == vec.Delete {
			c.now[id]--
		} else {
			c.now[id]++
		}
		if !c.changed.get(g) {
			c.changed.set(g)
			c.dirty = append(c.dirty, g)
		}
	}
	return c.charge()
}

// assign writes the partitions of rows to groups, and their numbers to ids.
func (c *countedRows) assign(cols []vec.Vec, n int, sel []int32) error {
	c.ids, c.groups = sized(c.ids, n), sized(c.groups, n)
	groups := 1
	if c.parts == nil {
		clear(c.groups)
	} else {
		if err := c.parts.assign(cols[c.by[0]:][:len(c.by)], n, sel, c.groups); err != nil {
			return err
		}
		groups = c.parts.Len()
	}
	for len(c.members) < groups {
		c.members = append(c.members, nil)
	}
	if err := c.rows.assign(cols, n, sel, c.ids); err != nil {
		return err
	}
	for _, r := range sel {
		if id := c.ids[r]; int(id) == len(c.now) {
			c.now, c.before = append(c.now, 0), append(c.before, 0)
			c.members[c.groups[r]] = append(c.members[c.groups[r]], id)
		}
	}
	if c.kept != nil {
		c.kept.touch(c.ids, sel)
	}
	return nil
}

// charge counts what is held beside the tables.
func (c *countedRows) charge() error {
	size := int64(cap(c.now)+cap(c.before))*8 + int64(len(c.now))*4 + int64(cap(c.members))*24
	if err := c.account.Resize(c.held, size); err != nil {
		return err
	}
	c.held = size
	return nil
}

// settle ends an epoch: what is, was before the next.
func (c *countedRows) settle() {
	for _, id := range c.touched {
		c.become(id, c.now[id])
	}
	for _, g := range c.dirty {
		c.changed.unset(g)
	}
	c.dirty, c.touched = c.dirty[:0], c.touched[:0]
}

// become sets how often a row is there and was.
func (c *countedRows) become(id int32, n int64) {
	if was := c.before[id] != 0; was != (n != 0) {
		if was {
			c.alive--
		} else {
			c.alive++
		}
	}
	c.now[id], c.before[id] = n, n
}

// forget has a row be there no more, and not have been.
func (c *countedRows) forget(id int32) {
	c.become(id, 0)
	if c.kept != nil {
		c.kept.touchOne(id)
	}
}

// sparse reports whether most rows are not there any more, so that they are worth
// compacting.
func (c *countedRows) sparse() bool { return len(c.now) >= fewRows && 2*c.alive <= len(c.now) }

// compact makes the tables anew of the rows that are there. It is called when an epoch
// has been settled. again is called with each row's number and partition.
func (c *countedRows) compact(again func(id, g int32)) error {
	rows, parts, counts := c.rows, c.parts, c.now
	var left []int32
	for id, n := range counts {
		if n != 0 {
			left = append(left, int32(id))
		}
	}
	c.makeTables()
	c.now, c.before, c.members, c.changed, c.alive = nil, nil, nil, nil, 0
	part := vec.NewBatch(rows.types)
	for some := range slices.Chunk(left, vec.MaxRows) {
		part.Reset()
		for i, col := range part.Cols {
			vec.CopyRows(col, rows.keys[i], some)
		}
		if err := c.assign(part.Cols, len(some), c.sel.all(nil, len(some))); err != nil {
			return err
		}
		for i, id := range some {
			c.become(c.ids[i], counts[id])
			again(c.ids[i], c.groups[i])
		}
	}
	rows.close()
	if parts != nil {
		parts.close()
	}
	if c.kept != nil {
		c.anew = true
		c.kept.renumbered(len(c.now))
	}
	return c.charge()
}

// Close gives the rows back.
func (c *countedRows) Close() error {
	if c.parts != nil {
		c.parts.close()
	}
	c.rows.close()
	c.account.Release(c.held)
	c.held, c.now, c.before, c.members = 0, nil, nil, nil
	return nil
}

// Keep has the operator remember which rows were counted.
func (c *countedRows) Keep() error {
	c.kept = newKeptTable([]byte{tagGroups}, c.types)
	c.kept.by = c.by // of one partition a share has all
	return nil
}

// Save writes the counts that changed.
func (c *countedRows) Save(w StateWriter) error {
	if c.anew {
		c.kept.drop(w)
		c.anew = false
	}
	return c.kept.save(w, c.rows.keys, len(c.now), func(id int32, dst []byte) []byte {
		return binary.AppendVarint(dst, c.now[id])
	})
}

// restore brings the counts back, as they were at a barrier, and calls again as compact
// does.
func (c *countedRows) restore(r StateReader, again func(id, g int32)) error {
	one := []int32{0}
	add := func(row []vec.Vec, _ int32) error { return c.assign(row, 1, one) }
	err := c.kept.restore(r, c.rows, len(c.now), add, func(id int32, src []byte) error {
		n, size := binary.Varint(src)
		if size <= 0 || int(id) >= len(c.now) {
			return errKept
		}
		c.become(id, n)
		again(id, c.groups[0])
		return nil
	})
	if err != nil {
		return err
	}
	return c.charge()
}
