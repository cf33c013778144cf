package operator

import (
	"context"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Values makes rows of expressions that have no columns. A row may have none:
// then it is the FROM of a SELECT without one.
type Values struct {
	rows  [][]*expr.Program
	types []types.Type
	next  int
	fault error // of the row that comes next
	out   *vec.Batch
}

// NewValues returns the leaf; a row has one program for each type.
func NewValues(rows [][]*expr.Program, ts []types.Type) *Values {
	return &Values{rows: rows, types: ts, out: vec.NewBatch(ts)}
}

// Next returns the next rows. Where one fails, those before it come first.
func (v *Values) Next(context.Context) (*vec.Batch, error) {
	if v.fault != nil {
		return nil, v.fault
	}
	if v.next == len(v.rows) {
		return nil, io.EOF
	}
	v.out.Reset()
	for ; v.next < len(v.rows) && v.out.Rows < vec.MaxRows; v.next++ {
		for i, p := range v.rows[v.next] {
			col, errs := p.Run(oneRow(), nil)
			if v.fault = errs.First(); v.fault != nil {
				return v.before()
			}
			vec.AppendRow(v.out.Cols[i], col, 0)
		}
		v.out.Rows++
	}
	return v.out, nil
}

// before are the rows before the one that has failed, if there are any.
func (v *Values) before() (*vec.Batch, error) {
	if v.out.Rows == 0 {
		return nil, v.fault
	}
	for _, c := range v.out.Cols {
		vec.Truncate(c, v.out.Rows)
	}
	return v.out, nil
}

// Rewind brings the leaf to its first row.
func (v *Values) Rewind() { v.next, v.fault = 0, nil }

// Close does nothing.
func (*Values) Close() error { return nil }

// noColumns is the row without columns over which constants are computed.
var noColumns = &vec.Batch{Rows: 1}

func oneRow() *vec.Batch { return noColumns }

// EvalRow computes a program that reads no column.
func EvalRow(p *expr.Program, t types.Type) (types.Value, error) {
	col, errs := p.Run(oneRow(), nil)
	if err := errs.First(); err != nil {
		return types.Value{}, err
	}
	return vec.Get(col, 0, t), nil
}
