package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// pushLimits moves a LIMIT below a projection, so that rows that are not wanted
// are not computed, and into the branches of a UNION ALL, which need read no
// further each. Each row of an outer join's kept side is in its result, so no
// more of those are needed than are wanted: of that side's rows, or, where ORDER
// BY looks at that side alone, of its first ones.
func pushLimits(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return pushLimits(in, env) })
	l, ok := n.(*plan.Limit)
	if !ok || l.Ties != nil || l.Changes {
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
	case *plan.Join:
		if j := limitKept(in, l, nil, env); j != nil {
			return &plan.Limit{Input: j, Count: l.Count, Offset: l.Offset}
		}
	case *plan.Sort:
		if sorted := limitSorted(in, l, env); sorted != nil {
			return &plan.Limit{Input: sorted, Count: l.Count, Offset: l.Offset}
		}
	}
	return n
}

// limitKept is an outer join whose kept side is limited, in the order of keys
// over that side; nil where nothing can be.
func limitKept(j *plan.Join, l *plan.Limit, keys []plan.SortKey, env *Env) *plan.Join {
	count := wanted(l)
	if count == nil || env.Continuous {
		return nil
	}
	out := *j
	var side *plan.Node
	switch width := len(j.Left.Schema()); {
	case j.Kind == plan.JoinLeft && onSide(keys, 0, width):
		side = &out.Left
	case j.Kind == plan.JoinRight && !j.Lateral && onSide(keys, width, width+len(j.Right.Schema())):
		side = &out.Right
		keys = shiftKeys(keys, -width)
	default:
		return nil
	}
	if _, limited := (*side).(*plan.Limit); limited {
		return nil
	}
	in := *side
	if len(keys) > 0 {
		in = &plan.Sort{Input: in, Keys: keys}
	}
	*side = pushLimits(&plan.Limit{Input: in, Count: count}, env)
	return &out
}

// limitSorted is a sort over an outer join whose kept side is limited.
func limitSorted(s *plan.Sort, l *plan.Limit, env *Env) plan.Node {
	keys := s.Keys
	p, projected := s.Input.(*plan.Project)
	in := s.Input
	if projected {
		in, keys = p.Input, make([]plan.SortKey, len(s.Keys))
		for i, k := range s.Keys {
			e, ok := substitute(k.Expr, p.Exprs)
			if !ok {
				return nil
			}
			k.Expr = e
			keys[i] = k
		}
	}
	join, ok := in.(*plan.Join)
	if !ok {
		return nil
	}
	for _, k := range keys {
		if volatile(k.Expr) || hasSubquery(k.Expr) {
			return nil
		}
	}
	j := limitKept(join, l, keys, env)
	if j == nil {
		return nil
	}
	var below plan.Node = j
	if projected {
		below = &plan.Project{Input: j, Exprs: p.Exprs, Fields: p.Fields}
	}
	return &plan.Sort{Input: below, Keys: s.Keys}
}

// wanted is how many rows a limit looks at, nil where that is not known.
func wanted(l *plan.Limit) plan.Expr {
	if l.Offset == nil {
		return l.Count
	}
	count, cok := constant(l.Count)
	offset, ook := constant(l.Offset)
	if !cok || !ook || count.Null || offset.Null || count.I < 0 || offset.I < 0 || count.I > 1<<40 || offset.I > 1<<40 {
		return nil
	}
	return plan.NewConst(types.NewInt(types.Int8, count.I+offset.I))
}

func onSide(keys []plan.SortKey, from, to int) bool {
	for _, k := range keys {
		if !within(k.Expr, from, to) {
			return false
		}
	}
	return true
}

func shiftKeys(keys []plan.SortKey, n int) []plan.SortKey {
	out := make([]plan.SortKey, len(keys))
	for i, k := range keys {
		k.Expr = plan.Shift(k.Expr, n)
		out[i] = k
	}
	return out
}

func anyVolatile(exprs []plan.Expr) bool {
	for _, e := range exprs {
		if volatile(e) {
			return true
		}
	}
	return false
}
