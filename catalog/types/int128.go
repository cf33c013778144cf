package types

import (
	"math/big"
	"math/bits"
)

// int128 is a signed 128-bit integer in two's complement.
type int128 struct {
	hi int64
	lo uint64
}

func int128From(i int64) int128 { return int128{hi: i >> 63, lo: uint64(i)} }

// fits64 reports whether x is an int64.
func (x int128) fits64() bool { return x.hi == int64(x.lo)>>63 }

func (x int128) neg() int128 {
	lo, borrow := bits.Sub64(0, x.lo, 0)
	hi, _ := bits.Sub64(0, uint64(x.hi), borrow)
	return int128{int64(hi), lo}
}

// abs is the magnitude, which for -2^127 is 2^127.
func (x int128) abs() uint128 {
	if x.hi < 0 {
		x = x.neg()
	}
	return uint128{uint64(x.hi), x.lo}
}

func (x int128) add(y int128) (int128, bool) {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, _ := bits.Add64(uint64(x.hi), uint64(y.hi), carry)
	z := int128{int64(hi), lo}
	return z, (x.hi^z.hi)&(y.hi^z.hi) >= 0
}

func (x int128) cmp(y int128) int {
	switch {
	case x.hi < y.hi || x.hi == y.hi && x.lo < y.lo:
		return -1
	case x == y:
		return 0
	}
	return 1
}

// mul64 is x*y for int64s, exactly.
func mul64(x, y int64) int128 {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	return int128{int64(hi) - (x>>63)&y - (y>>63)&x, lo}
}

// signed gives the magnitude a sign; false where it does not fit.
func (m uint128) signed(neg bool) (int128, bool) {
	if m.hi>>63 != 0 {
		return int128{}, false
	}
	x := int128{int64(m.hi), m.lo}
	if neg {
		x = x.neg()
	}
	return x, true
}

func (x int128) big() *big.Int {
	m := x.abs()
	b := new(big.Int).SetUint64(m.hi)
	b.Lsh(b, 64)
	b.Or(b, new(big.Int).SetUint64(m.lo))
	if x.hi < 0 {
		b.Neg(b)
	}
	return b
}

// int128FromBig is b as an int128 where it has at most 127 bits.
func int128FromBig(b *big.Int) (int128, bool) {
	if b.BitLen() > 127 {
		return int128{}, false
	}
	var m uint128
	var buf [16]byte
	b.FillBytes(buf[:])
	for _, c := range buf[:8] {
		m.hi = m.hi<<8 | uint64(c)
	}
	for _, c := range buf[8:] {
		m.lo = m.lo<<8 | uint64(c)
	}
	return m.signed(b.Sign() < 0)
}

// uint128 is a magnitude.
type uint128 struct{ hi, lo uint64 }

func (m uint128) isZero() bool { return m.hi == 0 && m.lo == 0 }

func (m uint128) cmp(n uint128) int {
	switch {
	case m.hi < n.hi || m.hi == n.hi && m.lo < n.lo:
		return -1
	case m == n:
		return 0
	}
	return 1
}

// mul64 is m*y; false where it overflows.
func (m uint128) mul64(y uint64) (uint128, bool) {
	over, hi := bits.Mul64(m.hi, y)
	carry, lo := bits.Mul64(m.lo, y)
	hi, c := bits.Add64(hi, carry, 0)
	return uint128{hi, lo}, over == 0 && c == 0
}

// mulPow10 is m*10^n.
func (m uint128) mulPow10(n int32) (uint128, bool) {
	if m.isZero() {
		return m, true
	}
	for n > 0 {
		step := min(n, 19)
		var ok bool
		if m, ok = m.mul64(pow10[step]); !ok {
			return m, false
		}
		n -= step
	}
	return m, true
}

// div64 is m/y and the rest.
func (m uint128) div64(y uint64) (uint128, uint64) {
	hi, rest := m.hi/y, m.hi%y
	lo, rest := bits.Div64(rest, m.lo, y)
	return uint128{hi, lo}, rest
}

// div is m/n and the rest, for n not zero (schoolbook, base 2^64).
func (m uint128) div(n uint128) (quo, rest uint128) {
	if n.hi == 0 {
		q, r := m.div64(n.lo)
		return q, uint128{0, r}
	}
	if m.cmp(n) < 0 {
		return uint128{}, m
	}
	// One quotient digit: estimate from the normalised high words, which is at
	// most two too large.
	s := uint(bits.LeadingZeros64(n.hi))
	nh := n.hi<<s | n.lo>>(64-s)
	if s == 0 {
		nh = n.hi
	}
	q, _ := bits.Div64(m.hi>>1, m.hi<<63|m.lo>>1, nh)
	q >>= 63 - s
	if q > 0 {
		q--
	}
	p, _ := n.mul64(q)
	lo, borrow := bits.Sub64(m.lo, p.lo, 0)
	hi, _ := bits.Sub64(m.hi, p.hi, borrow)
	rest = uint128{hi, lo}
	for rest.cmp(n) >= 0 {
		q++
		lo, borrow = bits.Sub64(rest.lo, n.lo, 0)
		hi, _ = bits.Sub64(rest.hi, n.hi, borrow)
		rest = uint128{hi, lo}
	}
	return uint128{0, q}, rest
}

// digits is the number of decimal digits, 1 for zero.
func (m uint128) digits() int32 {
	if m.hi == 0 {
		return digits64(m.lo)
	}
	q, r := m.div64(pow10[19])
	_ = r
	return 19 + q.digits()
}

func digits64(x uint64) int32 {
	n := int32(bits.Len64(x)) * 1233 >> 12
	if x >= pow10[n] {
		n++
	}
	return max(n, 1)
}

// pow10 are the powers of ten that fit 64 bits.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()
