package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// grouped is a scalar subquery of the form
//
//	SELECT f(aggregates) FROM ... WHERE inner = outer AND ...
//
// as groups by the inner sides: each outer row meets at most one of them.
type grouped struct {
	groups plan.Node
	// on are the equalities and value the subquery's value, both with Outer of
	// depth 1 for the outer row and Column for the row of groups.
	on    []plan.Expr
	value plan.Expr
	// null: without a group the value is NULL.
	null bool
}

// scalarFilter is a filter with its scalar subqueries turned into joins.
func scalarFilter(in plan.Node, conds []plan.Expr, env *Env) plan.Node {
	out, changed := in, false
	rewritten := make([]plan.Expr, len(conds))
	for i, c := range conds {
		rewritten[i] = c
		for _, s := range scalars(c) {
			g := group(s, env)
			if g == nil {
				continue
			}
			kind := plan.JoinLeft
			if g.null && strictIn(rewritten[i], s) {
				kind = plan.JoinInner // without a group the condition is not true
			}
			out, rewritten[i] = g.join(out, kind, rewritten[i], s)
			changed = true
		}
	}
	if !changed {
		return filter(in, conds)
	}
	fields := in.Schema()
	return &plan.Project{Input: filter(out, rewritten), Exprs: columnsOf(in), Fields: fields}
}

// decorrelateProject turns the scalar subqueries of a projection into joins.
func decorrelateProject(p *plan.Project, env *Env) plan.Node {
	in, exprs := p.Input, append([]plan.Expr(nil), p.Exprs...)
	changed := false
	for i := range exprs {
		for _, s := range scalars(exprs[i]) {
			if g := group(s, env); g != nil {
				in, exprs[i] = g.join(in, plan.JoinLeft, exprs[i], s)
				changed = true
			}
		}
	}
	if !changed {
		return p
	}
	return &plan.Project{Input: in, Exprs: exprs, Fields: p.Fields}
}

// scalars are the correlated scalar subqueries of an expression.
func scalars(e plan.Expr) []*plan.Subquery {
	var all []*plan.Subquery
	plan.Walk(e, func(x plan.Expr) bool {
		if s, ok := x.(*plan.Subquery); ok && s.Kind == plan.SubScalar && s.Correlated {
			all = append(all, s)
		}
		return true
	})
	return all
}

// join joins a tree with the groups, and puts the value in the subquery's place.
func (g *grouped) join(left plan.Node, kind plan.JoinKind, e plan.Expr, s *plan.Subquery) (plan.Node, plan.Expr) {
	width := len(left.Schema())
	on := make([]plan.Expr, len(g.on))
	for i, c := range g.on {
		on[i] = joined(c, width)
	}
	j := &plan.Join{Kind: kind, Left: left, Right: g.groups, Cond: conjunction(on)}
	j.Fields = append(append(j.Fields, left.Schema()...), g.groups.Schema()...)
	value := joined(g.value, width)
	return j, plan.Rewrite(e, func(x plan.Expr) plan.Expr {
		if x == plan.Expr(s) {
			return value
		}
		return x
	})
}

// ofNothing are the aggregates that are NULL over no rows; count is 0.
var ofNothing = map[string]bool{
	"sum": true, "avg": true, "min": true, "max": true, "bool_and": true, "bool_or": true, "every": true,
	"bit_and": true, "bit_or": true, "bit_xor": true, "stddev": true, "stddev_samp": true, "stddev_pop": true,
	"variance": true, "var_samp": true, "var_pop": true, "string_agg": true, "array_agg": true,
}

// group takes a subquery apart, nil where it is not of the form.
func group(s *plan.Subquery, env *Env) *grouped {
	input := removeTrivial(foldConstants(s.Input, env), env)
	g := &grouped{value: columnsOf(input)[0]}
	if p, ok := input.(*plan.Project); ok {
		g.value, input = p.Exprs[0], p.Input
	}
	agg, ok := input.(*plan.AggregateNode)
	if !ok || len(agg.Keys) > 0 || agg.Always != nil || agg.EmitChanges || hasSubquery(g.value) || volatile(g.value) || deeper(g.value) {
		return nil
	}
	f, ok := agg.Input.(*plan.Filter)
	if !ok || plan.NodeHasOuter(f.Input) {
		return nil
	}
	// A group that no outer row asks for is computed too: it may not fail.
	for _, c := range agg.Calls {
		if c.Func.Name != "count" && !ofNothing[c.Func.Name] || !safeCall(c) {
			return nil
		}
	}
	keyed := *agg
	keyed.Fields = nil
	var local []plan.Expr
	for _, c := range conjuncts(f.Cond) {
		if !plan.HasOuter(c) {
			if mayFail(c) || volatile(c) {
				return nil
			}
			local = append(local, c)
			continue
		}
		call, inner := correlation(c)
		if call == nil {
			return nil
		}
		at := len(keyed.Keys)
		key := call.Args[inner]
		keyed.Keys = append(keyed.Keys, key)
		field := plan.Field{Name: "?column?", Type: key.Type()}
		if col, ok := key.(*plan.Column); ok {
			field.Name = col.Name
		}
		keyed.Fields = append(keyed.Fields, field)
		on := *call
		on.Args = append([]plan.Expr(nil), call.Args...)
		on.Args[inner] = &plan.Column{Index: at, Typ: key.Type(), Name: field.Name}
		g.on = append(g.on, &on)
	}
	if len(keyed.Keys) == 0 {
		return nil
	}
	keyed.Fields = append(keyed.Fields, agg.Fields...)
	keyed.Input = filter(f.Input, local)
	g.null = nullOverNothing(g.value, agg)
	g.value = overGroups(g.value, agg, len(keyed.Keys))
	g.groups = decorrelate(&keyed, env)
	return g
}

// correlation is an equality between an expression of the inner row and one of
// the outer row, and which of the two is the inner one.
func correlation(c plan.Expr) (call *plan.Call, inner int) {
	call, ok := c.(*plan.Call)
	if !ok || call.Op != "=" || len(call.Args) != 2 || !call.Func.Strict && call.Func.Volatility == 'v' || hasSubquery(c) || volatile(c) || mayFail(c) || deeper(c) {
		return nil, 0
	}
	a, b := call.Args[0], call.Args[1]
	switch {
	case !plan.HasOuter(a) && hasColumn(a) && !hasColumn(b):
		return call, 0
	case !plan.HasOuter(b) && hasColumn(b) && !hasColumn(a):
		return call, 1
	}
	return nil, 0
}

func hasColumn(e plan.Expr) bool {
	return plan.Any(e, func(x plan.Expr) bool {
		_, ok := x.(*plan.Column)
		return ok
	})
}

// deeper reports whether an expression refers to rows further out than the next.
func deeper(e plan.Expr) bool {
	return plan.Any(e, func(x plan.Expr) bool {
		o, ok := x.(*plan.Outer)
		return ok && o.Depth > 1
	})
}

func safeCall(c plan.AggCall) bool {
	safe := func(e plan.Expr) bool {
		return e == nil || !mayFail(e) && !volatile(e) && !hasSubquery(e) && !plan.HasOuter(e)
	}
	ok := safe(c.Filter)
	for _, a := range c.Args {
		ok = ok && safe(a)
	}
	for _, k := range c.OrderBy {
		ok = ok && safe(k.Expr)
	}
	return ok
}

// overGroups moves a value over the aggregates behind the keys; a count without
// a group is 0.
func overGroups(value plan.Expr, agg *plan.AggregateNode, keys int) plan.Expr {
	return plan.Rewrite(value, func(x plan.Expr) plan.Expr {
		c, ok := x.(*plan.Column)
		if !ok {
			return x
		}
		moved := *c
		moved.Index += keys
		if agg.Calls[c.Index].Func.Name != "count" {
			return &moved
		}
		zero := plan.NewConst(types.NewInt(types.Int8, 0))
		return &plan.Coalesce{Args: []plan.Expr{&moved, zero}, Typ: c.Typ}
	})
}

// nullOverNothing reports whether a value is NULL where its aggregates have no
// rows: it depends strictly on one that is.
func nullOverNothing(value plan.Expr, agg *plan.AggregateNode) bool {
	return strict(value, func(x plan.Expr) bool {
		c, ok := x.(*plan.Column)
		return ok && agg.Calls[c.Index].Func.Name != "count"
	})
}

// strictIn reports whether an expression is NULL where the subquery is.
func strictIn(e plan.Expr, s *plan.Subquery) bool {
	return strict(e, func(x plan.Expr) bool { return x == plan.Expr(s) })
}

// strict reports whether e is NULL where a part of it, which leaf knows, is.
func strict(e plan.Expr, leaf func(plan.Expr) bool) bool {
	if leaf(e) {
		return true
	}
	switch x := e.(type) {
	case *plan.Call:
		if !x.Func.Strict {
			return false
		}
		for _, a := range x.Args {
			if strict(a, leaf) {
				return true
			}
		}
	case *plan.Cast:
		return strict(x.Arg, leaf)
	}
	return false
}
