package types

import (
	"encoding/binary"
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Signs of the binary form of numeric.
const (
	binaryPositive = 0x0000
	binaryNegative = 0x4000
	binaryNaN      = 0xc000
	binaryInf      = 0xd000
	binaryNegInf   = 0xf000

	// infScale is what PostgreSQL sends as the scale of an infinity: a bit of
	// its header. Receivers ignore it.
	infScale = 0x20
)

// AppendDecimalBinary appends the binary form of a numeric: count, weight, sign
// and scale, then the digits in base 10000.
func AppendDecimalBinary(dst []byte, d Decimal) []byte {
	head := func(count, weight, sign int) {
		for _, v := range [4]uint16{uint16(count), uint16(weight), uint16(sign), uint16(d.Scale)} {
			dst = binary.BigEndian.AppendUint16(dst, v)
		}
	}
	switch d.rank() {
	case 2:
		head(0, 0, binaryNaN)
		return dst
	case 1:
		d.Scale = infScale
		head(0, 0, binaryInf)
		return dst
	case -1:
		d.Scale = infScale
		head(0, 0, binaryNegInf)
		return dst
	}
	sign := binaryPositive
	if d.Sign() < 0 {
		sign = binaryNegative
	}
	if d.IsZero() {
		head(0, 0, sign)
		return dst
	}
	// The decimal digits, with zeros around them so that groups of four meet at
	// the point.
	var buf [64]byte
	digits := buf[:0]
	if d.Wide == nil {
		digits = Decimal{Hi: d.Hi, Lo: d.Lo}.Abs().Append(digits)
	} else {
		digits = d.Wide.Coeff.MathBigInt().Append(digits, 10)
	}
	whole := len(digits) - int(d.Scale) // digits before the point; negative: zeros after it
	weight := floorDiv(whole-1, 4)
	lead := (weight+1)*4 - whole
	groups := (lead + len(digits) + 3) / 4
	at := len(dst)
	head(groups, weight, sign)
	last := len(dst)
	for g := range groups {
		v := uint16(0)
		for i := 4*g - lead; i < 4*g-lead+4; i++ {
			v *= 10
			if i >= 0 && i < len(digits) {
				v += uint16(digits[i] - '0')
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, v)
		if v != 0 {
			last = len(dst)
		}
	}
	binary.BigEndian.PutUint16(dst[at:], uint16((last-at-8)/2))
	return dst[:last]
}

// DecimalFromBinary reads the binary form of a numeric. Digits beyond the scale
// are cut.
func DecimalFromBinary(b []byte) (Decimal, error) {
	if len(b) < 8 {
		return Decimal{}, errBinaryLength(b, 8)
	}
	count := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign := int(binary.BigEndian.Uint16(b[4:]))
	scale := int(binary.BigEndian.Uint16(b[6:]))
	switch sign {
	case binaryPositive, binaryNegative, binaryNaN, binaryInf, binaryNegInf:
	default:
		return Decimal{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid sign in external \"numeric\" value")
	}
	if scale > maxScale {
		return Decimal{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid scale in external \"numeric\" value")
	}
	if len(b) != 8+2*count {
		return Decimal{}, errBinaryLength(b, 8+2*count)
	}
	var digits []byte
	var small uint128
	narrow := count <= 9
	for i := range count {
		v := binary.BigEndian.Uint16(b[8+2*i:])
		if v > 9999 {
			return Decimal{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid digit in external \"numeric\" value")
		}
		if narrow {
			small, _ = small.mul64(10000)
			x, _ := int128{int64(small.hi), small.lo}.add(int128{0, uint64(v)})
			small = uint128{uint64(x.hi), x.lo}
		} else {
			digits = append(digits, byte('0'+v/1000), byte('0'+v/100%10), byte('0'+v/10%10), byte('0'+v%10))
		}
	}
	switch sign {
	case binaryNaN:
		return DecimalNaN, nil
	case binaryInf:
		return DecimalInf, nil
	case binaryNegInf:
		return DecimalNegInf, nil
	}
	// The coefficient has the scale that its groups give it; bring it to its own.
	have := 4 * (count - 1 - weight)
	coef := new(big.Int)
	if narrow {
		if d, ok := placeNarrow(small, have, scale, sign == binaryNegative); ok {
			return d, nil
		}
		coef = int128{int64(small.hi), small.lo}.big()
	} else {
		coef.SetString(string(digits), 10)
	}
	switch {
	case have < scale:
		coef.Mul(coef, bigPow10(scale-have))
	case have > scale:
		coef.Quo(coef, bigPow10(have-scale))
	}
	if sign == binaryNegative {
		coef.Neg(coef)
	}
	return DecimalFromBig(coef, int32(scale))
}

// placeNarrow brings m from one scale to another, false where 127 bits do not
// hold it.
func placeNarrow(m uint128, have, scale int, neg bool) (Decimal, bool) {
	ok := true
	switch {
	case have < scale:
		m, ok = m.mulPow10(int32(min(scale-have, 1000)))
	case have > scale:
		for n := have - scale; n > 0 && !m.isZero(); n -= 19 {
			m, _ = m.div64(pow10[min(n, 19)])
		}
	}
	x, fits := m.signed(neg)
	return Decimal{Hi: x.hi, Lo: x.lo, Scale: int32(scale)}, ok && fits
}
