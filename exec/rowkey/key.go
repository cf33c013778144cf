// Package rowkey writes rows and keys as bytes, for trees that keep them in
// order: keys whose bytes order as their values do in a btree of PostgreSQL's,
// and rows that are read back into columns. It knows types, and nothing of
// tables.
package rowkey

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Column is one column of a key.
type Column struct {
	Type types.Type
	// Desc orders values downwards. NullsFirst puts NULLs before all values,
	// whatever Desc says.
	Desc, NullsFirst bool
}

// A column of a key is a byte that tells NULL from a value, and the value: no
// value's bytes are the beginning of another's, so that columns can stand one
// after the other.
const (
	nullFirst = 0x00
	notNull   = 0x01
	nullLast  = 0x02
)

// Orderable reports whether values of a type have a key: whether PostgreSQL has
// a btree operator class for it.
func Orderable(t types.Type) bool {
	info := types.Lookup(t.OID)
	if info == nil || !info.Comparable || info.Phys == types.PhysNone || t.OID == types.TSQuery {
		return false
	}
	if info.Phys == types.PhysList {
		return Orderable(types.Of(info.Elem))
	}
	return true
}

// Encoder writes the keys of one index. It may be used by several goroutines.
type Encoder struct {
	cols []Column
	kind []kind
}

// NewEncoder returns the encoder of keys with these columns, each of a type that
// is Orderable.
func NewEncoder(cols []Column) *Encoder {
	e := &Encoder{cols: cols}
	for _, c := range cols {
		e.kind = append(e.kind, kindOf(c.Type))
	}
	return e
}

// Columns are the key's.
func (e *Encoder) Columns() []Column { return e.cols }

// Append appends the key of one row of some columns, one for each of the key's,
// and tells whether a value is NULL.
func (e *Encoder) Append(dst []byte, cols []vec.Vec, row int) (key []byte, null bool) {
	for i := range e.cols {
		v, at := cols[i], row
		if c, ok := v.(*vec.Const); ok {
			v, at = c.Of, 0
		}
		if v.Nulls().Get(at) {
			dst, null = e.appendNull(dst, i), true
			continue
		}
		dst = append(dst, notNull)
		start := len(dst)
		dst = appendCell(dst, v, at, e.cols[i].Type, e.kind[i])
		if e.cols[i].Desc {
			invert(dst[start:])
		}
	}
	return dst, null
}

// AppendValues appends the beginning of a key: the values of its first columns.
func (e *Encoder) AppendValues(dst []byte, vals []types.Value) (key []byte, null bool) {
	for i, v := range vals {
		if v.Null {
			dst, null = e.appendNull(dst, i), true
			continue
		}
		dst = append(dst, notNull)
		start := len(dst)
		dst = appendValue(dst, v, e.cols[i].Type, e.kind[i])
		if e.cols[i].Desc {
			invert(dst[start:])
		}
	}
	return dst, null
}

func (e *Encoder) appendNull(dst []byte, i int) []byte {
	if e.cols[i].NullsFirst {
		return append(dst, nullFirst)
	}
	return append(dst, nullLast)
}

// After returns the lowest bytes above every key that begins with prefix; nil:
// there are none. It changes prefix.
func After(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			prefix[i]++
			return prefix[:i+1]
		}
	}
	return nil
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// kind is how values of a type are written: by their Phys, or in a way of their own.
type kind uint8

const (
	kindPhys kind = iota
	kindBPChar
	kindJSONB
	kindRow
	kindNumRange
	kindNumMultirange
)

func kindOf(t types.Type) kind {
	switch t.OID {
	case types.BPChar:
		return kindBPChar
	case types.JSONB:
		return kindJSONB
	case types.NumRange:
		return kindNumRange
	case types.NumMultirange:
		return kindNumMultirange
	case types.Record:
		return kindRow
	}
	if info := types.Lookup(t.OID); info != nil && info.Kind == 'c' && info.Phys == types.PhysBytes {
		return kindRow
	}
	return kindPhys
}

// appendCell appends a value that is not NULL.
func appendCell(dst []byte, v vec.Vec, row int, t types.Type, k kind) []byte {
	switch v := v.(type) {
	case *vec.Fixed[bool]:
		if v.Values[row] {
			return append(dst, 1)
		}
		return append(dst, 0)
	case *vec.Fixed[int16]:
		return appendInt16(dst, v.Values[row])
	case *vec.Fixed[int32]:
		return appendInt32(dst, v.Values[row])
	case *vec.Fixed[int64]:
		return appendInt64(dst, v.Values[row])
	case *vec.Fixed[uint32]:
		return binary.BigEndian.AppendUint32(dst, v.Values[row])
	case *vec.Fixed[float32]:
		return appendFloat32(dst, v.Values[row])
	case *vec.Fixed[float64]:
		return appendFloat64(dst, v.Values[row])
	case *vec.Fixed[types.IntervalValue]:
		return appendInterval(dst, v.Values[row])
	case *vec.Fixed[types.UUIDValue]:
		return append(dst, v.Values[row][:]...)
	case *vec.Bytes:
		return appendString(dst, v.At(row), t, k)
	case *vec.Numeric:
		if v.Hi == nil && v.Wide == nil {
			scale := v.Scale
			if v.Scales != nil {
				scale = v.Scales[row]
			}
			return appendDecimal64(dst, v.Lo[row], scale)
		}
		return appendDecimal(dst, v.At(row))
	case *vec.List:
		return appendList(dst, v, row)
	}
	panic("rowkey: unknown column")
}

// appendValue is appendCell of a value.
func appendValue(dst []byte, v types.Value, t types.Type, k kind) []byte {
	switch types.Lookup(t.OID).Phys {
	case types.PhysBool:
		return append(dst, byte(v.I))
	case types.PhysInt16:
		return appendInt16(dst, int16(v.I))
	case types.PhysInt32:
		return appendInt32(dst, int32(v.I))
	case types.PhysInt64:
		return appendInt64(dst, v.I)
	case types.PhysUint32:
		return binary.BigEndian.AppendUint32(dst, uint32(v.I))
	case types.PhysFloat32:
		return appendFloat32(dst, float32(v.F))
	case types.PhysFloat64:
		return appendFloat64(dst, v.F)
	case types.PhysInterval:
		return appendInterval(dst, v.Span)
	case types.PhysUUID:
		return append(dst, v.S...)
	case types.PhysNumeric:
		return appendDecimal(dst, v.N)
	case types.PhysList:
		return appendArray(dst, v.A)
	}
	return appendString(dst, []byte(v.S), t, k)
}

func appendInt16(dst []byte, x int16) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(x)^1<<15)
}

func appendInt32(dst []byte, x int32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(x)^1<<31)
}

func appendInt64(dst []byte, x int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(x)^1<<63)
}

// Floats order by their bits, those of negative ones inverted. -0 is 0, and
// there is one NaN, above all.

func appendFloat64(dst []byte, x float64) []byte {
	u := math.Float64bits(x)
	switch {
	case x == 0:
		u = 1 << 63
	case x != x:
		u = math.MaxUint64
	case u>>63 != 0:
		u = ^u
	default:
		u |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(dst, u)
}

func appendFloat32(dst []byte, x float32) []byte {
	u := math.Float32bits(x)
	switch {
	case x == 0:
		u = 1 << 31
	case x != x:
		u = math.MaxUint32
	case u>>31 != 0:
		u = ^u
	default:
		u |= 1 << 31
	}
	return binary.BigEndian.AppendUint32(dst, u)
}

const microsPerDay = 24 * 60 * 60 * 1000000

// appendInterval writes an interval's length: days of 24 hours, months of 30 of
// them, and what is left of a day.
func appendInterval(dst []byte, v types.IntervalValue) []byte {
	days, micros := v.Micros/microsPerDay, v.Micros%microsPerDay
	if micros < 0 {
		days, micros = days-1, micros+microsPerDay
	}
	days += int64(v.Months)*30 + int64(v.Days)
	return binary.BigEndian.AppendUint64(appendInt64(dst, days), uint64(micros))
}

// appendString writes what lies in Bytes.
func appendString(dst, b []byte, t types.Type, k kind) []byte {
	switch k {
	case kindBPChar:
		for len(b) > 0 && b[len(b)-1] == ' ' {
			b = b[:len(b)-1]
		}
	case kindJSONB:
		return appendJSONB(dst, b)
	case kindRow:
		return appendRow(dst, b)
	case kindNumRange:
		return appendRange(dst, types.RangeOf(types.Value{Type: t, S: string(b)}))
	case kindNumMultirange:
		for _, r := range types.RangesOf(types.Value{Type: t, S: string(b)}) {
			dst = appendRange(append(dst, 1), r)
		}
		return append(dst, 0)
	}
	return appendEscaped(dst, b)
}

// appendEscaped writes a byte string with an end: a zero in it is 0 255, and its
// end 0 1.
func appendEscaped(dst, b []byte) []byte {
	dst = slices.Grow(dst, len(b)+2)
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			break
		}
		dst = append(append(dst, b[:i]...), 0, 0xff)
		b = b[i+1:]
	}
	return append(append(dst, b...), 0, 1)
}

// appendRange writes a range with its bounds as their order is.
func appendRange(dst []byte, r types.Range) []byte {
	if r.Empty {
		return append(dst, 0)
	}
	dst = appendBound(append(dst, 1), r.Lower, 0, !r.Lower.Inclusive)
	return appendBound(dst, r.Upper, 2, r.Upper.Inclusive)
}

func appendBound(dst []byte, b types.Bound, infinite byte, second bool) []byte {
	if b.Infinite {
		return append(dst, infinite)
	}
	dst = appendDecimal(append(dst, 1), b.Value.N)
	if second {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// appendRow writes a row's columns.
func appendRow(dst, b []byte) []byte {
	r := types.ReadRow(string(b))
	for i, c := range r.Cols {
		if r.Vals[i].Null {
			dst = append(dst, nullLast)
			continue
		}
		dst = append(dst, notNull)
		if info := types.Lookup(c.Type.OID); info == nil || info.Phys == types.PhysNone {
			dst = appendEscaped(dst, []byte(r.Vals[i].S))
			continue
		}
		dst = appendValue(dst, r.Vals[i], c.Type, kindOf(c.Type))
	}
	return append(dst, 0)
}
