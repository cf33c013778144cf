package operator

import (
	"context"
	"io"
	"iter"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Virtual reads a catalog relation, whose rows a provider makes.
type Virtual struct {
	rows    func() iter.Seq[[]types.Value]
	columns []int
	out     *vec.Batch
	next    func() ([]types.Value, bool)
	stop    func()
}

// NewVirtual returns a leaf over the rows that the function gives, of which it
// reads the columns named, of the types given.
func NewVirtual(rows func() iter.Seq[[]types.Value], columns []int, ts []types.Type) *Virtual {
	return &Virtual{rows: rows, columns: columns, out: vec.NewBatch(ts)}
}

// Next returns the next rows.
func (v *Virtual) Next(context.Context) (*vec.Batch, error) {
	if v.next == nil {
		v.next, v.stop = iter.Pull(v.rows())
	}
	v.out.Reset()
	for v.out.Rows < vec.MaxRows {
		row, ok := v.next()
		if !ok {
			break
		}
		for i, c := range v.columns {
			vec.Append(v.out.Cols[i], row[c])
		}
		v.out.Rows++
	}
	if v.out.Rows == 0 {
		return nil, io.EOF
	}
	return v.out, nil
}

// Close ends the provider.
func (v *Virtual) Close() error {
	if v.stop != nil {
		v.stop()
	}
	return nil
}
