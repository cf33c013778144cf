package parquet

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A row of a column that has others inside is put together of its leaves' values by
// their levels: the definition level says how far down a value's path is there, the
// repetition level at which list the value goes on. Where something on the path is
// absent, every leaf below has one entry that says so.

// cursor is where a leaf is among the entries that were taken.
type cursor struct {
	cur, have int // of the levels taken
	value     int // of the scratch
}

// peek returns the levels of the next entry; end: the row group has none.
func (l *leaf) peek() (rep, def int, end bool, err error) {
	if l.cur == l.have {
		if l.left == 0 && l.values == 0 {
			return 0, 0, true, nil
		}
		if l.have, _, err = l.take(1024); err != nil {
			return 0, 0, false, err
		}
		l.cur, l.value = 0, 0
	}
	def = l.node.def
	if def > 0 {
		def = int(l.defBuf[l.cur])
	}
	if l.node.rep > 0 {
		rep = int(l.repBuf[l.cur])
	}
	return rep, def, false, nil
}

// pass moves behind the next entry.
func (l *leaf) pass() {
	if l.node.def == 0 || int(l.defBuf[l.cur]) == l.node.def {
		l.value++
	}
	l.cur++
}

// skipRows passes over n rows of a leaf that repeats.
func (l *leaf) skipRows(n int64) error {
	for begun := int64(0); ; l.pass() {
		rep, _, end, err := l.peek()
		if err != nil {
			return err
		}
		if end || rep == 0 {
			if begun == n {
				return nil
			}
			begun++
		}
		if end {
			return corrupt("it has fewer values than its row group has rows")
		}
	}
}

// row puts together the next row.
func (c *column) row(dst vec.Vec) error {
	for _, l := range c.leaves {
		rep, _, end, err := l.peek()
		if err != nil {
			return err
		}
		if end || rep != 0 {
			return corrupt("its values do not part into the rows of its row group")
		}
	}
	if c.list != nil {
		return c.array(dst.(*vec.List))
	}
	absent, err := c.absent(c.node)
	if err != nil {
		return err
	}
	if absent && c.node.repetition != repeated {
		c.skipAbsent(c.node)
		vec.AppendNull(dst)
		return nil
	}
	if c.json, err = c.appendJSON(c.json[:0], c.node, false); err != nil {
		return err
	}
	d := dst.(*vec.Bytes)
	if c.of.Type.OID != types.JSONB {
		d.Append(c.json)
		return nil
	}
	if c.bad != nil {
		d.AppendNull()
		return nil //nolint:nilerr // it is the row's, which the reader tells of
	}
	data, err := types.AppendCanonicalJSON(d.Data, c.json)
	if err != nil {
		c.bad = err
		d.AppendNull()
		return nil //nolint:nilerr // it is the row's, which the reader tells of
	}
	d.Data = data
	d.EndRow()
	return nil
}

// leafOf is the first leaf below n, nil where there is none.
func (c *column) leafOf(n *node) *leaf {
	if n.first == n.last {
		return nil
	}
	return c.leaves[n.first-c.node.first]
}

// absent reports whether n, which may be absent, is.
func (c *column) absent(n *node) (bool, error) {
	l := c.leafOf(n)
	if l == nil {
		return false, nil
	}
	_, def, end, err := l.peek()
	if err == nil && end {
		err = corrupt("its values end in a row")
	}
	return def < n.def, err
}

// skipAbsent passes over the entry that every leaf below n has.
func (c *column) skipAbsent(n *node) {
	for _, l := range c.leaves[n.first-c.node.first : n.last-c.node.first] {
		if _, _, end, err := l.peek(); err == nil && !end {
			l.pass()
		}
	}
}

// again reports whether the list that repeats at n goes on.
func (c *column) again(n *node) (bool, error) {
	rep, _, end, err := c.leafOf(n).peek()
	return !end && rep == n.rep, err
}

// maxJSON is the longest JSON that is made of a value, in bytes.
const maxJSON = 64 << 20

// appendJSON writes the value of n that comes next: a group as an object, a list as an
// array, a map as an object of its keys. inside: n is an item of the list it repeats in.
func (c *column) appendJSON(dst []byte, n *node, inside bool) ([]byte, error) {
	if len(dst) > maxJSON {
		return dst, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value is longer than %d bytes as JSON", maxJSON)
	}
	if n.repetition == repeated && !inside {
		return c.appendItems(dst, n, n)
	}
	if n.repetition == optional {
		absent, err := c.absent(n)
		if err != nil {
			return dst, err
		}
		if absent {
			c.skipAbsent(n)
			return append(dst, "null"...), nil
		}
	}
	if n.leaf >= 0 {
		return c.appendLeaf(dst, n)
	}
	if r, item := n.items(); r != nil {
		return c.appendItems(dst, r, item)
	}
	if r, key, value := n.entries(); r != nil {
		return c.appendEntries(dst, r, key, value)
	}
	dst = append(dst, '{')
	for i, child := range n.children {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		dst = append(types.AppendJSONString(dst, child.name), ':')
		if dst, err = c.appendJSON(dst, child, false); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendLeaf writes a scalar. One that does not convert is the row's error, and the row
// is read on to its end.
func (c *column) appendLeaf(dst []byte, n *node) ([]byte, error) {
	l := c.leafOf(n)
	_, def, end, err := l.peek()
	if err != nil {
		return dst, err
	}
	if end || def != n.def {
		return dst, corrupt("a value has the level %d where %d is due", def, n.def)
	}
	at := len(dst)
	dst, err = l.appendScalar(dst, l.value, true)
	if err != nil {
		c.bad = err
		dst = append(dst[:at], "null"...)
	}
	l.pass()
	return dst, nil
}

// appendItems writes a list, whose node r repeats.
func (c *column) appendItems(dst []byte, r, item *node) ([]byte, error) {
	dst = append(dst, '[')
	if c.leafOf(r) == nil {
		return append(dst, ']'), nil
	}
	absent, err := c.absent(r)
	if err != nil {
		return dst, err
	}
	if absent {
		c.skipAbsent(r)
		return append(dst, ']'), nil
	}
	for first, more := true, true; more; first = false {
		if !first {
			dst = append(dst, ',')
		}
		if dst, err = c.appendJSON(dst, item, item == r); err != nil {
			return dst, err
		}
		if more, err = c.again(r); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendEntries writes a map.
func (c *column) appendEntries(dst []byte, r, key, value *node) ([]byte, error) {
	dst = append(dst, '{')
	absent, err := c.absent(r)
	if err != nil {
		return dst, err
	}
	if absent {
		c.skipAbsent(r)
		return append(dst, '}'), nil
	}
	for first, more := true, true; more; first = false {
		if !first {
			dst = append(dst, ',')
		}
		l := c.leafOf(key)
		_, def, end, err := l.peek()
		if err != nil {
			return dst, err
		}
		if end || def != key.def {
			return dst, corrupt("a map has a key that is NULL")
		}
		text, err := l.appendScalar(nil, l.value, false)
		if err == nil && !wire.PlainText(text) {
			err = notText(text)
		}
		if err != nil {
			c.bad, text = err, nil
		}
		l.pass()
		dst = append(types.AppendJSONString(dst, string(text)), ':')
		if dst, err = c.appendJSON(dst, value, false); err != nil {
			return dst, err
		}
		if more, err = c.again(r); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// array reads a list of scalars.
func (c *column) array(dst *vec.List) error {
	l := c.leaves[0]
	_, def, _, err := l.peek()
	if err != nil {
		return err
	}
	if def < c.list.def {
		l.pass()
		if c.list != c.node && def < c.node.def {
			dst.AppendNull()
		} else {
			dst.EndRow()
		}
		return nil
	}
	for more := true; more; {
		if def == l.node.def {
			if _, err := c.convert(dst.Elem, l.value, l.value+1); err != nil {
				c.bad = err
				vec.AppendNull(dst.Elem)
			}
		} else {
			vec.AppendNull(dst.Elem)
		}
		l.pass()
		if more, err = c.again(c.list); err != nil {
			return err
		}
		if more {
			if weight(dst) > mostRow {
				return crowded(1)
			}
			if _, def, _, err = l.peek(); err != nil {
				return err
			}
		}
	}
	dst.EndRow()
	return nil
}
