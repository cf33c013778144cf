package operator

import (
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestSessionsGoOut: each session goes out when the watermark has passed its end,
// whatever begins while others are looked at again, over an input without an end.
func TestSessionsGoOut(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz)}
	bind := binder{in}
	w := NewSessionAggregate(SessionAggregateSpec{
		Partition: programs(bind, []string{"$0"}), PartitionTypes: in[:1],
		Time: bind.program("$1"), TimeType: in[1], Gap: 10, Final: true,
		Keys: []int{0}, Calls: []*Call{retractingCall(bind, "count(*)")},
	})
	out := &script{types: append(slices.Clone(in[:1]), types.Of(types.Int8))}
	row := func(partition, at int64) {
		t.Helper()
		b := vec.NewBatch(in)
		vec.Append(b.Cols[0], types.NewInt(types.Int8, partition))
		vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, at))
		b.Rows = 1
		if err := w.Process(t.Context(), 0, b, out); err != nil {
			t.Fatal(err)
		}
	}
	mark := func(at int64) {
		t.Helper()
		if err := w.Watermark(t.Context(), at, out); err != nil {
			t.Fatal(err)
		}
	}
	row(1, 100)
	row(1, 101) // begins none
	row(2, 103)
	row(2, 110)
	mark(115) // the first ends, the second is looked at again later
	row(3, 140)
	mark(200)
	if want := []string{"+ 1 2", "+ 2 2", "+ 3 1"}; !slices.Equal(out.lines, want) {
		t.Errorf("%q, want %q", out.lines, want)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
