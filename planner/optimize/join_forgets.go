package optimize

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// joinForgets finds which rows a join of two inputs that go on for ever need not keep for
// ever: those that match only what is settled. Where one input is of groups by windows of
// time, no group comes, changes or goes once its window is closed; a row whose time the
// condition holds to the window's bounds has then met all that it will.
func joinForgets(n plan.Node, env *Env) plan.Node {
	if !env.Continuous {
		return n
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return joinForgets(in, env) })
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || j.Bounds != nil || j.Lookup != nil || j.Kind == plan.JoinNotIn {
		return n
	}
	out := *j
	out.Forgets = [2]*plan.Forget{forgets(j, true), forgets(j, false)}
	if out.Forgets == j.Forgets {
		return n
	}
	return &out
}

// forgets says when a row of the left side is forgotten, or of the right one.
func forgets(j *plan.Join, left bool) *plan.Forget {
	side, other := j.Right, j.Left
	if left {
		side, other = j.Left, j.Right
	}
	settled, own := plan.HorizonsOf(other), plan.HorizonsOf(side)
	if settled == nil || plan.Derive(side).Bounded || own == nil && !plan.Derive(side).AppendOnly {
		return nil
	}
	var best *plan.Forget
	for _, x := range timeBoundsOf(j) {
		l, r := x.left.(*plan.Column), x.right.(*plan.Column)
		// Ahead is how far their time may be past this row's.
		mine, theirs, ahead, bounded := r, l, -x.low, x.low != math.MinInt64
		if left {
			mine, theirs, ahead, bounded = l, r, x.high, x.high != math.MaxInt64
		}
		after, ok := horizon(settled, theirs)
		if !bounded || !ok {
			continue
		}
		after = max(after+ahead, 0)
		if own != nil {
			until, ok := horizon(own, mine)
			if !ok {
				continue
			}
			after = max(after, until)
		}
		if best == nil || after < best.After {
			best = &plan.Forget{Column: mine.Index, After: after}
		}
	}
	return best
}

// horizon is the one of a column.
func horizon(all []plan.Horizon, c *plan.Column) (after int64, ok bool) {
	for _, h := range all {
		if h.Column == c.Index {
			return h.After, true
		}
	}
	return 0, false
}

// timeBoundsOf is what a join's keys and condition say of pairs of columns of its sides that
// hold instants.
func timeBoundsOf(j *plan.Join) []timeBounds {
	f := boundsFinder{width: len(j.Left.Schema()), left: instants(j.Left), right: instants(j.Right)}
	for i, l := range j.LeftKeys {
		a, b := f.moment(l), f.moment(plan.Shift(j.RightKeys[i], f.width))
		if a.of != nil && b.of != nil && a.of.Type().OID == b.of.Type().OID {
			f.between(a.of, b.of).add("=", a.plus-b.plus, a.zoneOf || b.zoneOf, l)
		}
	}
	for _, c := range conjuncts(j.Cond) {
		f.take(c)
	}
	return f.found
}

// instants are the columns of a node that hold timestamps.
func instants(n plan.Node) []plan.Expr {
	var all []plan.Expr
	for i, f := range n.Schema() {
		if f.Type.OID == types.Timestamp || f.Type.OID == types.Timestamptz {
			all = append(all, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
		}
	}
	return all
}
