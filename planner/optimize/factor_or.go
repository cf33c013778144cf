package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// factorOr takes what every arm of an OR demands out of it: (a AND b) OR (a AND
// c) is a AND (b OR c), and a may be the key of a join. A condition that can
// fail is taken only from the head of every arm, where nothing guards it.
func factorOr(n plan.Node, env *Env) plan.Node {
	factored := func(e plan.Expr) plan.Expr {
		return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
			if or, ok := x.(*plan.Or); ok {
				return factor(or)
			}
			return x
		})
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return factorOr(in, env) })
	switch x := n.(type) {
	case *plan.Filter:
		if cond := factored(x.Cond); cond != x.Cond {
			return &plan.Filter{Input: x.Input, Cond: cond}
		}
	case *plan.Join:
		if x.Cond == nil {
			break
		}
		if cond := factored(x.Cond); cond != x.Cond {
			c := *x
			c.Cond = cond
			return &c
		}
	}
	return n
}

func factor(or *plan.Or) plan.Expr {
	arms := make([][]plan.Expr, len(or.Args))
	for i, a := range or.Args {
		arms[i] = conjuncts(a)
	}
	var common []plan.Expr
	for at, c := range arms[0] {
		if volatile(c) || hasSubquery(c) || mayFail(c) && at != len(common) {
			continue
		}
		everywhere := true
		for _, arm := range arms[1:] {
			i := indexOf(arm, c)
			everywhere = everywhere && i >= 0 && (!mayFail(c) || i == at)
		}
		if everywhere {
			common = append(common, c)
		}
	}
	if len(common) == 0 {
		return or
	}
	rest := &plan.Or{}
	for _, arm := range arms {
		var kept []plan.Expr
		for _, c := range arm {
			if indexOf(common, c) < 0 {
				kept = append(kept, c)
			}
		}
		if len(kept) == 0 {
			return conjunction(common) // a OR (a AND b) is a
		}
		rest.Args = append(rest.Args, conjunction(kept))
	}
	return conjunction(append(common, rest))
}

func indexOf(list []plan.Expr, e plan.Expr) int {
	for i, x := range list {
		if plan.Equal(x, e) {
			return i
		}
	}
	return -1
}

// impliedBy is what an OR says of the rows that owns knows the columns of: one
// condition of each arm, nil where an arm says nothing of them.
func impliedBy(or *plan.Or, owns func(plan.Expr) bool) plan.Expr {
	implied := &plan.Or{}
	for _, a := range or.Args {
		var kept []plan.Expr
		for _, c := range conjuncts(a) {
			if owns(c) && !mayFail(c) && !volatile(c) && !hasSubquery(c) {
				kept = append(kept, c)
			}
		}
		if len(kept) == 0 {
			return nil
		}
		implied.Args = append(implied.Args, conjunction(kept))
	}
	return implied
}
