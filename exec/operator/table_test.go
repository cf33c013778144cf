package operator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// tableKeys make the n-th of many keys, by the index that finds them.
var tableKeys = map[string]struct {
	types []types.OID
	put   func(cols []vec.Vec, n int64)
}{
	"close numbers":     {[]types.OID{types.Int8}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[int64]).Append(n - 40_000) }},
	"the least numbers": {[]types.OID{types.Int8}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[int64]).Append(math.MinInt64 + n) }},
	"both ends":         {[]types.OID{types.Int8}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[int64]).Append(bothEnds(n)) }},
	"far numbers":       {[]types.OID{types.Int8}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[int64]).Append(n * 7919 * 7919) }},
	"near, then far": {[]types.OID{types.Int8}, func(cols []vec.Vec, n int64) {
		if n > 2000 {
			n *= 7919 * 7919
		}
		cols[0].(*vec.Fixed[int64]).Append(n)
	}},
	"small numbers": {[]types.OID{types.Int4}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[int32]).Append(int32(-n)) }},
	"floats":        {[]types.OID{types.Float8}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Fixed[float64]).Append(float64(n) / 8) }},
	"pairs": {[]types.OID{types.Int8, types.Date}, func(cols []vec.Vec, n int64) {
		cols[0].(*vec.Fixed[int64]).Append(n % 300)
		cols[1].(*vec.Fixed[int32]).Append(int32(n / 300))
	}},
	"texts": {[]types.OID{types.Text}, func(cols []vec.Vec, n int64) { cols[0].(*vec.Bytes).AppendString(fmt.Sprint("key ", n)) }},
	"rows": {[]types.OID{types.Text, types.Numeric}, func(cols []vec.Vec, n int64) {
		cols[0].(*vec.Bytes).AppendString(fmt.Sprint(n % 300))
		cols[1].(*vec.Numeric).AppendInt64(n/300*10, int32(n%2))
	}},
}

// bothEnds is close to zero for most n, and far from it for the last.
func bothEnds(n int64) int64 {
	if n > 90_000 {
		return math.MaxInt64 - n
	}
	return n
}

// TestTableNumbersGroups assigns groups to 100,000 keys that come again and
// again, some of them NULL, and compares with a Go map.
func TestTableNumbersGroups(t *testing.T) {
	for name, c := range tableKeys {
		rnd := rand.New(rand.NewPCG(9, 10))
		var ts []types.Type
		for _, oid := range c.types {
			ts = append(ts, types.Of(oid))
		}
		table := newTable(ts, nil, "test")
		groups := map[int64]int32{} // -1: every column NULL
		var keys []int64
		ids := make([]int32, vec.MaxRows)
		look := func(assign, whole bool, most int64) {
			b := vec.NewBatch(ts)
			var ns []int64
			for r := range vec.MaxRows {
				n := rnd.Int64N(most)
				c.put(b.Cols, n)
				if !whole && rnd.IntN(500) == 0 {
					n = -1
					for _, v := range b.Cols {
						v.Nulls().Set(r)
					}
				}
				ns = append(ns, n)
			}
			var sel []int32
			for r := range int32(vec.MaxRows) {
				if whole || rnd.IntN(3) > 0 {
					sel = append(sel, r)
				}
			}
			if assign {
				if err := table.assign(b.Cols, vec.MaxRows, sel, ids); err != nil {
					t.Fatal(err)
				}
			} else {
				table.lookup(b.Cols, vec.MaxRows, sel, ids)
			}
			for _, r := range sel {
				want, ok := groups[ns[r]]
				switch {
				case !ok && assign:
					want = int32(len(groups))
					groups[ns[r]] = want
					keys = append(keys, ns[r])
				case !ok:
					want = -1
				}
				if ids[r] != want {
					t.Fatalf("%s: key %d has group %d, want %d of %d", name, ns[r], ids[r], want, len(groups))
				}
			}
		}
		for turn := range 600 {
			look(true, turn%5 == 1, 1000+int64(turn)*200)
			if turn%20 == 0 {
				look(false, turn%40 == 0, 150_000)
			}
		}
		if table.Len() != len(groups) {
			t.Errorf("%s: %d groups, want %d", name, table.Len(), len(groups))
		}
		if x, ok := table.index.(*wordIndex); ok {
			if bent := name == "both ends" || name == "near, then far"; x.bent != bent {
				t.Errorf("%s: groups were taken back from where the key finds them: %v, want %v", name, x.bent, bent)
			}
			direct := name != "far numbers" && name != "both ends" && name != "near, then far" && name != "floats"
			if (x.direct != nil) != direct {
				t.Errorf("%s: groups are found by the key itself: %v, want %v", name, x.direct != nil, direct)
			}
		}
		want := vec.NewBatch(ts)
		for r, n := range keys {
			c.put(want.Cols, max(n, 0))
			if n < 0 {
				for _, v := range want.Cols {
					v.Nulls().Set(r)
				}
			}
		}
		for i, k := range table.keys {
			if k.Len() != len(keys) {
				t.Errorf("%s: column %d keeps %d keys, want %d", name, i, k.Len(), len(keys))
			}
			for g := range keys {
				if !vec.Equal(k, g, want.Cols[i], g, ts[i]) {
					t.Fatalf("%s: column %d of group %d is not the key that brought it", name, i, g)
				}
			}
		}
	}
}
