package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// ScanSpec says which rows a scan delivers, and what of them.
type ScanSpec struct {
	// Columns are places in Relation.Columns, each once; the place behind the
	// last is the row id, a bigint.
	Columns []int
	// Index gives the rows in its order; nil: in order of their ids.
	Index *catalog.Index
	// Points are beginnings of the index's keys, each in the types of its first
	// columns: rows whose keys begin so, in the index's order. A NULL is found by
	// a NULL. Without Points, From and To bound the keys, in the index's order.
	Points   [][]types.Value
	From, To Bound
	// RowIDs are the rows to deliver, in this order, where they are there. It
	// goes without Index.
	RowIDs []int64
	// Latest reads what is committed last and all that the transaction has
	// written, instead of what the snapshot sees.
	Latest bool
	// Unnoted: a serializable transaction does not count on what is read; locks keep
	// it as it is.
	Unnoted bool
	// Backward turns the order around.
	Backward bool
}

// Bound is one end of a range of an index's keys: the values of its first
// columns. Not Set: no end.
type Bound struct {
	Values    []types.Value
	Inclusive bool
	Set       bool
}

// span is a range of keys: [from, to), to nil: no end.
type span struct{ from, to []byte }

// Scan delivers rows of one table as a snapshot sees them. It belongs to one
// goroutine.
type Scan struct {
	s      *Snapshot
	d      *Desc
	ix     *index
	spec   ScanSpec
	base   *roots
	held   bool // base is this scan's own reference
	reader rowkey.Reader
	attrs  []int
	cols   []vec.Vec
	id     int // the column that takes row ids, -1: none

	spans []span
	exact bool      // the one key of a unique index: look it up
	ends  [2][]byte // memory of a single point's range
	at    int       // in spans, or in spec.RowIDs
	begun bool
	done  bool

	main    merge // of what is walked: the table's rows, or the index's entries
	rows    fetch // of the table's rows by id
	mainSrc stored
	rowsSrc stored
}

// Scan starts a scan.
func (s *Snapshot) Scan(d *Desc, spec ScanSpec) *Scan {
	c := &Scan{}
	s.ScanInto(c, d, spec)
	return c
}

// ScanInto makes c a new scan, keeping its memory.
func (s *Snapshot) ScanInto(c *Scan, d *Desc, spec ScanSpec) {
	c.Close()
	c.s, c.d, c.spec, c.ix = s, d, spec, nil
	c.base, c.begun, c.done, c.at, c.spans, c.exact = s.base, false, false, 0, c.spans[:0], false
	var own func(storage uint32) *node = s.own
	if spec.Latest && s.x != nil {
		c.base, c.held = s.t.newest(), true
		own = s.x.now
	}
	c.attrs, c.id = c.attrs[:0], -1
	for i, place := range spec.Columns {
		if place == len(d.Relation.Columns) {
			c.id = i
			continue
		}
		c.attrs = append(c.attrs, d.attrs[place])
	}
	c.reader.Reset(d.layout, c.attrs)
	c.rowsSrc = stored{s.t, d.storage, c.base.version}
	rows, over := c.base.get(d.storage).n, own(d.storage)
	switch {
	case spec.Index != nil:
		c.ix = d.index(spec.Index)
		c.mainSrc = stored{s.t, c.ix.Storage, c.base.version}
		c.main.reset(c.base.get(c.ix.Storage).n, &c.mainSrc, own(c.ix.Storage), spec.Backward)
		c.rows.reset(rows, &c.rowsSrc, over)
		c.bound()
	case spec.RowIDs != nil:
		c.rows.reset(rows, &c.rowsSrc, over)
	default:
		c.main.reset(rows, &c.rowsSrc, over, spec.Backward)
		c.spans = append(c.spans, span{})
	}
	if s.x != nil && s.x.level == Serializable && !spec.Unnoted {
		s.x.note(c)
	}
}

// now is what the transaction has written to a storage up to this point.
func (x *Txn) now(storage uint32) *node {
	for _, o := range x.over {
		if o.storage == storage {
			return o.edit.freeze()
		}
	}
	return nil
}

// Close lets go of what the scan reads. It may be called at any time, and again.
func (c *Scan) Close() {
	if c.held {
		c.s.t.release(c.base)
		c.held = false
	}
	c.done = true
}

// Forget is Close of a scan that is kept for ScanInto: it then holds no version of
// a table.
func (c *Scan) Forget() {
	c.Close()
	c.s, c.base = nil, nil
	c.main.base.forget()
	c.main.over.forget()
	c.rows.base.forget()
	c.rows.over = nil
	c.spec = ScanSpec{}
}

// bound turns the bounds into ranges of keys, in the order of the scan.
func (c *Scan) bound() {
	if len(c.spec.Points) == 1 {
		p := c.spec.Points[0]
		key, null := c.ix.enc.AppendValues(c.ends[0][:0], p)
		c.ends[0] = key
		c.ends[1] = append(c.ends[1][:0], key...)
		c.spans = append(c.spans, span{key, rowkey.After(c.ends[1])})
		c.exact = c.ix.Unique && !null && len(p) == len(c.ix.Keys)
		return
	}
	if c.spec.Points != nil {
		for _, p := range c.spec.Points {
			key, _ := c.ix.enc.AppendValues(nil, p)
			c.spans = append(c.spans, span{key, rowkey.After(slices.Clone(key))})
		}
		if len(c.spans) > 1 {
			slices.SortFunc(c.spans, func(a, b span) int { return bytes.Compare(a.from, b.from) })
			kept := c.spans[:1]
			for _, p := range c.spans[1:] {
				// A longer beginning within a shorter one is there already.
				if last := kept[len(kept)-1]; last.to != nil && bytes.Compare(p.from, last.to) >= 0 {
					kept = append(kept, p)
				}
			}
			c.spans = kept
		}
		if c.spec.Backward {
			slices.Reverse(c.spans)
		}
		return
	}
	var r span
	if f := c.spec.From; f.Set {
		r.from, _ = c.ix.enc.AppendValues(nil, f.Values)
		if !f.Inclusive {
			if r.from = rowkey.After(r.from); r.from == nil {
				return // nothing is above
			}
		}
	}
	if t := c.spec.To; t.Set {
		r.to, _ = c.ix.enc.AppendValues(nil, t.Values)
		if t.Inclusive {
			r.to = rowkey.After(r.to)
		}
	}
	c.spans = append(c.spans, r)
}

// Next appends up to vec.MaxRows rows to the batch's columns, which are the
// spec's, and sets its length. io.EOF: there are none left.
func (c *Scan) Next(ctx context.Context, b *vec.Batch) error {
	if c.done {
		return io.EOF
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.cols = c.cols[:0]
	var ids *vec.Fixed[int64]
	for i, v := range b.Cols {
		if i == c.id {
			ids = v.(*vec.Fixed[int64])
			continue
		}
		c.cols = append(c.cols, v)
	}
	n := 0
	for n < vec.MaxRows {
		id, value, err := c.step()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && len(c.cols) > 0 {
			err = c.reader.Read(rowBody(value), c.cols)
		}
		if err != nil {
			c.Close()
			return fmt.Errorf("reading table %s: %w", c.d.Relation.Name, err)
		}
		if ids != nil {
			ids.Append(id)
		}
		n++
	}
	b.Rows = n
	if n == 0 {
		c.Close()
		return io.EOF
	}
	return nil
}

// step goes to the next row.
func (c *Scan) step() (id int64, value []byte, err error) {
	if c.spec.RowIDs != nil {
		return c.stepID()
	}
	key, value, err := c.stepMain()
	if err != nil {
		return 0, nil, err
	}
	if c.ix == nil {
		return rowID(key), value, nil
	}
	id = indexRow(key, value)
	if c.s.x != nil && c.s.x.level == Serializable && !c.spec.Unnoted {
		c.s.x.noteRow(c.d, id)
	}
	value, found, err := c.rows.get(id)
	if err == nil && !found {
		err = fmt.Errorf("index %s has an entry of row %d, which is not there", c.ix.Name, id)
	}
	return id, value, err
}

func (c *Scan) stepID() (id int64, value []byte, err error) {
	for c.at < len(c.spec.RowIDs) {
		id = c.spec.RowIDs[c.at]
		c.at++
		value, found, err := c.rows.get(id)
		if found || err != nil {
			return id, value, err
		}
	}
	return 0, nil, io.EOF
}

// stepMain goes to the next entry of the ranges.
func (c *Scan) stepMain() (key, value []byte, err error) {
	if c.exact {
		return c.stepExact()
	}
	for {
		if !c.begun {
			if c.at >= len(c.spans) {
				return nil, nil, io.EOF
			}
			if err := c.main.seek(c.spans[c.at]); err != nil {
				return nil, nil, err
			}
			c.begun = true
		}
		key, value, ok, err := c.main.next()
		if ok || err != nil {
			return key, value, err
		}
		c.begun = false
		c.at++
	}
}

// stepExact finds the one entry there can be.
func (c *Scan) stepExact() (key, value []byte, err error) {
	if c.at > 0 {
		return nil, nil, io.EOF
	}
	c.at, key = 1, c.spans[0].from
	value, found, err := lookup(c.main.over.root, resident{}, key)
	if !found && err == nil {
		value, found, err = lookup(c.main.base.root, &c.mainSrc, key)
	}
	if err == nil && (!found || isTombstone(value)) {
		err = io.EOF
	}
	return key, value, err
}
