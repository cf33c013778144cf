package operator

import (
	"math"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// isWord reports whether values of a type are equal exactly where one word made
// of each is.
func isWord(t types.Type) bool {
	switch types.Lookup(t.OID).Phys {
	case types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysUint32, types.PhysFloat32, types.PhysFloat64:
		return true
	}
	return false
}

// words writes the word of each row of sel, in sel's order, and returns the
// column's NULL bits, nil where no row is NULL. A NULL has the word 0.
func words(dst []uint64, v vec.Vec, sel []int32) *vec.Bitmap {
	switch v := v.(type) {
	case *vec.Const:
		var one [1]uint64
		null := words(one[:], v.Of, []int32{0})
		for i := range sel {
			dst[i] = one[0]
		}
		if null == nil {
			return nil
		}
	case *vec.Fixed[int64]:
		wordsOf(dst, v, sel)
	case *vec.Fixed[int32]:
		wordsOf(dst, v, sel)
	case *vec.Fixed[int16]:
		wordsOf(dst, v, sel)
	case *vec.Fixed[uint32]:
		wordsOf(dst, v, sel)
	case *vec.Fixed[bool]:
		for i, r := range sel {
			dst[i] = 0
			if v.Values[r] {
				dst[i] = 1
			}
		}
	case *vec.Fixed[float32]:
		for i, r := range sel {
			dst[i] = floatWord(float64(v.Values[r]))
		}
	case *vec.Fixed[float64]:
		for i, r := range sel {
			dst[i] = floatWord(v.Values[r])
		}
	default:
		panic("operator: a column has no word")
	}
	nulls := v.Nulls()
	if !nulls.Any() {
		return nil
	}
	for i, r := range sel {
		if nulls.Get(int(r)) {
			dst[i] = 0
		}
	}
	return nulls
}

func wordsOf[T int64 | int32 | int16 | uint32](dst []uint64, v *vec.Fixed[T], sel []int32) {
	values := v.Values
	dst = dst[:len(sel)]
	for i, r := range sel {
		dst[i] = uint64(int64(values[r]))
	}
}

// floatWord gives both zeros one word, and all NaNs another.
func floatWord(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(f)
}

// scatter is the hash of a word, of which the highest bits count. It parts the
// members of any arithmetic progression evenly (Knuth, The Art of Computer
// Programming 3, 6.4, Fibonacci hashing), and most keys are of one.
func scatter(x uint64) uint64 { return (x ^ x>>32) * 0x9e3779b97f4a7c15 }

// farSlots is the number of slots past which they do not lie in a near cache:
// a batch's slots are then touched before they are searched, so that the waits
// for memory overlap.
const farSlots = 1 << 13

// wordSlot is empty where group is 0.
type wordSlot struct {
	word  uint64
	group int32 // and 1
	null  uint32
}

// wordIndex finds keys of one word.
type wordIndex struct {
	keys  []vec.Vec
	slots []wordSlot
	shift uint // of a hash, gives the slot
	count int

	words []uint64
	fresh []int32
	sink  int32 // what touching reads, so that it is not left out
}

func newWordIndex(keys []vec.Vec) *wordIndex {
	x := &wordIndex{keys: keys}
	x.resize(leastSlots)
	return x
}

func (x *wordIndex) groups() int  { return x.count }
func (x *wordIndex) bytes() int64 { return int64(len(x.slots)) * 16 }

func (x *wordIndex) resize(n int) {
	old := x.slots
	x.slots = make([]wordSlot, n)
	x.shift = uint(64 - bits.TrailingZeros(uint(n)))
	mask := uint64(n - 1)
	for _, s := range old {
		if s.group == 0 {
			continue
		}
		i := scatter(s.word+uint64(s.null)) >> x.shift
		for x.slots[i].group != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
}

// load takes the words of a batch and touches their slots.
func (x *wordIndex) load(v vec.Vec, sel []int32) ([]uint64, *vec.Bitmap) {
	x.words = sized(x.words, len(sel))
	nulls := words(x.words, v, sel)
	if len(x.slots) > farSlots {
		sum := int32(0)
		for _, w := range x.words {
			sum += x.slots[scatter(w)>>x.shift].group
		}
		x.sink = sum
	}
	return x.words, nulls
}

func (x *wordIndex) assign(cols []vec.Vec, _ int, sel, ids []int32) {
	if n := room(len(x.slots), x.count+len(sel)); n > len(x.slots) {
		x.resize(n)
	}
	ws, nulls := x.load(cols[0], sel)
	x.fresh = x.fresh[:0]
	slots, shift := x.slots, x.shift
	mask := uint64(len(slots) - 1)
	if nulls != nil {
		x.assignNullable(ws, nulls, sel, ids)
	} else {
		for k, r := range sel {
			w := ws[k]
			i := scatter(w) >> shift & mask
			for {
				s := &slots[i]
				if s.word == w && s.group != 0 && s.null == 0 {
					ids[r] = s.group - 1
					break
				}
				if s.group == 0 {
					ids[r] = x.insert(s, w, 0, r)
					break
				}
				i = (i + 1) & mask
			}
		}
	}
	if len(x.fresh) > 0 {
		vec.CopyRows(x.keys[0], cols[0], x.fresh)
	}
}

// assignNullable is assign's loop where rows may be NULL.
func (x *wordIndex) assignNullable(ws []uint64, nulls *vec.Bitmap, sel, ids []int32) {
	mask := uint64(len(x.slots) - 1)
	for k, r := range sel {
		w, null := ws[k], nullBit(nulls, r)
		i := scatter(w+uint64(null)) >> x.shift & mask
		for {
			s := &x.slots[i]
			if s.group == 0 {
				ids[r] = x.insert(s, w, null, r)
				break
			}
			if s.word == w && s.null == null {
				ids[r] = s.group - 1
				break
			}
			i = (i + 1) & mask
		}
	}
}

func nullBit(nulls *vec.Bitmap, row int32) uint32 {
	if nulls.Get(int(row)) {
		return 1
	}
	return 0
}

func (x *wordIndex) insert(s *wordSlot, w uint64, null uint32, row int32) int32 {
	g := int32(x.count)
	x.count++
	*s = wordSlot{word: w, group: g + 1, null: null}
	x.fresh = append(x.fresh, row)
	return g
}

func (x *wordIndex) lookup(cols []vec.Vec, _ int, sel, ids []int32) {
	ws, nulls := x.load(cols[0], sel)
	slots, shift := x.slots, x.shift
	mask := uint64(len(slots) - 1)
	for k, r := range sel {
		w, null := ws[k], uint32(0)
		if nulls != nil {
			null = nullBit(nulls, r)
		}
		i := scatter(w+uint64(null)) >> shift & mask
		for {
			s := &slots[i]
			if s.group == 0 || s.word == w && s.null == null {
				ids[r] = s.group - 1
				break
			}
			i = (i + 1) & mask
		}
	}
}
