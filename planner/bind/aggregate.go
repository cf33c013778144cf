package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// aggregates are the aggregate calls of one query, and the arguments of its
// GROUPING calls.
type aggregates struct {
	calls     []plan.AggCall
	refs      []*aggRef // to each call, the first in the text
	groupings [][]operand
	masks     []*groupingRef // to each of groupings
}

// What a subquery reads of the groups around it is an Outer whose Index counts
// from here until the keys are known.
const (
	firstAgg      = 1 << 20
	firstGrouping = 1 << 21
)

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

// aggregate binds a call of an aggregate whose arguments are bound. It is a call
// of the innermost query whose columns it reads (check_agglevels_and_constraints).
func (b *binder) aggregate(x *pg.FuncCall, name string, r resolved, ops []operand, s *scope, k exprKind) plan.Expr {
	if len(ops) == 0 && !x.AggStar {
		b.failf(sqlerr.WrongObjectType, x.Location, "%s(*) must be used to call a parameterless aggregate function", name)
	}
	b.needAggregate(r.fn)
	call := plan.AggCall{
		Func: r.fn, Star: x.AggStar, Distinct: x.AggDistinct,
		Typ: types.Of(r.ret), Pos: b.pos(x.Location), Args: b.typedArgs(r, ops),
	}
	parts := slices.Clone(call.Args)
	if x.AggFilter != nil {
		call.Filter = b.boolean(b.expr(x.AggFilter, s, exprFilter), "FILTER", location(x.AggFilter))
		parts = append(parts, call.Filter)
	}
	if r.fn.AggKind != 0 {
		call.Direct = len(ops) - len(x.AggOrder)
		call.OrderBy = b.sortedArguments(x, call.Args[call.Direct:])
	}
	for _, n := range x.AggOrder {
		if r.fn.AggKind != 0 {
			break // they are arguments
		}
		sb := n.GetSortBy()
		key := b.defaultType(b.expr(sb.Node, s, k), location(sb.Node))
		if x.AggDistinct && !containsExpr(call.Args, key) {
			b.failf(sqlerr.InvalidColumnReference, location(sb.Node), "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
		}
		call.OrderBy = append(call.OrderBy, b.sortKey(sb, key))
		ops = append(ops, operand{key, location(sb.Node)})
		parts = append(parts, key)
	}
	if x.AggDistinct {
		for i, a := range call.Args {
			b.needsOrder(a.Type().OID, ops[i].loc)
		}
	}
	depth := b.levelOf(parts)
	b.refuseInAggregate(ops, depth, s)
	to, at := s.out(depth), k
	if depth > 0 {
		at = to.at
	}
	if to.aggs == nil || !mayAggregate(at) {
		b.failf(sqlerr.GroupingError, x.Location, "aggregate functions are not allowed in %s", string(at))
	}
	for i, a := range call.Args {
		call.Args[i] = nearer(a, depth)
	}
	call.Filter = nearer(call.Filter, depth)
	for i, key := range call.OrderBy {
		call.OrderBy[i].Expr = nearer(key.Expr, depth)
	}
	index := slices.IndexFunc(to.aggs.calls, func(have plan.AggCall) bool { return plan.EqualCalls(have, call) })
	if index < 0 {
		index = len(to.aggs.calls)
		to.aggs.calls = append(to.aggs.calls, call)
		to.aggs.refs = append(to.aggs.refs, &aggRef{index: index, typ: call.Typ, loc: x.Location})
	}
	if depth > 0 {
		o := &plan.Outer{Depth: depth, Index: firstAgg + index, Typ: call.Typ, Name: r.fn.Name}
		to.note(o, columnUse{loc: x.Location})
		return o
	}
	return to.aggs.refs[index]
}

// mayAggregate reports whether aggregates may stand in a place.
func mayAggregate(k exprKind) bool {
	switch k {
	case exprSelect, exprHaving, exprOrderBy, exprDistinct, exprWindow:
		return true
	}
	return false
}

// levelOf is how many levels out the nearest row is that expressions read; 0
// where they read none.
func (b *binder) levelOf(exprs []plan.Expr) int {
	least := -1
	read := func(depth int) {
		if least < 0 || depth < least {
			least = depth
		}
	}
	for _, e := range exprs {
		if e == nil {
			continue
		}
		plan.EachColumn(e, func(plan.Ref) { read(0) })
		if plan.Any(e, func(x plan.Expr) bool { return isAggRef(x) || isGroupingRef(x) || isWinRef(x) }) {
			read(0)
		}
		plan.MapFree(e, func(o *plan.Outer, out int) plan.Expr {
			read(out)
			return o
		})
	}
	return max(least, 0)
}

// nearer makes an expression one of the query depth levels out.
func nearer(e plan.Expr, depth int) plan.Expr {
	if depth == 0 {
		return e
	}
	return plan.MapFree(e, func(o *plan.Outer, out int) plan.Expr {
		if o.Depth == depth && out == depth {
			return &plan.Column{Index: o.Index, Typ: o.Typ, Name: o.Name, Rel: o.Rel}
		}
		c := *o
		c.Depth -= depth
		return &c
	})
}

// out is the scope depth levels out.
func (s *scope) out(depth int) *scope {
	for ; depth > 0; depth-- {
		s = s.parent
	}
	return s
}

// eachOuter calls f with what e refers to, as an Outer, of the row depth levels
// out; 0 is its own.
func eachOuter(e plan.Expr, depth int, f func(*plan.Outer)) {
	if depth > 0 {
		plan.MapFree(e, func(o *plan.Outer, out int) plan.Expr {
			if out == depth {
				f(o)
			}
			return o
		})
		return
	}
	plan.Walk(e, func(x plan.Expr) bool {
		if sub, ok := x.(*plan.Subquery); ok && sub.Correlated {
			plan.MapOuter(sub.Input, 1, func(o *plan.Outer) plan.Expr {
				f(o)
				return o
			})
		}
		return true
	})
}

// refuseInAggregate refuses what the operands of an aggregate of the query depth
// levels out may not hold.
func (b *binder) refuseInAggregate(ops []operand, depth int, s *scope) {
	for _, o := range ops {
		if depth == 0 && plan.Any(o.e, func(x plan.Expr) bool { return isAggRef(x) || isGroupingRef(x) }) {
			b.failf(sqlerr.GroupingError, aggLocation(o.e, o.loc), "aggregate function calls cannot be nested")
		}
		eachOuter(o.e, depth, func(x *plan.Outer) {
			if x.Index >= firstAgg {
				b.failf(sqlerr.GroupingError, s.out(depth).refs[x].loc, "aggregate function calls cannot be nested")
			}
		})
		if plan.Any(o.e, isWinRef) {
			b.failf(sqlerr.GroupingError, winLocation(o.e, o.loc), "aggregate function calls cannot contain window function calls")
		}
		if plan.Any(o.e, isSet) {
			b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item.").At(b.pos(o.loc)))
		}
	}
}

func isAggRef(e plan.Expr) bool {
	_, ok := e.(*aggRef)
	return ok
}

func aggLocation(e plan.Expr, loc int32) int32 {
	plan.Walk(e, func(x plan.Expr) bool {
		switch a := x.(type) {
		case *aggRef:
			loc = a.loc
		case *groupingRef:
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
	if info := types.Lookup(t); info != nil && info.Comparable {
		return
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "could not identify an equality operator for type %s", b.formatType(t)).At(b.pos(loc)))
}

// regroup turns an expression over a query's input into one over its groups:
// keys first, then aggregate calls, then values of GROUPING.
func (b *binder) regroup(e plan.Expr, g *grouping, s *scope) plan.Expr {
	if e == nil {
		return nil
	}
	if a, ok := e.(*aggRef); ok {
		return &plan.Column{Index: g.firstCall() + a.index, Typ: a.typ, Name: s.aggs.calls[a.index].Func.Name}
	}
	if r, ok := e.(*groupingRef); ok {
		return &plan.Column{Index: g.firstCall() + len(s.aggs.calls) + r.index, Typ: r.Type(), Name: "grouping"}
	}
	if w, ok := e.(*winRef); ok {
		b.regroupWindow(w, g, s)
		return w
	}
	if i := indexOfExpr(g.keys, e); i >= 0 {
		return &plan.Column{Index: i, Typ: g.keys[i].Type(), Name: exprName(g.keys[i])}
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
	e = plan.MapExpr(e, func(x plan.Expr) plan.Expr { return b.regroup(x, g, s) })
	if sub, ok := e.(*plan.Subquery); ok && sub.Correlated {
		c := *sub
		c.Input = plan.MapOuter(sub.Input, 1, func(o *plan.Outer) plan.Expr {
			i := indexOfExpr(g.keys, &plan.Column{Index: o.Index, Typ: o.Typ})
			switch {
			case o.Index >= firstGrouping:
				i = g.firstCall() + len(s.aggs.calls) + o.Index - firstGrouping
			case o.Index >= firstAgg:
				i = g.firstCall() + o.Index - firstAgg
			}
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
