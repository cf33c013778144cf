package optimize

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestRules runs testdata/<rule>: each case builds a small tree and prints it
// before and after the one rule.
//
//	rule [continuous]
//	filter (= c0 5)
//	  project c1 c0
//	    scan a b _offset
//
// notin A B is the join of NOT IN, of a key of each side's own row.
// table NAME ROWS columns... is a scan of a relation whose size is known; asked is
// one of a relation d that can be asked for the rows of its first column; indexed
// is one of a table with the columns a, b, c and big, and some indexes.
// An indented line is the input of the one above; join and append have several.
// Expressions: c0 is a column, 5 an int, true, false, null, 'text', and
// (f args): = < > <= >= and or not isnull notnull istrue isfalse isunknown
// coalesce add fail random lower; comparisons and add are strict.
func TestRules(t *testing.T) {
	for _, r := range append(unnesting[:len(unnesting):len(unnesting)], rules...) {
		if r.name == "remove_identities" || r.name == "decorrelate" || r.name == "join_forgets" {
			continue // remove_trivial once more; and planner/testdata/golden/subquery and forgets, as they take subqueries and windows
		}
		t.Run(r.name, func(t *testing.T) {
			datadriven.RunTest(t, "testdata/"+r.name, func(t *testing.T, d *datadriven.TestData) string {
				b := &builder{t: t, lines: strings.Split(d.Input, "\n")}
				n, _ := b.node(0)
				env := &Env{Eval: eval, Cast: castFunc, Continuous: d.HasArg("continuous"), Rows: func(r *catalog.Relation) (float64, bool) {
					rows, ok := b.rows[r.Name]
					return rows, ok
				}}
				switch r.name {
				case "seek":
					n = scanFilters(n, env) // it works on what that leaves in the scan
				case "build_side", "index_join":
					n = equiKeys(n, env) // they are for joins that have keys
				case "look_up":
					n = equiKeys(n, env) // and it on the keys that this finds
					env.Looks = func(r *catalog.Relation, keys []int) bool { return r.Name == "d" && slices.Equal(keys, []int{0}) }
				}
				after := r.apply(n, env)
				return strings.Join(plan.Text(n), "\n") + "\n=>\n" + strings.Join(plan.Text(after), "\n") + "\n"
			})
		})
	}
}

// TestRulesAreDescribed: ARCHITECTURE.md says what each rule does.
func TestRulesAreDescribed(t *testing.T) {
	doc, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Concat(rules, continuousRules) {
		if !strings.Contains(string(doc), "`"+r.name+"`") {
			t.Errorf("ARCHITECTURE.md does not name the rule %s", r.name)
		}
	}
}

var functions = map[string]*catalog.Function{}

func function(name string, volatility byte) *catalog.Function {
	f := functions[name]
	if f == nil {
		strict := slices.Contains([]string{"=", "<", ">", "<=", ">=", "add"}, name)
		f = &catalog.Function{Name: name, Volatility: volatility, Ret: types.Int4, Strict: strict}
		functions[name] = f
	}
	return f
}

func castFunc(source, target types.OID) *catalog.Function {
	if source == types.Int4 && target == types.Int8 {
		return function("int8", 'i')
	}
	return nil
}

// eval knows add; fail fails.
func eval(e plan.Expr) (types.Value, error) {
	c, ok := e.(*plan.Call)
	if !ok || c.Func.Name != "add" {
		return types.Value{}, fmt.Errorf("cannot compute %s", e)
	}
	return types.NewInt(types.Int4, c.Args[0].(*plan.Const).Value.I+c.Args[1].(*plan.Const).Value.I), nil
}

type builder struct {
	t     *testing.T
	lines []string
	rows  map[string]float64 // of tables
}

func indent(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

// node builds the tree whose root is line i and returns the line after it.
func (b *builder) node(i int) (plan.Node, int) {
	line := b.lines[i]
	words := split(strings.TrimSpace(line))
	next := i + 1
	var in []plan.Node
	for next < len(b.lines) && indent(b.lines[next]) > indent(line) {
		var n plan.Node
		n, next = b.node(next)
		in = append(in, n)
	}
	return b.make(words, in), next
}

// split cuts a line at the blanks outside parentheses.
func split(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range s + " " {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ' ' && depth == 0:
			if i > start {
				out = append(out, s[start:i])
			}
			start = i + 1
		}
	}
	return out
}

// sized notes how many rows a table has.
func (b *builder) sized(name, rows string) {
	n, err := strconv.ParseFloat(rows, 64)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.rows == nil {
		b.rows = map[string]float64{}
	}
	b.rows[name] = n
}

func (b *builder) make(w []string, in []plan.Node) plan.Node {
	switch w[0] {
	case "table":
		b.sized(w[1], w[2])
		n := b.make(append([]string{"scan"}, w[3:]...), nil).(*plan.Scan)
		n.Relation.Name = w[1]
		return n
	case "asked":
		n := b.make(append([]string{"scan"}, w[1:]...), nil).(*plan.Scan)
		n.Relation.Name, n.Looked = "d", true
		return n
	case "indexed":
		n := b.make([]string{"scan", "a", "b", "c", "big"}, nil).(*plan.Scan)
		n.Relation.Name, n.Relation.Kind = "t", catalog.Table
		if len(w) > 1 {
			b.sized("t", w[1])
		}
		n.Relation.Columns[0].NotNull = true
		key := func(column int, desc bool) catalog.IndexKey {
			return catalog.IndexKey{Column: column, Type: n.Relation.Columns[column].Type, Desc: desc, NullsFirst: desc}
		}
		n.Relation.Table = &catalog.TableInfo{Indexes: []*catalog.Index{
			{Name: "t_pkey", Unique: true, Primary: true, Keys: []catalog.IndexKey{key(0, false)}},
			{Name: "t_b_c", Keys: []catalog.IndexKey{key(1, false), key(2, true)}},
			{Name: "t_big", Unique: true, Keys: []catalog.IndexKey{key(3, false)}},
			{Name: "t_part", Where: "b > 0", Keys: []catalog.IndexKey{key(2, false)}},
		}}
		return n
	case "scan":
		rel := &catalog.Relation{Schema: "public", Name: "s"}
		n := &plan.Scan{Relation: rel}
		for i, name := range w[1:] {
			typ := types.Of(types.Int4)
			switch name {
			case "_offset", "big":
				typ = types.Of(types.Int8)
			case "_timestamp":
				typ = types.Of(types.Timestamptz)
			}
			col := catalog.Column{Name: name, Type: typ}
			if strings.HasPrefix(name, "_") {
				rel.Hidden = append(rel.Hidden, col)
			} else {
				rel.Columns = append(rel.Columns, col)
			}
			n.Columns = append(n.Columns, i)
			n.Fields = append(n.Fields, plan.Field{Name: name, Type: typ})
		}
		return n
	case "filter":
		return &plan.Filter{Input: in[0], Cond: b.expr(w[1], in...)}
	case "project":
		p := &plan.Project{Input: in[0]}
		for _, x := range w[1:] {
			e := b.expr(x, in...)
			p.Exprs = append(p.Exprs, e)
			name := "x"
			if c, ok := e.(*plan.Column); ok {
				name = c.Name
			}
			p.Fields = append(p.Fields, plan.Field{Name: name, Type: e.Type()})
		}
		return p
	case "join", "left", "right", "full", "semi", "anti":
		kind := map[string]plan.JoinKind{"join": plan.JoinInner, "left": plan.JoinLeft, "right": plan.JoinRight, "full": plan.JoinFull, "semi": plan.JoinSemi, "anti": plan.JoinAnti}[w[0]]
		j := &plan.Join{Kind: kind, Left: in[0], Right: in[1], Fields: append(append([]plan.Field{}, in[0].Schema()...), in[1].Schema()...)}
		if kind.KeepsLeft() {
			j.Fields = in[0].Schema()
		}
		if len(w) > 1 {
			j.Cond = b.expr(w[1], in...)
		}
		if kind == plan.JoinSemi {
			j.Fields = in[0].Schema()
		}
		return j
	case "notin":
		return &plan.Join{Kind: plan.JoinNotIn, Left: in[0], Right: in[1], Fields: in[0].Schema(),
			LeftKeys: []plan.Expr{b.expr(w[1], in[0])}, RightKeys: []plan.Expr{b.expr(w[2], in[1])}}
	case "append":
		return &plan.Append{Children: in, Fields: in[0].Schema()}
	case "sort":
		return &plan.Sort{Input: in[0], Keys: []plan.SortKey{{Expr: b.expr(w[1], in...)}}}
	case "limit":
		return &plan.Limit{Input: in[0], Count: b.expr(w[1], in...)}
	case "group":
		a := &plan.AggregateNode{Input: in[0]}
		for _, x := range w[1:] {
			e := b.expr(x, in...)
			a.Keys = append(a.Keys, e)
			a.Fields = append(a.Fields, plan.Field{Name: e.String(), Type: e.Type()})
		}
		a.Calls = []plan.AggCall{{Func: function("count", 'i'), Star: true, Typ: types.Of(types.Int8)}}
		a.Fields = append(a.Fields, plan.Field{Name: "count", Type: types.Of(types.Int8)})
		return a
	}
	b.t.Fatalf("unknown node %q", w[0])
	return nil
}

func (b *builder) expr(s string, in ...plan.Node) plan.Expr {
	var fields []plan.Field
	for _, n := range in {
		fields = append(fields, n.Schema()...)
	}
	switch {
	case s == "true" || s == "false":
		return plan.NewConst(types.NewBool(s == "true"))
	case s == "null":
		return plan.NewConst(types.NullOf(types.Of(types.Bool)))
	case s[0] == 'c' && len(s) > 1 && s[1] >= '0' && s[1] <= '9':
		i, err := strconv.Atoi(s[1:])
		if err != nil {
			b.t.Fatal(err)
		}
		return &plan.Column{Index: i, Typ: fields[i].Type, Name: fields[i].Name}
	case s[0] == '\'':
		return plan.NewConst(types.NewText(strings.Trim(s, "'")))
	case s[0] != '(':
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		return plan.NewConst(types.NewInt(types.Int4, i))
	}
	w := split(s[1 : len(s)-1])
	var args []plan.Expr
	for _, a := range w[1:] {
		args = append(args, b.expr(a, in...))
	}
	switch w[0] {
	case "and":
		return &plan.And{Args: args}
	case "or":
		return &plan.Or{Args: args}
	case "not":
		return &plan.Not{Arg: args[0]}
	case "isnull", "notnull":
		return &plan.IsNull{Arg: args[0], Not: w[0] == "notnull"}
	case "istrue":
		return &plan.IsBool{Arg: args[0], Test: plan.IsTrue}
	case "isfalse":
		return &plan.IsBool{Arg: args[0], Test: plan.IsFalse}
	case "isunknown":
		return &plan.IsBool{Arg: args[0], Test: plan.IsUnknown}
	case "coalesce":
		return &plan.Coalesce{Args: args, Typ: args[0].Type()}
	case "case":
		return &plan.Case{Whens: []plan.When{{Cond: args[0], Then: args[1]}}, Else: args[2], Typ: args[1].Type()}
	case "=", "<", ">", "<=", ">=":
		return &plan.Call{Func: function(w[0], 'i'), Args: args, Typ: types.Of(types.Bool), Op: w[0]}
	case "random":
		return &plan.Call{Func: function("random", 'v'), Args: args, Typ: types.Of(types.Int4)}
	}
	return &plan.Call{Func: function(w[0], 'i'), Args: args, Typ: types.Of(types.Int4)}
}
