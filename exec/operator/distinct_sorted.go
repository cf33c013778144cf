package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// DistinctSorted passes the first row of each run of rows with the same key:
// DISTINCT ON over rows that are sorted by it. It holds one row, and refuses
// Deletes.
type DistinctSorted struct {
	stateless
	keys  []*expr.Program
	types []types.Type
	fault Fault
	last  []vec.Vec // the key before, one row; none yet: empty
	cols  []vec.Vec
	sel   selector
	live  []int32
	out   vec.Batch
}

// NewDistinctSorted returns a DistinctSorted by keys, which have the types given.
func NewDistinctSorted(keys []*expr.Program, ts []types.Type, fault Fault) *DistinctSorted {
	return &DistinctSorted{keys: keys, types: ts, fault: fault, last: vec.NewBatch(ts).Cols, cols: make([]vec.Vec, len(keys))}
}

// Process passes on rows whose key is another than that of the row before.
func (d *DistinctSorted) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("DISTINCT ON")
	}
	sel, err := runAll(d.keys, b, d.cols, d.fault, &d.live)
	if err != nil {
		return err
	}
	first := d.out.Sel[:0]
	cols, row := d.last, int32(d.last[0].Len())-1
	for _, r := range d.sel.all(sel, b.Rows) {
		if row < 0 || !d.same(cols, row, r) {
			first = append(first, r)
		}
		cols, row = d.cols, r
	}
	if row >= 0 && cols[0] != d.last[0] {
		for i, c := range d.last {
			c.Reset()
			vec.AppendRow(c, d.cols[i], int(row))
		}
	}
	d.out = vec.Batch{Cols: b.Cols, Sel: first, Rows: b.Rows}
	if len(first) == 0 {
		return nil
	}
	return out.Emit(ctx, &d.out)
}

func (d *DistinctSorted) same(cols []vec.Vec, row, r int32) bool {
	for i, c := range cols {
		if !vec.Equal(c, int(row), d.cols[i], int(r), d.types[i]) {
			return false
		}
	}
	return true
}
