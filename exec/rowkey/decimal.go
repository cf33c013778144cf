package rowkey

import (
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// A decimal is a byte that tells its class, then, of a finite one that is not
// zero, 0.d1d2d3... times ten to its exponent: the exponent, and the digits, two
// to a byte, without zeros at the end. Of negative ones all is inverted. So 1.50
// and 1.5 have one key.
const (
	decimalNegInf   = 0x10
	decimalNegative = 0x20
	decimalZero     = 0x30
	decimalPositive = 0x40
	decimalInf      = 0x50
	decimalNaN      = 0x60
)

// exponents in [-exponentNear, exponentNear] take one byte, others four.
const (
	exponentNear = 100
	exponentZero = 0x80
)

// digitsEnd is below every pair of digits, which are their number and one.
const digitsEnd = 0

func appendDecimal(dst []byte, d types.Decimal) []byte {
	switch {
	case d.IsNaN():
		return append(dst, decimalNaN)
	case d.IsInf() && d.Sign() < 0:
		return append(dst, decimalNegInf)
	case d.IsInf():
		return append(dst, decimalInf)
	case d.Wide == nil && d.Hi == int64(d.Lo)>>63:
		return appendDecimal64(dst, int64(d.Lo), d.Scale)
	}
	coef := d.Big()
	negative := coef.Sign() < 0
	digits := coef.Abs(coef).Append(nil, 10)
	return appendDigits(dst, negative, digits, d.Scale)
}

// appendDecimal64 is coef times 10^-scale.
func appendDecimal64(dst []byte, coef int64, scale int32) []byte {
	if coef == 0 {
		return append(dst, decimalZero)
	}
	u := uint64(coef)
	if coef < 0 {
		u = -u
	}
	var buf [20]byte
	return appendDigits(dst, coef < 0, strconv.AppendUint(buf[:0], u, 10), scale)
}

func appendDigits(dst []byte, negative bool, digits []byte, scale int32) []byte {
	exponent := len(digits) - int(scale)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if negative {
		dst = append(dst, decimalNegative)
	} else {
		dst = append(dst, decimalPositive)
	}
	start := len(dst)
	dst = appendExponent(dst, exponent)
	for len(digits) >= 2 {
		dst = append(dst, (digits[0]-'0')*10+digits[1]-'0'+1)
		digits = digits[2:]
	}
	if len(digits) == 1 {
		dst = append(dst, (digits[0]-'0')*10+1)
	}
	dst = append(dst, digitsEnd)
	if negative {
		invert(dst[start:])
	}
	return dst
}

func appendExponent(dst []byte, e int) []byte {
	switch {
	case e > exponentNear:
		return append(dst, 0xff, byte(e>>16), byte(e>>8), byte(e))
	case e < -exponentNear:
		e += 1 << 20
		return append(dst, 0x00, byte(e>>16), byte(e>>8), byte(e))
	}
	return append(dst, byte(exponentZero+e))
}
