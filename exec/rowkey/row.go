package rowkey

import (
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Attr is an attribute of a row: a column that a table has or has had.
type Attr struct {
	// Type with OID 0: an attribute without a column, which is NULL in new rows,
	// and in old ones a value of Was.
	Type types.Type
	Was  types.Phys
	// Missing is the value in rows that are shorter: they were written before
	// the column was added.
	Missing types.Value
}

// Layout is how a table's rows lie: how many attributes, a bit for each that is
// NULL where one is, and the values, those of one size as they are, others with
// their length. It may be used by several goroutines.
type Layout struct {
	attrs []Attr
	phys  []types.Phys
}

// NewLayout returns the layout of rows with these attributes.
func NewLayout(attrs []Attr) *Layout {
	l := &Layout{attrs: attrs}
	for _, a := range attrs {
		phys := a.Was
		if info := types.Lookup(a.Type.OID); info != nil {
			phys = info.Phys
		}
		l.phys = append(l.phys, phys)
	}
	return l
}

// Append appends one row. cols has a column for each attribute, nil for NULL.
func (l *Layout) Append(dst []byte, cols []vec.Vec, row int) []byte {
	n := len(l.attrs)
	nulls := false
	for _, c := range cols {
		if c == nil || c.Nulls().Any() && nullAt(c, row) {
			nulls = true
			break
		}
	}
	head := uint64(n) << 1
	if nulls {
		head |= 1
	}
	dst = binary.AppendUvarint(dst, head)
	at := len(dst)
	if nulls {
		for range (n + 7) / 8 {
			dst = append(dst, 0)
		}
	}
	for i, c := range cols {
		if nulls && (c == nil || nullAt(c, row)) {
			dst[at+i/8] |= 1 << (i % 8)
			continue
		}
		r := row
		if k, ok := c.(*vec.Const); ok {
			c, r = k.Of, 0
		}
		dst = appendStored(dst, c, r)
	}
	return dst
}

func nullAt(c vec.Vec, row int) bool {
	if k, ok := c.(*vec.Const); ok {
		return k.IsNull()
	}
	return c.Nulls().Get(row)
}

// appendStored appends a value that is not NULL.
func appendStored(dst []byte, v vec.Vec, row int) []byte {
	le := binary.LittleEndian
	switch v := v.(type) {
	case *vec.Fixed[bool]:
		if v.Values[row] {
			return append(dst, 1)
		}
		return append(dst, 0)
	case *vec.Fixed[int16]:
		return le.AppendUint16(dst, uint16(v.Values[row]))
	case *vec.Fixed[int32]:
		return le.AppendUint32(dst, uint32(v.Values[row]))
	case *vec.Fixed[int64]:
		return le.AppendUint64(dst, uint64(v.Values[row]))
	case *vec.Fixed[uint32]:
		return le.AppendUint32(dst, v.Values[row])
	case *vec.Fixed[float32]:
		return le.AppendUint32(dst, math.Float32bits(v.Values[row]))
	case *vec.Fixed[float64]:
		return le.AppendUint64(dst, math.Float64bits(v.Values[row]))
	case *vec.Fixed[types.IntervalValue]:
		x := v.Values[row]
		dst = le.AppendUint64(dst, uint64(x.Micros))
		dst = le.AppendUint32(dst, uint32(x.Days))
		return le.AppendUint32(dst, uint32(x.Months))
	case *vec.Fixed[types.UUIDValue]:
		return append(dst, v.Values[row][:]...)
	case *vec.Bytes:
		b := v.At(row)
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	case *vec.Numeric:
		return appendStoredDecimal(dst, v.At(row))
	case *vec.List:
		return appendStoredList(dst, v, row)
	}
	panic("rowkey: unknown column")
}

// How the coefficient of a decimal lies; its scale stands above these bits.
const (
	decimalShort = 0 // a varint
	decimalLong  = 1 // 16 bytes
	decimalWide  = 2 // PostgreSQL's binary form, with its length
)

func appendStoredDecimal(dst []byte, d types.Decimal) []byte {
	head := uint64(d.Scale) << 2
	switch {
	case d.Wide != nil:
		b := types.AppendBinary(nil, types.NewNumeric(d), nil)
		dst = binary.AppendUvarint(dst, decimalWide)
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	case d.Hi == int64(d.Lo)>>63:
		return binary.AppendVarint(binary.AppendUvarint(dst, head|decimalShort), int64(d.Lo))
	}
	dst = binary.AppendUvarint(dst, head|decimalLong)
	dst = binary.LittleEndian.AppendUint64(dst, d.Lo)
	return binary.LittleEndian.AppendUint64(dst, uint64(d.Hi))
}

// appendStoredList writes its length in bytes, the dimensions, none where there
// is one of lower bound 1, and the elements, a NULL as 1.
func appendStoredList(dst []byte, v *vec.List, row int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dims := v.DimsAt(row)
	dst = binary.AppendUvarint(dst, uint64(len(dims)))
	for _, d := range dims {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(d.Len))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(d.Lower))
	}
	from, to := v.At(row)
	dst = binary.AppendUvarint(dst, uint64(to-from))
	nulls := v.Elem.Nulls()
	for i := from; i < to; i++ {
		if nulls.Get(i) {
			dst = append(dst, 1)
			continue
		}
		dst = appendStored(append(dst, 0), v.Elem, i)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
