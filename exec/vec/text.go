package vec

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TextAppender returns the writer of PostgreSQL's text form for columns of
// type t. It is chosen once for a column and a query, and is not called for a
// NULL. Rows of a constant are taken from it.
func TextAppender(t types.Type, f *types.Format) func(dst []byte, v Vec, row int) []byte {
	switch t.OID {
	case types.Bool:
		return func(dst []byte, v Vec, row int) []byte {
			if at[bool](v, row) {
				return append(dst, 't')
			}
			return append(dst, 'f')
		}
	case types.Int2:
		return func(dst []byte, v Vec, row int) []byte {
			return types.AppendInt(dst, int64(at[int16](v, row)))
		}
	case types.Int4:
		return func(dst []byte, v Vec, row int) []byte {
			return types.AppendInt(dst, int64(at[int32](v, row)))
		}
	case types.Int8:
		return func(dst []byte, v Vec, row int) []byte { return types.AppendInt(dst, at[int64](v, row)) }
	case types.Oid:
		return func(dst []byte, v Vec, row int) []byte {
			return types.AppendInt(dst, int64(at[uint32](v, row)))
		}
	case types.Float4:
		extra := f.ExtraFloatDigits
		return func(dst []byte, v Vec, row int) []byte { return types.AppendFloat32(dst, at[float32](v, row), extra) }
	case types.Float8:
		extra := f.ExtraFloatDigits
		return func(dst []byte, v Vec, row int) []byte { return types.AppendFloat64(dst, at[float64](v, row), extra) }
	case types.Date:
		return func(dst []byte, v Vec, row int) []byte { return types.AppendDate(dst, at[int32](v, row), f) }
	case types.Time:
		return func(dst []byte, v Vec, row int) []byte { return types.AppendTime(dst, at[int64](v, row)) }
	case types.Timestamp:
		return func(dst []byte, v Vec, row int) []byte { return types.AppendTimestamp(dst, at[int64](v, row), f) }
	case types.Timestamptz:
		return func(dst []byte, v Vec, row int) []byte { return types.AppendTimestamptz(dst, at[int64](v, row), f) }
	case types.Interval:
		return func(dst []byte, v Vec, row int) []byte {
			return types.AppendInterval(dst, at[types.IntervalValue](v, row), f)
		}
	case types.Text, types.Varchar, types.BPChar, types.Name, types.JSON, types.JSONB, types.Unknown:
		return appendBytesText
	case types.Numeric:
		return appendNumericText
	}
	write := types.Lookup(t.OID).AppendText
	return func(dst []byte, v Vec, row int) []byte {
		var val types.Value
		Borrow(&val, v, row, t)
		return write(dst, val, f)
	}
}

// at is one row of a fixed column, or of a constant of one.
func at[T Value](v Vec, row int) T {
	if f, ok := v.(*Fixed[T]); ok {
		return f.Values[row]
	}
	return v.(*Const).Of.(*Fixed[T]).Values[0]
}

func bytesAt(v Vec, row int) []byte {
	if b, ok := v.(*Bytes); ok {
		return b.At(row)
	}
	return v.(*Const).Of.(*Bytes).At(0)
}

// appendBytesText appends a row as it is. Up to sixteen bytes go as two words, of which
// the rest is written over later.
func appendBytesText(dst []byte, v Vec, row int) []byte {
	b, ok := v.(*Bytes)
	if !ok {
		return append(dst, bytesAt(v, row)...)
	}
	from, to := int(b.Offsets[row]), int(b.Offsets[row+1])
	at := len(dst)
	if to-from > 16 || from+16 > len(b.Data) || at+16 > cap(dst) {
		return append(dst, b.Data[from:to]...)
	}
	word := dst[at : at+16]
	binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(b.Data[from:]))
	binary.LittleEndian.PutUint64(word[8:], binary.LittleEndian.Uint64(b.Data[from+8:]))
	return dst[:at+to-from]
}

func numericAt(v Vec, row int) (*Numeric, int) {
	if n, ok := v.(*Numeric); ok {
		return n, row
	}
	return v.(*Const).Of.(*Numeric), 0
}

func appendNumericText(dst []byte, v Vec, row int) []byte {
	n, row := numericAt(v, row)
	if !n.Narrow() {
		return n.At(row).Append(dst)
	}
	return types.AppendScaled(dst, n.Lo[row], int(n.Scale))
}
