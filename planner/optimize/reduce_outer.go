package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// reduceOuter makes an outer join keep fewer of its rows without a partner, or
// none: where a condition above it, or that of a join above it, is not true of a
// NULL from one side, the rows that have NULLs for that side do not come through.
// FULL becomes LEFT, RIGHT or inner, LEFT and RIGHT become inner.
func reduceOuter(n plan.Node, _ *Env) plan.Node {
	outer := false
	plan.WalkNode(n, func(n plan.Node) bool {
		j, ok := n.(*plan.Join)
		outer = outer || ok && (j.Kind == plan.JoinLeft || j.Kind == plan.JoinRight || j.Kind == plan.JoinFull)
		return !outer
	})
	if !outer {
		return n
	}
	return reduceBelow(n, nil)
}

// columnSet are columns of a node's rows, by their places; nil: none.
type columnSet map[int]bool

// with is the union of two sets. Sets never change once made.
func (s columnSet) with(o columnSet) columnSet {
	if len(s) == 0 {
		return o
	}
	if len(o) == 0 {
		return s
	}
	out := make(columnSet, len(s)+len(o))
	for c := range s {
		out[c] = true
	}
	for c := range o {
		out[c] = true
	}
	return out
}

// both is what two sets share.
func (s columnSet) both(o columnSet) columnSet {
	var out columnSet
	for c := range s {
		if o[c] {
			out = out.with(columnSet{c: true})
		}
	}
	return out
}

// split is the set of a join's columns by its sides, the right ones over the right row.
func (s columnSet) split(width int) (left, right columnSet) {
	for c := range s {
		if c < width {
			left = left.with(columnSet{c: true})
		} else {
			right = right.with(columnSet{c - width: true})
		}
	}
	return left, right
}

// through is the set said of the input of expressions: the columns of which a NULL
// makes one of the expressions in the set NULL.
func (s columnSet) through(exprs []plan.Expr) columnSet {
	var out columnSet
	for c := range s {
		if c < len(exprs) {
			out = out.with(nullIn(exprs[c]))
		}
	}
	return out
}

// reduceBelow reduces the joins of a tree of whose rows none counts that has a NULL
// in one of the wanted columns.
func reduceBelow(n plan.Node, wanted columnSet) plan.Node {
	same := func(e plan.Expr) plan.Expr { return e }
	below := func(wanted columnSet) plan.Node {
		return plan.MapNode(n, same, func(in plan.Node) plan.Node { return reduceBelow(in, wanted) })
	}
	switch x := n.(type) {
	case *plan.Filter:
		return below(wanted.with(refusing(x.Cond)))
	case *plan.Project:
		return below(wanted.through(x.Exprs))
	case *plan.Sort, *plan.Append:
		return below(wanted)
	case *plan.DistinctNode:
		if x.On == nil {
			return below(wanted)
		}
	case *plan.AggregateNode:
		if len(x.Always) == 0 {
			return below(wanted.through(x.Keys))
		}
	case *plan.Join:
		return reduceJoin(x, wanted)
	}
	return below(nil)
}

// reduceJoin reduces a join and those below it.
func reduceJoin(j *plan.Join, wanted columnSet) plan.Node {
	width := len(j.Left.Schema())
	left, right := wanted.split(width)
	out := *j
	switch {
	case j.Kind == plan.JoinFull && len(left) > 0 && len(right) > 0:
		out.Kind = plan.JoinInner
	case j.Kind == plan.JoinFull && len(left) > 0:
		out.Kind = plan.JoinLeft
	case j.Kind == plan.JoinFull && len(right) > 0:
		out.Kind = plan.JoinRight
	case j.Kind == plan.JoinLeft && len(right) > 0, j.Kind == plan.JoinRight && len(left) > 0:
		out.Kind = plan.JoinInner
	}
	onLeft, onRight := refusing(j.Cond).split(width)
	switch out.Kind {
	case plan.JoinInner, plan.JoinSemi:
		left, right = left.with(onLeft), right.with(onRight)
	case plan.JoinLeft, plan.JoinAnti: // a right row that the condition refuses is not seen
		right = onRight
	case plan.JoinRight:
		left = onLeft
	case plan.JoinNotIn:
		right = nil // a NULL there counts
	default:
		left, right = nil, nil
	}
	out.Left, out.Right = reduceBelow(j.Left, left), reduceBelow(j.Right, right)
	if out.Kind == j.Kind && out.Left == j.Left && out.Right == j.Right {
		return j
	}
	return &out
}

// refusing are the columns of which a NULL keeps a condition from being true.
func refusing(cond plan.Expr) columnSet {
	switch x := cond.(type) {
	case *plan.And:
		var out columnSet
		for _, a := range x.Args {
			out = out.with(refusing(a))
		}
		return out
	case *plan.Or:
		return inEach(x.Args, refusing)
	case *plan.IsNull:
		if row, ok := x.Arg.(*plan.Row); ok && x.Not && x.Row {
			var out columnSet
			for _, item := range row.Items {
				out = out.with(nullIn(item))
			}
			return out
		}
		if x.Not && !x.Row {
			return nullIn(x.Arg)
		}
		return nil
	case *plan.IsBool:
		switch {
		case x.Test == plan.IsTrue && !x.Not:
			return refusing(x.Arg)
		case x.Test == plan.IsFalse && !x.Not, x.Test == plan.IsUnknown && x.Not:
			return nullIn(x.Arg)
		}
		return nil
	case *plan.AnyAll:
		out := nullIn(x.Array)
		if !x.All && x.Op.Strict { // of no items, ANY is false and ALL true
			out = out.with(nullIn(x.Arg))
		}
		return out
	}
	return nullIn(cond)
}

// nullIn are the columns of which a NULL makes an expression NULL.
func nullIn(e plan.Expr) columnSet {
	switch x := e.(type) {
	case *plan.Column:
		return columnSet{x.Index: true}
	case *plan.Call:
		if !x.Func.Strict || x.Func.Set {
			return nil
		}
		var out columnSet
		for _, a := range x.Args {
			out = out.with(nullIn(a))
		}
		return out
	case *plan.Cast:
		return nullIn(x.Arg)
	case *plan.Not:
		return nullIn(x.Arg)
	case *plan.In:
		if x.Eq.Strict {
			return nullIn(x.Arg)
		}
	case *plan.AnyAll:
		return nullIn(x.Array)
	case *plan.And:
		return inEach(x.Args, nullIn)
	case *plan.Or:
		return inEach(x.Args, nullIn)
	}
	return nil
}

// inEach is what the sets of all expressions have.
func inEach(args []plan.Expr, of func(plan.Expr) columnSet) columnSet {
	out := of(args[0])
	for _, a := range args[1:] {
		out = out.both(of(a))
	}
	return out
}
