package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
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

// expandRecord joins a function that returns rows to the input, so that its
// columns can be picked by (f(x)).name.
func (b *binder) expandRecord(n plan.Node, exprs, calls []plan.Expr) (plan.Node, []plan.Expr) {
	if len(calls) > 1 {
		b.fail(sqlerr.Unsupported("Call the functions in FROM.", "several set-returning functions beside one that returns rows are not supported"))
	}
	call := calls[0].(*plan.Call)
	scan := &plan.FunctionScan{Func: call.Func}
	for i, o := range call.Func.Out {
		scan.Fields = append(scan.Fields, plan.Field{Name: o.Name, Type: b.outType(call, i, -1)})
	}
	for _, a := range call.Args {
		scan.Args = append(scan.Args, plan.Rewrite(a, func(x plan.Expr) plan.Expr {
			switch x := x.(type) {
			case *plan.Column:
				return &plan.Outer{Depth: 1, Index: x.Index, Typ: x.Typ, Name: x.Name, Rel: x.Rel}
			case *plan.Outer:
				c := *x
				c.Depth++
				return &c
			case *plan.Subquery:
				b.fail(sqlerr.Unsupported("Call the function in FROM.", "a subquery as the argument of a function that returns rows is not supported"))
			}
			return x
		}))
	}
	width := len(n.Schema())
	n = joinNode(plan.JoinInner, n, scan, nil, plan.NodeHasOuter(scan))
	exprs = replaceAll(exprs, func(x plan.Expr) plan.Expr {
		if f, ok := x.(*plan.FieldOf); ok && plan.Equal(f.Arg, call) {
			return &plan.Column{Index: width + f.Index, Typ: f.Typ, Name: f.Name}
		}
		if plan.Equal(x, call) {
			return &plan.Row{Items: columnRefs(scan.Fields, width), Names: fieldNames(scan.Fields), Typ: call.Typ}
		}
		return x
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
