package vec

import (
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// BinaryAppender returns the writer of PostgreSQL's binary form, without its
// length word, for columns of type t. It is chosen once for a column and a
// query, and is not called for a NULL. f is for the labels of enums alone.
func BinaryAppender(t types.Type, f *types.Format) func(dst []byte, v Vec, row int) []byte {
	switch t.OID {
	case types.Bool:
		return func(dst []byte, v Vec, row int) []byte {
			if at[bool](v, row) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case types.Int2:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint16(dst, uint16(at[int16](v, row)))
		}
	case types.Int4, types.Date:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, uint32(at[int32](v, row)))
		}
	case types.Int8, types.Time, types.Timestamp, types.Timestamptz:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint64(dst, uint64(at[int64](v, row)))
		}
	case types.Oid:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, at[uint32](v, row))
		}
	case types.Float4:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(at[float32](v, row)))
		}
	case types.Float8:
		return func(dst []byte, v Vec, row int) []byte {
			return binary.BigEndian.AppendUint64(dst, math.Float64bits(at[float64](v, row)))
		}
	case types.Interval:
		return func(dst []byte, v Vec, row int) []byte {
			x := at[types.IntervalValue](v, row)
			dst = binary.BigEndian.AppendUint64(dst, uint64(x.Micros))
			dst = binary.BigEndian.AppendUint32(dst, uint32(x.Days))
			return binary.BigEndian.AppendUint32(dst, uint32(x.Months))
		}
	case types.UUID:
		return func(dst []byte, v Vec, row int) []byte {
			x := at[types.UUIDValue](v, row)
			return append(dst, x[:]...)
		}
	case types.Text, types.Varchar, types.BPChar, types.Name, types.JSON, types.Bytea, types.Unknown:
		return func(dst []byte, v Vec, row int) []byte { return append(dst, bytesAt(v, row)...) }
	case types.JSONB:
		return func(dst []byte, v Vec, row int) []byte {
			return append(append(dst, 1), bytesAt(v, row)...)
		}
	}
	write := types.Lookup(t.OID).AppendBinary
	return func(dst []byte, v Vec, row int) []byte {
		var val types.Value
		Borrow(&val, v, row, t)
		return write(dst, val, f)
	}
}
