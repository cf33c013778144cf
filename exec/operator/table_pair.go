package operator

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pairSlot is empty where group is 0. Bit 0 of nulls is the first column's.
type pairSlot struct {
	a, b  uint64
	group int32 // and 1
	nulls uint32
}

// pairIndex finds keys of two words.
type pairIndex struct {
	keys  []vec.Vec
	slots []pairSlot
	shift uint
	count int

	a, b  []uint64
	nulls []uint32
	fresh []int32
	sink  int32
}

func newPairIndex(keys []vec.Vec) *pairIndex {
	x := &pairIndex{keys: keys}
	x.resize(leastSlots)
	return x
}

func (x *pairIndex) groups() int  { return x.count }
func (x *pairIndex) bytes() int64 { return int64(len(x.slots)) * 24 }

func scatterPair(a, b uint64) uint64 {
	return scatter(a ^ bits.RotateLeft64(scatter(b), 32))
}

func (x *pairIndex) resize(n int) {
	old := x.slots
	x.slots = make([]pairSlot, n)
	x.shift = uint(64 - bits.TrailingZeros(uint(n)))
	mask := uint64(n - 1)
	for _, s := range old {
		if s.group == 0 {
			continue
		}
		i := scatterPair(s.a, s.b) >> x.shift
		for x.slots[i].group != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
}

// load takes the words and the NULL bits of a batch and touches its slots.
func (x *pairIndex) load(cols []vec.Vec, sel []int32) {
	x.a, x.b, x.nulls = sized(x.a, len(sel)), sized(x.b, len(sel)), sized(x.nulls, len(sel))
	clear(x.nulls)
	for c, dst := range [][]uint64{x.a, x.b} {
		nulls := words(dst, cols[c], sel)
		if nulls == nil {
			continue
		}
		for k, r := range sel {
			x.nulls[k] |= nullBit(nulls, r) << c
		}
	}
	if len(x.slots) > farSlots {
		sum := int32(0)
		for k, a := range x.a {
			sum += x.slots[scatterPair(a, x.b[k])>>x.shift].group
		}
		x.sink = sum
	}
}

func (x *pairIndex) assign(cols []vec.Vec, _ int, sel, ids []int32) {
	if n := room(len(x.slots), x.count+len(sel)); n > len(x.slots) {
		x.resize(n)
	}
	x.load(cols, sel)
	x.fresh = x.fresh[:0]
	for k, r := range sel {
		s := x.find(k)
		if s.group == 0 {
			x.count++
			*s = pairSlot{a: x.a[k], b: x.b[k], group: int32(x.count), nulls: x.nulls[k]}
			x.fresh = append(x.fresh, r)
		}
		ids[r] = s.group - 1
	}
	if len(x.fresh) > 0 {
		vec.CopyRows(x.keys[0], cols[0], x.fresh)
		vec.CopyRows(x.keys[1], cols[1], x.fresh)
	}
}

func (x *pairIndex) lookup(cols []vec.Vec, _ int, sel, ids []int32) {
	x.load(cols, sel)
	for k, r := range sel {
		ids[r] = x.find(k).group - 1
	}
}

// find returns the slot of the batch's k-th key, or the empty one where it
// belongs.
func (x *pairIndex) find(k int) *pairSlot {
	a, b, nulls := x.a[k], x.b[k], x.nulls[k]
	mask := uint64(len(x.slots) - 1)
	for i := scatterPair(a, b) >> x.shift & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.group == 0 || s.a == a && s.b == b && s.nulls == nulls {
			return s
		}
	}
}

func nullBit(nulls *vec.Bitmap, row int32) uint32 {
	if nulls.Get(int(row)) {
		return 1
	}
	return 0
}
