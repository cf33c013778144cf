package exec

import (
	"context"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func numbered(n int) *vec.Batch {
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	for i := range n {
		vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(i)))
	}
	b.Rows = n
	return b
}

// TestBatchSizes: a stream's own size comes before its job's.
func TestBatchSizes(t *testing.T) {
	sparse := numbered(9)
	sparse.Sel = []int32{1, 3, 5, 7, 8}
	for _, c := range []struct {
		job, own int
		batch    *vec.Batch
		want     []int
	}{
		{0, 0, numbered(9), []int{9}}, {4, 0, numbered(9), []int{4, 4, 1}}, {4, 3, numbered(9), []int{3, 3, 3}},
		{0, 9, numbered(9), []int{9}}, {0, 2, sparse, []int{2, 2, 1}}, {0, 1, numbered(0), nil},
	} {
		var got []int
		in := &scan{}
		task := &task{life: &life{settings: jobSettings{batch: c.job}}, batches: map[*scan]int{in: c.own}}
		out := outputFunc(func(_ context.Context, b *vec.Batch) error {
			got = append(got, b.Len())
			return nil
		})
		if err := task.pass(t.Context(), &leaf{scan: in, to: target{tree: &tree{out: out}}}, c.batch); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("job %d, stream %d: batches of %d, want %d", c.job, c.own, got, c.want)
		}
	}
}

// widths is a sink that keeps the sizes of what it is given.
type widths struct {
	stream.Sink
	got []int
}

func (w *widths) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	w.got = append(w.got, b.Len())
	return nil, nil
}

func TestSinkBatchSize(t *testing.T) {
	f := newFixture(t)
	sink := &catalog.Relation{Name: "x", Connector: "topic", Options: catalog.Options{{Key: "max_batch_size", Value: "4"}}}
	size, err := f.sinkBatch(sink)
	if err != nil || size != 4 {
		t.Errorf("batch size %d, %v, want 4", size, err)
	}
	w := &widths{}
	s := &sinkTask{sink: w, batch: size, job: &job{}}
	b := numbered(9)
	if _, err := s.try(t.Context(), f.Engine, work{kind: workWrite, rows: &shared{batch: b}}); err != nil {
		t.Fatal(err)
	}
	if want := []int{4, 4, 1}; !slices.Equal(w.got, want) {
		t.Errorf("wrote %d rows at once, want %d", w.got, want)
	}
	sink.Options[0].Value = "none"
	if _, err := f.sinkBatch(sink); err == nil {
		t.Error("a batch size of 'none' is taken")
	}
}
