package operator

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func TestRadixSort(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, mask := range []uint64{0, 0xff, 0x1ff, 0xff00ff, 1 << 63, ^uint64(0)} {
		var got []keyed
		for i := range 3*blocksort.Block + 1 {
			got = append(got, keyed{prefix: rnd.Uint64() & mask, row: ref(i)})
		}
		want := slices.Clone(got)
		if err := sortKeyed(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if err := radixSort(t.Context(), got); err != nil || !slices.Equal(got, want) {
			t.Errorf("mask %x: not in order (%v)", mask, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := radixSort(ctx, make([]keyed, radixFrom)); err != nil {
		t.Error("rows of one prefix need no pass")
	}
	if err := radixSort(ctx, []keyed{{prefix: 1}, {prefix: 2}}); err == nil {
		t.Error("a query that has ended was sorted on")
	}
}

// TestWindowBegins compares where rows of a sorted window begin something new
// with what comparing neighbours says.
func TestWindowBegins(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Numeric), types.Of(types.Float8)}
	rnd := rand.New(rand.NewPCG(7, 8))
	for _, keys := range [][]string{{"$0", "$1"}, {"$1", "$0"}, {"$3", "$2"}, {"$2", "$1", "$0"}, {"$0"}} {
		for _, nullsFirst := range []bool{false, true} {
			sorts := sortKeys(binder{ts}, keys)
			for i := range sorts {
				sorts[i].NullsFirst, sorts[i].Desc = nullsFirst, i%2 == 1
			}
			w := NewWindow(WindowSpec{Types: ts, Partition: sorts[:1], OrderBy: sorts[1:], Env: env})
			for range 9 {
				b := vec.NewBatch(ts)
				for range vec.MaxRows {
					vec.Append(b.Cols[0], types.NewInt(types.Int8, rnd.Int64N(40)))
					vec.Append(b.Cols[1], types.NewText([]string{"", "a", "ab", "a text of many bytes", "a text of more bytes"}[rnd.IntN(5)]))
					b.Cols[2].(*vec.Numeric).AppendInt64(rnd.Int64N(9)*10, int32(rnd.IntN(2)))
					vec.Append(b.Cols[3], types.NewFloat(types.Float8, float64(rnd.IntN(5))))
					b.Rows++
				}
				for range 50 {
					c := b.Cols[rnd.IntN(2)]
					c.Nulls().Set(rnd.IntN(b.Rows))
				}
				if err := w.Process(t.Context(), 0, b, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.order(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(w.refs); i++ {
				want := uint16(0)
				for k := range w.keys {
					if w.compare(w.refs[i-1], w.refs[i], k, k+1) != 0 {
						want = uint16(k + 1)
						break
					}
				}
				if w.begins[i] != want {
					t.Fatalf("by %v, row %d differs in key %d, want %d", keys, i, w.begins[i], want)
				}
				if w.compare(w.refs[i-1], w.refs[i], 0, len(w.keys)) > 0 {
					t.Fatalf("by %v, row %d is before its predecessor", keys, i)
				}
			}
		}
	}
}
