package types

import (
	"math"
)

// ParseInt64 reads an int8: white space, a sign, digits, 0x, 0o, 0b and
// underscores as PostgreSQL 16 allows.
func ParseInt64(s string) (int64, error) {
	if v, ok := shortInt(s); ok {
		return v, nil
	}
	return parseInt(s, "bigint", math.MaxInt64, nil)
}

// ParseInt32 reads an int4.
func ParseInt32(s string) (int32, error) {
	if v, ok := shortInt(s); ok && v == int64(int32(v)) {
		return int32(v), nil
	}
	v, err := parseInt(s, "integer", math.MaxInt32, nil)
	return int32(v), err
}

// ParseInt16 reads an int2.
func ParseInt16(s string) (int16, error) {
	if v, ok := shortInt(s); ok && v == int64(int16(v)) {
		return int16(v), nil
	}
	v, err := parseInt(s, "smallint", math.MaxInt16, nil)
	return int16(v), err
}

// ParseInt64Bytes is ParseInt64 of bytes; it keeps nothing of b.
func ParseInt64Bytes(b []byte) (int64, error) { return ParseInt64(view(b)) }

// ParseInt32Bytes is ParseInt32 of bytes; it keeps nothing of b.
func ParseInt32Bytes(b []byte) (int32, error) { return ParseInt32(view(b)) }

// ParseInt16Bytes is ParseInt16 of bytes; it keeps nothing of b.
func ParseInt16Bytes(b []byte) (int16, error) { return ParseInt16(view(b)) }

// shortInt reads an optional sign and one to eighteen digits, nothing else: the
// form that nearly all integers come in, and that cannot overflow.
func shortInt(s string) (int64, bool) {
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	if n := len(s) - i; n < 1 || n > 18 {
		return 0, false
	}
	var v int64
	for j := i; j < len(s); j++ {
		d := s[j] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	if s[0] == '-' {
		v = -v
	}
	return v, true
}

// inputInt reads an integer whose text may be long; hi is the largest of its type. It
// gives up with the error of ended.
func inputInt(s, typ string, hi int64, ended func() error) (int64, error) {
	if v, ok := shortInt(s); ok && v >= -hi-1 && v <= hi {
		return v, nil
	}
	return parseInt(s, typ, hi, ended)
}

// parseInt is PostgreSQL's pg_strtoint64_safe, in any width. As there, digits that are
// too many are an error before what follows them is looked at.
func parseInt(s, typ string, hi int64, ended func() error) (int64, error) {
	t := trimSpace(s)
	neg := false
	if t != "" && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		t = t[1:]
	}
	radix := int64(10)
	if len(t) > 2 && t[0] == '0' {
		radix = radixOf(t[1])
	}
	if radix != 10 {
		t = t[2:]
	}
	if t == "" || t[0] == '_' && radix == 10 {
		return 0, errSyntax(typ, s)
	}
	most := uint64(hi) + 1 // and one less where there is no minus
	var v uint64
	p := pace{ended: ended}
	for i := 0; i < len(t); i++ {
		if err := p.at(i); err != nil {
			return 0, err
		}
		if t[i] == '_' {
			if i+1 == len(t) || digitValue(t[i+1]) >= radix {
				return 0, errSyntax(typ, s)
			}
			continue
		}
		d := digitValue(t[i])
		if d >= radix {
			return 0, errSyntax(typ, s)
		}
		if v > most/uint64(radix) {
			return 0, errRange(typ, s)
		}
		v = v*uint64(radix) + uint64(d)
	}
	switch {
	case v > most || v == most && !neg:
		return 0, errRange(typ, s)
	case neg:
		return -int64(v), nil
	}
	return int64(v), nil
}

// digitValue is the value of a hexadecimal digit, 99 for anything else.
func digitValue(c byte) int64 {
	switch {
	case isDigit(c):
		return int64(c - '0')
	case (c|0x20)-'a' < 6:
		return int64((c|0x20)-'a') + 10
	}
	return 99
}
