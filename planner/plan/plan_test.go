package plan_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

var (
	int4 = types.Of(types.Int4)
	less = &catalog.Function{Name: "int4lt", Args: []types.OID{types.Int4, types.Int4}, Ret: types.Bool}
)

func column(i int) *plan.Column {
	return &plan.Column{Index: i, Typ: int4, Name: string(rune('a' + i))}
}

func outer(depth, i int) *plan.Outer {
	return &plan.Outer{Depth: depth, Index: i, Typ: int4, Name: string(rune('a' + i))}
}

func call(a, b plan.Expr) *plan.Call {
	return &plan.Call{Func: less, Args: []plan.Expr{a, b}, Typ: types.Of(types.Bool), Op: "<"}
}

func number(i int64) plan.Expr { return plan.NewConst(types.NewInt(types.Int4, i)) }

func scan(names ...string) *plan.Scan {
	r := &catalog.Relation{Schema: "public", Name: "s", Connector: "kafka"}
	s := &plan.Scan{Relation: r}
	for i, n := range names {
		r.Columns = append(r.Columns, catalog.Column{Name: n, Type: int4})
		s.Columns = append(s.Columns, i)
		s.Fields = append(s.Fields, plan.Field{Name: n, Type: int4})
	}
	return s
}

// every is one expression of each kind, all over column 0.
func every() []plan.Expr {
	c := func() plan.Expr { return column(0) }
	yes := func() plan.Expr { return call(c(), number(1)) }
	return []plan.Expr{
		call(c(), number(1)),
		&plan.Cast{Arg: c(), Typ: types.Of(types.Text), Method: plan.CastText},
		&plan.And{Args: []plan.Expr{yes(), yes()}},
		&plan.Or{Args: []plan.Expr{yes(), yes()}},
		&plan.Not{Arg: yes()},
		&plan.IsNull{Arg: c()},
		&plan.IsBool{Arg: yes(), Test: plan.IsUnknown, Not: true},
		&plan.Case{Whens: []plan.When{{Cond: yes(), Then: c()}}, Else: c(), Typ: int4},
		&plan.Coalesce{Args: []plan.Expr{c(), number(1)}, Typ: int4},
		&plan.NullIf{Left: c(), Right: number(1), Eq: yes(), Typ: int4},
		&plan.MinMax{Greatest: true, Args: []plan.Expr{c(), number(2)}, Typ: int4},
		&plan.Distinct{Left: c(), Right: number(1), Eq: yes()},
		&plan.In{Arg: c(), List: []plan.Expr{number(1), number(2)}, Eq: less},
		&plan.AnyAll{Arg: c(), Array: c(), Op: less, Name: "<"},
		&plan.ArrayOf{Items: []plan.Expr{c()}, Typ: types.Of(1007)},
		&plan.Subscript{Arg: c(), Items: []plan.Index{{Slice: true, Lower: c(), Upper: c()}}, Typ: int4},
		&plan.Row{Items: []plan.Expr{c()}, Names: []string{"f1"}, Typ: types.Of(types.Record)},
		&plan.FieldOf{Arg: c(), Index: 0, Typ: int4, Name: "f"},
		&plan.Subquery{Kind: plan.SubAny, Input: &plan.Filter{Input: scan("x"), Cond: call(column(0), outer(1, 0))}, Correlated: true,
			Left: []plan.Expr{c()}, Op: []*catalog.Function{less}, OpNames: []string{"<"}, Typ: types.Of(types.Bool)},
	}
}

func TestShift(t *testing.T) {
	for _, e := range every() {
		before := e.String()
		var places []int
		plan.EachColumn(plan.Shift(e, 7), func(r plan.Ref) { places = append(places, r.Index) })
		if len(places) == 0 {
			t.Errorf("%s: no reference found", before)
		}
		for _, p := range places {
			if p != 7 {
				t.Errorf("%s shifted by 7 refers to %d, want 7", before, p)
			}
		}
		plan.EachColumn(e, func(r plan.Ref) {
			if r.Index != 0 {
				t.Errorf("%s: Shift changed its argument", before)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	a, b := every(), every()
	for i := range a {
		for j := range b {
			_, sub := a[i].(*plan.Subquery)
			if got, want := plan.Equal(a[i], b[j]), i == j && !sub; got != want {
				t.Errorf("Equal(%s, %s) = %v, want %v", a[i], b[j], got, want)
			}
		}
		if !plan.Equal(a[i], a[i]) {
			t.Errorf("%s is not equal to itself", a[i])
		}
		if moved := plan.Shift(a[i], 1); plan.Equal(a[i], moved) {
			t.Errorf("%s is equal to the same over another column", a[i])
		}
	}
}

// TestOuterLevels: a reference from inside a lateral join and a subquery names
// its row by the levels in between.
func TestOuterLevels(t *testing.T) {
	inner := &plan.Filter{Input: scan("x"), Cond: call(outer(1, 0), outer(3, 1))}
	sub := &plan.Subquery{Kind: plan.SubExists, Input: inner, Correlated: true, Typ: types.Of(types.Bool)}
	join := &plan.Join{Kind: plan.JoinInner, Lateral: true, Left: scan("l"), Right: &plan.Filter{Input: scan("r"), Cond: sub}}
	var seen []int
	plan.MapOuter(join, 1, func(o *plan.Outer) plan.Expr {
		seen = append(seen, o.Index)
		return o
	})
	if want := []int{1}; !reflect.DeepEqual(seen, want) {
		t.Errorf("references out of the join: %v, want %v", seen, want)
	}
	far := plan.MapOuter(join, 1, func(o *plan.Outer) plan.Expr {
		c := *o
		c.Depth++
		return &c
	})
	lifted := strings.Join(plan.Text(plan.Lift(far)), "\n")
	if want := strings.Join(plan.Text(join), "\n"); lifted != want {
		t.Errorf("lifted back:\n%s\nwant\n%s", lifted, want)
	}
	if !plan.NodeHasOuter(join) || plan.NodeHasOuter(join.Left) {
		t.Error("NodeHasOuter is wrong about the join or its left side")
	}
}

func TestDerive(t *testing.T) {
	kafka, file := scan("a", "b"), scan("a", "b")
	file.Relation.Connector = "file"
	kafka.Relation.Watermark = &catalog.Watermark{Column: "b", Expr: "b"}
	group := &plan.AggregateNode{Input: kafka, Keys: []plan.Expr{column(1)}, Fields: []plan.Field{{Name: "b", Type: int4}, {Name: "n", Type: int4}}}
	bounded := &plan.Join{Kind: plan.JoinLeft, Left: kafka, Right: kafka, Bounds: &plan.JoinBounds{Before: -2, After: 7}, Fields: slices.Concat(kafka.Schema(), kafka.Schema())}
	for _, c := range []struct {
		name string
		node plan.Node
		want plan.Props
	}{
		{"stream", kafka, plan.Props{AppendOnly: true, Time: 1}},
		{"file", file, plan.Props{Bounded: true, AppendOnly: true, Time: -1}},
		{"groups of a stream", group, plan.Props{Keys: [][]int{{0}}, Time: -1}},
		{"columns swapped", &plan.Project{Input: group, Exprs: []plan.Expr{column(1), column(0)}}, plan.Props{Keys: [][]int{{1}}, Time: -1}},
		{"key computed away", &plan.Project{Input: group, Exprs: []plan.Expr{column(1)}}, plan.Props{Time: -1}},
		{"event time kept", &plan.Filter{Input: &plan.Project{Input: kafka, Exprs: []plan.Expr{column(1)}}, Cond: number(1)}, plan.Props{AppendOnly: true, Time: 0}},
		{"limit ends a stream", &plan.Limit{Input: kafka, Count: number(1)}, plan.Props{Bounded: true, AppendOnly: true, Time: 1}},
		{"distinct", &plan.DistinctNode{Input: file}, plan.Props{Bounded: true, AppendOnly: true, Keys: [][]int{{0, 1}}, Time: -1}},
		{"join of files", &plan.Join{Kind: plan.JoinLeft, Left: file, Right: file}, plan.Props{Bounded: true, AppendOnly: true, Time: -1}},
		{"outer join of streams", &plan.Join{Kind: plan.JoinLeft, Left: kafka, Right: kafka}, plan.Props{Time: -1, Times: []int{1, 3}, Spread: plan.Loose}},
		{"outer join of streams with bounds", bounded, plan.Props{AppendOnly: true, Time: -1, Times: []int{1, 3}, Spread: 7}},
		{"a window's parts swapped", &plan.Project{Input: bounded, Exprs: []plan.Expr{column(3), column(1)}}, plan.Props{AppendOnly: true, Time: -1, Times: []int{1, 0}, Spread: 7}},
		{"a part is gone", &plan.Project{Input: bounded, Exprs: []plan.Expr{column(3)}}, plan.Props{AppendOnly: true, Time: -1, Spread: 7}},
		{"three streams", &plan.Join{Left: bounded, Right: kafka, Bounds: &plan.JoinBounds{Before: 4}}, plan.Props{AppendOnly: true, Time: -1, Times: []int{1, 3, 5}, Spread: 11}},
		{"stream and table", &plan.Join{Kind: plan.JoinLeft, Left: kafka, Right: file}, plan.Props{AppendOnly: true, Time: 1}},
		{"table and stream, the stream preserved", &plan.Join{Kind: plan.JoinRight, Left: file, Right: kafka}, plan.Props{AppendOnly: true, Time: 3}},
		{"the table preserved", &plan.Join{Kind: plan.JoinLeft, Left: file, Right: kafka}, plan.Props{Time: 3}},
		{"rows of a stream that have a match", &plan.Join{Kind: plan.JoinSemi, Left: kafka, Right: kafka}, plan.Props{AppendOnly: true, Time: 1}},
		{"those that have none", &plan.Join{Kind: plan.JoinAnti, Left: kafka, Right: kafka}, plan.Props{Time: 1}},
		{"those that have no near one", &plan.Join{Kind: plan.JoinAnti, Left: kafka, Right: kafka, Bounds: &plan.JoinBounds{}}, plan.Props{AppendOnly: true, Time: 1}},
		{"stream and file", &plan.Append{Children: []plan.Node{kafka, file}}, plan.Props{AppendOnly: true, Time: -1}},
		{"one row", &plan.Values{Rows: [][]plan.Expr{{}}}, plan.Props{Bounded: true, AppendOnly: true, Keys: [][]int{{}}, Time: -1}},
	} {
		if got := plan.Derive(c.node); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: Derive = %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	n := &plan.Sort{Input: &plan.Filter{Input: scan("a"), Cond: call(column(0), number(5))}, Keys: []plan.SortKey{{Expr: column(0), Desc: true}}}
	text := plan.Document{{Key: "Plan", Value: plan.Describe(n, &plan.Notes{})}}.JSON()
	var got any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	node := func(kind, relationship string, more map[string]any) map[string]any {
		m := map[string]any{"Node Type": kind, "Parallel Aware": false, "Async Capable": false}
		if relationship != "" {
			m["Parent Relationship"] = relationship
		}
		maps.Copy(m, more)
		return m
	}
	want := []any{map[string]any{"Plan": node("Sort", "", map[string]any{
		"Sort Key": []any{"a DESC NULLS LAST"},
		"Plans": []any{node("Filter", "Outer", map[string]any{
			"Filter": "(a < 5)",
			"Plans": []any{node("Stream Scan", "Outer", map[string]any{
				"Relation Name": "s", "Schema": "public", "Alias": "s", "Columns": []any{"a"},
			})},
		})},
	})}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("JSON = %s", text)
	}
}

// TestDocument writes every kind of value in every format.
func TestDocument(t *testing.T) {
	d := plan.Document{
		{Key: "Plan", Value: plan.Document{
			{Key: "Node Type", Value: "a < \"b\""}, {Key: "Parallel Aware", Value: false}, {Key: "Total Cost", Value: plan.Number{Value: 1.5, Digits: 2}},
			{Key: "Plan Rows", Value: int64(3)}, {Key: "Output", Value: []string{"x", "y & z"}},
			{Key: "Plans", Value: []plan.Document{{{Key: "Node Type", Value: "Sort"}}}},
		}},
		{Key: "Triggers", Value: []plan.Document{}},
	}
	for name, c := range map[string]struct{ got, want string }{
		"json": {d.JSON(), `[
  {
    "Plan": {
      "Node Type": "a < \"b\"",
      "Parallel Aware": false,
      "Total Cost": 1.50,
      "Plan Rows": 3,
      "Output": ["x", "y & z"],
      "Plans": [
        {
          "Node Type": "Sort"
        }
      ]
    },
    "Triggers": [
    ]
  }
]`},
		"yaml": {d.YAML(), `- Plan: 
    Node Type: "a < \"b\""
    Parallel Aware: false
    Total Cost: 1.50
    Plan Rows: 3
    Output: 
      - "x"
      - "y & z"
    Plans: 
      - Node Type: "Sort"
  Triggers: `},
		"xml": {d.XML(), `<explain xmlns="http://www.postgresql.org/2009/explain">
  <Query>
    <Plan>
      <Node-Type>a &lt; &#34;b&#34;</Node-Type>
      <Parallel-Aware>false</Parallel-Aware>
      <Total-Cost>1.50</Total-Cost>
      <Plan-Rows>3</Plan-Rows>
      <Output>
        <Item>x</Item>
        <Item>y &amp; z</Item>
      </Output>
      <Plans>
        <Plan>
          <Node-Type>Sort</Node-Type>
        </Plan>
      </Plans>
    </Plan>
    <Triggers>
    </Triggers>
  </Query>
</explain>`},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, c.got, c.want)
		}
	}
}
