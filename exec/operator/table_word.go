package operator

import (
	"iter"
	"math"
	"unsafe"

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
	if len(sel) == len(values) { // every row, in order
		for i, x := range values {
			dst[i] = uint64(int64(x))
		}
		return
	}
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

// wordIndex finds keys of one word. Keys that lie close together, as numbers
// that count up do, are not hashed: once there are many, their groups stand in
// direct, by key less base.
type wordIndex struct {
	keys  []vec.Vec
	one   *wordSlots // where the groups are; nil: in parts or in direct
	parts *wordParts // nil: they are not split
	count int
	null  int32 // the group of NULL, and 1; 0: there is none

	least, most int64 // of the words that are not NULL
	base        uint64
	direct      []int32 // groups and 1; nil: slots have them
	bent        bool    // direct was given up: a few groups are not put there again

	words []uint64
	fresh []int32
	sink  int32 // what touching reads, so that it is not left out
}

func newWordIndex(keys []vec.Vec) *wordIndex {
	x := &wordIndex{keys: keys, one: &wordSlots{}, least: math.MaxInt64, most: math.MinInt64}
	x.one.resize(leastSlots)
	return x
}

func (x *wordIndex) groups() int { return x.count }

func (x *wordIndex) bytes() int64 {
	n := int64(len(x.direct)) * 4
	switch {
	case x.parts != nil:
		n += x.parts.bytes()
	case x.one != nil:
		n += x.one.bytes()
	}
	return n
}

// load takes the words of a batch, which are not to be written.
func (x *wordIndex) load(v vec.Vec, sel []int32) (ws []uint64, nulls *vec.Bitmap) {
	if c, ok := v.(*vec.Fixed[int64]); ok && len(sel) == len(c.Values) && len(sel) > 0 && !c.Nulls().Any() {
		// Every row, in order: the values are the words.
		ws = unsafe.Slice((*uint64)(unsafe.Pointer(&c.Values[0])), len(sel))
	} else {
		x.words = sized(x.words, len(sel))
		ws = x.words
		nulls = words(ws, v, sel)
	}
	return ws, nulls
}

// touch reads the slots of words, which are searched next.
func (x *wordIndex) touch(ws []uint64) {
	switch {
	case x.one != nil:
		x.sink = x.one.touch(ws)
	case x.parts != nil:
		x.sink = x.parts.touch(ws)
	}
}

func (x *wordIndex) assign(cols []vec.Vec, _ int, sel, ids []int32) {
	if x.direct == nil && !x.near() && !x.entered() {
		x.reserve(len(sel))
	}
	x.fresh = x.fresh[:0]
	ws, nulls := x.load(cols[0], sel)
	x.touch(ws)
	done := 0
	if x.direct != nil {
		if done = x.assignDirect(ws, nulls, sel, ids); done < len(sel) {
			x.bend(len(sel))
		}
	}
	ws, sel = ws[done:], sel[done:]
	if nulls != nil {
		x.assignNullable(ws, nulls, sel, ids)
	} else {
		x.assignHashed(ws, sel, ids)
	}
	if len(x.fresh) > 0 {
		vec.CopyRows(x.keys[0], cols[0], x.fresh)
	}
}

// reserve makes room for n more groups.
func (x *wordIndex) reserve(n int) {
	switch {
	case x.parts != nil:
		if need := room(x.parts.next, x.count+n); need > x.parts.next && !x.straighten(need) {
			x.parts.next = need
		}
	default:
		need := room(len(x.one.slots), x.one.used+n)
		switch {
		case need == len(x.one.slots) || x.straighten(need):
		case need > wholeSlots:
			x.split(need)
		default:
			x.one.resize(need)
		}
	}
}

func (x *wordIndex) assignHashed(ws []uint64, sel, ids []int32) {
	if x.one == nil {
		x.assignParts(ws, sel, ids)
		return
	}
	for done := 0; done < len(sel); {
		done += x.assignSlots(ws[done:], sel[done:], ids)
		if done < len(sel) {
			x.parts.reserve(x.one, 1)
		}
	}
}

// assignSlots assigns groups until the slots are full, and returns how many rows it
// did.
func (x *wordIndex) assignSlots(ws []uint64, sel, ids []int32) int {
	slots, skip, shift := x.one.slots, x.one.skip&63, x.one.shift&63
	mask := uint64(len(slots) - 1)
	free := (len(slots)-1)/2 - x.one.used
	for k, r := range sel {
		w := ws[k]
		i := scatter(w) << skip >> shift & mask
		for {
			s := &slots[i]
			if s.word == w && s.group != 0 {
				ids[r] = s.group - 1
				break
			}
			if s.group == 0 {
				if free == 0 {
					return k
				}
				free--
				x.one.used++
				g := x.insert(w, r)
				*s = wordSlot{word: w, group: g + 1}
				ids[r] = g
				break
			}
			i = (i + 1) & mask
		}
	}
	return len(sel)
}

// assignNullable is assignHashed where rows may be NULL.
func (x *wordIndex) assignNullable(ws []uint64, nulls *vec.Bitmap, sel, ids []int32) {
	for k, r := range sel {
		if nulls.Get(int(r)) {
			ids[r] = x.nullGroup(r)
		} else {
			x.assignHashed(ws[k:k+1], sel[k:k+1], ids)
		}
	}
}

// nullGroup is the group of NULL, which row may bring.
func (x *wordIndex) nullGroup(row int32) int32 {
	if x.null == 0 {
		x.fresh = append(x.fresh, row)
		x.count++
		x.null = int32(x.count)
	}
	return x.null - 1
}

// insert makes the group of a word that is new.
func (x *wordIndex) insert(w uint64, row int32) int32 {
	g := int32(x.count)
	x.count++
	x.fresh = append(x.fresh, row)
	x.least, x.most = min(x.least, int64(w)), max(x.most, int64(w))
	return g
}

func (x *wordIndex) lookup(cols []vec.Vec, _ int, sel, ids []int32) {
	ws, nulls := x.load(cols[0], sel)
	x.touch(ws)
	switch {
	case x.direct != nil:
		direct, base := x.direct, x.base
		for k, r := range sel {
			g := int32(0)
			if at := ws[k] - base; at < uint64(len(direct)) {
				g = direct[at]
			}
			ids[r] = g - 1
		}
	case x.one != nil:
		x.one.lookup(ws, sel, ids)
	default:
		x.parts.lookup(ws, sel, ids)
	}
	if nulls == nil {
		return
	}
	for _, r := range sel {
		if nulls.Get(int(r)) {
			ids[r] = x.null - 1
		}
	}
}

// all yields the slots that are taken.
func (x *wordIndex) all() iter.Seq[wordSlot] {
	return func(yield func(wordSlot) bool) {
		if x.parts == nil {
			x.one.all(yield)
			return
		}
		for i := range x.parts.parts {
			if !x.parts.parts[i].all(yield) {
				return
			}
		}
	}
}
