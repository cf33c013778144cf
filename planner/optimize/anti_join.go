package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// antiJoin makes an anti join of a LEFT JOIN that is asked for the rows without a
// partner, by the condition that a column is NULL which the join's own condition
// does not let be NULL in a pair.
func antiJoin(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return antiJoin(in, env) })
	f, ok := n.(*plan.Filter)
	if !ok {
		return n
	}
	j, ok := f.Input.(*plan.Join)
	if !ok || j.Kind != plan.JoinLeft || j.Lateral || j.Cond == nil || volatile(j.Cond) {
		return n
	}
	width := len(j.Left.Schema())
	paired := refusing(j.Cond)
	var rest []plan.Expr // but for what holds of each row without a partner
	found := false
	for _, c := range conjuncts(f.Cond) {
		if at, ok := nullColumn(c); ok && at >= width {
			found = found || paired[at]
			continue
		}
		rest = append(rest, c)
	}
	if !found {
		return n
	}
	left := j.Left.Schema()
	out := &plan.Project{Input: &plan.Join{Kind: plan.JoinAnti, Left: j.Left, Right: j.Right, Cond: j.Cond, Fields: left}, Fields: j.Fields}
	for i, field := range j.Fields {
		if i < width {
			out.Exprs = append(out.Exprs, &plan.Column{Index: i, Typ: field.Type, Name: field.Name})
		} else {
			out.Exprs = append(out.Exprs, plan.NewConst(types.NullOf(field.Type)))
		}
	}
	return push(out, rest)
}

// nullColumn is the column that a condition asks to be NULL.
func nullColumn(c plan.Expr) (int, bool) {
	is, ok := c.(*plan.IsNull)
	if !ok || is.Not || is.Row {
		return 0, false
	}
	col, ok := plainColumn(is.Arg)
	if !ok {
		return 0, false
	}
	return col.Index, true
}
