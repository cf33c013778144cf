package operator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// overTypes are a key, a time, a number that tells rows apart, and a value.
var overTypes = []types.Type{types.Of(types.Text), types.Of(types.Timestamp), types.Of(types.Int8), types.Of(types.Int8)}

// overEvents are rows in an order that a watermark bound seconds behind allows for,
// with the watermark and barriers between them. Times are equal often.
func overEvents(rng *rand.Rand, rows int, bound int64) []event {
	type arrival struct {
		at int64
		e  event
	}
	var all []arrival
	for i := range rows {
		t := int64(i) * 3 / 10 * 1e6
		v := types.NewInt(types.Int8, rng.Int64N(9))
		if rng.IntN(9) == 0 {
			v = types.NullOf(overTypes[3])
		}
		all = append(all, arrival{t + rng.Int64N(bound*1e6), event{values: []types.Value{
			types.NewText(string(rune('a' + rng.IntN(3)))), types.NewInt(types.Timestamp, t), types.NewInt(types.Int8, int64(i)), v,
		}}})
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
	var events []event
	mark := int64(0)
	for _, a := range all {
		events = append(events, a.e)
		mark = max(mark, a.e.values[1].I)
		if rng.IntN(4) == 0 {
			events = append(events, event{kind: eventWatermark, at: mark - bound*1e6})
		}
		if rng.IntN(10) == 0 {
			events = append(events, event{kind: eventBarrier})
		}
	}
	return append(events, event{kind: eventEnd})
}

// accumulatedLines is what changes come to, in order.
func accumulatedLines(t *testing.T, lines []string) []string {
	t.Helper()
	count := map[string]int{}
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "+ "):
			count[l[2:]]++
		case strings.HasPrefix(l, "- "):
			count[l[2:]]--
		}
	}
	var all []string
	for l, n := range count {
		if n < 0 {
			t.Errorf("%q is taken back more often than it is given", l)
		}
		for range n {
			all = append(all, l)
		}
	}
	slices.Sort(all)
	return all
}

// TestOverIsAWindow: whatever the order of rows within the watermark and the shape of
// batches, an Over gives what a Window gives that has seen all rows.
func TestOverIsAWindow(t *testing.T) {
	bind := binder{overTypes}
	calls := []string{"row_number()", "rank()", "dense_rank()", "count($3)", "sum($3)", "min($3)", "max($3)", "array_agg($2)", "lag($2)", "lead($2)", "first_value($3)", "last_value($3)"}
	second := types.Value{Type: types.Of(types.Interval), Span: types.IntervalValue{Micros: 1e6}}
	bounds := func(kind plan.BoundKind, n int64, mode plan.FrameMode) FrameBound {
		b := FrameBound{Kind: kind, Offset: types.NewInt(types.Int8, n)}
		if mode == plan.FrameRange {
			b.Offset = second
			b.Offset.Span.Micros *= n
		}
		return b
	}
	for seed := range uint64(24) {
		rng := rand.New(rand.NewPCG(seed, 21))
		events := overEvents(rng, 120, 5)
		mode := plan.FrameMode(rng.IntN(3))
		frame := Frame{Mode: mode, Start: bounds(plan.UnboundedPreceding+plan.BoundKind(rng.IntN(3)), rng.Int64N(5), mode)}
		frame.End = bounds(plan.CurrentRow+plan.BoundKind(rng.IntN(2)), rng.Int64N(4), mode)
		order := []string{"$1", "$2"}
		if mode == plan.FrameRange {
			order = order[:1]
		}
		used := calls
		if mode == plan.FrameRange {
			used = slices.DeleteFunc(slices.Clone(calls), func(c string) bool {
				// Rows of one time come in any order.
				return strings.HasPrefix(c, "row_number") || strings.HasPrefix(c, "l") || strings.HasPrefix(c, "first") || strings.HasPrefix(c, "array")
			})
		}
		results := slices.Clone(overTypes)
		windowCalls := func() []WindowCall {
			results = results[:len(overTypes)]
			var all []WindowCall
			for _, s := range used {
				c := windowCall(bind, s)
				c.Frame = frame
				c.Slides = c.Slides && frame.Start.Kind != plan.UnboundedPreceding
				results = append(results, c.Result)
				all = append(all, c)
			}
			return all
		}
		bounded := NewWindow(WindowSpec{Types: overTypes, Partition: sortKeys(bind, []string{"$0"}), OrderBy: sortKeys(bind, order), Calls: windowCalls(), Env: env})
		want := accumulatedLines(t, play(t, bounded, [][]types.Type{overTypes}, results, events, shapes[0]))
		for _, s := range shapes {
			o := NewOver(OverSpec{Types: overTypes, Partition: sortKeys(bind, []string{"$0"}), OrderBy: sortKeys(bind, order), Time: bind.program("$1"), Calls: windowCalls(), Env: env})
			lines := play(t, o, [][]types.Type{overTypes}, results, events, s)
			if got := accumulatedLines(t, lines); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %v, %+v: Over gives\n%s\na Window\n%s", seed, s, frame, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestFirstIsTheBeginning: what the changes of a First come to are the first rows of
// all that is there, whatever the rows that are taken back on the way.
func TestFirstIsTheBeginning(t *testing.T) {
	ts := []types.Type{types.Of(types.Text), types.Of(types.Int8), types.Of(types.Int8)}
	bind := binder{ts}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 22))
		grows := seed%2 == 0
		spec := FirstSpec{
			Types: ts, Partition: sortKeys(bind, []string{"$0"}), OrderBy: sortKeys(bind, []string{"$1 desc"}), AppendOnly: grows,
			Rank: []string{"row_number", "rank", "dense_rank"}[rng.IntN(3)], Most: 1 + rng.Int64N(4), Offset: rng.Int64N(2) * rng.Int64N(3),
		}
		if spec.Rank == "row_number" {
			spec.OrderBy = sortKeys(bind, []string{"$1 desc", "$2"})
		}
		results := slices.Clone(ts)
		if rng.IntN(2) == 0 {
			spec.Numbers = []string{spec.Rank}
			results = append(results, types.Of(types.Int8))
		}
		if spec.Rank != "row_number" {
			spec.Offset = 0
		}
		var there, events []event
		for i := range 200 {
			if n := len(there); n > 0 && !grows && rng.IntN(3) == 0 {
				k := rng.IntN(n)
				e := there[k]
				there = slices.Delete(there, k, k+1)
				e.op = vec.Delete
				events = append(events, e)
			} else {
				e := event{values: []types.Value{types.NewText(string(rune('a' + rng.IntN(3)))), types.NewInt(types.Int8, rng.Int64N(12)), types.NewInt(types.Int8, int64(i/2))}}
				there, events = append(there, e), append(events, e)
			}
			if rng.IntN(12) == 0 {
				events = append(events, event{kind: eventBarrier})
			}
		}
		events = append(events, event{kind: eventEnd})
		want := accumulatedLines(t, play(t, NewFirst(spec), [][]types.Type{ts}, results, append(slices.Clone(there), event{kind: eventEnd}), shapes[0]))
		if got, all := len(want), firstByHand(there, spec); got != all {
			t.Fatalf("seed %d: %d first rows of all, want %d", seed, got, all)
		}
		for _, s := range shapes {
			if got := accumulatedLines(t, play(t, NewFirst(spec), [][]types.Type{ts}, results, events, s)); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %v, %s <= %d: the changes come to\n%s\nthe first rows are\n%s", seed, s, spec.Rank, spec.Most, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// firstByHand counts the first rows.
func firstByHand(rows []event, spec FirstSpec) int {
	n := 0
	for _, key := range []string{"a", "b", "c"} {
		var values []int64
		for _, r := range rows {
			if r.values[0].S == key {
				values = append(values, r.values[1].I)
			}
		}
		slices.Sort(values)
		slices.Reverse(values)
		rank, dense := int64(0), int64(0)
		for i, v := range values {
			if i == 0 || v != values[i-1] {
				rank = int64(i) + 1
				dense++
			}
			number := map[string]int64{"row_number": int64(i) + 1, "rank": rank, "dense_rank": dense}[spec.Rank]
			if number <= spec.Most && int64(i) >= spec.Offset {
				n++
			}
		}
	}
	return n
}

// BenchmarkOver: a row through OVER in the order of time, by 1,000 keys, the
// watermark moving with each batch.
func BenchmarkOver(b *testing.B) {
	bind := binder{overTypes}
	for _, c := range []struct {
		name  string
		calls []string
		frame Frame
	}{
		{"row_number", []string{"row_number()"}, Frame{}},
		{"lag", []string{"lag($3)"}, Frame{}},
		{"sum_so_far", []string{"sum($3)"}, Frame{Mode: plan.FrameRange, End: FrameBound{Kind: plan.CurrentRow}}},
		{"sum_10_rows", []string{"sum($3)"}, Frame{Mode: plan.FrameRows, Start: frameBound("10 preceding"), End: FrameBound{Kind: plan.CurrentRow}}},
		{"max_10_rows", []string{"max($3)"}, Frame{Mode: plan.FrameRows, Start: frameBound("10 preceding"), End: FrameBound{Kind: plan.CurrentRow}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var calls []WindowCall
			results := slices.Clone(overTypes)
			for _, s := range c.calls {
				call := windowCall(bind, s)
				call.Frame = c.frame
				calls, results = append(calls, call), append(results, call.Result)
			}
			o := NewOver(OverSpec{Types: overTypes, Partition: sortKeys(bind, []string{"$0"}), OrderBy: sortKeys(bind, []string{"$1", "$2"}), Time: bind.program("$1"), Calls: calls, Env: env})
			sink, rows := &rowCount{}, newOverRows()
			at := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := o.Process(b.Context(), 0, rows.from(at), sink); err != nil {
					b.Fatal(err)
				}
				at += vec.MaxRows
				if err := o.Watermark(b.Context(), at*1000, sink); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(at), "ns/row")
			if sink.rows < int(at)-vec.MaxRows {
				b.Fatalf("%d of %d rows went out", sink.rows, at)
			}
		})
	}
}

// BenchmarkFirst: a row through Top-N by 1,000 keys.
func BenchmarkFirst(b *testing.B) {
	bind := binder{overTypes}
	for _, c := range []struct {
		name string
		spec FirstSpec
	}{
		{"top_10_of_growing", FirstSpec{OrderBy: sortKeys(bind, []string{"$3 desc"}), Most: 10, AppendOnly: true}},
		{"last_of_key", FirstSpec{OrderBy: sortKeys(bind, []string{"$1 desc"}), Most: 1, AppendOnly: true}},
		{"top_10_of_changing", FirstSpec{OrderBy: sortKeys(bind, []string{"$3 desc"}), Most: 10}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.spec.Types, c.spec.Partition, c.spec.Rank = overTypes, sortKeys(bind, []string{"$0"}), "row_number"
			f := NewFirst(c.spec)
			sink, rows := &rowCount{}, newOverRows()
			at := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Process(b.Context(), 0, rows.from(at), sink); err != nil {
					b.Fatal(err)
				}
				if at += vec.MaxRows; at%(16*vec.MaxRows) == 0 {
					if err := f.Barrier(b.Context(), 1, sink); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(at), "ns/row")
		})
	}
}

// overRows makes batches of rows of 1,000 keys, a millisecond apart.
type overRows struct {
	keys  []types.Value
	batch *vec.Batch
}

func newOverRows() *overRows {
	o := &overRows{batch: vec.NewBatch(overTypes)}
	for k := range 1000 {
		o.keys = append(o.keys, types.NewText(fmt.Sprint("key", k)))
	}
	return o
}

func (o *overRows) from(at int64) *vec.Batch {
	b := o.batch
	b.Reset()
	for i := at; i < at+vec.MaxRows; i++ {
		vec.Append(b.Cols[0], o.keys[(i*2654435761)%1000])
		b.Cols[1].(*vec.Fixed[int64]).Append(i * 1000)
		b.Cols[2].(*vec.Fixed[int64]).Append(i)
		b.Cols[3].(*vec.Fixed[int64]).Append(i * 40503 % 65521)
		b.Rows++
	}
	return b
}

// BenchmarkOverRows is what making the rows of the other two costs.
func BenchmarkOverRows(b *testing.B) {
	rows := newOverRows()
	at := int64(0)
	for b.Loop() {
		rows.from(at)
		at += vec.MaxRows
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(at), "ns/row")
}

// rowCount counts rows.
type rowCount struct{ rows int }

func (c *rowCount) Emit(_ context.Context, b *vec.Batch) error {
	c.rows += b.Len()
	return nil
}
