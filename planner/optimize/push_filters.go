package optimize

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pushFilters moves conditions down to the rows they are about: through
// projections, groups, unions and sorts, into the sides of joins. A filter that
// comes to a join's own columns becomes part of an inner join's condition.
func pushFilters(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return pushFilters(in, env) })
	switch x := n.(type) {
	case *plan.Filter:
		return push(x.Input, conjuncts(x.Cond))
	case *plan.Join:
		return pushOn(x)
	}
	return n
}

// conjuncts are the parts of a condition that must all hold.
func conjuncts(e plan.Expr) []plan.Expr {
	if e == nil {
		return nil
	}
	if a, ok := e.(*plan.And); ok {
		var all []plan.Expr
		for _, x := range a.Args {
			all = append(all, conjuncts(x)...)
		}
		return all
	}
	return []plan.Expr{e}
}

func conjunction(args []plan.Expr) plan.Expr {
	switch len(args) {
	case 0:
		return nil
	case 1:
		return args[0]
	}
	return &plan.And{Args: args}
}

func filter(n plan.Node, conds []plan.Expr) plan.Node {
	if len(conds) == 0 {
		return n
	}
	return &plan.Filter{Input: n, Cond: conjunction(conds)}
}

// push puts conditions as far below n's top as they go. The order of conditions
// is kept, as the first ones guard the rest.
func push(n plan.Node, conds []plan.Expr) plan.Node {
	if len(conds) == 0 {
		return n
	}
	switch x := n.(type) {
	case *plan.Filter:
		return push(x.Input, append(conjuncts(x.Cond), conds...))
	case *plan.Project:
		return pushProject(x, conds)
	case *plan.Join:
		return pushJoin(x, conds)
	case *plan.Append:
		return pushAppend(x, conds)
	case *plan.AggregateNode:
		return pushAggregate(x, conds)
	case *plan.Window:
		return pushWindow(x, conds)
	case *plan.TimeWindow:
		return pushTimeWindow(x, conds)
	case *plan.Sort:
		return &plan.Sort{Input: push(x.Input, conds), Keys: x.Keys}
	case *plan.DistinctNode:
		if x.On == nil {
			return &plan.DistinctNode{Input: push(x.Input, conds)}
		}
	}
	return filter(n, conds)
}

// pushProject rewrites conditions over a projection into ones over its input.
func pushProject(p *plan.Project, conds []plan.Expr) plan.Node {
	var down, stay []plan.Expr
	for _, c := range conds {
		if len(stay) > 0 && mayFail(c) {
			stay = append(stay, c)
			continue
		}
		if e, ok := substitute(c, p.Exprs); ok {
			down = append(down, e)
		} else {
			stay = append(stay, c)
		}
	}
	if len(down) == 0 {
		return filter(p, stay)
	}
	return filter(&plan.Project{Input: push(p.Input, down), Exprs: p.Exprs, Fields: p.Fields}, stay)
}

// substitute puts a projection's expressions in the place of its columns. It
// refuses where an expression would be computed twice that must not be, or a
// subquery refers to more than a plain column.
func substitute(c plan.Expr, exprs []plan.Expr) (plan.Expr, bool) {
	ok := true
	uses := map[int]int{}
	plan.EachColumn(c, func(r plan.Ref) {
		e := exprs[r.Index]
		_, column := e.(*plan.Column)
		if r.Inner && !column || volatile(e) || hasSubquery(e) {
			ok = false
		}
		if !column {
			uses[r.Index]++
		}
	})
	if !ok {
		return nil, false
	}
	return plan.MapColumns(c, func(col *plan.Column) plan.Expr { return exprs[col.Index] }), true
}

func volatile(e plan.Expr) bool {
	return plan.Any(e, func(x plan.Expr) bool {
		c, ok := x.(*plan.Call)
		return ok && c.Func.Volatility == 'v'
	})
}

func hasSubquery(e plan.Expr) bool {
	return plan.Any(e, func(x plan.Expr) bool {
		_, ok := x.(*plan.Subquery)
		return ok
	})
}

// mayFail reports whether an expression can raise an error, so that it may not
// come before a condition that guards it.
func mayFail(e plan.Expr) bool {
	return plan.Any(e, func(x plan.Expr) bool {
		switch x := x.(type) {
		case *plan.Call:
			return !comparison(x) && !widening(x) && !plainLike(x)
		case *plan.Cast:
			return x.Method != plan.CastRelabel
		case *plan.Subquery, *plan.Subscript, *plan.Assign, *plan.AnyAll:
			return true
		}
		return false
	})
}

func comparison(c *plan.Call) bool {
	switch c.Op {
	case "=", "<>", "<", "<=", ">", ">=":
		return c.Typ.OID == types.Bool
	}
	return false
}

// widening reports whether a call is a cast between integers, or of one to
// numeric or double precision, that every value survives.
func widening(c *plan.Call) bool {
	if c.Op != "" || len(c.Args) != 1 {
		return false
	}
	from, to := integers[c.Args[0].Type().OID], c.Typ.OID
	return from > 0 && (integers[to] > from || to == types.Numeric && c.Typ.Mod < 0 || to == types.Float8)
}

// plainLike reports whether a call is LIKE with a pattern that is not at fault.
func plainLike(c *plan.Call) bool {
	if c.Op != "~~" && c.Op != "!~~" || len(c.Args) != 2 {
		return false
	}
	v, ok := constant(c.Args[1])
	return ok && (v.Null || !strings.Contains(v.S, `\`))
}

// sides says which inputs of a join a condition reads.
func sides(c plan.Expr, width int) (left, right bool) {
	plan.EachColumn(c, func(r plan.Ref) {
		if r.Index < width {
			left = true
		} else {
			right = true
		}
	})
	return left, right
}

func pushJoin(j *plan.Join, conds []plan.Expr) plan.Node {
	width := len(j.Left.Schema())
	var left, right, on, stay []plan.Expr
	for _, c := range conds {
		l, r := sides(c, width)
		movable := !volatile(c)
		switch {
		case movable && l && !r && (j.Kind == plan.JoinInner || j.Kind == plan.JoinLeft || j.Kind.KeepsLeft()):
			left = append(left, c)
		case movable && r && !l && (j.Kind == plan.JoinInner || j.Kind == plan.JoinRight) && !j.Lateral:
			right = append(right, plan.Shift(c, -width))
		case movable && j.Kind == plan.JoinInner && !hasSubquery(c):
			on = append(on, c)
		default:
			stay = append(stay, c)
		}
	}
	out := *j
	out.Left, out.Right = push(j.Left, left), push(j.Right, right)
	out.Cond = conjunction(append(conjuncts(j.Cond), on...))
	return filter(&out, stay)
}

// pushOn moves the parts of ON that are about one side into that side, where
// the join's kind lets it.
func pushOn(j *plan.Join) plan.Node {
	width := len(j.Left.Schema())
	var left, right, on []plan.Expr
	for _, c := range conjuncts(j.Cond) {
		l, r := sides(c, width)
		movable := !volatile(c)
		switch {
		case movable && l && !r && (j.Kind == plan.JoinInner || j.Kind == plan.JoinRight || j.Kind == plan.JoinSemi):
			left = append(left, c)
		case movable && r && !l && !j.Lateral && (j.Kind == plan.JoinInner || j.Kind == plan.JoinLeft || j.Kind == plan.JoinSemi || j.Kind == plan.JoinAnti):
			right = append(right, plan.Shift(c, -width))
		default:
			on = append(on, c)
		}
	}
	if len(left)+len(right) == 0 {
		return j
	}
	out := *j
	out.Left, out.Right, out.Cond = push(j.Left, left), push(j.Right, right), conjunction(on)
	return &out
}

func pushAppend(a *plan.Append, conds []plan.Expr) plan.Node {
	out := &plan.Append{Fields: a.Fields}
	for _, c := range a.Children {
		out.Children = append(out.Children, push(c, conds))
	}
	return out
}

// pushAggregate moves conditions on the keys below the grouping.
func pushAggregate(a *plan.AggregateNode, conds []plan.Expr) plan.Node {
	if len(a.Keys) == 0 || len(a.Always) > 0 {
		return filter(a, conds)
	}
	var down, stay []plan.Expr
	for _, c := range conds {
		onKeys := true
		plan.EachColumn(c, func(r plan.Ref) { onKeys = onKeys && r.Index < len(a.Keys) })
		if onKeys && !volatile(c) {
			if e, ok := substitute(c, a.Keys); ok {
				down = append(down, e)
				continue
			}
		}
		stay = append(stay, c)
	}
	if len(down) == 0 {
		return filter(a, stay)
	}
	out := *a
	out.Input = push(a.Input, down)
	return filter(&out, stay)
}

// pushTimeWindow takes conditions that do not name a window's bounds below the
// window. Which rows make a session, all of its rows decide.
func pushTimeWindow(w *plan.TimeWindow, conds []plan.Expr) plan.Node {
	if w.Kind == plan.WindowSession {
		return filter(w, conds)
	}
	width := len(w.Input.Schema())
	var down, stay []plan.Expr
	for _, c := range conds {
		own := true
		plan.EachColumn(c, func(r plan.Ref) { own = own && r.Index < width })
		if own && !(len(stay) > 0 && mayFail(c)) {
			down = append(down, c)
		} else {
			stay = append(stay, c)
		}
	}
	if len(down) == 0 {
		return filter(w, stay)
	}
	out := *w
	out.Input = push(w.Input, down)
	return filter(&out, stay)
}
