package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// table numbers the distinct rows of some columns: group 0 is the first seen,
// and so on. NULLs are equal to each other.
//
// Groups are found by an index whose shape follows the columns: a key of one or
// two words lies in its slots; a byte string, and any other row, is found by its
// hash and compared where it is kept. Each probes linearly in slots that are at
// most half full and are chosen by the highest bits of the hash, so that growing
// moves them in order.
type table struct {
	types   []types.Type
	keys    []vec.Vec // row g is the key of group g
	index   index
	account *memory.Account
	what    string
	held    int64
	alike   *alikeKeys // nil: all keys are comparable
	images  *rowImages // nil: equal rows are one group
}

// index finds the group of a row. It appends the rows that bring a new group to
// the keys, which are its table's.
type index interface {
	// assign writes the group of each row of sel to ids, making those that are
	// new; lookup writes -1 for those. n is the number of physical rows.
	assign(cols []vec.Vec, n int, sel, ids []int32)
	lookup(cols []vec.Vec, n int, sel, ids []int32)
	// groups is how many there are.
	groups() int
	// bytes is what the index holds, without the keys.
	bytes() int64
}

func newTable(ts []types.Type, account *memory.Account, what string) *table {
	t := &table{types: ts, account: account, what: what, alike: newAlikeKeys(ts)}
	for _, typ := range ts {
		t.keys = append(t.keys, vec.New(typ))
	}
	t.index = newIndex(ts, t.keys)
	return t
}

func newIndex(ts []types.Type, keys []vec.Vec) index {
	switch {
	case len(ts) == 1 && isWord(ts[0]):
		return newWordIndex(keys)
	case len(ts) == 2 && isWord(ts[0]) && isWord(ts[1]):
		return newPairIndex(keys)
	case len(ts) == 1 && isPlainBytes(ts[0]):
		return newBytesIndex(keys)
	}
	return newRowIndex(ts, keys)
}

// Len is the number of groups.
func (t *table) Len() int { return t.index.groups() }

// assign writes the group of each row of sel, making those that are new. n is
// the number of physical rows of cols and of ids.
func (t *table) assign(cols []vec.Vec, n int, sel []int32, ids []int32) error {
	if err := t.comparable(cols, sel); err != nil {
		return err
	}
	t.index.assign(t.images.with(cols, n, sel), n, sel, ids)
	return t.charge()
}

// lookup writes the group of each row of sel, -1 where there is none.
func (t *table) lookup(cols []vec.Vec, n int, sel []int32, ids []int32) {
	t.index.lookup(t.images.with(cols, n, sel), n, sel, ids)
}

// addKey makes a row's key a group, whose number it writes to ids, where it is none; false:
// it is one. one is room for a selection.
func (t *table) addKey(keys *vec.Batch, row int32, one, ids []int32) (bool, error) {
	known := t.Len()
	one[0] = row
	err := t.assign(keys.Cols, keys.Rows, one, ids)
	return int(ids[row]) == known, err
}

// comparable fails where a row of sel is not comparable with one that it, or
// assign, was given before.
func (t *table) comparable(cols []vec.Vec, sel []int32) error {
	return t.alike.add(cols, t.keys, t.types, sel, t.account)
}

// expect makes room for the keys of about n groups, as long as those that are there.
// Growing by and by copies a gigabyte of keys four times over.
func (t *table) expect(n int) {
	have := t.Len()
	if have == 0 || n <= have {
		return
	}
	for _, k := range t.keys {
		if b, ok := k.(*vec.Bytes); ok {
			b.Data = slices.Grow(b.Data, int(float64(len(b.Data))/float64(have)*float64(n-have)))
			b.Offsets = slices.Grow(b.Offsets, n-have)
		}
	}
	if x, ok := t.index.(interface{ expect(n int) }); ok {
		x.expect(n - have)
	}
}

func (t *table) charge() error {
	size := t.index.bytes() + t.images.bytes()
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
	t.alike.close(t.account)
	*t = table{types: t.types, index: noIndex{}}
}

// noIndex is that of a table that is closed.
type noIndex struct{}

func (noIndex) assign([]vec.Vec, int, []int32, []int32) {}
func (noIndex) lookup([]vec.Vec, int, []int32, []int32) {}
func (noIndex) groups() int                             { return 0 }
func (noIndex) bytes() int64                            { return 0 }

// leastSlots is how many slots an index begins with, a power of two.
const leastSlots = 64

// room is how many slots n groups need: more than twice as many.
func room(have, n int) int {
	slots := max(have, leastSlots)
	for slots <= 2*n {
		slots *= 2
	}
	return slots
}
