package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// inferPredicates copies conditions to where equalities carry them: with a.x =
// b.y, what holds for a.x holds for b.y, and each side of a join is filtered
// before they meet. An OR over several inputs says something of each.
func inferPredicates(n plan.Node, env *Env) plan.Node {
	j, ok := n.(*plan.Join)
	if !ok {
		return plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return inferPredicates(in, env) })
	}
	if !innerJoin(j) {
		out := *j
		out.Left, out.Right = inferPredicates(j.Left, env), inferPredicates(j.Right, env)
		return inferAcross(&out)
	}
	t := flatten(j)
	for i, leaf := range t.leaves {
		t.leaves[i] = inferPredicates(leaf, env)
	}
	facts := make([][]plan.Expr, len(t.leaves))
	for i := range t.leaves {
		facts[i] = t.implied(i)
	}
	for i, conds := range facts {
		t.leaves[i] = narrow(t.leaves[i], conds)
	}
	return t.rebuild(j, new(int))
}

// narrow pushes into a tree the conditions that it does not have yet.
func narrow(n plan.Node, conds []plan.Expr) plan.Node {
	have := facts(n)
	var fresh []plan.Expr
	for _, c := range conds {
		if indexOf(have, c) < 0 && indexOf(fresh, c) < 0 {
			fresh = append(fresh, c)
		}
	}
	return push(n, fresh)
}

// facts are conditions that hold for every row of a tree.
func facts(n plan.Node) []plan.Expr {
	switch x := n.(type) {
	case *plan.Filter:
		return append(facts(x.Input), conjuncts(x.Cond)...)
	case *plan.Sort:
		return facts(x.Input)
	case *plan.Limit:
		return facts(x.Input)
	case *plan.Join:
		switch {
		case x.Kind.KeepsLeft() || x.Kind == plan.JoinLeft:
			return facts(x.Left)
		case x.Kind == plan.JoinInner:
			all := facts(x.Left)
			for _, c := range facts(x.Right) {
				all = append(all, plan.Shift(c, len(x.Left.Schema())))
			}
			return all
		}
	}
	return nil
}

// implied are the conditions on leaf i that follow from the other leaves' and
// from those of the joins; over the leaf's own row.
func (t *joinTree) implied(i int) []plan.Expr {
	from, to := t.offsets[i], t.offsets[i]+len(t.leaves[i].Schema())
	mine := func(e plan.Expr) bool { return within(e, from, to) }
	var out []plan.Expr
	for _, c := range t.conds {
		if or, ok := c.(*plan.Or); ok && !mine(or) {
			if e := impliedBy(or, mine); e != nil {
				out = append(out, plan.Shift(e, -from))
			}
		}
	}
	for k, leaf := range t.leaves {
		if k == i {
			continue
		}
		for _, c := range facts(leaf) {
			col := fact(c)
			if col == nil {
				continue
			}
			for _, other := range t.class(col.Index + t.offsets[k]) {
				if other.Index >= from && other.Index < to {
					out = append(out, moveFact(c, other, other.Index-from))
				}
			}
		}
	}
	return out
}

// inferAcross carries the conditions of an outer, semi or anti join's kept side
// over its equalities to the other one.
func inferAcross(j *plan.Join) plan.Node {
	if j.Lateral || j.Kind == plan.JoinFull || j.Kind == plan.JoinInner || j.Kind == plan.JoinNotIn {
		return j
	}
	width := len(j.Left.Schema())
	left, right := facts(j.Left), facts(j.Right)
	var toLeft, toRight []plan.Expr
	for _, c := range conjuncts(j.Cond) {
		a, b, ok := columnEquality(c)
		if !ok || a.Index < width == (b.Index < width) {
			continue
		}
		if a.Index >= width {
			a, b = b, a
		}
		if j.Kind != plan.JoinRight {
			toRight = append(toRight, carried(left, a.Index, b, b.Index-width)...)
		}
		if j.Kind == plan.JoinRight || j.Kind == plan.JoinSemi {
			toLeft = append(toLeft, carried(right, b.Index-width, a, a.Index)...)
		}
	}
	j.Left, j.Right = narrow(j.Left, toLeft), narrow(j.Right, toRight)
	return j
}

// carried are the facts about column from, said of column to at index at.
func carried(facts []plan.Expr, from int, to *plan.Column, at int) []plan.Expr {
	var out []plan.Expr
	for _, c := range facts {
		if col := fact(c); col != nil && col.Index == from && col.Typ.OID == to.Typ.OID {
			out = append(out, moveFact(c, to, at))
		}
	}
	return out
}

// fact is the only column of a condition that holds for whatever equals that
// column: a comparison with what is fixed, or a list of such. nil: it is none.
func fact(c plan.Expr) *plan.Column {
	switch x := c.(type) {
	case *plan.Call:
		if !comparison(x) || len(x.Args) != 2 {
			return nil
		}
		if col, ok := plainColumn(x.Args[0]); ok && plainValue(x.Args[1]) {
			return col
		}
		if col, ok := plainColumn(x.Args[1]); ok && plainValue(x.Args[0]) {
			return col
		}
	case *plan.In:
		col, ok := plainColumn(x.Arg)
		if !ok {
			return nil
		}
		for _, v := range x.List {
			if !plainValue(v) {
				return nil
			}
		}
		return col
	}
	return nil
}

// plainValue reports whether an expression is a literal or a parameter.
func plainValue(e plan.Expr) bool {
	switch e.(type) {
	case *plan.Const, *plan.Param:
		return true
	}
	return false
}

func moveFact(c plan.Expr, to *plan.Column, at int) plan.Expr {
	return plan.MapColumns(c, func(*plan.Column) plan.Expr {
		moved := *to
		moved.Index = at
		return &moved
	})
}
