package bind

import (
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// expandSets computes the set-returning calls in a select list below it: the
// calls of one level go in step, as in PostgreSQL, nested ones level by level.
func (b *binder) expandSets(n plan.Node, exprs []plan.Expr) (plan.Node, []plan.Expr) {
	for {
		var calls []plan.Expr
		records := false
		for _, e := range exprs {
			plan.Walk(e, func(x plan.Expr) bool {
				if !isSet(x) {
					return true
				}
				for _, a := range x.(*plan.Call).Args {
					if plan.Any(a, isSet) {
						return true
					}
				}
				if !containsExpr(calls, x) {
					calls = append(calls, x)
					records = records || len(x.(*plan.Call).Func.Out) > 1
				}
				return true
			})
		}
		if len(calls) == 0 {
			return n, exprs
		}
		if records {
			n, exprs = b.expandRecord(n, exprs, calls)
			continue
		}
		width := len(n.Schema())
		set := &plan.ProjectSet{Input: n}
		for i, f := range n.Schema() {
			set.Exprs = append(set.Exprs, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
			set.Fields = append(set.Fields, f)
		}
		for _, c := range calls {
			set.Exprs = append(set.Exprs, c)
			set.Fields = append(set.Fields, plan.Field{Name: c.(*plan.Call).Func.Name, Type: c.Type()})
		}
		exprs = replaceAll(exprs, func(x plan.Expr) plan.Expr {
			if i := indexOfExpr(calls, x); i >= 0 {
				return &plan.Column{Index: width + i, Typ: x.Type(), Name: x.(*plan.Call).Func.Name}
			}
			return x
		})
		n = set
	}
}

// expandRecord joins functions of which some return rows to the input, so that
// their columns can be picked by (f(x)).name.
func (b *binder) expandRecord(n plan.Node, exprs, calls []plan.Expr) (plan.Node, []plan.Expr) {
	scan := &plan.FunctionScan{}
	first := make([]int, len(calls)) // each call's first column
	for i, x := range calls {
		call := x.(*plan.Call)
		first[i] = len(scan.Fields)
		if len(call.Func.Out) == 0 {
			scan.Fields = append(scan.Fields, plan.Field{Name: call.Func.Name, Type: call.Typ})
		}
		for j, o := range call.Func.Out {
			scan.Fields = append(scan.Fields, plan.Field{Name: o.Name, Type: b.outType(call, j, -1)})
		}
		to := plan.FunctionCall{Func: call.Func, Columns: len(scan.Fields) - first[i]}
		for _, a := range call.Args {
			to.Args = append(to.Args, plan.Deepen(a))
		}
		scan.Calls = append(scan.Calls, to)
	}
	width := len(n.Schema())
	n = joinNode(plan.JoinInner, n, scan, nil, plan.NodeHasOuter(scan))
	exprs = replaceAll(exprs, func(x plan.Expr) plan.Expr {
		if f, ok := x.(*plan.FieldOf); ok {
			if i := indexOfExpr(calls, f.Arg); i >= 0 && len(scan.Calls[i].Func.Out) > 0 {
				return &plan.Column{Index: width + first[i] + f.Index, Typ: f.Typ, Name: f.Name}
			}
		}
		i := indexOfExpr(calls, x)
		if i < 0 {
			return x
		}
		to, at := scan.Calls[i], width+first[i]
		fields := scan.Fields[first[i] : first[i]+to.Columns]
		if len(to.Func.Out) == 0 {
			return &plan.Column{Index: at, Typ: fields[0].Type, Name: fields[0].Name}
		}
		row := &plan.Row{Items: columnRefs(fields, at), Names: fieldNames(fields), Typ: x.Type()}
		if len(calls) == 1 {
			return row
		}
		// Beside a longer set there is no row, not one of NULLs.
		some := &plan.Or{}
		for _, c := range row.Items {
			some.Args = append(some.Args, &plan.IsNull{Arg: c, Not: true})
		}
		return &plan.Case{Whens: []plan.When{{Cond: some, Then: row}}, Typ: row.Typ}
	})
	return n, exprs
}

// replaceAll applies f to every expression of a list, outermost first.
func replaceAll(exprs []plan.Expr, f func(plan.Expr) plan.Expr) []plan.Expr {
	var down func(plan.Expr) plan.Expr
	down = func(e plan.Expr) plan.Expr {
		if r := f(e); r != e {
			return r
		}
		return plan.MapExpr(e, down)
	}
	out := make([]plan.Expr, len(exprs))
	for i, e := range exprs {
		out[i] = down(e)
	}
	return out
}

func columnRefs(fields []plan.Field, from int) []plan.Expr {
	out := make([]plan.Expr, len(fields))
	for i, f := range fields {
		out[i] = &plan.Column{Index: from + i, Typ: f.Type, Name: f.Name}
	}
	return out
}

func fieldNames(fields []plan.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}
