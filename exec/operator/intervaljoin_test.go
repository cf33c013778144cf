package operator

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

var joinKinds = map[string]plan.JoinKind{
	"inner": plan.JoinInner, "left": plan.JoinLeft, "right": plan.JoinRight, "full": plan.JoinFull, "semi": plan.JoinSemi, "anti": plan.JoinAnti,
}

// intervalCase reads a join of (key, time, ...) with rows of the same types:
//
//	run intervaljoin=left bounds=(before, after) [keys=($0)] [cond=($2 = $5)]
func intervalCase(d *datadriven.TestData, kind string, in []types.Type) testCase {
	k := joinKinds[kind]
	c := testCase{ins: [][]types.Type{in, in}, out: in, unordered: true, fails: d.HasArg("fails")}
	both := append(append([]types.Type(nil), in...), in...)
	if !k.KeepsLeft() {
		c.out = both
	}
	bounds := numbers(values(d, "bounds"))
	c.make = func() Operator {
		s := IntervalJoinSpec{Kind: k, Types: [2][]types.Type{in, in}, Before: bounds[0], After: bounds[1]}
		for i := range 2 {
			s.Times[i] = binder{in}.program("$1")
			s.Keys[i] = programs(binder{in}, values(d, "keys"))
		}
		s.KeyTypes = typesOf(binder{in}, values(d, "keys"))
		if cond := values(d, "cond"); cond != nil {
			s.Cond = binder{both}.program(cond[0])
		}
		return NewIntervalJoin(s)
	}
	return c
}

// TestIntervalJoinRandom joins random rows, out of order within what the watermark
// allows, and compares with every pair tried.
func TestIntervalJoinRandom(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Text)}
	both := append(append([]types.Type(nil), in...), in...)
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		names := []string{"inner", "left", "right", "full", "semi", "anti"}
		name := names[seed%6]
		kind := joinKinds[name]
		scale := []int64{1, 30_000, 1_000_000}[rng.IntN(3)]
		before, after := scale*int64(rng.IntN(12)-2), scale*int64(rng.IntN(12))
		keyed, cond, infinite := rng.IntN(5) > 0, rng.IntN(2) == 0, rng.IntN(2) == 0
		spec := func() IntervalJoinSpec {
			s := IntervalJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, Before: before, After: after, Infinite: infinite}
			for i := range 2 {
				s.Times[i] = binder{in}.program("$1")
				if keyed {
					s.Keys[i] = programs(binder{in}, []string{"$0"})
				}
			}
			if keyed {
				s.KeyTypes = in[:1]
			}
			if cond {
				s.Cond = binder{both}.program("$2 <> $5")
			}
			return s
		}
		var events []event
		var all [2][]event
		disorder := scale * int64(1+rng.IntN(8))
		high := int64(0)
		for range 300 {
			e := event{kind: eventRow, input: rng.IntN(2)}
			high += scale * int64(rng.IntN(3))
			e.values = []types.Value{types.NewInt(types.Int8, int64(rng.IntN(4))), types.NewInt(types.Int8, high-rng.Int64N(disorder)), types.NewText(string(rune('a' + rng.IntN(3))))}
			if rng.IntN(15) == 0 {
				e.values[0] = types.NullOf(in[0])
			}
			if rng.IntN(25) == 0 {
				e.values[1] = types.NullOf(in[1])
			}
			if rng.IntN(20) == 0 {
				e.values[1] = types.NewInt(types.Int8, []int64{types.TimestampInfinity, types.TimestampNegInfinity}[rng.IntN(2)])
			}
			events = append(events, e)
			all[e.input] = append(all[e.input], e)
			if rng.IntN(6) == 0 {
				events = append(events, event{kind: eventWatermark, at: high - disorder + 1})
			}
		}
		first := rng.IntN(2)
		events = append(events, event{kind: eventEnd, input: first}, event{kind: eventEnd, input: 1 - first})
		out := both
		if kind.KeepsLeft() {
			out = in
		}
		got := slices.DeleteFunc(playFlat(t, func() Operator { return NewIntervalJoin(spec()) }, [][]types.Type{in, in}, out, events), func(l string) bool { return !strings.HasPrefix(l, "+") })
		want := everyPair(kind, all, func(l, r event) bool {
			lv, rv := l.values, r.values
			if lv[1].Null || rv[1].Null || keyed && (lv[0].Null || rv[0].Null || lv[0].I != rv[0].I) {
				return false
			}
			if isInfinite(lv[1]) || isInfinite(rv[1]) {
				return infinite && lv[1].I == rv[1].I && (!cond || lv[2].S != rv[2].S)
			}
			d := rv[1].I - lv[1].I
			return d >= -before && d <= after && (!cond || lv[2].S != rv[2].S)
		})
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, %s of keys %v from -%d to +%d, condition %v, gives %d rows\n%s\nwant %d\n%s", seed, name, keyed, before, after, cond,
				len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
		}
	}
}

func isInfinite(v types.Value) bool {
	return v.I == types.TimestampInfinity || v.I == types.TimestampNegInfinity
}

// playFlat plays events in every shape and returns all rows, sorted.
func playFlat(t *testing.T, make func() Operator, ins [][]types.Type, out []types.Type, events []event) []string {
	t.Helper()
	var first []string
	for i, s := range shapes {
		got := play(t, make(), ins, out, events, s)
		slices.Sort(got)
		if i == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Fatalf("%v gives\n%s\nand %v\n%s", s, strings.Join(got, "\n"), shapes[0], strings.Join(first, "\n"))
		}
	}
	return first
}

// everyPair is a join by trying every pair, sorted.
func everyPair(kind plan.JoinKind, all [2][]event, match func(l, r event) bool) []string {
	text := func(vs []types.Value) string {
		s := ""
		for _, v := range vs {
			s += " " + valueText(v)
		}
		return s
	}
	width := func(side int) int {
		if len(all[side]) == 0 {
			return len(all[1-side][0].values) // both sides have rows of the same types
		}
		return len(all[side][0].values)
	}
	nulls := func(side int) string { return strings.Repeat(" NULL", width(side)) }
	var lines []string
	matched := map[int]bool{}
	for _, l := range all[0] {
		n := 0
		for i, r := range all[1] {
			if !match(l, r) {
				continue
			}
			n++
			matched[i] = true
			if !kind.KeepsLeft() {
				lines = append(lines, "+"+text(l.values)+text(r.values))
			}
		}
		switch {
		case kind == plan.JoinSemi && n > 0 || kind == plan.JoinAnti && n == 0:
			lines = append(lines, "+"+text(l.values))
		case n == 0 && (kind == plan.JoinLeft || kind == plan.JoinFull):
			lines = append(lines, "+"+text(l.values)+nulls(1))
		}
	}
	for i, r := range all[1] {
		if !matched[i] && (kind == plan.JoinRight || kind == plan.JoinFull) {
			lines = append(lines, "+"+nulls(0)+text(r.values))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestIntervalJoinForgets: what a join holds does not grow with what has passed
// through it.
func TestIntervalJoinForgets(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	account := memory.New("a test", 1<<30, "x")
	j := newBenchJoin(plan.JoinFull, in, account)
	most := int64(0)
	for i := range 300 {
		for input := range 2 {
			if err := j.Process(context.Background(), input, joinRows(in, i, input), discard{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Watermark(context.Background(), int64(i)*1e6, discard{}); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			most = account.Used()
		}
	}
	if now := account.Used(); now > 2*most {
		t.Errorf("after 300 batches it holds %d bytes, after 20 it held %d", now, most)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if now := account.Used(); now != 0 {
		t.Errorf("closed it holds %d bytes", now)
	}
}

type discard struct{}

func (discard) Emit(context.Context, *vec.Batch) error { return nil }

// newBenchJoin joins rows of (key, time) within four seconds.
func newBenchJoin(kind plan.JoinKind, in []types.Type, account *memory.Account) *IntervalJoin {
	s := IntervalJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Before: 4e6, After: 4e6, Account: account}
	for i := range 2 {
		s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
	}
	return NewIntervalJoin(s)
}

// joinRows are the rows of one second, 1,000 of 20,000 keys.
func joinRows(in []types.Type, second, input int) *vec.Batch {
	b := vec.NewBatch(in)
	rng := rand.New(rand.NewPCG(uint64(second), uint64(input)))
	for i := range 1000 {
		b.Cols[0].(*vec.Fixed[int64]).Append(rng.Int64N(20_000))
		b.Cols[1].(*vec.Fixed[int64]).Append(int64(second)*1e6 + int64(i)*1000 - rng.Int64N(500_000))
		b.Rows++
	}
	return b
}

// BenchmarkIntervalJoin reports the time for a row of either input.
func BenchmarkIntervalJoin(b *testing.B) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	for _, name := range []string{"inner", "full", "semi"} {
		b.Run(name, func(b *testing.B) {
			const seconds = 200
			var batches [2][]*vec.Batch
			for i := range seconds {
				for input := range 2 {
					batches[input] = append(batches[input], joinRows(in, i, input))
				}
			}
			ctx := context.Background()
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				j := newBenchJoin(joinKinds[name], in, nil)
				for i := range seconds {
					for input := range 2 {
						if err := j.Process(ctx, input, batches[input][i], discard{}); err != nil {
							b.Fatal(err)
						}
						rows += batches[input][i].Rows
					}
					if err := j.Watermark(ctx, int64(i)*1e6-500_000, discard{}); err != nil {
						b.Fatal(err)
					}
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
		})
	}
}

// TestDueRuns takes rows out in the order of their times, while others come.
func TestDueRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	var d dueRuns
	var heap dueHeap
	for batch := range 200 {
		bucket := int64(batch / 10)
		rows := d.begin()
		for range rng.IntN(20) {
			at, row := int64(batch)*10+rng.Int64N(60), int32(batch*100+len(rows))
			rows = append(rows, dueRow{at, row})
			heap.push(due{at: at, bucket: bucket, row: row})
		}
		d.end(bucket, rows)
		for range rng.IntN(25) {
			at, ok := d.first()
			if !ok {
				break
			}
			want := heap.pop()
			if bucket, row := d.pop(); at != want.at || bucket != want.bucket || row != want.row {
				t.Fatalf("row %d of bucket %d at %d, want %+v", row, bucket, at, want)
			}
		}
		if d.count != len(heap) {
			t.Fatalf("%d rows wait, want %d", d.count, len(heap))
		}
	}
}

// TestDueRunsWhileOut: rows that are taken out between begin and end have no room in
// common with those that are put in then.
func TestDueRunsWhileOut(t *testing.T) {
	var d dueRuns
	put := func(ats ...int64) {
		rows := d.begin()
		for _, at := range ats {
			rows = append(rows, dueRow{at: at, row: int32(at)})
		}
		d.end(0, rows)
	}
	put(10)
	put(20) // comes after it: what it had is spare
	again := d.begin()
	for range 2 {
		d.pop()
	}
	d.end(0, append(again, dueRow{at: 40, row: 40}))
	put(30)
	for _, want := range []int32{30, 40} {
		if _, row := d.pop(); row != want {
			t.Fatalf("row %d, want %d", row, want)
		}
	}
	if _, ok := d.first(); ok || d.count != 0 {
		t.Errorf("%d rows are left", d.count)
	}
}

// TestDueHeap takes rows out in the order of their times.
func TestDueHeap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h dueHeap
	for i := range 500 {
		h.push(due{at: rng.Int64N(100), row: int32(i)})
	}
	last := due{at: math.MinInt64}
	for len(h) > 0 {
		d := h.pop()
		if d.before(last) {
			t.Fatalf("%v comes after %v", d, last)
		}
		last = d
	}
	if text := fmt.Sprint(last.at); text != "99" {
		t.Errorf("the last is of %s, want 99", text)
	}
}
