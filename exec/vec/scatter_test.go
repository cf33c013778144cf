package vec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestBins parts ten rows of each kind of column, of which some are left out and
// some NULL, by their number, and all of them in order, to rows that others came
// to before.
func TestBins(t *testing.T) {
	for _, oid := range []types.OID{types.Bool, types.Int2, types.Int4, types.Int8, types.Oid, types.Float4, types.Float8} {
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
		null := New(typ)
		AppendNull(null)
		for name, src := range map[string]Vec{"rows": src, "a constant": ConstOf(src, 10), "NULL": ConstOf(null, 10)} {
			for _, sel := range [][]int32{{0, 1, 2, 3, 5, 6, 7, 9}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
				bins, ok := NewBins(typ)
				if !ok {
					t.Fatalf("no bins for type %d", oid)
				}
				var got, want [3]Vec
				rows := [3]uint16{0, MaxRows - 5, 7} // of which there are so many already
				var to []uint8
				var at []uint16
				for i := range got {
					got[i], want[i] = bins.Begin(uint8(i)), New(typ)
				}
				for k, row := range sel {
					bin := []uint8{0, 1, 1, 1, 2, 0, 2, 0, 2, 1}[k]
					to, at = append(to, bin), append(at, rows[bin])
					rows[bin]++
					AppendRow(want[bin], src, int(row))
				}
				bins.Put(src, sel, to, at)
				for i := range got {
					Truncate(got[i], int(rows[i]))
					first := got[i].Len() - want[i].Len()
					for r := range want[i].Len() {
						if g, w := got[i].Nulls().Get(first+r), want[i].Nulls().Get(r); g != w || !Equal(got[i], first+r, want[i], r, typ) {
							t.Errorf("%d %s: row %d of %d is %v, want %v", oid, name, r, i, Get(got[i], first+r, typ), Get(want[i], r, typ))
						}
					}
				}
			}
		}
	}
	if _, ok := NewBins(types.Of(types.Text)); ok {
		t.Error("there are bins for texts")
	}
}
