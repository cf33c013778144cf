package operator

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// BenchmarkWindowAggregate reports the time for a row of TUMBLING windows with so many
// keys, their closing included, where all groups are in memory.
func BenchmarkWindowAggregate(b *testing.B) {
	for _, keys := range []int{100, 10_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			ts := []types.Type{types.Of(types.Timestamptz), types.Of(types.Int8), types.Of(types.Int8)}
			bind := binder{ts}
			account := memory.New("a job", 1<<30, "x").Evictable("an operator")
			w := NewWindowAggregate(WindowAggregateSpec{
				Keys: programs(bind, []string{"$0", "$1"}), KeyTypes: ts[:2], Closing: plan.ClosingKeys{Start: -1, Final: true}, AppendOnly: true, Account: account,
				Calls: func() (all []*Call, err error) {
					for _, c := range []string{"count(*)", "sum($2)"} {
						call := testCall(bind, c, nil)
						call.spec.Account = account
						all = append(all, call)
					}
					return all, nil
				},
			})
			if err := w.Keep(); err != nil {
				b.Fatal(err)
			}
			if x, ok := any(w).(Evicting); ok {
				x.Evict(Evictions{})
			}
			rows := vec.NewBatch(ts)
			for i := range vec.MaxRows {
				vec.Append(rows.Cols[0], types.NewInt(types.Timestamptz, 0))
				vec.Append(rows.Cols[1], types.NewInt(types.Int8, int64(i)))
				vec.Append(rows.Cols[2], types.NewInt(types.Int8, int64(i)))
			}
			rows.Rows = vec.MaxRows
			ends, ids := rows.Cols[0].(*vec.Fixed[int64]).Values, rows.Cols[1].(*vec.Fixed[int64]).Values
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				for i := range vec.MaxRows {
					ends[i] = int64(n/100+i%2) + 1
					ids[i] = int64((n*vec.MaxRows+i)*7919) % int64(keys)
				}
				if err := w.Process(b.Context(), 0, rows, discard{}); err != nil {
					b.Fatal(err)
				}
				if n++; n%100 == 0 {
					if err := w.Watermark(b.Context(), int64(n/100), discard{}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vec.MaxRows), "ns/row")
		})
	}
}
