package operator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestRetention: what nothing touches for longer than the retention is taken back,
// and begins anew when it comes again.
func TestRetention(t *testing.T) {
	bind := binder{pairTypes}
	now := int64(1000)
	r := Retention{For: 80, Now: func() int64 { return now }}
	row := func(name string, n int64) *vec.Batch {
		b := vec.NewBatch(pairTypes)
		vec.Append(b.Cols[0], types.NewText(name))
		vec.Append(b.Cols[1], types.NewInt(types.Int8, n))
		b.Rows = 1
		return b
	}
	changes := NewDistinctChanges(pairTypes, nil)
	changes.Retain(r)
	first := NewDistinct(nil, pairTypes, nil, nil)
	first.Live(r)
	for _, c := range []struct {
		name string
		op   Operator
		out  []types.Type
		want []string
	}{
		{"aggregate", NewAggregate(AggregateSpec{Keys: programs(bind, []string{"$0"}), KeyTypes: pairTypes[:1], Changes: true, Retention: r,
			Calls: []*Call{retractingCall(bind, "sum($1)"), retractingCall(bind, "count(distinct $1)")}}),
			append(slices.Clone(pairTypes[:1]), callTypes(bind, []string{"sum($1)", "count(distinct $1)"})...),
			[]string{"+ a 1 1", "+ b 1 1", "- a 1 1", "+ a 2 1", "- b 1 1", "+ b 1 1", "- a 2 1", "+ a 1 1"}},
		{"distinct over changes", changes, pairTypes, []string{"+ a 1", "+ b 1", "- b 1", "+ b 1", "- a 1", "+ a 1"}},
		{"distinct", first, pairTypes, []string{"+ a 1", "+ b 1", "+ b 1", "+ a 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now = 1000
			out := &script{types: c.out}
			step := func(at int64, b *vec.Batch) {
				t.Helper()
				now = at
				var err error
				if b != nil {
					err = c.op.Process(t.Context(), 0, b, out)
				}
				if err == nil {
					err = c.op.Barrier(t.Context(), 0, out)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			step(1000, row("a", 1))
			step(1010, row("b", 1))
			step(1060, row("a", 1))
			step(1085, nil) // b has 5 to go
			step(1110, nil)
			step(1120, row("b", 1))
			step(1190, nil)
			step(1195, row("a", 1))
			if !slices.Equal(out.lines, c.want) {
				t.Errorf("%q, want %q", out.lines, c.want)
			}
			if err := c.op.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestEvictedKeysAreForgotten: DISTINCT's keys that lie in pages leave the store when
// they have not come for long, and are new when they come again, over restores too.
func TestEvictedKeysAreForgotten(t *testing.T) {
	in := []types.Type{types.Of(types.Int8)}
	now, ttl := int64(1000), int64(80)
	var op *Distinct
	fresh := func() *Distinct {
		op = NewDistinct(nil, in, evicting(0), nil)
		op.Live(Retention{For: ttl, Now: func() int64 { return now }})
		return op
	}
	keep := newKeeper(t)
	keep.keep(fresh(), 0)
	seen := map[int64]int64{}
	epoch := func(at int64, keys ...int64) {
		t.Helper()
		now = at
		out := &script{types: in}
		b := vec.NewBatch(in)
		var want []string
		for _, k := range keys {
			vec.Append(b.Cols[0], types.NewInt(types.Int8, k))
			b.Rows++
			if last, ok := seen[k]; !ok || ttl > 0 && now-last > ttl {
				want = append(want, fmt.Sprintf("+ %d", k))
			}
			seen[k] = now
		}
		if err := op.Process(t.Context(), 0, b, out); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out.lines, want) {
			t.Fatalf("at %d: %q, want %q", at, out.lines, want)
		}
		if err := op.Barrier(t.Context(), 1, out); err != nil {
			t.Fatal(err)
		}
		keep.save(op)
	}
	restore := func() {
		t.Helper()
		if err := op.Close(); err != nil {
			t.Fatal(err)
		}
		keep.restore(fresh())
	}
	old := make([]int64, 500)
	for i := range old {
		old[i] = int64(i)
	}
	epoch(1000, old...)
	next := int64(10_000)
	settle := func(at int64, epochs int) {
		t.Helper()
		for range epochs {
			epoch(at, next) // what is in the table is merged
			next++
		}
	}
	settle(1010, 4)
	if n := op.Evicted(); n < 500 {
		t.Fatalf("%d keys are evicted, want 500", n)
	}
	epoch(1060, 1, 2, 3)
	restore()
	settle(1100, 2)
	epoch(1100, 1, 4, 4) // 4 has been forgotten
	restore()
	epoch(1101, 4, 5, 5, 2)
	settle(1110, 12)
	if n := op.Evicted(); n > 50 {
		t.Errorf("%d keys are evicted, want those of late", n)
	}
	epoch(1120, 1, 2, 3, 4, 5, 6)
	settle(1130, 4)
	now = 1300
	if err := op.Barrier(t.Context(), 1, &script{types: in}); err != nil {
		t.Fatal(err)
	}
	keep.save(op)
	ttl = 0
	restore()
	clear(seen) // all are forgotten, and kept for ever from now on
	epoch(1300, 1, 2, 3, 2)
	settle(1400, 4)
	restore()
	epoch(1500, 1, 2, 3, 4)
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
}
