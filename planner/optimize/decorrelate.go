package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// decorrelate turns EXISTS, NOT EXISTS and op ANY (SELECT ...) among the
// conditions of a filter into semi and anti joins, and aggregates of rows that
// equal the outer one into joins with groups: the subquery is read once, not
// once for each row. NOT IN becomes a join of its own kind, as its NULLs are not
// those of an anti join.
func decorrelate(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return decorrelate(in, env) })
	switch n := n.(type) {
	case *plan.Filter:
		return decorrelateFilter(n, env)
	case *plan.Project:
		if !env.Continuous {
			return decorrelateProject(n, env)
		}
	}
	return n
}

func decorrelateFilter(f *plan.Filter, env *Env) plan.Node {
	var rest []plan.Expr
	var joins []*plan.Join
	for _, c := range conjuncts(f.Cond) {
		if j := existsJoin(c, f.Input, env); j != nil {
			j.Right = decorrelate(j.Right, env)
			joins = append(joins, j)
			continue
		}
		rest = append(rest, c)
	}
	var out plan.Node
	if env.Continuous {
		if len(joins) == 0 {
			return f
		}
		out = filter(f.Input, rest)
	} else {
		out = scalarFilter(f.Input, rest, env)
	}
	for _, j := range joins {
		j.Left = out
		out = j
	}
	return out
}

// existsJoin is the join that a condition stands for, but for its left input;
// nil where it stands for none.
func existsJoin(c plan.Expr, left plan.Node, env *Env) *plan.Join {
	kind := plan.JoinSemi
	if not, ok := c.(*plan.Not); ok {
		kind, c = plan.JoinAnti, not.Arg
	}
	s, ok := c.(*plan.Subquery)
	if !ok {
		return nil
	}
	width := len(left.Schema())
	if kind == plan.JoinAnti && s.Kind == plan.SubAny && !s.Correlated {
		return notInJoin(s, left, env)
	}
	input, exprs := pruneEmpty(removeTrivial(foldConstants(s.Input, env), env), env), []plan.Expr(nil)
	switch {
	case s.Kind == plan.SubExists && s.Correlated:
		input = anyRow(input)
	case s.Kind == plan.SubAny:
		exprs = columnsOf(input)
		if p, ok := input.(*plan.Project); ok {
			input, exprs = p.Input, p.Exprs
		}
	default:
		return nil
	}
	var conds []plan.Expr
	if f, ok := input.(*plan.Filter); ok {
		var inner []plan.Expr
		for _, x := range conjuncts(f.Cond) {
			if plan.HasOuter(x) {
				conds = append(conds, x)
			} else {
				inner = append(inner, x)
			}
		}
		input = filter(f.Input, inner)
	}
	if plan.NodeHasOuter(input) {
		return nil
	}
	for _, e := range append(append([]plan.Expr(nil), conds...), exprs...) {
		if hasSubquery(e) || volatile(e) {
			return nil
		}
	}
	on := make([]plan.Expr, 0, len(conds)+len(exprs))
	for i, e := range exprs {
		if hasSubquery(s.Left[i]) || volatile(s.Left[i]) {
			return nil
		}
		var is plan.Expr = &plan.Call{Func: s.Op[i], Op: s.OpNames[i], Args: []plan.Expr{s.Left[i], joined(e, width)}, Typ: types.Of(types.Bool)}
		if kind == plan.JoinAnti { // NOT IN: a row that may be equal is enough
			is = &plan.IsBool{Arg: is, Test: plan.IsFalse, Not: true}
		}
		on = append(on, is)
	}
	keyed := false
	for _, x := range conds {
		x = joined(x, width)
		a, _ := equality(x, width, env)
		keyed = keyed || a != nil
		on = append(on, x)
	}
	if kind == plan.JoinAnti && s.Kind == plan.SubAny && !keyed {
		return nil // every row would be compared with every other
	}
	return &plan.Join{Kind: kind, Right: input, Cond: conjunction(on), Fields: left.Schema()}
}

// notInJoin is the join that left NOT IN (SELECT ...) stands for, of one value
// on each side and a subquery that is the same for every row; nil for others. Its
// keys are taken at once: no rule may carry a condition over this equality.
func notInJoin(s *plan.Subquery, left plan.Node, env *Env) *plan.Join {
	if s.Correlated || len(s.Left) != 1 || hasSubquery(s.Left[0]) || plan.NodeHasOuter(s.Input) || plan.HasOuter(s.Left[0]) {
		return nil
	}
	width := len(left.Schema())
	equal := &plan.Call{Func: s.Op[0], Op: s.OpNames[0], Args: []plan.Expr{s.Left[0], joined(columnsOf(s.Input)[0], width)}, Typ: types.Of(types.Bool)}
	a, b := equality(equal, width, env)
	if a == nil {
		return nil
	}
	return &plan.Join{
		Kind: plan.JoinNotIn, Right: s.Input, LeftKeys: []plan.Expr{a}, RightKeys: []plan.Expr{plan.Shift(b, -width)}, Fields: left.Schema(),
	}
}

// anyRow drops what does not change whether there is a row.
func anyRow(n plan.Node) plan.Node {
	for {
		switch x := n.(type) {
		case *plan.Project:
			n = x.Input
		case *plan.Sort:
			n = x.Input
		case *plan.DistinctNode:
			n = x.Input
		case *plan.Limit:
			v, ok := constant(x.Count)
			if !ok || v.Null || v.I < 1 || x.Offset != nil {
				return n
			}
			n = x.Input
		default:
			return n
		}
	}
}

func columnsOf(n plan.Node) []plan.Expr {
	var out []plan.Expr
	for i, f := range n.Schema() {
		out = append(out, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
	}
	return out
}

// joined turns an expression of a subquery into one over the row of the join:
// its own columns come after the width columns of the row outside.
func joined(e plan.Expr, width int) plan.Expr {
	return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
		switch x := x.(type) {
		case *plan.Column:
			c := *x
			c.Index += width
			return &c
		case *plan.Outer:
			if x.Depth == 1 {
				return &plan.Column{Index: x.Index, Typ: x.Typ, Name: x.Name, Rel: x.Rel}
			}
			c := *x
			c.Depth--
			return &c
		}
		return x
	})
}
