package optimize

import "github.com/ferrisstreams/ferrisstreams/planner/plan"

// pruneEmpty replaces what can have no rows (WHERE false, LIMIT 0, catalogs of what does
// not exist here) by no rows:
// clients ask so for the columns of a stream and must not wait for its records.
func pruneEmpty(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return pruneEmpty(in, env) })
	switch x := n.(type) {
	case *plan.VirtualScan:
		if x.Relation.Rowless {
			return nothing(n)
		}
	case *plan.Filter:
		if v, ok := constant(x.Cond); ok && (v.Null || !v.Bool()) {
			return nothing(n)
		}
		if empty(x.Input) {
			return nothing(n)
		}
	case *plan.Limit:
		if v, ok := constant(x.Count); ok && !v.Null && v.I == 0 || empty(x.Input) {
			return nothing(n)
		}
	case *plan.Project:
		if empty(x.Input) {
			return nothing(n)
		}
	case *plan.Sort:
		if empty(x.Input) {
			return nothing(n)
		}
	case *plan.DistinctNode:
		if empty(x.Input) {
			return nothing(n)
		}
	case *plan.Window:
		if empty(x.Input) {
			return nothing(n)
		}
	case *plan.CTE:
		if !reads(x.Body, x.ID) && !plan.Modifies(x.Query) {
			return x.Body
		}
	case *plan.Join:
		if v, ok := constant(x.Cond); ok && (v.Null || !v.Bool()) && (x.Kind == plan.JoinInner || x.Kind == plan.JoinSemi) {
			return nothing(n)
		}
		if empty(x.Left) && (x.Kind == plan.JoinInner || x.Kind == plan.JoinLeft || x.Kind.KeepsLeft()) ||
			empty(x.Right) && (x.Kind == plan.JoinInner || x.Kind == plan.JoinRight || x.Kind == plan.JoinSemi) {
			return nothing(n)
		}
	}
	return n
}

// reads reports whether a WITH query is still asked for.
func reads(n plan.Node, id int) bool {
	found := false
	plan.WalkAll(n, func(n plan.Node) {
		s, ok := n.(*plan.CTEScan)
		found = found || ok && s.ID == id
	})
	return found
}

// nothing has n's columns and no row.
func nothing(n plan.Node) plan.Node { return &plan.Values{Fields: n.Schema()} }

func empty(n plan.Node) bool {
	v, ok := n.(*plan.Values)
	return ok && len(v.Rows) == 0
}
