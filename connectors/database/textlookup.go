package database

import (
	"context"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// textAsker asks with the keys as constants. Which key a row belongs to is found out
// here: what the server takes for equal may be more.
type textAsker struct {
	lookup *lookup
	list   string // the SELECT, up to its condition
	keys   []textKey
}

// textKey is a column that rows are found by.
type textKey struct {
	field  field
	append func(dst []byte, v vec.Vec, row int) []byte
	encode *rowkey.Encoder // nil: by its text
	text   func(dst []byte, v vec.Vec, row int) []byte
}

func newTextAsker(l *lookup, there []remote, scan stream.LookupScan) *textAsker {
	a := &textAsker{lookup: l}
	rel := l.config.rel
	format := types.DefaultFormat()
	format.Enum = l.env.Labels
	var list []string
	for _, k := range scan.Keys {
		t := rel.Columns[k].Type
		key := textKey{field: l.config.server.dialect.field(rel.Columns[k], there[k], format), append: keyAppender(t, there[k], format), text: vec.TextAppender(t, format)}
		if rowkey.Orderable(t) {
			key.encode = rowkey.NewEncoder([]rowkey.Column{{Type: t}})
		}
		a.keys = append(a.keys, key)
		list = append(list, key.field.sql)
	}
	for _, f := range l.fields {
		list = append(list, f.sql)
	}
	a.list = "SELECT " + strings.Join(list, ", ") + " FROM " + l.from(scan) + " WHERE "
	return a
}

// keyAppender is constantAppender for a column that is compared: a FLOAT there is compared
// as the DOUBLE that it is, which its shortest text is not.
func keyAppender(t types.Type, there remote, format *types.Format) func(dst []byte, v vec.Vec, row int) []byte {
	constant := constantAppender(t, there, format)
	if t.OID != types.Float4 || there.typ.OID != types.Float4 {
		return constant
	}
	return func(dst []byte, v vec.Vec, row int) []byte {
		f := vec.Get(v, row, t).F
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return constant(dst, v, row)
		}
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
}

func (a *textAsker) prepare(context.Context, session) error { return nil }

// encode appends the key of a row: keys that are equal have the same bytes.
func (a *textAsker) encode(dst []byte, keys []vec.Vec, row int) []byte {
	for i := range a.keys {
		k := &a.keys[i]
		if k.encode != nil {
			dst, _ = k.encode.Append(dst, keys[i:i+1], row)
			continue
		}
		at := len(dst)
		dst = k.text(append(dst, 0, 0, 0, 0), keys[i], row)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	}
	return dst
}

func (a *textAsker) ask(ctx context.Context, on session, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) ([]stream.LookupFault, error) {
	wanted := make(map[string]int32, n)
	text, key := []byte(a.list), []byte(nil)
	single := len(a.keys) == 1
	text = append(text, "("...)
	if single {
		text = append(append(text, a.keys[0].field.sql...), " IN ("...)
	}
	for row := range n {
		key = a.encode(key[:0], keys, row)
		wanted[string(key)] = int32(row)
		if row > 0 {
			text = appendOr(text, single, row)
		}
		if single {
			text = appendConstant(text, a.keys[0].append, keys[0], row)
			continue
		}
		for i := range a.keys {
			text = append(text, map[bool]string{true: "(", false: " AND "}[i == 0]...)
			text = append(append(text, a.keys[i].field.sql...), " = "...)
			text = appendConstant(text, a.keys[i].append, keys[i], row)
		}
		text = append(text, ')')
	}
	if single {
		text = append(text, ')')
	}
	text = append(text, ')')
	out := a.lookup.rows(found)
	ts := make([]types.Type, len(a.keys))
	for i := range a.keys {
		ts[i] = a.keys[i].field.typ
	}
	one := vec.NewBatch(ts)
	err := on.rows(ctx, string(text), len(a.keys)+len(a.lookup.fields), func(values [][]byte) error {
		one.Reset()
		for i := range a.keys {
			if values[i] == nil {
				return nil // it is no key that was asked for
			}
			if err := a.keys[i].field.set(one.Cols[i], values[i]); err != nil {
				return nil //nolint:nilerr // nor is this: what was asked for is of the column's type
			}
		}
		key = a.encode(key[:0], one.Cols, 0)
		row, ok := wanted[string(key)]
		if !ok {
			return nil
		}
		return out.append(values[len(a.keys):], row)
	})
	if err != nil {
		return nil, a.lookup.config.failure("asking "+a.lookup.config.subject(), err)
	}
	return out.end()
}
