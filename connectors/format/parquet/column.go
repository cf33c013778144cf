package parquet

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// column fills one column of a batch.
type column struct {
	of   catalog.Column
	node *node // nil: the file has none of the name, and all rows are NULL
	// leaves are those below the node; a flat column has one, and no value of it repeats.
	leaves   []*leaf
	flat     bool
	convert  convert // of a flat column, and of an array's elements
	monotone bool
	list     *node // of an array, the node that repeats
	json     []byte

	bad   error // of the row in hand
	space int   // bytes that the rows of a fill may take
}

// newColumn compiles a column. A name that the file has not is NULL in every row, as a
// file that was written before the column was added has it.
func newColumn(f *File, of catalog.Column, pack *packer, format *types.Format) (*column, error) {
	c := &column{of: of, node: f.root.find(of.Name)}
	if c.node == nil {
		return c, nil
	}
	n := c.node
	for _, below := range f.leaves[n.first:n.last] {
		if below.phys == physFixed && below.length <= 0 {
			return nil, corrupt("column %q has values of %d bytes", below.path, below.length)
		}
		c.leaves = append(c.leaves, &leaf{node: below, pack: pack})
	}
	var err error
	info := types.Lookup(of.Type.OID)
	switch {
	case n.leaf >= 0 && n.rep == 0:
		c.flat = true
		c.convert, c.monotone, err = c.leaves[0].compile(of.Type, format)
	case info != nil && info.Phys == types.PhysList && n.rep == 0 || info != nil && info.Phys == types.PhysList && n.repetition == repeated && n.leaf >= 0:
		r, item := n.items()
		if n.repetition == repeated {
			r, item = n, n
		}
		if item == nil || item.leaf < 0 {
			return nil, mismatch(n, of.Type)
		}
		c.list = r
		c.convert, _, err = c.leaves[0].compile(types.Type{OID: info.Elem, Mod: of.Type.Mod}, format)
	case of.Type.OID == types.JSONB || of.Type.OID == types.JSON || of.Type.OID == types.Text:
	default:
		err = mismatch(n, of.Type)
	}
	if err != nil {
		e := *sqlerr.From(err)
		e.Column = of.Name
		return nil, &e
	}
	return c, nil
}

// start takes up a row group.
func (c *column) start(f *File, g *group) error {
	for _, l := range c.leaves {
		if err := l.start(f.r, f.size, &g.chunks[l.node.leaf], f.settings.Window); err != nil {
			return c.named(err)
		}
		l.cur, l.have = 0, 0
	}
	return nil
}

// named gives an error the column's name.
func (c *column) named(err error) error {
	e := *sqlerr.From(err)
	e.Column = c.of.Name
	return &e
}

// fill appends n rows. bad takes the rows that do not convert, which are NULL then.
func (c *column) fill(dst vec.Vec, n int, bad func(row int, err error)) error {
	switch {
	case c.node == nil:
		for range n {
			vec.AppendNull(dst)
		}
		return nil
	case c.flat:
		return c.fillFlat(dst, n, bad)
	}
	for row := range n {
		c.bad = nil
		at := dst.Len()
		if err := c.row(dst); err != nil {
			return err
		}
		if weight(dst) > c.space {
			return crowded(n)
		}
		if c.bad != nil {
			vec.Truncate(dst, at)
			vec.AppendNull(dst)
			bad(row, c.bad)
		}
	}
	return nil
}

func (c *column) fillFlat(dst vec.Vec, n int, bad func(row int, err error)) error {
	l := c.leaves[0]
	for row := 0; row < n; {
		got, values, err := l.take(n - row)
		if err != nil {
			return err
		}
		if weight(dst)+l.scratch.weight(l.node.phys, values) > c.space {
			return crowded(n)
		}
		if values == got {
			c.append(dst, row, 0, got, bad)
		} else if values == 0 {
			for range got {
				vec.AppendNull(dst)
			}
		} else {
			c.scatter(dst, row, l.defBuf, bad)
		}
		row += got
	}
	return nil
}

// scatter appends the values of the scratch where the levels have one.
func (c *column) scatter(dst vec.Vec, row int, levels []uint8, bad func(row int, err error)) {
	most := uint8(c.node.def)
	value := 0
	for i := 0; i < len(levels); {
		k := i
		for k < len(levels) && levels[k] == most {
			k++
		}
		if k > i {
			c.append(dst, row+i, value, value+k-i, bad)
			value += k - i
		}
		for i = k; i < len(levels) && levels[i] != most; i++ {
			appendNull(dst)
		}
	}
}

func appendNull(dst vec.Vec) {
	switch d := dst.(type) {
	case *vec.Fixed[int64]:
		d.AppendNull()
	case *vec.Fixed[int32]:
		d.AppendNull()
	case *vec.Bytes:
		d.AppendNull()
	case *vec.Numeric:
		d.AppendNull()
	default:
		vec.AppendNull(dst)
	}
}

// append appends values [from, to), which are those of the rows from row on.
func (c *column) append(dst vec.Vec, row, from, to int, bad func(row int, err error)) {
	for at := from; at < to; {
		next, err := c.convert(dst, at, to)
		if err != nil {
			appendNull(dst)
			bad(row+next-from, err)
			next++
		}
		at = next
	}
}

// skip passes over n rows.
func (c *column) skip(n int64) error {
	for _, l := range c.leaves {
		var err error
		if l.node.rep == 0 {
			err = l.skip(n)
		} else {
			err = l.skipRows(n)
		}
		if err != nil {
			return c.named(err)
		}
	}
	return nil
}
