package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// table numbers the distinct rows of some columns: group 0 is the first seen,
// and so on. NULLs are equal to each other. It probes linearly in slots, which
// hold group+1, and are at most half full.
type table struct {
	types   []types.Type
	keys    []vec.Vec // row g is the key of group g
	hashes  []uint64  // of group g
	slots   []int32
	account *memory.Account
	what    string
	held    int64

	scratch []uint64
}

func newTable(ts []types.Type, account *memory.Account, what string) *table {
	t := &table{types: ts, account: account, what: what, slots: make([]int32, 64)}
	for _, typ := range ts {
		t.keys = append(t.keys, vec.New(typ))
	}
	return t
}

// Len is the number of groups.
func (t *table) Len() int { return len(t.hashes) }

// assign writes the group of each row of sel, making those that are new. n is
// the number of physical rows of cols and of ids.
func (t *table) assign(cols []vec.Vec, n int, sel []int32, ids []int32) error {
	h := t.hash(cols, n, sel)
	for _, r := range sel {
		g := t.find(cols, r, h[r])
		if g < 0 {
			g = t.insert(cols, r, h[r])
		}
		ids[r] = g
	}
	return t.charge()
}

// lookup writes the group of each row of sel, -1 where there is none.
func (t *table) lookup(cols []vec.Vec, n int, sel []int32, ids []int32) {
	h := t.hash(cols, n, sel)
	for _, r := range sel {
		ids[r] = t.find(cols, r, h[r])
	}
}

func (t *table) hash(cols []vec.Vec, n int, sel []int32) []uint64 {
	if cap(t.scratch) < n {
		t.scratch = make([]uint64, max(n, vec.MaxRows))
	}
	h := t.scratch[:n]
	clear(h)
	for i, c := range cols {
		vec.Hash(c, t.types[i], sel, h)
	}
	return h
}

func (t *table) find(cols []vec.Vec, row int32, h uint64) int32 {
	mask := uint64(len(t.slots) - 1)
	for i := spread(h) & mask; ; i = (i + 1) & mask {
		g := t.slots[i] - 1
		if g < 0 {
			return -1
		}
		if t.hashes[g] == h && t.same(int(g), cols, int(row)) {
			return g
		}
	}
}

func (t *table) same(g int, cols []vec.Vec, row int) bool {
	for i, c := range cols {
		if !vec.Equal(t.keys[i], g, c, row, t.types[i]) {
			return false
		}
	}
	return true
}

func (t *table) insert(cols []vec.Vec, row int32, h uint64) int32 {
	if 2*len(t.hashes) >= len(t.slots) {
		t.rehash()
	}
	g := int32(len(t.hashes))
	t.hashes = append(t.hashes, h)
	for i, c := range cols {
		vec.AppendRow(t.keys[i], c, int(row))
	}
	t.place(g, h)
	return g
}

func (t *table) place(g int32, h uint64) {
	mask := uint64(len(t.slots) - 1)
	i := spread(h) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = g + 1
}

func (t *table) rehash() {
	t.slots = make([]int32, 2*len(t.slots))
	for g, h := range t.hashes {
		t.place(int32(g), h)
	}
}

// spread makes every bit of h count in the low ones, which choose the slot.
func spread(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func (t *table) charge() error {
	size := 8*int64(len(t.hashes)) + 4*int64(len(t.slots))
	for _, k := range t.keys {
		n := columnBytes(k)
		if n > 1<<31-1<<20 {
			return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%s holds more than 2 GB in one column", t.what)
		}
		size += n
	}
	if size > t.held {
		if err := t.account.Reserve(size - t.held); err != nil {
			return err
		}
		t.held = size
	}
	return nil
}

func (t *table) close() {
	t.account.Release(t.held)
	*t = table{types: t.types}
}
