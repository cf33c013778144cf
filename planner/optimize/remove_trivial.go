package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// removeTrivial drops what does nothing: a filter that is always true, a
// projection of a projection. A projection of the same columns goes too, unless
// it gives them other names.
func removeTrivial(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return removeTrivial(in, env) })
	switch x := n.(type) {
	case *plan.Filter:
		if v, ok := constant(x.Cond); ok && !v.Null && v.Bool() {
			return x.Input
		}
	case *plan.Join:
		if x.Cond == nil {
			break
		}
		if v, ok := constant(x.Cond); ok && !v.Null && v.Bool() {
			c := *x
			c.Cond = nil
			return &c
		}
	case *plan.Project:
		if p := mergeProjects(x); p != nil {
			return removeTrivial(p, env)
		}
		if identity(x) {
			return x.Input
		}
	}
	return n
}

// mergeProjects makes one projection of two, nil where an expression of the
// lower one would be computed more often than now.
func mergeProjects(p *plan.Project) *plan.Project {
	in, ok := p.Input.(*plan.Project)
	if !ok {
		return nil
	}
	uses := make([]int, len(in.Exprs))
	inner := make([]bool, len(in.Exprs))
	for _, e := range p.Exprs {
		plan.EachColumn(e, func(r plan.Ref) {
			uses[r.Index]++
			inner[r.Index] = inner[r.Index] || r.Inner
		})
	}
	for i, e := range in.Exprs {
		switch e.(type) {
		case *plan.Column, *plan.Const, *plan.Outer, *plan.Param:
			if _, column := e.(*plan.Column); !column && inner[i] {
				return nil
			}
			continue
		}
		if uses[i] > 1 || inner[i] || volatile(e) {
			return nil
		}
	}
	out := &plan.Project{Input: in.Input, Fields: p.Fields}
	for _, e := range p.Exprs {
		out.Exprs = append(out.Exprs, plan.MapColumns(e, func(c *plan.Column) plan.Expr { return in.Exprs[c.Index] }))
	}
	return out
}

// identity reports whether a projection passes its input on as it is.
func identity(p *plan.Project) bool {
	fields := p.Input.Schema()
	if len(fields) != len(p.Exprs) {
		return false
	}
	for i, e := range p.Exprs {
		c, ok := e.(*plan.Column)
		if !ok || c.Index != i || fields[i].Name != p.Fields[i].Name || fields[i].Type != p.Fields[i].Type {
			return false
		}
	}
	return true
}
