package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rowIndex finds rows of any columns.
type rowIndex struct {
	hashSlots
	types  []types.Type
	keys   []vec.Vec
	hashes []uint64
}

func newRowIndex(ts []types.Type, keys []vec.Vec) *rowIndex {
	return &rowIndex{hashSlots: newHashSlots(), types: ts, keys: keys}
}

func (x *rowIndex) load(cols []vec.Vec, n int, sel []int32) {
	x.hashes = sized(x.hashes, n)
	clear(x.hashes)
	for i, c := range cols {
		vec.Hash(c, x.types[i], sel, x.hashes)
	}
	x.touch(x.hashes, sel)
}

func (x *rowIndex) assign(cols []vec.Vec, n int, sel, ids []int32) {
	x.reserve(len(sel))
	x.load(cols, n, sel)
	for _, r := range sel {
		h := x.hashes[r]
		i, g := x.find(cols, r, h)
		if g < 0 {
			g = x.add(i, h)
			for c, k := range x.keys {
				vec.AppendRow(k, cols[c], int(r))
			}
		}
		ids[r] = g
	}
}

func (x *rowIndex) lookup(cols []vec.Vec, n int, sel, ids []int32) {
	x.load(cols, n, sel)
	for _, r := range sel {
		_, ids[r] = x.find(cols, r, x.hashes[r])
	}
}

// find returns the group of a row, or -1 and the empty slot where it belongs.
func (x *rowIndex) find(cols []vec.Vec, row int32, h uint64) (uint64, int32) {
	mask := uint64(len(x.slots) - 1)
	for i := h >> x.shift & mask; ; i = (i + 1) & mask {
		slot := x.slots[i]
		if slot == 0 {
			return i, -1
		}
		if g := slot.group(); slot.like(h) && x.same(int(g), cols, int(row)) {
			return i, g
		}
	}
}

func (x *rowIndex) same(g int, cols []vec.Vec, row int) bool {
	for i, c := range cols {
		if !vec.Equal(x.keys[i], g, c, row, x.types[i]) {
			return false
		}
	}
	return true
}
