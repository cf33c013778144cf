package operator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// distinctCalls are calls whose DISTINCT values may be evicted, every other one of those
// with a FILTER.
func distinctCalls(bind binder, calls []string, filter *expr.Program, account *memory.Account) []*Call {
	var all []*Call
	for i, c := range calls {
		spec := callSpec(planCall(bind, c), account, true)
		if spec.Distinct {
			spec.Values = account
		}
		if spec.Distinct && i%2 == 0 {
			spec.Filter = filter
		}
		all = append(all, NewCall(spec))
	}
	return all
}

// TestEvictedDistinctValues: few groups with many more values of DISTINCT than may be in
// memory count, sum and average each once, as if all were there, over restores, and divided
// among tasks.
func TestEvictedDistinctValues(t *testing.T) {
	for i := range 4 * len(evictKeys) {
		k, appendOnly, keyed := evictKeys[i/4], i%2 > 0, i%4 > 1
		t.Run(fmt.Sprintf("%s, append only %v, groups %v", k.name, appendOnly, keyed), func(t *testing.T) {
			ts := append([]types.Type{types.Of(types.Int8), types.Of(types.Numeric)}, k.cols...)
			bind, keys := binder{ts}, []string(nil)
			if keyed {
				keys = []string{"$0"}
			}
			calls := []string{"count(*)", "count(distinct $1)", "sum(distinct $1)", "avg(distinct $1)", "count(distinct $2)", "max($2)"}
			out := append(typesOf(bind, keys), callTypes(bind, calls)...)
			b := newBeside(t, uint64(i), 200<<10, out, func(account *memory.Account) Kept {
				return NewAggregate(AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: true, AppendOnly: appendOnly, Account: account,
					Calls: distinctCalls(bind, calls, bind.program("$0 > 1"), account)})
			})
			playDistinct(b, ts, k.fill, appendOnly)
			b.stop()
		})
	}
}

// TestEvictedDistinctValuesOfWindows: so do windows, of which nothing is left in the store
// when they are closed.
func TestEvictedDistinctValuesOfWindows(t *testing.T) {
	for i := range 4 * len(evictKeys) {
		k, appendOnly, final := evictKeys[i/4], i%2 > 0, i%4 > 1
		t.Run(fmt.Sprintf("%s, append only %v, final %v", k.name, appendOnly, final), func(t *testing.T) {
			ts := append([]types.Type{types.Of(types.Timestamptz), types.Of(types.Numeric)}, k.cols...)
			bind, calls := binder{ts}, []string{"count(*)", "count(distinct $1)", "sum(distinct $1)", "count(distinct $2)"}
			b := newBeside(t, uint64(i), 200<<10, append(ts[:1:1], callTypes(bind, calls)...), func(account *memory.Account) Kept {
				return NewWindowAggregate(WindowAggregateSpec{Keys: programs(bind, []string{"$0"}), KeyTypes: ts[:1], Closing: plan.ClosingKeys{Start: -1, Final: final}, AppendOnly: appendOnly,
					Account: account, Calls: func() ([]*Call, error) { return distinctCalls(bind, calls, nil, account), nil }})
			})
			playDistinct(b, ts, k.fill, appendOnly)
			b.finish(1)
		})
	}
}

// playDistinct gives both operators rows of some groups with many values, some of which
// are taken out again.
func playDistinct(b *beside, ts []types.Type, fill func(*vec.Batch, int, *rand.Rand), appendOnly bool) {
	type row struct{ group, number, value int }
	var there []row
	for range epochs(60) {
		for range 1 + b.rng.IntN(3) {
			rows := vec.NewBatch(ts)
			for range 1 + b.rng.IntN(vec.MaxRows) {
				r, op := row{b.rng.IntN(5), b.rng.IntN(6000), b.rng.IntN(6000)}, vec.Insert
				if b.rng.IntN(3) == 0 {
					r.number %= 50
				}
				if at := b.rng.IntN(len(there) + 1); !appendOnly && at < len(there) && b.rng.IntN(3) == 0 {
					r, op = there[at], vec.Delete
					there[at] = there[len(there)-1]
					there = there[:len(there)-1]
				} else if !appendOnly {
					there = append(there, r)
				}
				vec.Append(rows.Cols[0], types.NewInt(ts[0].OID, int64(r.group)))
				d, err := types.ParseDecimal(fmt.Sprint(r.number) + "." + strings.Repeat("0", r.number%4))
				if err != nil {
					b.Fatal(err)
				}
				vec.Append(rows.Cols[1], types.NewNumeric(d))
				part := &vec.Batch{Cols: rows.Cols[2:]}
				fill(part, r.value, b.rng)
				rows.Ops = append(rows.Ops, op)
				rows.Rows++
			}
			b.process(0, rows)
		}
		b.barrier()
	}
}

// TestEvictedDistinctValuesKeepTheLimit: the values of three groups, which are several times
// what may be held, take one and a half times that at most.
func TestEvictedDistinctValuesKeepTheLimit(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Text)}
	bind, calls := binder{ts}, []string{"count(distinct $1)", "count(distinct $0)"}
	keys := []string{"$0 % 3"}
	keepsTheLimit(t, 6<<20, 5, func(l *limited) (rows int) {
		sink := &script{types: append(typesOf(bind, keys), callTypes(bind, calls)...)}
		l.begin(NewAggregate(AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: true, AppendOnly: true, Account: l.account,
			Calls: distinctCalls(bind, calls, bind.program("$0 > 1"), l.account)}))
		there := map[string]string{}
		for n := range 240 {
			b := vec.NewBatch(ts)
			for i := range vec.MaxRows {
				value := (n*vec.MaxRows + i) * 7919 % 200_000
				vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(value)))
				vec.Append(b.Cols[1], types.NewText(fmt.Sprintf("a value of some length %d", value)))
				b.Rows++
			}
			l.process(0, b, sink)
			if !l.due(n%16 == 15) {
				continue
			}
			if err := l.op.Barrier(t.Context(), 1, sink); err != nil {
				t.Fatal(err)
			}
			l.store()
			takeChanges(t, there, sink.lines, func(row string) string { return row[:1] })
			sink.lines = sink.lines[:0]
		}
		var counted int
		for _, row := range there {
			var group, texts, numbers int
			if _, err := fmt.Sscan(row, &group, &texts, &numbers); err != nil {
				t.Fatal(err)
			}
			counted += numbers
		}
		if counted != 200_000 {
			t.Errorf("%d values are counted, want 200000: %v", counted, there)
		}
		return counted
	})
}
