package types

import (
	"math/big"
	"strings"
)

// String is d as PostgreSQL prints it.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append appends d as PostgreSQL prints it: every digit of its scale.
func (d Decimal) Append(dst []byte) []byte {
	if d.Wide != nil {
		return d.appendWide(dst)
	}
	m := d.coef().abs()
	if d.Hi < 0 {
		dst = append(dst, '-')
	}
	if m.hi == 0 && m.lo < 1e18 && d.Scale == 0 {
		return AppendInt(dst, int64(m.lo))
	}
	var buf [40]byte
	i := len(buf)
	for m.hi != 0 {
		var r uint64
		m, r = m.div64(1e18)
		for range 9 {
			i -= 2
			putPair(buf[i:], r%100)
			r /= 100
		}
	}
	for m.lo >= 10 {
		i -= 2
		putPair(buf[i:], m.lo%100)
		m.lo /= 100
	}
	if m.lo > 0 || i == len(buf) {
		i--
		buf[i] = '0' + byte(m.lo)
	}
	return appendScaled(dst, buf[i:], int(d.Scale))
}

// putPair writes v, below a hundred, as two digits.
func putPair(b []byte, v uint64) {
	const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
		"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"
	b[1] = pairs[2*v+1]
	b[0] = pairs[2*v]
}

// appendScaled appends digits with a point scale digits from the end.
func appendScaled(dst, digits []byte, scale int) []byte {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	whole := len(digits) - scale
	if scale == 0 {
		return append(dst, digits...)
	}
	if whole > 0 {
		dst = append(dst, digits[:whole]...)
		dst = append(dst, '.')
		return append(dst, digits[whole:]...)
	}
	dst = append(dst, '0', '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

func (d Decimal) appendWide(dst []byte) []byte {
	switch d.rank() {
	case 2:
		return append(dst, "NaN"...)
	case 1:
		return append(dst, "Infinity"...)
	case -1:
		return append(dst, "-Infinity"...)
	}
	if d.Wide.Negative {
		dst = append(dst, '-')
	}
	return appendScaled(dst, d.Wide.Coeff.MathBigInt().Append(nil, 10), int(d.Scale))
}

// ParseDecimal reads a numeric as PostgreSQL does: digits with a point, an
// exponent, underscores, 0x, 0o and 0b integers, NaN, infinities.
func ParseDecimal(s string) (Decimal, error) { return ParseDecimalMod(s, -1) }

// ParseDecimalMod is ParseDecimal of a numeric with a modifier, which may bring
// into range what no numeric can hold.
func ParseDecimalMod(s string, mod int32) (Decimal, error) { return inputDecimal(s, mod, nil) }

// inputDecimal is ParseDecimalMod that gives up on a long text with the error of ended.
func inputDecimal(s string, mod int32, ended func() error) (Decimal, error) {
	d, ok := shortDecimal(s)
	if !ok {
		var err error
		if d, err = parseDecimal(s, mod, ended); err != nil {
			return d, err
		}
	}
	return d.Fit(mod)
}

// ParseDecimalBytes is ParseDecimal of bytes; it keeps nothing of b.
func ParseDecimalBytes(b []byte) (Decimal, error) { return ParseDecimal(view(b)) }

// shortDecimal reads a sign, at most eighteen digits and a point among them.
func shortDecimal(s string) (Decimal, bool) {
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	if n := len(s) - i; n < 1 || n > 19 {
		return Decimal{}, false
	}
	var v int64
	point := -1
	for j := i; j < len(s); j++ {
		d := s[j] - '0'
		if d > 9 {
			if s[j] != '.' || point >= 0 {
				return Decimal{}, false
			}
			point = j
			continue
		}
		v = v*10 + int64(d)
	}
	scale := 0
	if point >= 0 {
		if len(s)-i == 1 {
			return Decimal{}, false
		}
		scale = len(s) - point - 1
	} else if len(s)-i > 18 {
		return Decimal{}, false
	}
	if s[0] == '-' {
		v = -v
	}
	return NewDecimal(v, int32(scale)), true
}

func parseDecimal(s string, mod int32, ended func() error) (Decimal, error) {
	t := trimSpace(s)
	u, neg := t, false
	if u != "" && (u[0] == '-' || u[0] == '+') {
		neg = u[0] == '-'
		u = u[1:]
	}
	if u == "" {
		return Decimal{}, errSyntax("numeric", s)
	}
	if isAlpha(u[0]) {
		return namedDecimal(s, u, t, neg)
	}
	if len(u) > 1 && u[0] == '0' {
		if radix := radixOf(u[1]); radix != 10 {
			return radixDecimal(s, u[2:], radix, neg, ended)
		}
	}
	digits, scale, ok, err := scanDecimal(u, ended)
	if err != nil {
		return Decimal{}, err
	}
	if !ok {
		return Decimal{}, errSyntax("numeric", s)
	}
	if mod >= 4 {
		if digits, scale, err = cutToMod(digits, scale, mod); err != nil {
			return Decimal{}, err
		}
	}
	return digitsDecimal(digits, scale, neg)
}

func namedDecimal(s, u, t string, neg bool) (Decimal, error) {
	switch {
	case strings.EqualFold(t, "nan"):
		return DecimalNaN, nil
	case strings.EqualFold(u, "infinity"), strings.EqualFold(u, "inf"):
		if neg {
			return DecimalNegInf, nil
		}
		return DecimalInf, nil
	}
	return Decimal{}, errSyntax("numeric", s)
}

func radixOf(c byte) int64 {
	switch c | 0x20 {
	case 'x':
		return 16
	case 'o':
		return 8
	case 'b':
		return 2
	}
	return 10
}

// radixDecimal reads the digits after 0x, 0o or 0b.
func radixDecimal(s, digits string, radix int64, neg bool, ended func() error) (Decimal, error) {
	var clean []byte
	p := pace{ended: ended}
	for i := 0; i < len(digits); i++ {
		if err := p.at(i); err != nil {
			return Decimal{}, err
		}
		if digits[i] == '_' {
			if i+1 == len(digits) || digitValue(digits[i+1]) >= radix {
				return Decimal{}, errSyntax("numeric", s)
			}
			continue
		}
		if digitValue(digits[i]) >= radix {
			return Decimal{}, errSyntax("numeric", s)
		}
		if len(clean) == 1 && clean[0] == '0' {
			clean = clean[:0]
		}
		clean = append(clean, digits[i])
	}
	if len(clean) == 0 {
		return Decimal{}, errSyntax("numeric", s)
	}
	if len(clean) > 4*maxIntegerDigits {
		return Decimal{}, errNumericOverflow()
	}
	b, _ := new(big.Int).SetString(string(clean), int(radix))
	if neg {
		b.Neg(b)
	}
	return DecimalFromBig(b, 0)
}

// scanDecimal splits d.ddd_ddde±x into its digits and scale; ok is false where
// it is no such number.
func scanDecimal(u string, ended func() error) (digits []byte, scale int, ok bool, err error) {
	digits = make([]byte, 0, min(len(u), maxIntegerDigits))
	i, point := 0, -1
	p := pace{ended: ended}
	for ; i < len(u); i++ {
		if err := p.at(i); err != nil {
			return nil, 0, false, err
		}
		switch c := u[i]; {
		case isDigit(c):
			if len(digits) == 1 && digits[0] == '0' && point < 0 {
				digits = digits[:0]
			}
			digits = append(digits, c)
			continue
		case c == '.' && point < 0:
			point = len(digits)
			if i > 0 && u[i-1] == '_' || i+1 < len(u) && u[i+1] == '_' {
				return nil, 0, false, nil
			}
			continue
		case c == '_' && i > 0 && isDigit(u[i-1]) && i+1 < len(u) && isDigit(u[i+1]):
			continue
		}
		break
	}
	if len(digits) == 0 {
		return nil, 0, false, nil
	}
	if point >= 0 {
		scale = len(digits) - point
	}
	if i == len(u) {
		return digits, scale, true, nil
	}
	if u[i]|0x20 != 'e' {
		return nil, 0, false, nil
	}
	exp, ok, err := scanExponent(u[i+1:], ended)
	if !ok || err != nil {
		return nil, 0, ok, err
	}
	return digits, scale - exp, true, nil
}

func scanExponent(e string, ended func() error) (exp int, ok bool, err error) {
	neg := false
	if e != "" && (e[0] == '-' || e[0] == '+') {
		neg = e[0] == '-'
		e = e[1:]
	}
	if e == "" || !isDigit(e[0]) {
		return 0, false, nil
	}
	over := false
	p := pace{ended: ended}
	for i := 0; i < len(e); i++ {
		if err := p.at(i); err != nil {
			return 0, false, err
		}
		if e[i] == '_' && i+1 < len(e) && isDigit(e[i+1]) {
			continue
		}
		if !isDigit(e[i]) {
			return 0, false, nil
		}
		if exp = exp*10 + int(e[i]-'0'); exp > 1<<30-1 {
			over, exp = true, 1<<30
		}
	}
	if over {
		return 0, true, errNumericOverflow()
	}
	if neg {
		exp = -exp
	}
	return exp, true, nil
}

// cutToMod brings digits times 10^-scale that are beyond numeric's limits within
// them, or raises the error of the modifier.
func cutToMod(digits []byte, scale int, mod int32) ([]byte, int, error) {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	precision, places := numericMod(mod)
	if digits[0] == '0' {
		return digits, 0, nil
	}
	if len(digits)-scale > maxIntegerDigits {
		return nil, 0, numericOverflow(precision, places, false)
	}
	if scale <= maxScale {
		return digits, scale, nil
	}
	// Keep one digit more than the modifier does, for Fit to round.
	drop := scale - max(int(places), 0) - 1
	if drop >= len(digits) {
		return []byte{'0'}, 0, nil
	}
	return digits[:len(digits)-drop], scale - drop, nil
}

// digitsDecimal is the digits times 10^-scale; a negative scale makes zeros.
func digitsDecimal(digits []byte, scale int, neg bool) (Decimal, error) {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	zero := len(digits) == 1 && digits[0] == '0'
	if scale < 0 {
		if !zero {
			if len(digits)-scale > maxIntegerDigits {
				return Decimal{}, errNumericOverflow()
			}
			for range -scale {
				digits = append(digits, '0')
			}
		}
		scale = 0
	}
	if scale > maxScale || len(digits)-scale > maxIntegerDigits {
		return Decimal{}, errNumericOverflow()
	}
	if len(digits) <= 38 {
		var m uint128
		for len(digits) > 0 {
			n := min(len(digits), 18)
			var part uint64
			for _, c := range digits[:n] {
				part = part*10 + uint64(c-'0')
			}
			m, _ = m.mul64(pow10[n])
			x, _ := int128{int64(m.hi), m.lo}.add(int128{0, part})
			m = uint128{uint64(x.hi), x.lo}
			digits = digits[n:]
		}
		x, _ := m.signed(neg)
		return Decimal{Hi: x.hi, Lo: x.lo, Scale: int32(scale)}, nil
	}
	b, _ := new(big.Int).SetString(string(digits), 10)
	if neg {
		b.Neg(b)
	}
	return DecimalFromBig(b, int32(scale))
}
