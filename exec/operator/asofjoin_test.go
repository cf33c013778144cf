package operator

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// BenchmarkAsOfJoin joins rows with versions of 1,000 keys, some steps behind which the
// watermark is.
func BenchmarkAsOfJoin(b *testing.B) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz)}
	s := AsOfJoinSpec{Kind: plan.JoinInner, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Account: memory.New("free", 0, "")}
	for i := range 2 {
		s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
	}
	op := NewAsOfJoin(s)
	rows := vec.NewBatch(in)
	at := int64(0)
	fill := func() {
		rows.Reset()
		for i := range int64(vec.MaxRows) {
			vec.Append(rows.Cols[0], types.NewInt(types.Int8, (at+i)*7919%1000))
			vec.Append(rows.Cols[1], types.NewInt(types.Timestamptz, at+i))
		}
		rows.Rows = vec.MaxRows
		at += vec.MaxRows
	}
	ctx := b.Context()
	n := 0
	for b.Loop() {
		b.StopTimer()
		fill()
		b.StartTimer()
		for input := range 2 {
			if err := op.Process(ctx, input, rows, discard{}); err != nil {
				b.Fatal(err)
			}
		}
		if err := op.Watermark(ctx, at-3000, discard{}); err != nil {
			b.Fatal(err)
		}
		if n++; n%16 == 0 {
			if err := op.Barrier(ctx, 1, discard{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*vec.MaxRows*n), "ns/row")
	if err := op.Close(); err != nil {
		b.Fatal(err)
	}
}
