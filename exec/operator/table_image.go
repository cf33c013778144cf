package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// newRowTable returns a table of rows that change: only rows that read the same are one
// group. 1.0 and 1.00 are equal, but what is made of them, their text say, is not, and a
// Delete takes back the one that came.
func newRowTable(ts []types.Type, account *memory.Account, what string) *table {
	t := newTable(ts, account, what)
	if t.images = newRowImages(ts); t.images != nil {
		t.index = newIndex(append(slices.Clone(ts), types.Of(types.Int8)), append(slices.Clone(t.keys), t.images.kept))
	}
	return t
}

// rowImages give the index of a table a column more, which tells equal rows apart that
// do not read the same.
type rowImages struct {
	types  []types.Type
	at     []int // the columns whose equal values may read differently
	kept   *vec.Fixed[int64]
	batch  vec.Fixed[int64] // of the rows at hand
	hashes []uint64
	cols   []vec.Vec
}

// newRowImages returns nil where equal rows read the same.
func newRowImages(ts []types.Type) *rowImages {
	x := &rowImages{types: ts, kept: &vec.Fixed[int64]{}}
	for i, t := range ts {
		if vec.Imaged(t) {
			x.at = append(x.at, i)
		}
	}
	if x.at == nil {
		return nil
	}
	return x
}

// with are the columns of a batch, of n physical rows, and the one more.
func (x *rowImages) with(cols []vec.Vec, n int, sel []int32) []vec.Vec {
	if x == nil {
		return cols
	}
	x.hashes = sized(x.hashes, n)
	clear(x.hashes)
	for _, i := range x.at {
		vec.HashImage(cols[i], x.types[i], sel, x.hashes)
	}
	x.batch.Values = sized(x.batch.Values, n)
	for i, h := range x.hashes {
		x.batch.Values[i] = int64(h)
	}
	x.cols = append(append(x.cols[:0], cols...), &x.batch)
	return x.cols
}

func (x *rowImages) bytes() int64 {
	if x == nil {
		return 0
	}
	return columnBytes(x.kept)
}
