package types

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Digits are written by words of eight, with what is behind them, which is written over
// later. Where a buffer has no room for whole words they are written aside, so that it does
// not grow for what is not of the text.

// zeros is a word of eight digits 0.
const zeros = 0x3030303030303030

// eight are the eight digits of u, which is less than 10^8, as numbers from 0 to 9, the
// first in the lowest byte. Each step divides what is in every lane of a word by a
// reciprocal that is exact for so few digits.
func eight(u uint64) uint64 {
	four := u/10000 | u%10000<<32
	q := four * 10486 >> 20 & 0x0000007f0000007f
	two := q | (four-100*q)<<16
	q = two * 103 >> 10 & 0x000f000f000f000f
	return q | (two-10*q)<<8
}

// leading is how many of eight digits are zeros before the first that is none, at most
// seven.
func leading(digits uint64) int { return bits.TrailingZeros64(digits|1<<56) >> 3 }

// AppendInt appends a decimal integer: the text form of int2, int4, int8, oid.
func AppendInt(dst []byte, i int64) []byte {
	at := len(dst)
	if at+intRoom > cap(dst) {
		var b [intRoom]byte
		return append(dst, b[:putInt(b[:], i)]...)
	}
	return dst[:at+putInt(dst[at:at+intRoom], i)]
}

// intRoom is for a sign, 20 digits, and what lies behind them.
const intRoom = 24

// putInt writes i to b and returns how many bytes it takes. b has intRoom.
func putInt(b []byte, i int64) int {
	if i < 0 {
		b[0] = '-'
		return putUint(b, 1, -uint64(i))
	}
	return putUint(b, 0, uint64(i))
}

// putUint writes the digits of u to b from n on, and returns where they end. b has room
// for 20 digits behind n, or for 16 if u has no more.
func putUint(b []byte, n int, u uint64) int {
	if u < 1e8 {
		return putFirst(b, n, u)
	}
	if u < 1e16 {
		n = putFirst(b, n, u/1e8)
	} else {
		n = putFirst(b, n, u/1e16)
		binary.LittleEndian.PutUint64(b[n:], eight(u/1e8%1e8)|zeros)
		n += 8
	}
	binary.LittleEndian.PutUint64(b[n:], eight(u%1e8)|zeros)
	return n + 8
}

// putFirst is putUint of less than 10^8.
func putFirst(b []byte, n int, u uint64) int {
	digits := eight(u)
	lead := leading(digits)
	binary.LittleEndian.PutUint64(b[n:], (digits|zeros)>>(8*lead))
	return n + 8 - lead
}

// AppendScaled appends coef times 10^-scale with scale digits behind the point: the text
// form of numeric.
func AppendScaled(dst []byte, coef int64, scale int) []byte {
	at := len(dst)
	switch {
	case scale == 0:
		return AppendInt(dst, coef)
	case scale >= 8 || coef >= 1e16 || coef <= -1e16:
		return appendLongScaled(dst, coef, scale)
	case at+scaledRoom > cap(dst):
		var b [scaledRoom]byte
		return append(dst, b[:putScaled(b[:], coef, scale)]...)
	}
	return dst[:at+putScaled(dst[at:at+scaledRoom], coef, scale)]
}

// scaledRoom is for a sign, 16 digits and a point, and what lies behind them.
const scaledRoom = 32

// putScaled writes coef, of 16 digits at most, with a point before the last scale ones, of
// which there are 1 to 7, and returns how many bytes that takes. b has scaledRoom.
func putScaled(b []byte, coef int64, scale int) int {
	u := uint64(coef)
	if coef < 0 {
		u = -u
	}
	n := 0
	if coef < 0 {
		b[0] = '-'
		n = 1
	}
	// The last eight digits have the point among them; what is before them is whole.
	var low uint64
	lead := 0
	if u < 1e8 {
		low = eight(u)
		lead = min(leading(low), 7-scale)
	} else {
		n = putFirst(b, n, u/1e8)
		low = eight(u % 1e8)
	}
	low |= zeros
	binary.LittleEndian.PutUint64(b[n:], low>>(8*lead))
	n += 8 - lead - scale
	b[n] = '.'
	binary.LittleEndian.PutUint64(b[n+1:], low>>(64-8*scale))
	return n + 1 + scale
}

// appendLongScaled is AppendScaled of any number, digit by digit.
func appendLongScaled(dst []byte, coef int64, scale int) []byte {
	u := uint64(coef)
	if coef < 0 {
		dst = append(dst, '-')
		u = -u
	}
	var digits [intRoom]byte
	d := digits[:putUint(digits[:], 0, u)]
	if len(d) > scale {
		dst = append(dst, d[:len(d)-scale]...)
		dst = append(dst, '.')
		return append(dst, d[len(d)-scale:]...)
	}
	dst = append(dst, '0', '.')
	for range scale - len(d) {
		dst = append(dst, '0')
	}
	return append(dst, d...)
}

// appendISO appends YYYY-MM-DD HH:MM:SS[.ffffff], without zeros at its end.
func appendISO(dst []byte, y, m, d int, micros int64) []byte {
	at := len(dst)
	if at+isoRoom > cap(dst) {
		var b [isoRoom]byte
		return append(dst, b[:putISO(b[:], y, m, d, micros)]...)
	}
	return dst[:at+putISO(dst[at:at+isoRoom], y, m, d, micros)]
}

// ISOInstants appends instants as YYYY-MM-DDTHH:MM:SS.ffffff. It keeps the date of the
// last one, which most often is that of the next.
type ISOInstants struct {
	days int64
	date [isoRoom]byte // YYYY-MM-DDT; zeros: there was none
}

// Append appends microseconds since 2000-01-01 in the years 1 to 9999.
func (i *ISOInstants) Append(dst []byte, micros int64) []byte {
	days, rest := splitMicros(micros)
	if days != i.days || i.date[0] == 0 {
		y, m, d := fromJulian(int(days) + epochJulian)
		putISO(i.date[:], y, m, d, 0)
		i.days, i.date[10] = days, 'T'
	}
	at := len(dst)
	dst = slices.Grow(dst, isoRoom)
	b := dst[at : at+isoRoom]
	copy(b[:16], i.date[:])
	putFraction(b, putClock(b, rest))
	return dst[:at+len("YYYY-MM-DDTHH:MM:SS.ffffff")]
}

// isoRoom is for 26 bytes, and what lies behind them.
const isoRoom = 32

// putISO is appendISO to b, which has isoRoom, and returns how many bytes that takes.
func putISO(b []byte, y, m, d int, micros int64) int {
	year := uint64(y)
	day := twos(year/100|year%100<<16|uint64(m)<<40, 0x00000f00000f000f)
	binary.LittleEndian.PutUint64(b, day|0x2d30302d30303030) // YYYY-MM-
	putPair(b[8:], uint64(d))
	b[10] = ' '
	fraction := putClock(b, micros)
	if fraction == 0 {
		return 19
	}
	return 26 - bits.LeadingZeros64(putFraction(b, fraction))>>3
}

// putClock writes HH:MM:SS of a day's microseconds behind a date and what parts them, and
// returns those of the second.
func putClock(b []byte, micros int64) (fraction uint64) {
	seconds := uint64(micros) / 1e6
	minutes := seconds / 60
	clock := twos(minutes/60|minutes%60<<24|seconds%60<<48, 0x000f00000f00000f)
	binary.LittleEndian.PutUint64(b[11:], clock|0x30303a30303a3030)
	return uint64(micros) - seconds*1e6
}

// putFraction writes .ffffff behind the clock, and returns the digits as eight does.
func putFraction(b []byte, fraction uint64) uint64 {
	digits := eight(fraction)
	binary.LittleEndian.PutUint64(b[19:], (digits|zeros)>>16<<8|'.')
	return digits
}

// twos turns each number of less than a hundred into two digits, as eight does. The
// numbers lie at the bytes of which tens has the lower half, with a byte behind each.
func twos(numbers, tens uint64) uint64 {
	q := numbers * 103 >> 10 & tens
	return q | (numbers-10*q)<<8
}
