package vec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// rowOf is a record of the values.
func rowOf(vals ...types.Value) types.Value {
	cols := make([]types.RowColumn, len(vals))
	for i, v := range vals {
		cols[i].Type = v.Type
	}
	return types.NewRow(types.Record, cols, vals)
}

// TestAlike holds what Alike finds, in every order of the rows, to comparing each
// with each.
func TestAlike(t *testing.T) {
	one, two, text := types.NewInt(types.Int4, 1), types.NewInt(types.Int4, 2), types.NewText("a")
	null := types.NullOf(types.Of(types.Int4))
	doc := types.NewString(types.JSON, "1")
	for _, c := range []struct {
		name string
		rows []types.Value
	}{
		{"one shape", []types.Value{rowOf(one, two), rowOf(one, one), rowOf(one, null), rowOf(one, two)}},
		{"types that differ behind other values", []types.Value{rowOf(one, two), rowOf(two, text), rowOf(one, one)}},
		{"types that differ behind equal ones", []types.Value{rowOf(one, two), rowOf(two, one), rowOf(one, text)}},
		{"types of NULLs", []types.Value{rowOf(one, null), rowOf(one, types.NullOf(types.Of(types.Text)))}},
		{"numbers of columns", []types.Value{rowOf(one, two), rowOf(one, two, one)}},
		{"numbers of columns behind other values", []types.Value{rowOf(one, two), rowOf(one, one, one)}},
		{"no columns", []types.Value{rowOf(), rowOf(), rowOf(one)}},
		{"a row and NULL", []types.Value{types.NullOf(types.Of(types.Record)), rowOf(one), types.NullOf(types.Of(types.Record))}},
		{"a type without an order, once behind each value", []types.Value{rowOf(one, doc), rowOf(two, doc)}},
		{"a type without an order", []types.Value{rowOf(one, doc), rowOf(two, doc), rowOf(one, doc)}},
		{"rows in rows", []types.Value{rowOf(one, rowOf(one, two)), rowOf(one, rowOf(one, text))}},
		{"rows in rows that differ before", []types.Value{rowOf(one, rowOf(one, two)), rowOf(one, rowOf(two, text))}},
	} {
		typ := types.Of(types.Record)
		for shift := range c.rows {
			col := New(typ)
			for i := range c.rows {
				Append(col, c.rows[(i+shift)%len(c.rows)])
			}
			var want error
			for i := range c.rows {
				for j := range i {
					if _, err := Order(col, j, col, i, typ); want == nil {
						want = err
					}
				}
			}
			var a Alike
			var got error
			for i := range c.rows {
				switch {
				case got != nil:
				case a.Noting():
					got = a.Add(col, i, typ)
				case a.Mixed(col, i, typ):
					for k := 0; k <= i && got == nil; k++ {
						got = a.Add(col, k, typ)
					}
				}
			}
			if sqlerr.CodeOf(got) != sqlerr.CodeOf(want) || (got == nil) != (want == nil) {
				t.Errorf("%s, from row %d: %v, want %v", c.name, shift, got, want)
			}
		}
	}
}
