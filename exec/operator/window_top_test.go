package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestWindowLeavesOut compares a Window of which only first rows matter with the
// first rows of one that keeps all, in memory and on disk.
func TestWindowLeavesOut(t *testing.T) {
	bind := binder{pairTypes}
	rng := rand.New(rand.NewPCG(8, 1))
	var rows [][]types.Value
	for range 4000 {
		v := randomPair(rng)
		if !v[1].Null {
			v[1].I = int64(rng.IntN(900))
		}
		rows = append(rows, v)
	}
	calls := []string{"row_number()", "rank()", "dense_rank()"}
	out := append(slices.Clone(pairTypes), types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Int8))
	build := func(by []string, top *WindowTop, a *memory.Account) *Window {
		spec := WindowSpec{Types: pairTypes, Env: env, Partition: sortKeys(bind, by), OrderBy: sortKeys(bind, []string{"$1 desc"}), Account: a, Top: top}
		for _, c := range calls {
			spec.Calls = append(spec.Calls, windowCall(bind, c))
		}
		return NewWindow(spec)
	}
	for _, by := range [][]string{{"$0"}, nil} {
		for c, call := range calls {
			for _, most := range []int64{0, 1, 7} {
				t.Run(fmt.Sprint(by, call, most), func(t *testing.T) {
					first := func(lines []string) []string {
						var kept []string
						for _, line := range lines {
							words := strings.Fields(line)
							if words[0] != "+" {
								continue // the end
							}
							n, err := strconv.ParseInt(words[len(words)-len(calls)+c], 10, 64)
							if err != nil {
								t.Fatal(err)
							}
							if n <= most {
								kept = append(kept, line)
							}
						}
						return kept
					}
					want := first(play(t, build(by, nil, nil), [][]types.Type{pairTypes}, out, rowEvents(0, rows), spillShapes[0]))
					top := &WindowTop{Func: windowCall(bind, call).Func, Most: most}
					w := build(by, top, nil)
					w.prune, w.least = 50, 50
					got := play(t, w, [][]types.Type{pairTypes}, out, rowEvents(0, rows), spillShapes[0])
					if len(got) == len(rows) || !slices.Equal(first(got), want) {
						t.Errorf("in memory: %d rows of %d, those that matter are %d, want %d", len(got), len(rows), len(first(got)), len(want))
					}
					q := newSpillingQuery(t)
					own := q.Spillable("the operator")
					got = play(t, build(by, top, own), [][]types.Type{pairTypes}, out, rowEvents(0, rows), spillShapes[0])
					if most > 0 && own.Spilled() == 0 {
						t.Error("nothing was written to disk")
					}
					if !slices.Equal(first(got), want) {
						t.Errorf("on disk: the rows that matter are %d, want %d", len(first(got)), len(want))
					}
					own.Close()
					q.clean(t)
				})
			}
		}
	}
}
