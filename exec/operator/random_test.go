package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

var pairTypes = []types.Type{types.Of(types.Text), types.Of(types.Int8)}

// randomPair is a row of few keys and few values, some of them NULL.
func randomPair(rng *rand.Rand) []types.Value {
	k, v := types.NewText(string(rune('a'+rng.IntN(4)))), types.NewInt(types.Int8, int64(rng.IntN(5)))
	if rng.IntN(6) == 0 {
		k = types.NullOf(pairTypes[0])
	}
	if rng.IntN(6) == 0 {
		v = types.NullOf(pairTypes[1])
	}
	return []types.Value{k, v}
}

// changelog makes n changes: Inserts, Deletes of rows that are there, and within
// an epoch Deletes whose Inserts come after. At each barrier every row that was
// deleted has been inserted. It returns, for each barrier and the end, the rows
// that are there.
func changelog(rng *rand.Rand, n int) (events []event, there [][]event) {
	var live, owed []event
	settle := func() {
		for _, e := range owed {
			e.op = vec.Insert
			events = append(events, e)
		}
		owed = nil
		there = append(there, slices.Clone(live))
	}
	for range n {
		switch r := rng.IntN(10); {
		case r < 5:
			e := event{values: randomPair(rng)}
			events, live = append(events, e), append(live, e)
		case r < 8 && len(live) > 0:
			i := rng.IntN(len(live))
			e := live[i]
			live = slices.Delete(live, i, i+1)
			e.op = vec.Delete
			events = append(events, e)
		case r < 9:
			e := event{values: randomPair(rng), op: vec.Delete}
			events, owed = append(events, e), append(owed, e)
		default:
			settle()
			events = append(events, event{kind: eventBarrier})
		}
	}
	settle()
	return append(events, event{kind: eventEnd}), there
}

// accumulate applies changes to a multiset, and returns it sorted at each
// barrier and at the end. A row that is deleted must be there.
func accumulate(t *testing.T, lines []string) [][]string {
	t.Helper()
	var all [][]string
	rows := map[string]int{}
	state := func() []string {
		var s []string
		for r, n := range rows {
			for range n {
				s = append(s, r)
			}
		}
		slices.Sort(s)
		return s
	}
	for _, line := range lines {
		op, row, _ := strings.Cut(line, " ")
		switch op {
		case "+":
			rows[row]++
		case "-":
			if rows[row]--; rows[row] < 0 {
				t.Fatalf("%q is deleted and is not there", row)
			}
		}
		if op == "barrier" {
			all = append(all, state())
		}
	}
	return append(all, state())
}

func sorted(lines []string) []string {
	var rows []string
	for _, l := range lines {
		if row, ok := strings.CutPrefix(l, "+ "); ok {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows
}

// sameStates compares what a changelog adds up to with the answers over the rows
// that are there.
func sameStates(t *testing.T, got [][]string, there [][]event, answer func(rows []event) []string) {
	t.Helper()
	if len(got) != len(there) {
		t.Fatalf("%d states, want %d", len(got), len(there))
	}
	for i, rows := range there {
		if want := answer(rows); !slices.Equal(got[i], want) {
			t.Fatalf("after barrier %d the rows are\n%q, want\n%q", i+1, got[i], want)
		}
	}
}

func TestAggregateChangesAddUp(t *testing.T) {
	calls := []string{"count(*)", "count($1)", "sum($1)", "min($1)", "max($1)", "count(distinct $1)"}
	bind := binder{pairTypes}
	for _, keys := range [][]string{{"$0"}, nil} {
		out := append(typesOf(bind, keys), callTypes(bind, calls)...)
		build := func(changes bool) Operator {
			spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: changes}
			for _, c := range calls {
				spec.Calls = append(spec.Calls, retractingCall(bind, c))
			}
			a := NewAggregate(spec)
			a.full, a.least = 1, 1 // dead groups are given back whenever there are some
			return a
		}
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, 3))
			events, there := changelog(rng, 300)
			lines := playShapes(t, func() Operator { return build(true) }, [][]types.Type{pairTypes}, out, events)
			sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
				return sorted(play(t, build(false), [][]types.Type{pairTypes}, out, append(rows, event{kind: eventEnd}), shapes[0]))
			})
		}
	}
}

// retractingCall is a call that can take rows out again.
func retractingCall(b binder, s string) *Call {
	c := planCall(b, s)
	f, err := aggregate.New(c, env, true)
	if err != nil {
		panic(err)
	}
	call := testCall(b, s, nil)
	call.spec.Func = f
	call.spec.New = func() (aggregate.Aggregate, error) { return aggregate.New(c, env, true) }
	return call
}

func TestDistinctChangesAddUp(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		events, there := changelog(rng, 300)
		build := func() Operator {
			d := NewDistinctChanges(pairTypes, nil)
			d.full, d.least = 1, 1 // dead rows are given back whenever there are some
			return d
		}
		lines := playShapes(t, build, [][]types.Type{pairTypes}, pairTypes, events)
		sameStates(t, accumulate(t, lines), there, func(rows []event) []string {
			return slices.Compact(sorted(play(t, NewAppend(), [][]types.Type{pairTypes}, pairTypes, rows, shapes[0])))
		})
	}
}

// TestRowwise checks the operators that look at one row at a time: what they make
// of many rows, Deletes and NULLs among them, is what they make of each alone.
func TestRowwise(t *testing.T) {
	bind := binder{pairTypes}
	skip := func(*vec.Batch, int, error) error { return nil }
	for name, op := range map[string]struct {
		make func() Operator
		out  []types.Type
	}{
		"filter":  {func() Operator { return NewFilter(bind.program("$1 > 2"), nil) }, pairTypes},
		"fails":   {func() Operator { return NewFilter(bind.program("6 / $1 > 2"), skip) }, pairTypes},
		"project": {func() Operator { return NewProject(programs(bind, []string{"$1 + 1", "$0", "6 / $1"}), skip) }, typesOf(bind, []string{"$1 + 1", "$0", "6 / $1"})},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 5))
			events, _ := changelog(rng, 2000)
			got := playShapes(t, op.make, [][]types.Type{pairTypes}, op.out, events)
			var want []string
			for _, e := range events {
				want = append(want, play(t, op.make(), [][]types.Type{pairTypes}, op.out, []event{e}, shapes[0])...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lines, want %d", len(got), len(want))
			}
		})
	}
}

// two makes rows of both inputs, the right one first and ended.
func two(rng *rand.Rand, left, right int) (events []event, l, r [][]types.Value) {
	for range right {
		r = append(r, randomPair(rng))
		events = append(events, event{input: JoinRight, values: r[len(r)-1]})
	}
	events = append(events, event{kind: eventEnd, input: JoinRight})
	for range left {
		l = append(l, randomPair(rng))
		events = append(events, event{input: JoinLeft, values: l[len(l)-1]})
	}
	return append(events, event{kind: eventEnd, input: JoinLeft}), l, r
}

func texts(rows ...[]types.Value) string {
	var words []string
	for _, row := range rows {
		for _, v := range row {
			words = append(words, valueText(v))
		}
	}
	return strings.Join(words, " ")
}

// TestJoinAgainstModel compares every kind of join, hashed and looped, with two
// loops.
func TestJoinAgainstModel(t *testing.T) {
	both := append(slices.Clone(pairTypes), pairTypes...)
	null := []types.Value{types.NullOf(pairTypes[0]), types.NullOf(pairTypes[1])}
	for kind := plan.JoinInner; kind <= plan.JoinRightAnti; kind++ {
		if kind == plan.JoinNotIn {
			continue // TestNotInAgainstModel
		}
		for _, hashed := range []bool{true, false} {
			for seed := range uint64(10) {
				rng := rand.New(rand.NewPCG(seed, uint64(kind)))
				events, left, right := two(rng, rng.IntN(60), rng.IntN(60))
				build := func() Operator {
					s := JoinSpec{Kind: kind, LeftTypes: pairTypes, RightTypes: pairTypes, Cond: binder{both}.program("$1 <= $3")}
					if hashed {
						keys := []string{"$0"}
						s.LeftKeys, s.RightKeys, s.KeyTypes = programs(binder{pairTypes}, keys), programs(binder{pairTypes}, keys), pairTypes[:1]
					}
					return NewJoin(s)
				}
				var want []string
				used := make([]bool, len(right))
				for _, l := range left {
					hit := false
					for i, r := range right {
						if hashed && (l[0].Null || r[0].Null || l[0].S != r[0].S) || l[1].Null || r[1].Null || l[1].I > r[1].I {
							continue
						}
						hit, used[i] = true, true
						if kind <= plan.JoinFull {
							want = append(want, texts(l, r))
						}
					}
					switch {
					case kind == plan.JoinSemi && hit, kind == plan.JoinAnti && !hit:
						want = append(want, texts(l))
					case !hit && (kind == plan.JoinLeft || kind == plan.JoinFull):
						want = append(want, texts(l, null))
					}
				}
				for i, r := range right {
					switch {
					case !used[i] && (kind == plan.JoinRight || kind == plan.JoinFull):
						want = append(want, texts(null, r))
					case kind == plan.JoinRightSemi && used[i], kind == plan.JoinRightAnti && !used[i]:
						want = append(want, texts(r))
					}
				}
				out := both
				if kind >= plan.JoinSemi {
					out = pairTypes
				}
				slices.Sort(want)
				for _, s := range shapes {
					got := sorted(play(t, build(), [][]types.Type{pairTypes, pairTypes}, out, events, s))
					if !slices.Equal(got, want) {
						t.Fatalf("kind %d, hashed %v, seed %d, %v:\n%q, want\n%q", kind, hashed, seed, s, got, want)
					}
				}
			}
		}
	}
}

// TestNotInAgainstModel compares NOT IN with what it means, with and without
// NULLs on the right, whichever side is kept.
func TestNotInAgainstModel(t *testing.T) {
	kept := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 12))
		events, left, right := two(rng, rng.IntN(40), rng.IntN(30)*int(seed%4))
		if seed%2 == 0 {
			for _, r := range right {
				r[0] = types.NewText(fmt.Sprint(rng.IntN(5)))
			}
		}
		var want []string
		for _, l := range left {
			stays := true
			for _, r := range right {
				stays = stays && !l[0].Null && !r[0].Null && l[0].S != r[0].S
			}
			if stays {
				want = append(want, texts(l))
			}
		}
		kept += len(want)
		slices.Sort(want)
		exchanged := append(rowEvents(JoinRight, left), rowEvents(JoinLeft, right)...)
		for kind, events := range map[plan.JoinKind][]event{plan.JoinNotIn: events, plan.JoinRightNotIn: exchanged} {
			for _, s := range shapes {
				keys := []string{"$0"}
				op := NewJoin(JoinSpec{
					Kind: kind, LeftTypes: pairTypes, RightTypes: pairTypes,
					LeftKeys: programs(binder{pairTypes}, keys), RightKeys: programs(binder{pairTypes}, keys), KeyTypes: pairTypes[:1],
				})
				got := sorted(play(t, op, [][]types.Type{pairTypes, pairTypes}, pairTypes, events, s))
				if !slices.Equal(got, want) {
					t.Fatalf("kind %d, seed %d, %v:\n%q, want\n%q", kind, seed, s, got, want)
				}
			}
		}
	}
	if kept == 0 {
		t.Error("no row was kept: the rows say nothing")
	}
}

func TestSetOpAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 6))
		events, left, right := two(rng, 40, 40)
		counts := map[string][2]int{}
		for i, side := range [][][]types.Value{left, right} {
			for _, row := range side {
				c := counts[texts(row)]
				c[i]++
				counts[texts(row)] = c
			}
		}
		for _, c := range []struct {
			kind SetKind
			all  bool
			n    func(l, r int) int
		}{
			{Intersect, false, func(l, r int) int { return min(l, r, 1) }},
			{Intersect, true, func(l, r int) int { return min(l, r) }},
			{Except, false, func(l, r int) int {
				if r > 0 {
					return 0
				}
				return min(l, 1)
			}},
			{Except, true, func(l, r int) int { return max(l-r, 0) }},
		} {
			var want []string
			for row, n := range counts {
				for range c.n(n[0], n[1]) {
					want = append(want, row)
				}
			}
			slices.Sort(want)
			for _, s := range shapes {
				op := NewSetOp(c.kind, c.all, pairTypes, nil)
				if got := sorted(play(t, op, [][]types.Type{pairTypes, pairTypes}, pairTypes, events, s)); !slices.Equal(got, want) {
					t.Fatalf("kind %d all %v seed %d: %q, want %q", c.kind, c.all, seed, got, want)
				}
			}
		}
	}
}

// TestSortAgainstModel sorts more rows than a top keeps, so that it prunes.
func TestSortAgainstModel(t *testing.T) {
	bind := binder{pairTypes}
	var events []event
	rng := rand.New(rand.NewPCG(7, 7))
	for range 10000 {
		v := randomPair(rng)
		if !v[1].Null {
			v[1].I = int64(rng.IntN(1000))
		}
		events = append(events, event{values: v})
	}
	less := func(a, b event) int {
		x, y := a.values[1], b.values[1]
		switch {
		case x.Null && y.Null:
			return 0
		case x.Null:
			return 1
		case y.Null:
			return -1
		}
		return int(y.I - x.I)
	}
	ordered := slices.Clone(events)
	slices.SortStableFunc(ordered, less)
	events = append(events, event{kind: eventEnd})
	for _, top := range []int64{-1, 0, 1, 1500} {
		n := len(ordered)
		if top >= 0 {
			n = int(top)
		}
		var want []string
		for _, e := range ordered[:n] {
			want = append(want, "+ "+texts(e.values))
		}
		want = append(want, "end")
		op := NewSort(sortKeys(bind, []string{"$1 desc"}), pairTypes, top, nil, nil)
		got := play(t, op, [][]types.Type{pairTypes}, pairTypes, events, shape{size: 100, junk: true, seed: 4})
		if !slices.Equal(got, want) {
			t.Errorf("top %d gives %d lines, want %d: %s", top, len(got), len(want), firstOther(got, want))
		}
	}
}

func firstOther(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("line %d is %q, want %q", i, got[i], want[i])
		}
	}
	return "one is the other's beginning"
}
