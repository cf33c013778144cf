package types

import (
	"encoding/binary"
	"math"
	"strings"
)

// Money is an amount in hundredths, as lc_monetary C and en_US write it.
const Money OID = 790

var _ = register(&Info{
	OID: Money, Name: "money", SQLName: "money", Array: 791, Len: 8, ByVal: true, Align: 'd',
	Category: 'N', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		cents, err := ParseMoney(s)
		return NewInt(Money, cents), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return AppendMoney(dst, v.I) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		return NewInt(Money, int64(binary.BigEndian.Uint64(b))), nil
	},
	AppendBinary: appendInt64,
	Compare:      compareI,
})

// AppendMoney appends -$1,234.56.
func AppendMoney(dst []byte, cents int64) []byte {
	u := uint64(cents)
	if cents < 0 {
		dst = append(dst, '-')
		u = -u
	}
	dst = append(dst, '$')
	var digits [20]byte
	whole := AppendInt(digits[:0], int64(u/100))
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c)
	}
	return append(dst, '.', '0'+byte(u/10%10), '0'+byte(u%10))
}

// ParseMoney reads an amount: a currency sign before or after it, a minus or
// parentheses for a negative one, commas anywhere, and a third digit after the
// point that rounds.
func ParseMoney(s string) (cents int64, err error) {
	negative := false
	t := skipSpace(s)
	t = skipSpace(strings.TrimPrefix(t, "$"))
	switch {
	case t == "":
	case t[0] == '-' || t[0] == '(':
		negative, t = true, t[1:]
	case t[0] == '+':
		t = t[1:]
	}
	t = skipSpace(strings.TrimPrefix(skipSpace(t), "$"))
	decimals, dot := 0, false
	ok := true
	digit := func(factor, d int64) {
		// Collected downwards, since the negative side has one more.
		if cents < math.MinInt64/factor || cents*factor < math.MinInt64+d {
			ok = false
			return
		}
		cents = cents*factor - d
	}
scan:
	for ; t != ""; t = t[1:] {
		switch c := t[0]; {
		case isDigit(c) && (!dot || decimals < 2):
			digit(10, int64(c-'0'))
			if dot {
				decimals++
			}
		case c == '.' && !dot:
			dot = true
		case c != ',':
			break scan
		}
		if !ok {
			return 0, errRange("money", s)
		}
	}
	if t != "" && isDigit(t[0]) && t[0] >= '5' {
		digit(1, 1)
	}
	for ; decimals < 2; decimals++ {
		digit(10, 0)
	}
	if !ok {
		return 0, errRange("money", s)
	}
	for t != "" && isDigit(t[0]) {
		t = t[1:]
	}
	for ; t != ""; t = t[1:] {
		switch c := t[0]; {
		case isSpace(c), c == ')', c == '+', c == '$':
		case c == '-':
			negative = true
		default:
			return 0, errSyntax("money", s)
		}
	}
	switch {
	case negative:
		return cents, nil
	case cents == math.MinInt64:
		return 0, errRange("money", s)
	}
	return -cents, nil
}
