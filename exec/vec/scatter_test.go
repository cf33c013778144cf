package vec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestScatter parts ten rows of each kind of column, of which some are left out
// and some NULL, by their number.
func TestScatter(t *testing.T) {
	for _, oid := range []types.OID{types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Text} {
		typ := types.Of(oid)
		src := New(typ)
		for i := range 10 {
			if i%4 == 3 {
				AppendNull(src)
				continue
			}
			v, err := types.Parse(typ, []string{"0", "1"}[i%2], types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			Append(src, v)
		}
		for name, src := range map[string]Vec{"rows": src, "a constant": ConstOf(src, 10)} {
			sel, to := []int32{0, 1, 2, 3, 5, 6, 7, 9}, []uint8{0, 1, 1, 1, 2, 0, 2, 0}
			got, want := make([]Vec, 3), make([]Vec, 3)
			for i := range got {
				got[i], want[i] = New(typ), New(typ)
			}
			Scatter(got, src, sel, to)
			for k, row := range sel {
				AppendRow(want[to[k]], src, int(row))
			}
			for i := range got {
				if got[i].Len() != want[i].Len() {
					t.Fatalf("%d %s: %d rows, want %d", oid, name, got[i].Len(), want[i].Len())
				}
				for r := range got[i].Len() {
					if g, w := got[i].Nulls().Get(r), want[i].Nulls().Get(r); g != w || !Equal(got[i], r, want[i], r, typ) {
						t.Errorf("%d %s: row %d of %d is %v, want %v", oid, name, r, i, Get(got[i], r, typ), Get(want[i], r, typ))
					}
				}
			}
		}
	}
}
