package operator

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestAggregateKeepsRowsBack groups many rows of many groups with little memory
// called near, and compares with an Aggregate that keeps nothing back: results
// that depend on the order of a group's rows too.
func TestAggregateKeepsRowsBack(t *testing.T) {
	const rows, groups = 120_000, 40_000
	for name, c := range map[string]struct {
		key   types.OID
		apart int64
		nulls bool
		turns bool // they are grouped after every batch
		goes  bool // the calls' groups go out while others are grouped
	}{
		"far apart":            {types.Int8, 7919 * 7919, false, false, false},
		"far apart, in turns":  {types.Int8, 7919 * 7919, true, true, false},
		"far apart, going out": {types.Int8, 7919 * 7919, true, false, true},
		"close":                {types.Int8, 1, true, false, false},
		"close, in turns":      {types.Int4, 1, false, true, false},
		"close, going out":     {types.Int8, 1, true, false, true},
		"small":                {types.Int4, 20011, true, false, false},
		"small, going out":     {types.Int4, 20011, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			ts := []types.Type{types.Of(c.key), types.Of(types.Int8), types.Of(types.Bool), types.Of(types.Float4)}
			bind := binder{ts}
			random := rand.New(rand.NewPCG(3, 4))
			var input []*vec.Batch
			for at := 0; at < rows; at += vec.MaxRows {
				b := vec.NewBatch(ts)
				for r := range vec.MaxRows {
					k := types.NewInt(c.key, random.Int64N(groups)*c.apart)
					if c.nulls && random.IntN(50) == 0 {
						k = types.NullOf(ts[0])
					}
					v := types.NewInt(types.Int8, int64(at+r))
					if random.IntN(9) == 0 {
						v = types.NullOf(ts[1])
					}
					vec.Append(b.Cols[0], k)
					vec.Append(b.Cols[1], v)
					vec.Append(b.Cols[2], types.NewBool(r%3 == 0))
					vec.Append(b.Cols[3], types.NewFloat(types.Float4, float64(r)/8))
					b.Rows++
					if random.IntN(10) > 0 {
						b.Sel = append(b.Sel, int32(r))
					}
				}
				input = append(input, b)
			}
			run := func(keep bool) []string {
				account := memory.New("the query", 1<<30, memory.QuerySetting)
				account.SpillTo(memory.NewDisk(t.TempDir(), 0), 0.8)
				own := account.Spillable("the operator")
				calls := []string{"sum($1)", "count(*)", "bool_or($2)", "sum($3)"}
				if !c.goes {
					calls = append(calls, "array_agg($1)", "max($3)")
				}
				spec := AggregateSpec{Keys: programs(bind, []string{"$0"}), KeyTypes: ts[:1], AppendOnly: true, Account: own}
				for _, call := range calls {
					spec.Calls = append(spec.Calls, orderedCall(bind, call, nil, own))
				}
				var results []types.Type
				for _, call := range spec.Calls {
					results = append(results, call.result)
				}
				if keep {
					spec.Types = ts
				}
				a := NewAggregate(spec)
				if keep {
					a.near = 1 << 19
					if c.turns {
						a.keep = -1 << 40
					}
				}
				out := &script{types: append(slices.Clone(ts[:1]), results...)}
				kept, turns := false, 0
				for _, b := range input {
					before := a.bins != nil
					if err := a.Process(context.Background(), 0, b, out); err != nil {
						t.Fatal(err)
					}
					kept = kept || a.bins != nil
					if before && a.bins == nil {
						turns++
					}
				}
				if kept != keep || keep && c.turns != (turns > 0) {
					t.Errorf("rows were kept back: %v, and grouped before the end %d times", kept, turns)
				}
				if err := a.Finish(context.Background(), 0, out); err != nil {
					t.Fatal(err)
				}
				if went := a.count < len(out.lines); went != (keep && c.goes) {
					t.Errorf("groups went out while others were grouped: %v", went)
				}
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				if n := account.Used(); n != 0 {
					t.Errorf("%d bytes are held after Close", n)
				}
				slices.Sort(out.lines)
				return out.lines
			}
			if got, want := run(true), run(false); !slices.Equal(got, want) {
				t.Errorf("%d groups, want %d", len(got), len(want))
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("%s, want %s", got[i], want[i])
					}
				}
			}
		})
	}
}
