package csv

import "encoding/binary"

// pow10 are the powers of ten that 64 bits hold.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// eightDigits reads the last n bytes of w, 1 to 8 digits of which the first is
// the lowest byte.
func eightDigits(w uint64, n int) (v int64, ok bool) {
	shift := uint(64-8*n) & 63
	t := w<<shift ^ '0'*lowBits<<shift
	ok = (t+0x76*lowBits|t)&highBits == 0
	// Pairs of digits, and then fours of them, side by side.
	t = t*10 + t>>8
	const pairs = 0x000000ff000000ff
	return int64((t&pairs*(100+1000000<<32) + t>>16&pairs*(1+10000<<32)) >> 32), ok
}

// digits reads b[from:to] as a whole number of 1 to 18 digits.
func digits(b []byte, from, to int) (v int64, ok bool) {
	n := to - from
	if uint(n-1) > 15 || len(b)-from < 8 {
		return slowDigits(b[from:to])
	}
	if n <= 8 {
		return eightDigits(binary.LittleEndian.Uint64(b[from:]), n)
	}
	high, ok1 := eightDigits(binary.LittleEndian.Uint64(b[from:]), n-8)
	low, ok2 := eightDigits(binary.LittleEndian.Uint64(b[to-8:]), 8)
	return high*100_000_000 + low, ok1 && ok2
}

func slowDigits(s []byte) (v int64, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for _, c := range s {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	return v, true
}

// whole reads b[from:to] as a whole number of up to 18 digits, perhaps negative.
func whole(b []byte, from, to int) (v int64, ok bool) {
	if from < to && b[from] == '-' {
		v, ok = digits(b, from+1, to)
		return -v, ok
	}
	return digits(b, from, to)
}

// scaled reads b[from:to] as a number with point digits behind its point, 1 or
// more, and some before it, 18 in all: the number without the point. false: it
// may be something else.
func scaled(b []byte, from, to, point int) (v int64, ok bool) {
	at := to - point - 1
	if at <= from || to-from > 19 || b[at] != '.' {
		return 0, false
	}
	var high, low int64
	var ok1, ok2 bool
	if at-from <= 8 && point <= 8 && len(b)-at > 8 {
		high, ok1 = eightDigits(binary.LittleEndian.Uint64(b[from:]), at-from)
		low, ok2 = eightDigits(binary.LittleEndian.Uint64(b[at+1:]), point)
	} else {
		high, ok1 = digits(b, from, at)
		low, ok2 = digits(b, at+1, to)
	}
	return high*pow10[point] + low, ok1 && ok2
}

// dot is a point, less '0'.
const dot = byte(0xfe) // '.' - '0'

// decimal reads a plain number of up to 18 digits: coef times 10^-scale.
func decimal(s []byte) (coef int64, scale int32, ok bool) {
	if len(s) == 0 || len(s) > 19 {
		return 0, 0, false
	}
	neg := s[0] == '-'
	if neg {
		s = s[1:]
	}
	point := -1
	for i, c := range s {
		if c -= '0'; c <= 9 {
			coef = coef*10 + int64(c)
		} else if c == dot && point < 0 && i > 0 && i < len(s)-1 {
			point = i
		} else {
			return 0, 0, false
		}
	}
	if len(s) == 0 || len(s) > 18 {
		return 0, 0, false
	}
	if point >= 0 {
		scale = int32(len(s) - 1 - point)
	}
	if neg {
		coef = -coef
	}
	return coef, scale, true
}
