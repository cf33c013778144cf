package types

import (
	"math"
	"math/bits"
	"strconv"
)

// appendShortest appends x, finite and not zero, as d.ddde±xx in the fewest
// digits that lie strictly between the middles to its neighbours. Go's shortest
// form may be such a middle, which reads back as x only where ties go to even:
// 1e23. PostgreSQL does not rely on that.
func appendShortest(dst []byte, x float64, size int) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, x, 'e', -1, size)
	if math.Abs(x) < 1<<24 || !isMiddle(dst[start:], x, size) {
		return dst
	}
	for prec := 0; ; prec++ {
		dst = strconv.AppendFloat(dst[:start], x, 'e', prec, size)
		if y, err := strconv.ParseFloat(view(dst[start:]), size); err == nil && y == x && !isMiddle(dst[start:], x, size) {
			return dst
		}
	}
}

// isMiddle reports whether text, as d.ddde+xx, lies exactly in the middle of x
// and a neighbour. Only integers can, and only with few fives in them, in the
// digits that a shortest form has.
func isMiddle(text []byte, x float64, size int) bool {
	var digits uint64
	places, i := 0, 0
	for point := false; text[i] != 'e'; i++ {
		switch c := text[i]; {
		case c == '.':
			point = true
		case isDigit(c):
			digits = digits*10 + uint64(c-'0')
			if point {
				places++
			}
		}
	}
	exp, _, _ := leadingInt(string(text[i+1:]))
	zeros := exp - places // the text is digits times 10^zeros
	if zeros < 1 || zeros > 23 {
		return false
	}
	// x is m times 2^q.
	var m uint64
	var q int
	if size == 32 {
		b := math.Float32bits(float32(math.Abs(x)))
		m, q = uint64(b&(1<<23-1)|1<<23), int(b>>23)-150
	} else {
		b := math.Float64bits(math.Abs(x))
		m, q = b&(1<<52-1)|1<<52, int(b>>52)-1075
	}
	five := uint64(1)
	for range zeros {
		five *= 5
	}
	hi, lo := bits.Mul64(digits, five)
	// digits*5^zeros*2^zeros = (2m±1)*2^(q-1), or never.
	for _, odd := range [2]uint64{2*m - 1, 2*m + 1} {
		shift := q - 1 - zeros
		var h, l uint64
		switch {
		case shift < -63 || shift > 63:
			continue
		case shift >= 0:
			h, l = bits.Mul64(odd, 1<<shift)
		case odd>>-shift<<-shift != odd:
			// An odd number over a power of two is no integer: bring the power
			// to the other side.
			if hi != 0 || bits.LeadingZeros64(lo) < -shift {
				continue
			}
			if lo<<-shift == odd {
				return true
			}
			continue
		}
		if h == hi && l == lo {
			return true
		}
	}
	return false
}
