package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// scanFilters copies the conditions right above a scan into it, where a
// connector may use them to skip rows. The filter stays: a scan promises nothing.
func scanFilters(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return scanFilters(in, env) })
	f, ok := n.(*plan.Filter)
	if !ok {
		return n
	}
	s, ok := f.Input.(*plan.Scan)
	if !ok || s.Relation.Stored() || s.Changes { // a row that matches no more takes one back that did
		return n
	}
	c := *s
	c.Filters = nil
	for _, e := range conjuncts(f.Cond) {
		if !volatile(e) && !hasSubquery(e) && !plan.HasOuter(e) {
			c.Filters = append(c.Filters, e)
		}
	}
	return &plan.Filter{Input: &c, Cond: f.Cond}
}
