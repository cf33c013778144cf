package aggregate

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// exactSum is the sum of 64-bit integers, hi times 2^64 and lo, and how many there
// are. What 64-bit counts can count does not overflow it. hi seldom changes.
type exactSum struct{ lo, hi, n int64 }

func (s *exactSum) add(x int64) {
	lo := s.lo + x
	if (lo^s.lo)&(lo^x) < 0 {
		s.hi += 1 | x>>63
	}
	s.lo = lo
	s.n++
}

func (s *exactSum) remove(x int64) {
	lo := s.lo - x
	if (s.lo^x)&(s.lo^lo) < 0 {
		s.hi -= 1 | x>>63
	}
	s.lo = lo
	s.n--
}

// words returns the sum as one number of 128 bits.
func (s *exactSum) words() (hi int64, lo uint64) { return s.hi + s.lo>>63, uint64(s.lo) }

// setWords sets the sum, without its count.
func (s *exactSum) setWords(hi int64, lo uint64) { s.hi, s.lo = hi+int64(lo>>63), int64(lo) }

// addExactly adds rows to the sums of their groups, as Aggregate.Add has them.
func addExactly[T int16 | int32 | int64](sums []exactSum, values []T, nulls *vec.Bitmap, groups, sel []int32, ops []vec.Op) {
	switch {
	case ops != nil:
		changeExactly(sums, values, nulls, groups, sel, ops)
	case nulls.Any() && sel == nil:
		for row, g := range groups {
			if !nulls.Get(row) {
				sums[g].add(int64(values[row]))
			}
		}
	case nulls.Any():
		for _, row := range sel {
			if !nulls.Get(int(row)) {
				sums[groups[row]].add(int64(values[row]))
			}
		}
	case len(sums) == 1:
		addToOne(&sums[0], values, len(groups), sel)
	case sel == nil:
		values = values[:len(groups)]
		for row, g := range groups {
			sums[g].add(int64(values[row]))
		}
	default:
		for _, row := range sel {
			sums[groups[row]].add(int64(values[row]))
		}
	}
}

// addToOne adds all rows to one sum: the halves of each word by themselves, so
// that nothing is carried until the end.
func addToOne[T int16 | int32 | int64](sum *exactSum, values []T, n int, sel []int32) {
	var low uint64
	var high int64
	if sel == nil {
		for _, x := range values[:n] {
			low += uint64(uint32(x))
			high += int64(x) >> 32
		}
	} else {
		n = len(sel)
		for _, row := range sel {
			x := values[row]
			low += uint64(uint32(x))
			high += int64(x) >> 32
		}
	}
	hi, lo := sum.words()
	lo, carry := bits.Add64(lo, uint64(high)<<32, 0)
	hi += high>>32 + int64(carry)
	lo, carry = bits.Add64(lo, low, 0)
	sum.setWords(hi+int64(carry), lo)
	sum.n += int64(n)
}

func changeExactly[T int16 | int32 | int64](sums []exactSum, values []T, nulls *vec.Bitmap, groups, sel []int32, ops []vec.Op) {
	change := func(row int) {
		if nulls.Get(row) {
			return
		}
		if s := &sums[groups[row]]; ops[row] == vec.Delete {
			s.remove(int64(values[row]))
		} else {
			s.add(int64(values[row]))
		}
	}
	if sel == nil {
		for row := range groups {
			change(row)
		}
		return
	}
	for _, row := range sel {
		change(int(row))
	}
}
