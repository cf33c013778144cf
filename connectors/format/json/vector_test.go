package json

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestVectors are arrays of one dimension, which count from 0, without NULL.
func TestVectors(t *testing.T) {
	for _, oid := range []types.OID{types.Int2Vector, types.OidVector} {
		typ := types.Of(oid)
		for record, want := range map[string]string{
			`{"v":[1,2,3]}`: "1 2 3", `{"v":[]}`: "", `{"v":"4 5"}`: "4 5",
			`{"v":[1,null]}`: "refused", `{"v":[[1],[2]]}`: "refused",
		} {
			d := NewDecoder([]catalog.Column{{Name: "v", Type: typ}}, Options{})
			col := vec.New(typ)
			d.Bind([]vec.Vec{col})
			if err := d.Decode([]byte(record)); err != nil {
				if want != "refused" {
					t.Errorf("%s: %v", record, err)
				}
				continue
			}
			v := vec.Get(col, 0, typ)
			if got := string(types.AppendText(nil, v, types.DefaultFormat())); got != want {
				t.Errorf("%s: %s, want %s", record, got, want)
			}
			if again, err := types.FromBinary(typ, types.AppendBinary(nil, v, nil), nil); len(v.A.Elems) > 0 && (err != nil || again.A.Dims[0].Lower != 0) {
				t.Errorf("%s: its binary form: %v", record, err)
			}
		}
	}
}
