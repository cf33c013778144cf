package protobuf

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// appendInteger writes a whole number as the kind has it.
func (k kind) appendInteger(dst []byte, x int64) ([]byte, error) {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch k {
	case kindInt32, kindSint32, kindSfixed32:
		lo, hi = math.MinInt32, math.MaxInt32
	case kindUint32, kindFixed32:
		lo, hi = 0, math.MaxUint32
	case kindUint64, kindFixed64:
		lo = 0
	}
	if x < lo || x > hi {
		return dst, outOfRange(strconv.FormatInt(x, 10))
	}
	return k.appendBits(dst, uint64(x)), nil
}

func outOfRange(x string) error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value %s is out of range for the field in the Protobuf schema", x)
}

func (k kind) appendBits(dst []byte, u uint64) []byte {
	switch k {
	case kindSint32, kindSint64:
		return binary.AppendVarint(dst, int64(u))
	case kindFixed32, kindSfixed32, kindFloat:
		return binary.LittleEndian.AppendUint32(dst, uint32(u))
	case kindFixed64, kindSfixed64, kindDouble:
		return binary.LittleEndian.AppendUint64(dst, u)
	}
	return binary.AppendUvarint(dst, u)
}

// appendNumber writes a numeric that is whole.
func (k kind) appendNumber(dst []byte, v types.Decimal) ([]byte, error) {
	if !v.IsFinite() || v.Trunc(0).Compare(v) != 0 {
		return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value %s is no whole number, as the field in the Protobuf schema is", v.String())
	}
	x := v.Trunc(0).Big()
	switch {
	case x.IsInt64():
		return k.appendInteger(dst, x.Int64())
	case x.IsUint64() && (k == kindUint64 || k == kindFixed64):
		return k.appendBits(dst, x.Uint64()), nil
	}
	return dst, outOfRange(v.String())
}

// appendLabel writes an enum's value by its name, or number.
func (f *field) appendLabel(dst []byte, label string) ([]byte, error) {
	n, ok := f.numbers[label]
	if !ok {
		v, err := strconv.ParseInt(label, 10, 32)
		if err != nil {
			return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input value for enum %s: \"%s\"", f.name, label)
		}
		n = int32(v)
	}
	return binary.AppendUvarint(dst, uint64(int64(n))), nil
}

// appendPair writes the fields 1 and 2, a whole number each, where they are not 0.
func appendPair(dst []byte, one, two int64) []byte {
	if one != 0 {
		dst = binary.AppendUvarint(append(dst, 1<<3), uint64(one))
	}
	if two != 0 {
		dst = binary.AppendUvarint(append(dst, 2<<3), uint64(two))
	}
	return dst
}

// appendInstant writes a Timestamp.
func appendInstant(dst []byte, at int64) ([]byte, error) {
	if at == math.MaxInt64 || at == math.MinInt64 {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "an infinite timestamp has no form as a google.protobuf.Timestamp")
	}
	at -= types.UnixEpoch
	seconds, micros := at/1e6, at%1e6
	if micros < 0 {
		seconds, micros = seconds-1, micros+1e6
	}
	return appendPair(dst, seconds, micros*1000), nil
}

// appendSpan writes a Duration.
func appendSpan(dst []byte, v types.IntervalValue) ([]byte, error) {
	if v.Months != 0 {
		return dst, sqlerr.Errorf(sqlerr.IntervalFieldOverflow, "an interval with months has no form as a google.protobuf.Duration")
	}
	return appendPair(dst, v.Micros/1e6+int64(v.Days)*86400, v.Micros%1e6*1000), nil
}

func appendDate(dst []byte, day int32) ([]byte, error) {
	t := time.Unix((int64(day)+10957)*86400, 0).UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return dst, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range for a google.type.Date")
	}
	dst = appendPair(dst, int64(t.Year()), int64(t.Month()))
	return binary.AppendUvarint(append(dst, 3<<3), uint64(t.Day())), nil
}

func appendTimeOfDay(dst []byte, micros int64) []byte {
	s := micros / 1e6
	dst = appendPair(dst, s/3600, s/60%60)
	if s %= 60; s != 0 {
		dst = binary.AppendUvarint(append(dst, 3<<3), uint64(s))
	}
	if n := micros % 1e6 * 1000; n != 0 {
		dst = binary.AppendUvarint(append(dst, 4<<3), uint64(n))
	}
	return dst
}

// appendDecimal writes a numeric as the message means it.
func (m *message) appendDecimal(dst []byte, v types.Decimal) ([]byte, error) {
	if m.means == meansText {
		var room [64]byte
		return appendText(append(dst, 1<<3|wireBytes), v.Append(room[:0])), nil
	}
	if !v.IsFinite() {
		return dst, outOfRange(v.String())
	}
	scale := v.Scale
	if v.Wide != nil {
		scale = max(-v.Wide.Exponent, 0)
	}
	if m.means == meansBinary {
		coef := unscaled(v, scale)
		raw := twosComplement(coef)
		dst = appendText(append(dst, 1<<3|wireBytes), raw)
		if digits := len(coef.Text(10)); digits > 0 {
			dst = binary.AppendUvarint(append(dst, 2<<3), uint64(digits))
		}
		return binary.AppendUvarint(append(dst, 3<<3), uint64(int64(scale))), nil
	}
	units, at := m.named("units"), m.named("scale")
	var err error
	dst = appendTag(dst, units, units.kind.wire())
	if v.Wide == nil && v.Hi == int64(v.Lo)>>63 {
		dst, err = units.kind.appendInteger(dst, int64(v.Lo))
	} else if x := unscaled(v, scale); x.IsUint64() && (units.kind == kindUint64 || units.kind == kindFixed64) {
		dst = units.kind.appendBits(dst, x.Uint64())
	} else {
		err = outOfRange(v.String())
	}
	if err != nil {
		return dst, err
	}
	return at.kind.appendInteger(appendTag(dst, at, at.kind.wire()), int64(scale))
}

// unscaled is the number without its point.
func unscaled(v types.Decimal, scale int32) *big.Int {
	if v.Wide == nil {
		return v.Big()
	}
	x := v.Wide.Coeff.MathBigInt()
	if e := int64(v.Wide.Exponent) + int64(scale); e > 0 {
		x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(e), nil))
	}
	if v.Wide.Negative {
		x.Neg(x)
	}
	return x
}

// twosComplement is the shortest big-endian form.
func twosComplement(x *big.Int) []byte {
	if x.Sign() >= 0 {
		b := x.Bytes()
		if len(b) == 0 || b[0] >= 0x80 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	n := uint(new(big.Int).Not(x).BitLen()/8 + 1)
	return new(big.Int).Add(x, new(big.Int).Lsh(big.NewInt(1), n*8)).FillBytes(make([]byte, n))
}
