package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// pushLimits moves a LIMIT below a projection, so that rows that are not wanted
// are not computed, and into the branches of a UNION ALL, which need read no
// further each.
func pushLimits(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return pushLimits(in, env) })
	l, ok := n.(*plan.Limit)
	if !ok || l.Ties != nil {
		return n
	}
	switch in := l.Input.(type) {
	case *plan.Project:
		if anyVolatile(in.Exprs) {
			return n
		}
		below := pushLimits(&plan.Limit{Input: in.Input, Count: l.Count, Offset: l.Offset}, env)
		return &plan.Project{Input: below, Exprs: in.Exprs, Fields: in.Fields}
	case *plan.Append:
		if l.Count == nil || l.Offset != nil {
			return n
		}
		a := &plan.Append{Fields: in.Fields}
		for _, c := range in.Children {
			if _, limited := c.(*plan.Limit); limited {
				a.Children = append(a.Children, c)
				continue
			}
			a.Children = append(a.Children, pushLimits(&plan.Limit{Input: c, Count: l.Count}, env))
		}
		return &plan.Limit{Input: a, Count: l.Count}
	}
	return n
}

func anyVolatile(exprs []plan.Expr) bool {
	for _, e := range exprs {
		if volatile(e) {
			return true
		}
	}
	return false
}
