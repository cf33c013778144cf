package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// equiKeys takes the equalities between the two sides out of a join's
// condition: a hash join can use them. Both keys have one type.
func equiKeys(n plan.Node, eval Eval) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return equiKeys(in, eval) })
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || j.Cond == nil {
		return n
	}
	width := len(j.Left.Schema())
	out := *j
	out.LeftKeys, out.RightKeys = nil, nil
	var rest []plan.Expr
	for _, c := range conjuncts(j.Cond) {
		l, r := equality(c, width)
		if l == nil {
			rest = append(rest, c)
			continue
		}
		out.LeftKeys = append(out.LeftKeys, l)
		out.RightKeys = append(out.RightKeys, plan.Shift(r, -width))
	}
	if len(out.LeftKeys) == 0 {
		return n
	}
	out.Cond = conjunction(rest)
	return &out
}

// equality splits a = b into the side over the left input and the one over the
// right, nil where it is not of that form.
func equality(c plan.Expr, width int) (left, right plan.Expr) {
	call, ok := c.(*plan.Call)
	if !ok || call.Op != "=" || len(call.Args) != 2 || call.Args[0].Type().OID != call.Args[1].Type().OID {
		return nil, nil
	}
	if hasSubquery(c) || volatile(c) {
		return nil, nil
	}
	al, ar := sides(call.Args[0], width)
	bl, br := sides(call.Args[1], width)
	switch {
	case al && !ar && br && !bl:
		return call.Args[0], call.Args[1]
	case bl && !br && ar && !al:
		return call.Args[1], call.Args[0]
	}
	return nil, nil
}
