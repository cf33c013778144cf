package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// buildSide exchanges the sides of semi and anti joins, NOT IN's too, whose left side is known to be
// the smaller one by far: the right side is kept in memory. What follows must not look
// for the left columns of a join in its rows, so it comes late.
func buildSide(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	c := &cardinality{env: env}
	return c.keepSmaller(n)
}

func (c *cardinality) keepSmaller(n plan.Node) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, c.keepSmaller)
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || len(j.LeftKeys) == 0 || j.Lookup != nil || j.Cond != nil && volatile(j.Cond) {
		return n
	}
	kind := plan.JoinRightSemi
	switch j.Kind {
	case plan.JoinSemi:
	case plan.JoinAnti:
		kind = plan.JoinRightAnti
	case plan.JoinNotIn:
		kind = plan.JoinRightNotIn
	default:
		return n
	}
	left, known := c.rows(j.Left)
	right, too := c.rows(j.Right)
	if !known || !too || 2*left > right {
		return n
	}
	swapped := &plan.Join{Kind: kind, Left: j.Right, Right: j.Left, LeftKeys: j.RightKeys, RightKeys: j.LeftKeys, Fields: j.Fields}
	if j.Cond != nil {
		width, other := len(j.Left.Schema()), len(j.Right.Schema())
		at := make([]int, width+other)
		for i := range at {
			if at[i] = i + other; i >= width {
				at[i] = i - width
			}
		}
		swapped.Cond = move(j.Cond, at)
	}
	return swapped
}
