package operator

import (
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// isPlainBytes reports whether values of a type are equal exactly where their
// bytes are.
func isPlainBytes(t types.Type) bool {
	return types.Lookup(t.OID).Phys == types.PhysBytes && vec.Bytewise(t.OID)
}

// A hashSlot holds the low half of a hash above a group's number and 1; 0 is
// empty.
type hashSlot uint64

func slotOf(h uint64, g int32) hashSlot { return hashSlot(h<<32 | uint64(uint32(g+1))) }

func (s hashSlot) group() int32 { return int32(uint32(s)) - 1 }

// like reports whether the slot's hash may be h.
func (s hashSlot) like(h uint64) bool { return uint32(s>>32) == uint32(h) }

// hashSlots are slots with the whole hash of each group beside them, for growing.
type hashSlots struct {
	slots  []hashSlot
	shift  uint
	hashes []uint64 // of group g
	sink   hashSlot
}

func newHashSlots() hashSlots {
	var x hashSlots
	x.resize(leastSlots)
	return x
}

func (x *hashSlots) groups() int  { return len(x.hashes) }
func (x *hashSlots) bytes() int64 { return int64(len(x.slots)+len(x.hashes)) * 8 }

// reserve makes room for n more groups.
func (x *hashSlots) reserve(n int) {
	if slots := room(len(x.slots), len(x.hashes)+n); slots > len(x.slots) {
		x.resize(slots)
	}
}

// expect is reserve for so many that it pays to have the hashes in one place at once.
func (x *hashSlots) expect(n int) {
	x.reserve(n)
	x.hashes = slices.Grow(x.hashes, n)
}

func (x *hashSlots) resize(n int) {
	x.slots = make([]hashSlot, n)
	x.shift = uint(64 - bits.TrailingZeros(uint(n)))
	mask := uint64(n - 1)
	for g, h := range x.hashes {
		i := h >> x.shift
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = slotOf(h, int32(g))
	}
}

// touch reads the slots of a batch's hashes.
func (x *hashSlots) touch(hashes []uint64, sel []int32) {
	if len(x.slots) <= farSlots {
		return
	}
	var sum hashSlot
	for _, r := range sel {
		sum += x.slots[hashes[r]>>x.shift]
	}
	x.sink = sum
}

// add gives the next number to a key of hash h, in the empty slot i.
func (x *hashSlots) add(i, h uint64) int32 {
	g := int32(len(x.hashes))
	x.hashes = append(x.hashes, h)
	x.slots[i] = slotOf(h, g)
	return g
}

// bytesIndex finds byte strings.
type bytesIndex struct {
	hashSlots
	keys   *vec.Bytes
	typ    types.Type
	null   int32 // the group of NULL; -1: there is none
	hashes []uint64
	flat   vec.Bytes
}

func newBytesIndex(keys []vec.Vec) *bytesIndex {
	return &bytesIndex{hashSlots: newHashSlots(), keys: keys[0].(*vec.Bytes), typ: types.Of(types.Text), null: -1}
}

// load hashes a batch.
func (x *bytesIndex) load(v vec.Vec, n int, sel []int32) *vec.Bytes {
	b, ok := v.(*vec.Bytes)
	if !ok {
		x.flat.Reset()
		vec.CopyRows(&x.flat, v, nil)
		b = &x.flat
	}
	x.hashes = sized(x.hashes, n)
	clear(x.hashes)
	vec.Hash(b, x.typ, sel, x.hashes)
	x.touch(x.hashes, sel)
	return b
}

func (x *bytesIndex) assign(cols []vec.Vec, n int, sel, ids []int32) {
	x.reserve(len(sel))
	b := x.load(cols[0], n, sel)
	nulls := b.Nulls()
	some := nulls.Any()
	for _, r := range sel {
		if some && nulls.Get(int(r)) {
			if x.null < 0 {
				x.null = x.append(b, r)
			}
			ids[r] = x.null
			continue
		}
		h := x.hashes[r]
		i, g := x.find(b.Data[b.Offsets[r]:b.Offsets[r+1]], h)
		if g < 0 {
			g = x.add(i, h)
			x.keys.Append(b.At(int(r)))
		}
		ids[r] = g
	}
}

// append makes the group of NULL. Its slot is never taken for a string's: of
// those only the empty one is equal to it in bytes, and that has another hash.
func (x *bytesIndex) append(b *vec.Bytes, row int32) int32 {
	h := x.hashes[row]
	mask := uint64(len(x.slots) - 1)
	i := h >> x.shift
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	g := x.add(i, h)
	vec.AppendRow(x.keys, b, int(row))
	return g
}

// find returns the group of a string, or -1 and the empty slot where it belongs.
func (x *bytesIndex) find(s []byte, h uint64) (uint64, int32) {
	slots := x.slots
	mask := uint64(len(slots) - 1)
	for i := h >> x.shift & mask; ; i = (i + 1) & mask {
		slot := slots[i]
		if slot == 0 {
			return i, -1
		}
		if slot.like(h) {
			g := slot.group()
			if string(x.keys.Data[x.keys.Offsets[g]:x.keys.Offsets[g+1]]) == string(s) {
				return i, g
			}
		}
	}
}

func (x *bytesIndex) lookup(cols []vec.Vec, n int, sel, ids []int32) {
	b := x.load(cols[0], n, sel)
	nulls := b.Nulls()
	some := nulls.Any()
	for _, r := range sel {
		if some && nulls.Get(int(r)) {
			ids[r] = x.null
			continue
		}
		_, ids[r] = x.find(b.Data[b.Offsets[r]:b.Offsets[r+1]], x.hashes[r])
	}
}
