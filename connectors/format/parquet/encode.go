package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// encode appends the value of a row, which is not NULL, as it lies plainly, byte strings
// without their length.
type encode func(dst []byte, v vec.Vec, row int) ([]byte, error)

// form is what a type is written as.
type form struct {
	element
	encode  encode
	compare func(a, b []byte) int // nil: there are no statistics
}

// formOf finds the form of a type. What Parquet has no type for is a string in PostgreSQL's
// text form; a numeric without precision too, since decimals of Parquet have one.
func formOf(t types.Type, format *types.Format) form {
	f := form{element: element{repetition: optional, converted: -1, scale: -1}}
	f.logical = logicalNone
	switch t.OID {
	case types.Bool:
		f.phys = physBool
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			if v.(*vec.Fixed[bool]).Values[row] {
				return append(dst, 1), nil
			}
			return append(dst, 0), nil
		}
		f.compare = bytes.Compare
	case types.Int2:
		f.phys, f.logical, f.bits, f.signed, f.converted = physInt32, logicalInteger, 16, true, convertedInt16
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(dst, uint32(int32(v.(*vec.Fixed[int16]).Values[row]))), nil
		}
		f.compare = compare32
	case types.Int4:
		f.phys, f.compare = physInt32, compare32
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(dst, uint32(v.(*vec.Fixed[int32]).Values[row])), nil
		}
	case types.Int8:
		f.phys, f.compare = physInt64, compare64
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(dst, uint64(v.(*vec.Fixed[int64]).Values[row])), nil
		}
	case types.Float4:
		f.phys, f.compare = physFloat, compareFloat
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.(*vec.Fixed[float32]).Values[row])), nil
		}
	case types.Float8:
		f.phys, f.compare = physDouble, compareDouble
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.(*vec.Fixed[float64]).Values[row])), nil
		}
	case types.Date:
		f.phys, f.logical, f.converted, f.compare = physInt32, logicalDate, convertedDate, compare32
		f.encode = encodeDate
	case types.Time:
		f.phys, f.logical, f.nanos, f.compare = physInt64, logicalTime, 1000, compare64
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(dst, uint64(v.(*vec.Fixed[int64]).Values[row])), nil
		}
	case types.Timestamp, types.Timestamptz:
		f.phys, f.logical, f.nanos, f.compare = physInt64, logicalTimestamp, 1000, compare64
		if f.utc = t.OID == types.Timestamptz; f.utc {
			f.converted = convertedTimestampMicros
		}
		f.encode = encodeTimestamp
	case types.UUID:
		f.phys, f.length, f.logical, f.compare = physFixed, 16, logicalUUID, bytes.Compare
		f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			u := v.(*vec.Fixed[types.UUIDValue]).Values[row]
			return append(dst, u[:]...), nil
		}
	case types.Bytea:
		f.phys, f.compare = physBytes, bytes.Compare
		f.encode = encodeBytes
	case types.Text, types.Varchar:
		f.text()
		f.encode = encodeBytes
	case types.JSON, types.JSONB:
		f.phys, f.logical, f.converted = physBytes, logicalJSON, convertedJSON
		f.encode = encodeBytes
	case types.Numeric:
		if !f.ofNumeric(t) {
			f.asText(t, format)
		}
	default:
		f.asText(t, format)
	}
	return f
}

func (f *form) text() {
	f.phys, f.logical, f.converted, f.compare = physBytes, logicalString, convertedUTF8, bytes.Compare
}

func (f *form) asText(t types.Type, format *types.Format) {
	f.text()
	text := vec.TextAppender(t, format)
	f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) { return text(dst, v, row), nil }
	if types.Lookup(t.OID) != nil && format.Enum != nil && format.Enum(t.OID) != nil {
		f.logical, f.converted = logicalEnum, convertedEnum
	}
}

func encodeBytes(dst []byte, v vec.Vec, row int) ([]byte, error) {
	return append(dst, v.(*vec.Bytes).At(row)...), nil
}

func encodeDate(dst []byte, v vec.Vec, row int) ([]byte, error) {
	d := v.(*vec.Fixed[int32]).Values[row]
	if d == math.MinInt32 || d == math.MaxInt32 {
		return dst, noForm("an infinite date")
	}
	if d > math.MaxInt32-epochDays {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range for Parquet")
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(d+epochDays)), nil
}

func encodeTimestamp(dst []byte, v vec.Vec, row int) ([]byte, error) {
	t := v.(*vec.Fixed[int64]).Values[row]
	if t == math.MinInt64 || t == math.MaxInt64 {
		return dst, noForm("an infinite timestamp")
	}
	if t > math.MaxInt64+types.UnixEpoch {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range for Parquet")
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(t-types.UnixEpoch)), nil
}

func noForm(what string) error {
	return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "%s has no form in Parquet", what).
		WithHint("Cast the column to text in the query, or make it NULL.")
}

// ofNumeric gives a numeric with a precision and a scale within it a decimal: in 32 or
// 64 bits where they hold it, else in as many bytes as it takes.
func (f *form) ofNumeric(t types.Type) bool {
	if t.Mod < 4 {
		return false
	}
	prec, scale := (t.Mod-4)>>16, ((t.Mod-4)&0x7ff^1024)-1024
	if scale < 0 || scale > prec {
		return false
	}
	f.logical, f.converted, f.prec, f.scale = logicalDecimal, convertedDecimal, prec, scale
	size := 0
	switch {
	case prec <= 9:
		f.phys, size, f.compare = physInt32, 4, compare32
	case prec <= 18:
		f.phys, size, f.compare = physInt64, 8, compare64
	default:
		bound := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(prec)), nil)
		size = bound.BitLen()/8 + 1
		f.phys, f.length, f.compare = physFixed, int32(size), compareSigned
	}
	f.encode = func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		d := v.(*vec.Numeric).At(row)
		if !d.IsFinite() {
			return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "%s has no form as a decimal of Parquet", strings.TrimSpace(string(d.Append(nil)))).
				WithHint("Cast the column to text in the query, or make it NULL.")
		}
		if d.Scale != scale {
			c, err := types.Coerce(types.NewNumeric(d), t, false)
			if err != nil {
				return dst, err
			}
			d = c.N
		}
		if d.Wide == nil && d.Hi == int64(d.Lo)>>63 && size <= 8 {
			if size == 4 {
				return binary.LittleEndian.AppendUint32(dst, uint32(int32(int64(d.Lo)))), nil
			}
			return binary.LittleEndian.AppendUint64(dst, d.Lo), nil
		}
		return appendSigned(dst, d.Big(), size)
	}
	return true
}

// appendSigned writes a number in two's complement of so many bytes, the highest first.
func appendSigned(dst []byte, x *big.Int, size int) ([]byte, error) {
	if x.BitLen() >= size*8 {
		return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "numeric field overflow").WithDetail("The value does not fit %d bytes.", size)
	}
	if x.Sign() < 0 {
		x = new(big.Int).Add(x, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	}
	at := len(dst)
	dst = append(dst, make([]byte, size)...)
	x.FillBytes(dst[at:])
	return dst, nil
}

func compare32(a, b []byte) int {
	return order(int32(binary.LittleEndian.Uint32(a)), int32(binary.LittleEndian.Uint32(b)))
}

func compare64(a, b []byte) int {
	return order(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
}

func compareFloat(a, b []byte) int {
	return order(math.Float32frombits(binary.LittleEndian.Uint32(a)), math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

func compareDouble(a, b []byte) int {
	return order(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
}

func order[T int32 | int64 | float32 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareSigned compares numbers in two's complement of one size.
func compareSigned(a, b []byte) int {
	if (a[0] ^ b[0]) >= 0x80 {
		return -bytes.Compare(a[:1], b[:1])
	}
	return bytes.Compare(a, b)
}
