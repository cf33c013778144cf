package database

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// array writes values of a column as one parameter: an array in binary form. What
// has no array there, or is one itself, goes as text.
type array struct {
	elem, oid types.OID // of the element, and of the array
	append1   func(dst []byte, v vec.Vec, row int) []byte
}

func newArray(t types.Type, format *types.Format) *array {
	i := types.Lookup(t.OID)
	if t.OID == types.Text || t.OID == types.Unknown || i == nil || i.Array == 0 || i.Elem != 0 && i.Category == 'A' || i.Kind == 'e' || i.Kind == 'c' || t.OID >= firstOwnOID {
		return &array{elem: types.Text, oid: types.Lookup(types.Text).Array, append1: vec.TextAppender(t, format)}
	}
	return &array{elem: t.OID, oid: i.Array, append1: vec.BinaryAppender(t, format)}
}

// append appends the rows' values as an array.
func (a *array) append(dst []byte, v vec.Vec, rows []int32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 1)
	nulls := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.elem))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(rows)))
	dst = binary.BigEndian.AppendUint32(dst, 1)
	for _, row := range rows {
		if null(v, int(row)) {
			dst[nulls+3] = 1
			dst = binary.BigEndian.AppendUint32(dst, 0xffffffff)
			continue
		}
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = a.append1(dst, v, int(row))
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// unnested are the first n parameters, arrays all, as rows.
func unnested(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("pg_catalog.unnest($%d)", i+1)
	}
	return "ROWS FROM (" + strings.Join(parts, ", ") + ")"
}

func null(v vec.Vec, row int) bool {
	if c, ok := v.(*vec.Const); ok {
		return c.IsNull()
	}
	return v.Nulls().Get(row)
}
