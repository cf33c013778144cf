package vec

import (
	"strconv"

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
		return func(dst []byte, v Vec, row int) []byte { return append(dst, bytesAt(v, row)...) }
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
	return appendScaled(dst, n.Lo[row], int(n.Scale))
}

// appendScaled writes coef times 10^-scale with all its digits.
func appendScaled(dst []byte, coef int64, scale int) []byte {
	u := uint64(coef)
	if coef < 0 {
		dst = append(dst, '-')
		u = -u
	}
	if scale == 0 {
		return strconv.AppendUint(dst, u, 10)
	}
	var digits [20]byte
	d := strconv.AppendUint(digits[:0], u, 10)
	if len(d) > scale {
		dst = append(dst, d[:len(d)-scale]...)
		dst = append(dst, '.')
		return append(dst, d[len(d)-scale:]...)
	}
	dst = append(dst, '0', '.')
	for range scale - len(d) {
		dst = append(dst, '0')
	}
	return append(dst, d...)
}
