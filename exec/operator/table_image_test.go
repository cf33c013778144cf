package operator

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// images are equal values that do not read the same.
var images = []struct {
	typ    types.Type
	values [2]string
}{
	{types.Of(types.Numeric), [2]string{"1.0", "1.00"}},
	{types.Of(types.Numeric), [2]string{"123456789012345678901234567890.0", "123456789012345678901234567890.00"}},
	{types.Of(types.Lookup(types.Numeric).Array), [2]string{"{2.0,NULL}", "{2.00,NULL}"}},
	{types.Of(types.Interval), [2]string{"1 day", "24:00:00"}},
	{types.Of(types.Float8), [2]string{"0", "-0"}},
	{types.Of(types.Float4), [2]string{"0", "-0"}},
	{types.Of(types.JSONB), [2]string{`{"a": 1.0}`, `{"a": 1.00}`}},
	{types.Of(types.NumRange), [2]string{"[1.0,2)", "[1.00,2)"}},
}

// TestEqualRowsThatReadDifferently: of rows that are equal and do not read the same, each
// comes and goes by itself.
func TestEqualRowsThatReadDifferently(t *testing.T) {
	for _, image := range images {
		in := []types.Type{image.typ}
		both := []types.Type{image.typ, image.typ}
		row := func(input int, op vec.Op, i int) event {
			return event{input: input, op: op, values: []types.Value{parse(image.typ, image.values[i])}}
		}
		end := event{kind: eventBarrier}
		text := func(i int) string { return valueText(parse(image.typ, image.values[i])) }
		check := func(what string, op Operator, ins [][]types.Type, out []types.Type, events []event, want ...string) {
			t.Helper()
			got := play(t, op, ins, out, events, shapes[0])
			got = slices.DeleteFunc(got, func(l string) bool { return l == "barrier" })
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%v, %s of %q: %q, want %q", image.typ, what, image.values, got, want)
			}
		}
		for _, kind := range []string{"inner", "left", "right", "full", "semi", "anti"} {
			k := joinKinds[kind]
			spec := ChangesJoinSpec{Kind: k, Types: [2][]types.Type{in, in}, KeyTypes: []types.Type{types.Of(types.Text)}}
			for i := range 2 {
				spec.Keys[i] = []*expr.Program{textOf(image.typ)}
			}
			out, pair := both, "+ "+text(1)+" "+text(1)
			if k.KeepsLeft() {
				out, pair = in, "+ "+text(1)
			}
			events := []event{row(0, vec.Insert, 0), row(0, vec.Insert, 1), row(1, vec.Insert, 1), end}
			switch kind {
			case "left", "full":
				check(kind, NewChangesJoin(spec), [][]types.Type{in, in}, out, events, pair, "+ "+text(0)+" NULL")
			case "anti":
				check(kind, NewChangesJoin(spec), [][]types.Type{in, in}, out, events, "+ "+text(0))
			default:
				check(kind, NewChangesJoin(spec), [][]types.Type{in, in}, out, events, pair)
			}
		}
		changes := []event{row(0, vec.Insert, 0), row(0, vec.Insert, 1), row(0, vec.Delete, 0), end}
		all := []SortKey{{Program: textOf(image.typ), Type: types.Of(types.Text)}}
		check("the first rows", NewFirst(FirstSpec{Types: in, OrderBy: all, Rank: "row_number", Most: 5}), [][]types.Type{in}, in, changes, "+ "+text(1))
		check("OVER", NewWindowChanges(WindowSpec{Types: in, Env: env, Partition: all}), [][]types.Type{in}, in, changes, "+ "+text(1))

		var net netRows
		sink := &script{types: in}
		net.open(in, nil)
		for by, e := range map[int64]event{-1: row(0, vec.Insert, 0), 1: row(0, vec.Insert, 1)} {
			net.by = by
			if err := net.Emit(t.Context(), makeBatch(in, []event{e}, false, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if err := net.emit(context.Background(), sink); err != nil {
			t.Fatal(err)
		}
		if want := []string{"- " + text(0), "+ " + text(1)}; !slices.Equal(sink.lines, want) {
			t.Errorf("the net of %s is %q, want %q", strings.Join(image.values[:], " for "), sink.lines, want)
		}
	}
}

// textOf is the text of the first column.
func textOf(t types.Type) *expr.Program {
	text := &plan.Cast{Arg: &plan.Column{Typ: t, Name: "$0"}, Typ: types.Of(types.Text), Method: plan.CastText, Explicit: true}
	p, err := expr.Compile(text, env)
	if err != nil {
		panic(err)
	}
	return p
}
