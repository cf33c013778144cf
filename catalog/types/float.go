package types

import (
	"math"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// AppendFloat64 appends a float8. extraFloatDigits is the setting of that name:
// above zero the shortest text that reads back as x, else 15 digits and that
// many more or fewer.
func AppendFloat64(dst []byte, x float64, extraFloatDigits int) []byte {
	return appendFloat(dst, x, 64, 15, extraFloatDigits)
}

// AppendFloat32 appends a float4; see AppendFloat64.
func AppendFloat32(dst []byte, x float32, extraFloatDigits int) []byte {
	return appendFloat(dst, float64(x), 32, 6, extraFloatDigits)
}

func appendFloat(dst []byte, x float64, bits, digits, extra int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	prec, limit := -1, digits
	if extra <= 0 {
		prec = max(digits+extra, 1)
		limit = prec
	}
	// The layout of %g: fixed between 1e-4 and 10^limit, else an exponent of
	// at least two digits.
	start := len(dst)
	if x != 0 {
		if prec < 0 {
			dst = appendShortest(dst, x, bits)
		} else {
			dst = strconv.AppendFloat(dst, x, 'e', prec-1, 64)
		}
		return layoutFloat(dst, start, limit)
	}
	if math.Signbit(x) {
		return append(dst, "-0"...)
	}
	return append(dst, '0')
}

// layoutFloat turns dst[start:], as d.ddde±xx, into C's %g with trailing zeros
// dropped.
func layoutFloat(dst []byte, start, limit int) []byte {
	var buf [40]byte
	s := append(buf[:0], dst[start:]...)
	dst = dst[:start]
	if s[0] == '-' {
		dst = append(dst, '-')
		s = s[1:]
	}
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	exp := 0
	for _, c := range s[e+2:] {
		exp = exp*10 + int(c-'0')
	}
	if s[e+1] == '-' {
		exp = -exp
	}
	digits := s[:1]
	if e > 2 {
		copy(s[1:], s[2:e])
		digits = s[:e-1]
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	switch {
	case exp < -4 || exp >= limit:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		dst = append(dst, 'e', '+')
		if exp < 0 {
			dst[len(dst)-1] = '-'
			exp = -exp
		}
		if exp < 10 {
			dst = append(dst, '0')
		}
		return strconv.AppendInt(dst, int64(exp), 10)
	case exp < 0:
		dst = append(dst, "0."...)
		for range -exp - 1 {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	case len(digits) <= exp+1:
		dst = append(dst, digits...)
		for range exp + 1 - len(digits) {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, digits[:exp+1]...)
	return append(append(dst, '.'), digits[exp+1:]...)
}

// ParseFloat64 reads a float8.
func ParseFloat64(s string) (float64, error) { return parseFloat(s, 64, "double precision", nil) }

// ParseFloat32 reads a float4.
func ParseFloat32(s string) (float32, error) {
	x, err := parseFloat(s, 32, "real", nil)
	return float32(x), err
}

// ParseFloat64Bytes is ParseFloat64 of bytes; it keeps nothing of b.
func ParseFloat64Bytes(b []byte) (float64, error) { return ParseFloat64(view(b)) }

// parseFloat gives up on a long text with the error of ended.
func parseFloat(s string, bits int, typ string, ended func() error) (float64, error) {
	all := trimSpace(s)
	t := all
	if len(t) > longFloatText {
		var err error
		if t, err = shortFloat(t, ended); err != nil {
			return 0, err
		}
	}
	if !cNumber(t) {
		if x, ok := namedFloat(t); ok {
			return x, nil
		}
		return 0, errSyntax(typ, s)
	}
	x, err := strconv.ParseFloat(cHex(t), bits)
	if err != nil || x == 0 && hasDigits(t) {
		return 0, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "\"%s\" is out of range for type %s", strings.Clone(all), typ)
	}
	return x, nil
}

// namedFloat reads the spellings of NaN and infinity that strtod and
// PostgreSQL know.
func namedFloat(t string) (float64, bool) {
	sign := 1
	u := t
	if u != "" && (u[0] == '-' || u[0] == '+') {
		if u[0] == '-' {
			sign = -1
		}
		u = u[1:]
	}
	switch {
	case strings.EqualFold(u, "nan"):
		// C's NaN, with its sign; Go's has another payload.
		return math.Copysign(math.Float64frombits(0x7ff8000000000000), float64(sign)), true
	case strings.EqualFold(u, "infinity"), strings.EqualFold(u, "inf"):
		return math.Inf(sign), true
	}
	return 0, false
}

// cNumber reports whether all of t is a number as C's strtod takes it, and so
// without the underscores that Go allows.
func cNumber(t string) bool {
	i := 0
	if i < len(t) && (t[i] == '-' || t[i] == '+') {
		i++
	}
	hex := len(t) > i+2 && t[i] == '0' && t[i+1]|0x20 == 'x'
	if hex {
		i += 2
	}
	digits := 0
	for dot := false; i < len(t); i++ {
		c := t[i]
		if c == '.' && !dot {
			dot = true
		} else if isDigit(c) || hex && digitValue(c) < 16 {
			digits++
		} else {
			break
		}
	}
	if digits == 0 {
		return false
	}
	if i == len(t) {
		return true
	}
	if e := t[i] | 0x20; e != 'e' && !hex || e != 'p' && hex {
		return false
	}
	i++
	if i < len(t) && (t[i] == '-' || t[i] == '+') {
		i++
	}
	j := i
	for i < len(t) && isDigit(t[i]) {
		i++
	}
	return i > j && i == len(t)
}

// cHex gives a hexadecimal float the exponent that Go insists on.
func cHex(t string) string {
	if (strings.Contains(t, "0x") || strings.Contains(t, "0X")) && !strings.ContainsAny(t, "pP") {
		return t + "p0"
	}
	return t
}

// hasDigits reports whether the mantissa of t has a digit that is not zero.
func hasDigits(t string) bool {
	hex := strings.ContainsAny(t, "xX")
	for i := range len(t) {
		c := t[i]
		if c|0x20 == 'p' || c|0x20 == 'e' && !hex {
			return false
		}
		if d := digitValue(c); d > 0 && d < 16 {
			return true
		}
	}
	return false
}
