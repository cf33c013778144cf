package operator

import (
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
