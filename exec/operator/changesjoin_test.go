package operator

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// changesCase reads a join of rows of the same types:
//
//	run changesjoin=left [keys=($0)] [cond=($1 <> $3)] [grows]
func changesCase(d *datadriven.TestData, kind string, in []types.Type) testCase {
	k := joinKinds[kind]
	c := testCase{ins: [][]types.Type{in, in}, out: in, unordered: true, fails: d.HasArg("fails")}
	both := append(append([]types.Type(nil), in...), in...)
	if !k.KeepsLeft() {
		c.out = both
	}
	c.make = func() Operator {
		s := ChangesJoinSpec{Kind: k, Types: [2][]types.Type{in, in}, AppendOnly: [2]bool{d.HasArg("grows"), d.HasArg("grows")}}
		for i := range 2 {
			s.Keys[i] = programs(binder{in}, values(d, "keys"))
		}
		s.KeyTypes = typesOf(binder{in}, values(d, "keys"))
		if cond := values(d, "cond"); cond != nil {
			s.Cond = binder{both}.program(cond[0])
		}
		return NewChangesJoin(s)
	}
	return c
}

// TestChangesJoinRandom has both inputs change at random, Deletes before their
// Inserts among them, and compares after each epoch what the changes come to with
// every pair tried.
func TestChangesJoinRandom(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Text)}
	both := append(append([]types.Type(nil), in...), in...)
	names := []string{"inner", "left", "right", "full", "semi", "anti"}
	for seed := range uint64(72) {
		rng := rand.New(rand.NewPCG(seed, 7))
		kind := joinKinds[names[seed%6]]
		keyed, cond := rng.IntN(4) > 0, rng.IntN(2) == 0
		grows := [2]bool{rng.IntN(3) == 0, rng.IntN(3) == 0}
		spec := func() ChangesJoinSpec {
			s := ChangesJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, AppendOnly: grows}
			if keyed {
				s.Keys, s.KeyTypes = [2][]*expr.Program{programs(binder{in}, []string{"$0"}), programs(binder{in}, []string{"$0"})}, in[:1]
			}
			if cond {
				s.Cond = binder{both}.program("$1 <> $3")
			}
			return s
		}
		match := func(l, r event) bool {
			lv, rv := l.values, r.values
			if keyed && (lv[0].Null || rv[0].Null || lv[0].I != rv[0].I) {
				return false
			}
			return !cond || !lv[1].Null && !rv[1].Null && lv[1].S != rv[1].S
		}
		var events []event
		var there [2][]event
		var want [][]string
		for range 12 {
			var epoch []event
			for range rng.IntN(12) {
				input := rng.IntN(2)
				if n := len(there[input]); n > 0 && !grows[input] && rng.IntN(2) == 0 {
					i := rng.IntN(n)
					e := there[input][i]
					there[input] = slices.Delete(there[input], i, i+1)
					e.op = vec.Delete
					epoch = append(epoch, e)
					continue
				}
				e := event{kind: eventRow, input: input, values: []types.Value{types.NewInt(types.Int8, int64(rng.IntN(3))), types.NewText(string(rune('a' + rng.IntN(3))))}}
				if rng.IntN(10) == 0 {
					e.values[0] = types.NullOf(in[0])
				}
				if rng.IntN(10) == 0 {
					e.values[1] = types.NullOf(in[1])
				}
				there[input] = append(there[input], e)
				epoch = append(epoch, e)
			}
			rng.Shuffle(len(epoch), func(i, j int) { epoch[i], epoch[j] = epoch[j], epoch[i] })
			events = append(append(events, epoch...), event{kind: eventBarrier})
			want = append(want, everyPair(kind, there, match))
		}
		out := both
		if kind.KeepsLeft() {
			out = in
		}
		for _, s := range shapes {
			got := play(t, NewChangesJoin(spec()), [][]types.Type{in, in}, out, events, s)
			have := map[string]int{}
			seen := map[string]byte{}
			epoch := 0
			for _, line := range got {
				if line == "barrier" {
					var all []string
					for l, n := range have {
						if n < 0 {
							t.Fatalf("seed %d, %v: %q was taken back %d times too often", seed, s, l, -n)
						}
						for range n {
							all = append(all, l)
						}
					}
					slices.Sort(all)
					if !slices.Equal(all, want[epoch]) {
						t.Fatalf("seed %d, %v, kind %d, keys %v, condition %v: after epoch %d there is\n%s\nwant\n%s", seed, s, kind, keyed, cond, epoch,
							strings.Join(all, "\n"), strings.Join(want[epoch], "\n"))
					}
					epoch++
					clear(seen)
					continue
				}
				l := "+" + line[1:]
				// Of an input that only grows equal rows are kept apart, and a row of NULLs
				// looks like none.
				if op, ok := seen[l]; ok && op != line[0] && !grows[0] && !grows[1] && !strings.Contains(l, "NULL NULL") {
					t.Fatalf("seed %d, %v: %q came and went in one epoch", seed, s, l)
				}
				seen[l] = line[0]
				if line[0] == '-' {
					have[l]--
				} else {
					have[l]++
				}
			}
		}
	}
}

// TestChangesJoinForgets: rows that were taken back do not stay, and the answer is
// the same after they have been dropped.
func TestChangesJoinForgets(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	account := memory.New("a test", 1<<30, "x")
	s := ChangesJoinSpec{Kind: plan.JoinFull, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Account: account}
	for i := range 2 {
		s.Keys[i] = programs(binder{in}, []string{"$0"})
	}
	j := NewChangesJoin(s)
	ctx := context.Background()
	sum := map[string]int{}
	sink := &script{types: append(append([]types.Type(nil), in...), in...)}
	count := func(round int64, op vec.Op) *vec.Batch {
		b := vec.NewBatch(in)
		for k := range int64(100) {
			b.Cols[0].(*vec.Fixed[int64]).Append(k)
			b.Cols[1].(*vec.Fixed[int64]).Append(round)
			b.Ops = append(b.Ops, op)
			b.Rows++
		}
		return b
	}
	var most int64
	for round := range int64(300) {
		for input := range 2 {
			if round > 0 {
				if err := j.Process(ctx, input, count(round-1, vec.Delete), sink); err != nil {
					t.Fatal(err)
				}
			}
			if err := j.Process(ctx, input, count(round, vec.Insert), sink); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Barrier(ctx, 1, sink); err != nil {
			t.Fatal(err)
		}
		for _, l := range sink.lines {
			if l[0] == '-' {
				sum[l[1:]]--
			} else {
				sum[l[1:]]++
			}
		}
		sink.lines = nil
		if round <= 100 {
			most = max(most, account.Used())
		}
	}
	n := 0
	for l, times := range sum {
		if times == 0 {
			continue
		}
		n++
		if times != 1 || !strings.HasSuffix(l, " 299") {
			t.Errorf("%q is there %d times", l, times)
		}
	}
	if n != 100 {
		t.Errorf("%d rows are there, want 100", n)
	}
	if now := account.Used(); now > most+most/4 {
		t.Errorf("after 300 rounds it holds %d bytes, after 100 it held %d at most", now, most)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if now := account.Used(); now != 0 {
		t.Errorf("closed it holds %d bytes", now)
	}
}

// TestChangesJoinSettled: rows that the watermark has settled are forgotten, and what has
// come of them stays, as in a join that keeps all.
func TestChangesJoinSettled(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)} // a key, a time
	ctx := context.Background()
	for name, kind := range joinKinds {
		if kind == plan.JoinNotIn {
			continue
		}
		s := ChangesJoinSpec{Kind: kind, Types: [2][]types.Type{in, in}, KeyTypes: in}
		for i := range s.Keys {
			s.Keys[i] = programs(binder{in}, []string{"$0", "$1"})
		}
		keeps := NewChangesJoin(s)
		s.Forgets = [2]*plan.Forget{{Column: 1, After: 5}, {Column: 1, After: 7}}
		forgets := NewChangesJoin(s)
		if err := forgets.Keep(); err != nil {
			t.Fatal(err)
		}
		out := append(append([]types.Type(nil), in...), in...)
		if kind.KeepsLeft() {
			out = in
		}
		var sinks [2]script
		rng := rand.New(rand.NewPCG(1, uint64(kind)))
		var open [2][][2]int64 // rows that may still go
		most := 0
		for at := range int64(200) {
			for input := range 2 {
				b := vec.NewBatch(in)
				row := func(op vec.Op, r [2]int64) {
					for i, v := range r {
						b.Cols[i].(*vec.Fixed[int64]).Append(v)
					}
					b.Ops = append(b.Ops, op)
					b.Rows++
				}
				for range 100 {
					r := [2]int64{rng.Int64N(400), at + rng.Int64N(5)}
					open[input] = append(open[input], r)
					row(vec.Insert, r)
				}
				open[input] = slices.DeleteFunc(open[input], func(r [2]int64) bool {
					if r[1] <= at {
						return true
					}
					goes := rng.IntN(4) == 0
					if goes {
						row(vec.Delete, r)
					}
					return goes
				})
				for i, j := range []*ChangesJoin{keeps, forgets} {
					sinks[i].types = out
					if err := j.Process(ctx, input, b, &sinks[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, j := range []*ChangesJoin{keeps, forgets} {
				j.Settled(at + 5)
				if err := j.Watermark(ctx, at+5, &sinks[i]); err != nil {
					t.Fatal(err)
				}
			}
			most = max(most, len(forgets.sides[0].now), len(forgets.sides[1].now))
		}
		for i := range sinks {
			slices.Sort(sinks[i].lines)
		}
		if !slices.Equal(sinks[0].lines, sinks[1].lines) {
			t.Errorf("%s: %d changes go out, want %d", name, len(sinks[1].lines), len(sinks[0].lines))
		}
		if all := len(keeps.sides[0].now); most > all/3 {
			t.Errorf("%s: a side held %d rows, where %d have come and some 500 are not settled", name, most, all)
		}
	}
}

// TestChangesJoinIdleInput: rows are kept for an input that is idle, however far the
// watermark has come without it.
func TestChangesJoinIdleInput(t *testing.T) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	s := ChangesJoinSpec{Kind: plan.JoinInner, Types: [2][]types.Type{in, in}, KeyTypes: in, Forgets: [2]*plan.Forget{{Column: 1}, {Column: 1}}}
	for i := range s.Keys {
		s.Keys[i] = programs(binder{in}, []string{"$0", "$1"})
	}
	j := NewChangesJoin(s)
	sink := &script{types: append(append([]types.Type(nil), in...), in...)}
	row := vec.NewBatch(in)
	row.Cols[0].(*vec.Fixed[int64]).Append(1)
	row.Cols[1].(*vec.Fixed[int64]).Append(50)
	row.Rows = 1
	ctx := t.Context()
	if err := j.Process(ctx, 0, row, sink); err != nil {
		t.Fatal(err)
	}
	j.Settled(10)
	if err := j.Watermark(ctx, 100, sink); err != nil {
		t.Fatal(err)
	}
	if err := j.Process(ctx, 1, row, sink); err != nil {
		t.Fatal(err)
	}
	if err := j.Watermark(ctx, 101, sink); err != nil {
		t.Fatal(err)
	}
	if len(sink.lines) != 1 {
		t.Errorf("%q, want the pair", sink.lines)
	}
}

// BenchmarkChangesJoin joins rows of 50,000 keys, 1,000 of each side in an epoch: rows that
// only come, and such as take the place of others. kept is a join that could evict, and has
// room.
func BenchmarkChangesJoin(b *testing.B) {
	in := []types.Type{types.Of(types.Int8), types.Of(types.Int8)}
	for _, c := range []struct {
		name string
		kind plan.JoinKind
		kept bool
	}{{"inner", plan.JoinInner, false}, {"full", plan.JoinFull, false}, {"inner kept", plan.JoinInner, true}} {
		b.Run(c.name, func(b *testing.B) {
			const epochs = 200
			var batches []*vec.Batch
			for epoch := range int64(epochs) {
				rows := vec.NewBatch(in)
				add := func(op vec.Op, key, value int64) {
					rows.Cols[0].(*vec.Fixed[int64]).Append(key)
					rows.Cols[1].(*vec.Fixed[int64]).Append(value)
					rows.Ops = append(rows.Ops, op)
					rows.Rows++
				}
				for i := range int64(500) {
					key := (epoch*500 + i) * 7919 % 50_000
					if epoch >= 100 {
						add(vec.Delete, key, epoch/100-1)
					}
					add(vec.Insert, key, epoch/100)
				}
				batches = append(batches, rows)
			}
			ctx := context.Background()
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				s := ChangesJoinSpec{Kind: c.kind, Types: [2][]types.Type{in, in}, KeyTypes: in[:1]}
				for i := range 2 {
					s.Keys[i] = programs(binder{in}, []string{"$0"})
				}
				j := NewChangesJoin(s)
				if c.kept {
					if err := j.Keep(); err != nil {
						b.Fatal(err)
					}
				}
				for _, batch := range batches {
					for input := range 2 {
						if err := j.Process(ctx, input, batch, discard{}); err != nil {
							b.Fatal(err)
						}
						rows += batch.Rows
					}
					if err := j.Barrier(ctx, 1, discard{}); err != nil {
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
