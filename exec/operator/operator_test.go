package operator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestOperators runs testdata. The rows of each test are sent at several batch
// sizes and with rows between them that are not selected; the answer must be the
// same each time.
func TestOperators(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "run" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			c := readCase(d)
			events := readEvents(d.Input, c.ins)
			if c.fails {
				_, err := tryPlay(c.make(), c.ins, c.out, events, shapes[0])
				return fmt.Sprintf("error: %v\n", err)
			}
			playAll := playShapes
			if c.unordered {
				playAll = playSorted
			}
			lines := playAll(t, c.make, c.ins, c.out, events)
			return strings.Join(lines, "\n") + "\n"
		})
	})
}

// testCase is an operator as a test names it.
type testCase struct {
	ins   [][]types.Type
	out   []types.Type
	make  func() Operator
	fails bool
	// unordered: rows come in no order between barriers and watermarks.
	unordered bool
}

// readCase reads the arguments of run: the operator, its own arguments, and the
// columns' types, text where nothing is said.
func readCase(d *datadriven.TestData) testCase {
	in := typeList(d, "types")
	c := testCase{ins: [][]types.Type{in}, out: in, fails: d.HasArg("fails")}
	bind := binder{in}
	kind := d.CmdArgs[0]
	switch kind.Key {
	case "filter":
		c.make = func() Operator { return NewFilter(bind.program(kind.Vals[0]), faultOf(d)) }
	case "project":
		c.out = typesOf(bind, kind.Vals)
		c.make = func() Operator { return NewProject(programs(bind, kind.Vals), faultOf(d)) }
	case "aggregate":
		keys := values(d, "by")
		c.out = append(typesOf(bind, keys), callTypes(bind, kind.Vals)...)
		c.make = func() Operator {
			spec := AggregateSpec{Keys: programs(bind, keys), KeyTypes: typesOf(bind, keys), Changes: d.HasArg("changes")}
			for _, v := range kind.Vals {
				spec.Calls = append(spec.Calls, testCall(bind, v, nil))
			}
			return NewAggregate(spec)
		}
	case "distinct":
		keys := values(d, "on")
		c.make = func() Operator {
			if d.HasArg("changes") {
				return NewDistinctChanges(in, nil)
			}
			if keys != nil {
				return NewDistinct(programs(bind, keys), typesOf(bind, keys), nil, nil)
			}
			return NewDistinct(nil, in, nil, nil)
		}
	case "limit":
		n := numbers(kind.Vals)
		c.make = func() Operator {
			if ties := values(d, "ties"); ties != nil {
				return NewLimitTies(n[0], n[1], sortKeys(bind, ties))
			}
			return NewLimit(n[0], n[1])
		}
	case "sort":
		top := int64(-1)
		if v := values(d, "top"); v != nil {
			top = numbers(v)[0]
		}
		c.make = func() Operator { return NewSort(sortKeys(bind, kind.Vals), in, top, nil, nil) }
	case "window":
		return windowCase(d, bind, kind.Vals)
	case "append":
		c.ins = append(c.ins, in)
		c.make = func() Operator { return NewAppend() }
	case "intersect", "except":
		c.ins = append(c.ins, in)
		k := map[string]SetKind{"intersect": Intersect, "except": Except}[kind.Key]
		c.make = func() Operator { return NewSetOp(k, d.HasArg("all"), in, nil) }
	case "join":
		right := typeList(d, "right")
		c.ins = append(c.ins, right)
		spec := joinSpec(d, kind.Vals[0], in, right)
		c.out = in
		switch kind := spec().Kind; {
		case kind.KeepsRight():
			c.out = right
		case !kind.KeepsLeft():
			c.out = append(append([]types.Type(nil), in...), right...)
		}
		c.make = func() Operator { return NewJoin(spec()) }
	case "intervaljoin":
		return intervalCase(d, kind.Vals[0], in)
	case "changesjoin":
		return changesCase(d, kind.Vals[0], in)
	default:
		panic("no operator " + kind.Key)
	}
	return c
}

func joinSpec(d *datadriven.TestData, kind string, left, right []types.Type) func() JoinSpec {
	return func() JoinSpec {
		kinds := map[string]plan.JoinKind{"inner": plan.JoinInner, "left": plan.JoinLeft, "right": plan.JoinRight,
			"full": plan.JoinFull, "semi": plan.JoinSemi, "anti": plan.JoinAnti, "notin": plan.JoinNotIn, "rightnotin": plan.JoinRightNotIn}
		s := JoinSpec{Kind: kinds[kind], LeftTypes: left, RightTypes: right}
		if keys := values(d, "keys"); keys != nil {
			s.LeftKeys, s.RightKeys = programs(binder{left}, keys), programs(binder{right}, keys)
			s.KeyTypes = typesOf(binder{left}, keys)
		}
		if cond := values(d, "cond"); cond != nil {
			s.Cond = binder{append(append([]types.Type(nil), left...), right...)}.program(cond[0])
		}
		return s
	}
}

func values(d *datadriven.TestData, key string) []string {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

func typeList(d *datadriven.TestData, key string) []types.Type {
	var ts []types.Type
	for _, name := range values(d, key) {
		info, ok := types.ByName(name)
		if !ok {
			panic("no type " + name)
		}
		ts = append(ts, types.Of(info.OID))
	}
	if ts == nil {
		return []types.Type{types.Of(types.Text)}
	}
	return ts
}

func numbers(ss []string) []int64 {
	ns := make([]int64, len(ss))
	for i, s := range ss {
		if _, err := fmt.Sscan(s, &ns[i]); err != nil {
			panic(err)
		}
	}
	return ns
}

func programs(b binder, ss []string) []*expr.Program {
	var ps []*expr.Program
	for _, s := range ss {
		ps = append(ps, b.program(s))
	}
	return ps
}

func typesOf(b binder, ss []string) []types.Type {
	var ts []types.Type
	for _, s := range ss {
		ts = append(ts, b.expr(s).Type())
	}
	return ts
}

// sortKeys reads "$0", "$0 desc", "$0 desc first".
func sortKeys(b binder, ss []string) []SortKey {
	var keys []SortKey
	for _, s := range ss {
		w := strings.Fields(s)
		k := SortKey{Program: b.program(w[0]), Type: b.expr(w[0]).Type()}
		for _, word := range w[1:] {
			k.Desc = k.Desc || word == "desc"
			k.NullsFirst = k.NullsFirst || word == "first"
		}
		keys = append(keys, k)
	}
	return keys
}

// planCall reads "count(*)", "sum($1)", "count(distinct $1)".
func planCall(b binder, s string) plan.AggCall {
	name, rest, _ := strings.Cut(s, "(")
	arg := strings.TrimSuffix(rest, ")")
	c := plan.AggCall{}
	if arg == "*" {
		c.Star = true
	} else {
		arg, c.Distinct = strings.CutPrefix(arg, "distinct ")
		c.Args = []plan.Expr{b.expr(arg)}
	}
	c.Func = findFunction(name, c.Args)
	c.Typ = types.Of(c.Func.Ret)
	if c.Func.Ret == types.AnyElement {
		c.Typ = c.Args[0].Type()
	}
	return c
}

func testCall(b binder, s string, account *memory.Account) *Call {
	c := planCall(b, s)
	return NewCall(callSpec(c, account, true))
}

func callSpec(c plan.AggCall, account *memory.Account, retracts bool) CallSpec {
	fresh := func() (aggregate.Aggregate, error) { return aggregate.New(c, env, retracts) }
	f, err := fresh()
	if err != nil {
		panic(err)
	}
	spec := CallSpec{Func: f, New: fresh, Distinct: c.Distinct, Result: c.Typ, Account: account}
	for _, a := range c.Args {
		p, err := expr.Compile(a, env)
		if err != nil {
			panic(err)
		}
		spec.Args, spec.ArgTypes = append(spec.Args, p), append(spec.ArgTypes, a.Type())
	}
	return spec
}

func callTypes(b binder, ss []string) []types.Type {
	var ts []types.Type
	for _, s := range ss {
		ts = append(ts, planCall(b, s).Typ)
	}
	return ts
}

// faultOf leaves failing rows out where the test says so.
func faultOf(d *datadriven.TestData) Fault {
	if d.HasArg("skip") {
		return func(*vec.Batch, int, error) error { return nil }
	}
	return nil
}
