package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// equiKeys takes the equalities between the two sides out of a join's
// condition: a hash join can use them. Both keys have one type.
func equiKeys(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return equiKeys(in, env) })
	if a, ok := n.(*plan.AsOfJoin); ok && a.Cond != nil && a.LeftKeys == nil {
		out := *a
		out.LeftKeys, out.RightKeys, out.Cond = keysOf(a.Cond, len(a.Left.Schema()), env)
		return &out
	}
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || j.Cond == nil {
		return n
	}
	out := *j
	out.LeftKeys, out.RightKeys, out.Cond = keysOf(j.Cond, len(j.Left.Schema()), env)
	if len(out.LeftKeys) == 0 {
		return n
	}
	return &out
}

// keysOf takes the equalities out of a condition.
func keysOf(cond plan.Expr, width int, env *Env) (left, right []plan.Expr, rest plan.Expr) {
	var others []plan.Expr
	for _, c := range conjuncts(cond) {
		l, r := equality(c, width, env)
		if l == nil {
			others = append(others, c)
			continue
		}
		left, right = append(left, l), append(right, plan.Shift(r, -width))
	}
	return left, right, conjunction(others)
}

// equality splits a = b into the side over the left input and the one over the
// right, nil where it is not of that form or the two have no type in common.
func equality(c plan.Expr, width int, env *Env) (left, right plan.Expr) {
	call, ok := c.(*plan.Call)
	if !ok || call.Op != "=" || len(call.Args) != 2 || hasSubquery(c) || volatile(c) {
		return nil, nil
	}
	a, b := sameType(call.Args[0], call.Args[1], env)
	if a == nil || b == nil {
		return nil, nil
	}
	al, ar := sides(a, width)
	bl, br := sides(b, width)
	switch {
	case al && !ar && br && !bl:
		return a, b
	case bl && !br && ar && !al:
		return b, a
	}
	return nil, nil
}

// integers are the types whose = compares their values whatever their width.
var integers = map[types.OID]int{types.Int2: 1, types.Int4: 2, types.Int8: 3}

// sameType widens the narrower of two integers; other types must agree already.
func sameType(a, b plan.Expr, env *Env) (plan.Expr, plan.Expr) {
	at, bt := a.Type().OID, b.Type().OID
	switch {
	case measured(at):
		return nil, nil
	case at == bt:
		return a, b
	case integers[at] == 0 || integers[bt] == 0 || env.Cast == nil:
		return nil, nil
	case integers[at] < integers[bt]:
		return widen(a, bt, env), b
	}
	return a, widen(b, at, env)
}

// measured reports whether = of a type compares a measure, as that of boxes
// does their areas: no key has it.
func measured(oid types.OID) bool {
	info := types.Lookup(oid)
	return info != nil && info.Category == 'G'
}

func widen(e plan.Expr, target types.OID, env *Env) plan.Expr {
	f := env.Cast(e.Type().OID, target)
	if f == nil {
		return nil
	}
	return &plan.Call{Func: f, Args: []plan.Expr{e}, Typ: types.Of(target)}
}
