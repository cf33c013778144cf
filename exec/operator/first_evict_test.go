package operator

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// firstTypes are a key, an order of which several rows have the same place, and a value.
var firstTypes = []types.Type{types.Of(types.Text), types.Of(types.Int8), types.Of(types.Text)}

func firstOver(most int64, account *memory.Account) *First {
	bind := binder{firstTypes}
	return NewFirst(FirstSpec{
		Types:     firstTypes,
		Partition: []SortKey{{Program: bind.program("$0"), Type: firstTypes[0]}},
		OrderBy:   []SortKey{{Program: bind.program("$1"), Type: firstTypes[1], Desc: true}},
		Rank:      "row_number", Most: most, AppendOnly: true, Account: account,
	})
}

// TestEvictedFirst: of many more keys than may be in memory the first row of each is what
// it is, of those of one place the first that came; over restores, and divided among
// tasks.
func TestEvictedFirst(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			const most = 1
			rng := rand.New(rand.NewPCG(seed, 25))
			type row struct {
				at   int64
				text string
			}
			want := map[int][]row{}
			got := map[string]int{}
			fresh := func() Kept { return firstOver(most, evicting(600<<10)) }
			sink := &script{types: firstTypes}
			k, op := newKeeper(t), fresh()
			k.keep(op, 0)
			frozen, next := 0, 0
			for epoch := range 60 {
				for range 1 + rng.IntN(3) {
					b := vec.NewBatch(firstTypes)
					for b.Rows < 1+rng.IntN(vec.MaxRows) {
						key := rng.IntN(6000)
						if rng.IntN(3) == 0 {
							key %= 100
						}
						next++
						r := row{int64(epoch/4) - int64(rng.IntN(3)), strings.Repeat("x", rng.IntN(60)) + fmt.Sprint(next)}
						rows := append(want[key], r)
						slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.at, a.at) })
						want[key] = rows[:min(len(rows), most)]
						vec.Append(b.Cols[0], types.NewText(fmt.Sprint("k", key)))
						vec.Append(b.Cols[1], types.NewInt(types.Int8, r.at))
						vec.Append(b.Cols[2], types.NewText(r.text))
						b.Rows++
					}
					if err := op.Process(t.Context(), 0, b, sink); err != nil {
						t.Fatal(err)
					}
				}
				if err := op.Barrier(t.Context(), 1, sink); err != nil {
					t.Fatal(err)
				}
				for _, line := range sink.lines {
					if line[0] == '+' {
						got[line[2:]]++
					} else if got[line[2:]]--; got[line[2:]] == 0 {
						delete(got, line[2:])
					}
				}
				sink.lines = sink.lines[:0]
				k.save(op)
				if old := op.(*First).evicted.old; old != nil {
					frozen = max(frozen, int(old.number))
				}
				op = k.mayKill(rng, op, fresh)
			}
			account := op.(*First).spec.Account
			if err := op.Close(); err != nil {
				t.Fatal(err)
			}
			if n := account.Used(); n != 0 || frozen == 0 {
				t.Errorf("%d bytes are not given back, and %d generations were evicted", n, frozen)
			}
			all := map[string]int{}
			for key, rows := range want {
				for _, r := range rows {
					all[fmt.Sprintf("k%d %d %s", key, r.at, r.text)]++
				}
			}
			if !maps.Equal(got, all) {
				t.Errorf("%d rows, want %d, or others", len(got), len(all))
			}
		})
	}
}
