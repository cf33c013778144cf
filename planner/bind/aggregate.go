package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// aggregates are the aggregate calls of one query.
type aggregates struct{ calls []plan.AggCall }

// aggRef stands for an aggregate call until the query's groups are known. It
// never leaves this package.
type aggRef struct {
	plan.Expr
	index int
	typ   types.Type
	loc   int32
}

func (a *aggRef) Type() types.Type { return a.typ }

func (a *aggRef) String() string { return "aggregate" }

// aggregate binds a call of an aggregate whose arguments are bound.
func (b *binder) aggregate(x *pg.FuncCall, name string, r resolved, ops []operand, s *scope, k exprKind) plan.Expr {
	if s.aggs == nil || k != exprSelect && k != exprHaving && k != exprOrderBy && k != exprDistinct && k != exprWindow {
		b.failf(sqlerr.GroupingError, x.Location, "aggregate functions are not allowed in %s", string(k))
	}
	if len(ops) == 0 && !x.AggStar {
		b.failf(sqlerr.WrongObjectType, x.Location, "%s(*) must be used to call a parameterless aggregate function", name)
	}
	call := plan.AggCall{
		Func: r.fn, Star: x.AggStar, Distinct: x.AggDistinct,
		Typ: types.Of(r.ret), Pos: b.pos(x.Location), Args: b.callArgs(r, ops),
	}
	outer := len(ops) > 0
	for i, a := range call.Args {
		if plan.Any(a, isAggRef) {
			b.failf(sqlerr.GroupingError, aggLocation(a, ops[i].loc), "aggregate function calls cannot be nested")
		}
		if plan.Any(a, isWinRef) {
			b.failf(sqlerr.GroupingError, winLocation(a, ops[i].loc), "aggregate function calls cannot contain window function calls")
		}
		if plan.Any(a, isSet) {
			b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item.").At(b.pos(ops[i].loc)))
		}
		own := false
		plan.EachColumn(a, func(plan.Ref) { own = true })
		outer = outer && !own && plan.HasOuter(a)
	}
	if outer {
		b.unsupported(x.Location, "Compute the aggregate in the outer query's select list and refer to it from there.",
			"an aggregate over columns of an outer query is not supported")
	}
	if x.AggFilter != nil {
		call.Filter = b.boolean(b.expr(x.AggFilter, s, exprFilter), "FILTER", location(x.AggFilter))
	}
	for _, n := range x.AggOrder {
		sb := n.GetSortBy()
		key := b.defaultType(b.expr(sb.Node, s, exprOther), location(sb.Node))
		if x.AggDistinct && !containsExpr(call.Args, key) {
			b.failf(sqlerr.InvalidColumnReference, location(sb.Node), "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
		}
		call.OrderBy = append(call.OrderBy, b.sortKey(sb, key))
	}
	if x.AggDistinct {
		for i, a := range call.Args {
			b.needsOrder(a.Type().OID, ops[i].loc)
		}
	}
	for i, have := range s.aggs.calls {
		if plan.EqualCalls(have, call) {
			return &aggRef{index: i, typ: call.Typ, loc: x.Location}
		}
	}
	s.aggs.calls = append(s.aggs.calls, call)
	return &aggRef{index: len(s.aggs.calls) - 1, typ: call.Typ, loc: x.Location}
}

func isAggRef(e plan.Expr) bool {
	_, ok := e.(*aggRef)
	return ok
}

func aggLocation(e plan.Expr, loc int32) int32 {
	plan.Walk(e, func(x plan.Expr) bool {
		if a, ok := x.(*aggRef); ok {
			loc = a.loc
		}
		return true
	})
	return loc
}

func isSet(e plan.Expr) bool {
	c, ok := e.(*plan.Call)
	return ok && c.Func.Set
}

func containsExpr(list []plan.Expr, e plan.Expr) bool {
	return indexOfExpr(list, e) >= 0
}

func indexOfExpr(list []plan.Expr, e plan.Expr) int {
	for i, x := range list {
		if plan.Equal(x, e) {
			return i
		}
	}
	return -1
}

// needsOrder refuses a type that cannot be compared.
func (b *binder) needsOrder(t types.OID, loc int32) {
	if info := types.Lookup(t); info != nil && info.Comparable || t == types.Record {
		return
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "could not identify an equality operator for type %s", formatType(t)).At(b.pos(loc)))
}

// regroup turns an expression over a query's input into one over its groups:
// keys first, then aggregate calls.
func (b *binder) regroup(e plan.Expr, keys []plan.Expr, s *scope) plan.Expr {
	if e == nil {
		return nil
	}
	if a, ok := e.(*aggRef); ok {
		return &plan.Column{Index: len(keys) + a.index, Typ: a.typ, Name: s.aggs.calls[a.index].Func.Name}
	}
	if w, ok := e.(*winRef); ok {
		b.regroupWindow(w, keys, s)
		return w
	}
	if i := indexOfExpr(keys, e); i >= 0 {
		return &plan.Column{Index: i, Typ: keys[i].Type(), Name: exprName(keys[i])}
	}
	if c, ok := e.(*plan.Column); ok {
		use := s.refs[c]
		name := use.name
		if name == "" {
			name = c.Name
			use.loc = -1
		}
		b.failf(sqlerr.GroupingError, use.loc, "column \"%s\" must appear in the GROUP BY clause or be used in an aggregate function", name)
	}
	e = plan.MapExpr(e, func(x plan.Expr) plan.Expr { return b.regroup(x, keys, s) })
	if sub, ok := e.(*plan.Subquery); ok && sub.Correlated {
		c := *sub
		c.Input = plan.MapOuter(sub.Input, 1, func(o *plan.Outer) plan.Expr {
			i := indexOfExpr(keys, &plan.Column{Index: o.Index, Typ: o.Typ})
			if i < 0 {
				loc := int32(-1)
				if use, ok := s.refs[o]; ok {
					loc = use.loc
				}
				name := o.Name
				if o.Rel != "" {
					name = o.Rel + "." + name
				}
				b.failf(sqlerr.GroupingError, loc, "subquery uses ungrouped column \"%s\" from outer query", name)
			}
			moved := *o
			moved.Index = i
			return &moved
		})
		return &c
	}
	return e
}

func exprName(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Column:
		return e.Name
	case *plan.Call:
		return e.Func.Name
	}
	return ""
}
