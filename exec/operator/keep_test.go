package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// playSaved plays events to operators that fresh returns, each of which is saved at
// every barrier and now and then given up for the next.
func playSaved(t *testing.T, fresh func() Kept, ins [][]types.Type, out []types.Type, events []event, rng *rand.Rand) []string {
	t.Helper()
	ctx, k := t.Context(), newKeeper(t)
	sink := &script{types: out}
	op := fresh()
	k.keep(op, 0)
	for i, e := range events {
		if e.kind == eventRow {
			if err := op.Process(ctx, e.input, makeBatch(ins[e.input], events[i:i+1], false, rng), sink); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := op.Barrier(ctx, 1, sink); err != nil {
			t.Fatal(err)
		}
		sink.lines = append(sink.lines, "barrier")
		k.save(op)
		if rng.IntN(2) > 0 {
			continue
		}
		if err := op.Close(); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) == 0 {
			op = k.reshare(fresh)
			k.save(op)
			continue
		}
		op = fresh()
		k.restore(op)
	}
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	return sink.lines[:len(sink.lines)-1] // the end is no barrier
}

// TestKeptChangesAddUp: what is saved and brought back goes on as it was, with
// groups that no row is in any more given back.
func TestKeptChangesAddUp(t *testing.T) {
	bind := binder{pairTypes}
	calls := []string{"count(*)", "sum($1)", "min($1)", "count(distinct $1)"}
	keys := []string{"$0"}
	out := append(typesOf(bind, keys), callTypes(bind, calls)...)
	aggregateOf := func(changes bool) *Aggregate {
		spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: changes}
		for _, c := range calls {
			spec.Calls = append(spec.Calls, retractingCall(bind, c))
		}
		a := NewAggregate(spec)
		a.full, a.least = 1, 1
		return a
	}
	ins := [][]types.Type{pairTypes}
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 21))
			events, there := changelog(rng, 300)
			lines := playSaved(t, func() Kept { return aggregateOf(true) }, ins, out, events, rng)
			sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
				return sorted(play(t, aggregateOf(false), ins, out, append(rows, event{kind: eventEnd}), shapes[0]))
			})
			lines = playSaved(t, func() Kept {
				d := NewDistinctChanges(pairTypes, nil)
				d.full, d.least = 1, 1
				return d
			}, ins, pairTypes, events, rng)
			sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
				return slices.Compact(sorted(play(t, NewAppend(), ins, pairTypes, rows, shapes[0])))
			})
		})
	}
}
