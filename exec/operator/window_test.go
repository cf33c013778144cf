package operator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// windowCase reads "window=(sum($1), rank())" with by, order, mode, start, end,
// exclude and filter; a bound is "unbounded preceding", "2 preceding", "current
// row" and so on.
func windowCase(d *datadriven.TestData, bind binder, calls []string) testCase {
	c := testCase{ins: [][]types.Type{bind.types}, out: slices.Clone(bind.types), fails: d.HasArg("fails")}
	for _, s := range calls {
		c.out = append(c.out, windowCall(bind, s).Result)
	}
	c.make = func() Operator {
		spec := WindowSpec{Types: bind.types, Env: env, OrderBy: sortKeys(bind, values(d, "order")), Partition: sortKeys(bind, values(d, "by"))}
		frame := Frame{Mode: plan.FrameRange, End: FrameBound{Kind: plan.CurrentRow}}
		if v := values(d, "mode"); v != nil {
			frame.Mode = map[string]plan.FrameMode{"rows": plan.FrameRows, "range": plan.FrameRange, "groups": plan.FrameGroups}[v[0]]
		}
		if v := values(d, "start"); v != nil {
			frame.Start = frameBound(v[0])
		}
		if v := values(d, "end"); v != nil {
			frame.End = frameBound(v[0])
		}
		if v := values(d, "exclude"); v != nil {
			frame.Exclude = map[string]plan.Exclusion{"row": plan.ExcludeCurrentRow, "group": plan.ExcludeGroup, "ties": plan.ExcludeTies}[v[0]]
		}
		for _, s := range calls {
			call := windowCall(bind, s)
			call.Frame = frame
			if v := values(d, "filter"); v != nil && call.Aggregate != nil {
				call.Filter = bind.program(v[0])
			}
			spec.Calls = append(spec.Calls, call)
		}
		return NewWindow(spec)
	}
	return c
}

func frameBound(s string) FrameBound {
	n, word, _ := strings.Cut(s, " ")
	following := word == "following"
	switch {
	case n == "current":
		return FrameBound{Kind: plan.CurrentRow}
	case n == "unbounded" && following:
		return FrameBound{Kind: plan.UnboundedFollowing}
	case n == "unbounded":
		return FrameBound{Kind: plan.UnboundedPreceding}
	}
	b := FrameBound{Kind: plan.OffsetPreceding, Offset: parse(types.Of(types.Int8), n)}
	if following {
		b.Kind = plan.OffsetFollowing
	}
	return b
}

// windowCall reads "rank()", "lag($0)", "nth_value($0, $1)" and aggregates.
func windowCall(b binder, s string) WindowCall {
	name, rest, _ := strings.Cut(s, "(")
	rest = strings.TrimSuffix(rest, ")")
	if rest != "" {
		var args []plan.Expr
		for _, a := range strings.Split(rest, ",") {
			if a != "*" {
				args = append(args, b.expr(a))
			}
		}
		if f := findFunction(name, args); f.Kind == catalog.Window {
			c := WindowCall{Func: f, Result: types.Of(f.Ret), Args: programs(b, strings.Split(rest, ",")), ArgTypes: typesOf(b, strings.Split(rest, ","))}
			if f.Ret == types.AnyElement {
				c.Result = args[0].Type()
			}
			return c
		}
		return windowAggregateCall(b, s)
	}
	f := findFunction(name, nil)
	return WindowCall{Func: f, Result: types.Of(f.Ret)}
}

func windowAggregateCall(b binder, s string) WindowCall {
	a := planCall(b, s)
	if a.Func.Ret == types.AnyArray {
		a.Typ = types.Of(types.Lookup(a.Args[0].Type().OID).Array)
	}
	state, err := aggregate.New(a, env, true)
	c := WindowCall{Func: a.Func, Result: a.Typ, Slides: err == nil && aggregate.Slides(state)}
	for _, e := range a.Args {
		c.Args = append(c.Args, b.program(e.(*plan.Column).Name))
		c.ArgTypes = append(c.ArgTypes, e.Type())
	}
	c.Aggregate = func() (aggregate.Aggregate, error) { return aggregate.New(a, env, c.Slides) }
	return c
}

// TestWindowSlides compares aggregates whose frames move by taking rows out with
// the same ones aggregated anew for each row.
func TestWindowSlides(t *testing.T) {
	ins := []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Bool)}
	bind := binder{ins}
	calls := []string{"count(*)", "count($0)", "sum($0)", "avg($0)", "sum($1)", "avg($1)", "bool_and($2)", "bool_or($2)"}
	out := slices.Clone(ins)
	for _, s := range calls {
		c := windowCall(bind, s)
		if !c.Slides {
			t.Errorf("%s does not slide", s)
		}
		out = append(out, c.Result)
	}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		events := randomRows(rng, ins)
		frame := randomFrame(rng)
		run := func(slides bool) []string {
			spec := WindowSpec{Types: ins, Env: env, OrderBy: sortKeys(bind, []string{"$0 desc"})}
			if seed%2 == 0 {
				spec.Partition = sortKeys(bind, []string{"$2"})
			}
			for _, s := range calls {
				c := windowCall(bind, s)
				c.Frame, c.Slides = frame, c.Slides && slides
				spec.Calls = append(spec.Calls, c)
			}
			return play(t, NewWindow(spec), [][]types.Type{ins}, out, events, shapes[0])
		}
		if got, want := strings.Join(run(true), "\n"), strings.Join(run(false), "\n"); got != want {
			t.Fatalf("seed %d, %+v: sliding gives\n%s\nanew\n%s", seed, frame, got, want)
		}
	}
}

// randomRows are few numbers often, of several scales, NaN and NULL among them.
func randomRows(rng *rand.Rand, ins []types.Type) []event {
	numbers := []string{"NULL", "0", "1.5", "-2.25", "100", "0.001", "NaN", "Infinity"}
	var events []event
	for range rng.IntN(60) {
		row := []types.Value{parse(ins[0], fmt.Sprint(rng.IntN(12)-6)), parse(ins[1], numbers[rng.IntN(len(numbers))]), parse(ins[2], []string{"NULL", "t", "f"}[rng.IntN(3)])}
		if rng.IntN(6) == 0 {
			row[0] = types.NullOf(ins[0])
		}
		events = append(events, event{values: row})
	}
	return append(events, event{kind: eventEnd})
}

// randomFrame has a start that moves.
func randomFrame(rng *rand.Rand) Frame {
	bound := func(least, most plan.BoundKind) FrameBound {
		return FrameBound{Kind: least + plan.BoundKind(rng.IntN(int(most-least)+1)), Offset: types.NewInt(types.Int8, int64(rng.IntN(4)))}
	}
	f := Frame{Mode: plan.FrameMode(rng.IntN(3)), Start: bound(plan.OffsetPreceding, plan.OffsetFollowing)}
	f.End = bound(f.Start.Kind, plan.UnboundedFollowing)
	return f
}

// TestWindowMemory: what a call gathers counts, though no row is large.
func TestWindowMemory(t *testing.T) {
	account := memory.New("the query", 4<<20, memory.QuerySetting)
	bind := binder{pairTypes}
	call := windowCall(bind, "array_agg($0)")
	call.Frame = Frame{Mode: plan.FrameRows, End: FrameBound{Kind: plan.UnboundedFollowing}}
	w := NewWindow(WindowSpec{Types: pairTypes, Calls: []WindowCall{call}, Env: env, Account: account})
	sink := &script{types: append(slices.Clone(pairTypes), call.Result)}
	for i := range 20 {
		if err := w.Process(t.Context(), 0, manyPairs(i), sink); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(t.Context(), 0, sink); sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
		t.Errorf("error = %v, want 53200", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := account.Used(); n != 0 {
		t.Errorf("%d bytes are held after Close", n)
	}
}

// TestWindowStops: a frame that is aggregated anew for every row ends with the
// query.
func TestWindowStops(t *testing.T) {
	bind := binder{pairTypes}
	call := windowCall(bind, "max($0)")
	call.Slides = false
	call.Frame = Frame{Mode: plan.FrameRows, Start: FrameBound{Kind: plan.CurrentRow}, End: FrameBound{Kind: plan.UnboundedFollowing}}
	w := NewWindow(WindowSpec{Types: pairTypes, Calls: []WindowCall{call}, Env: env})
	sink := &script{types: append(slices.Clone(pairTypes), call.Result)}
	for i := range 100 {
		if err := w.Process(t.Context(), 0, manyPairs(i), sink); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Finish(ctx, 0, sink); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWindowOrder compares the order of a window's rows with that of a Sort.
func TestWindowOrder(t *testing.T) {
	values := map[types.OID][]string{
		types.Int4:    {"NULL", "0", "-1", "2147483647", "-2147483648", "7"},
		types.Bool:    {"NULL", "t", "f"},
		types.Float8:  {"NULL", "NaN", "Infinity", "-Infinity", "0", "-0", "1.5", "-1.5", "5e-324"},
		types.Text:    {"NULL", "a", "ab", "abcdefg", "abcdefgh", "abcdefgi", "abcdefgha", "b", "\u00e9"},
		types.BPChar:  {"NULL", "a", "a  ", "b", "abcdefgh", "abcdefgh "},
		types.Numeric: {"NULL", "NaN", "1.0", "1.00", "-1", "1e30", "0.1"},
		types.UUID:    {"NULL", "00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"},
	}
	of := []types.OID{types.Int4, types.Bool, types.Float8, types.Text, types.BPChar, types.Numeric, types.UUID}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		ts := []types.Type{types.Of(types.Int8)} // the row's number: rows that sort alike keep their order
		var order []string
		for i := range 1 + rng.IntN(3) {
			ts = append(ts, types.Of(of[rng.IntN(len(of))]))
			order = append(order, fmt.Sprintf("$%d", i+1)+[]string{"", " desc", " first", " desc first"}[rng.IntN(4)])
		}
		var events []event
		for i := range rng.IntN(100) {
			row := []types.Value{types.NewInt(types.Int8, int64(i))}
			for _, typ := range ts[1:] {
				row = append(row, parse(typ, values[typ.OID][rng.IntN(len(values[typ.OID]))]))
			}
			events = append(events, event{values: row})
		}
		events = append(events, event{kind: eventEnd})
		keys := sortKeys(binder{ts}, order)
		split := rng.IntN(len(keys) + 1)
		w := NewWindow(WindowSpec{Types: ts, Partition: keys[:split], OrderBy: keys[split:], Env: env})
		got := play(t, w, [][]types.Type{ts}, ts, events, shapes[0])
		want := play(t, NewSort(keys, ts, -1, nil, nil), [][]types.Type{ts}, ts, events, shapes[0])
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, by %v: the window's order is\n%s\nand a sort's\n%s", seed, order, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
