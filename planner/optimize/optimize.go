// Package optimize rewrites plans into cheaper ones with the same answer: an
// ordered table of named rules, one file each. It knows nothing of text.
package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Eval computes an expression that has no columns. nil: constants are not folded.
type Eval func(plan.Expr) (types.Value, error)

// rule rewrites a whole tree, the trees of its subqueries left to the driver.
type rule struct {
	name  string
	apply func(n plan.Node, eval Eval) plan.Node
}

// rules run in this order, each once: folding shows what can be pushed,
// pushing shows what can be sought, pruning comes when nothing moves any more.
var rules = []rule{
	{"fold_constants", foldConstants},
	{"push_filters", pushFilters},
	{"equi_keys", equiKeys},
	{"push_limits", pushLimits},
	{"remove_trivial", removeTrivial},
	{"prune_columns", pruneColumns},
	{"scan_filters", scanFilters},
	{"seek", seek},
}

// Node optimizes a tree and the trees of its subqueries.
func Node(n plan.Node, eval Eval) plan.Node {
	if n == nil {
		return nil
	}
	n = subqueries(n, eval)
	for _, r := range rules {
		n = r.apply(n, eval)
	}
	return n
}

// subqueries optimizes the trees inside the expressions of a tree.
func subqueries(n plan.Node, eval Eval) plan.Node {
	return plan.MapNode(n, func(e plan.Expr) plan.Expr {
		return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
			s, ok := x.(*plan.Subquery)
			if !ok {
				return x
			}
			c := *s
			c.Input = Node(s.Input, eval)
			return &c
		})
	}, func(in plan.Node) plan.Node { return subqueries(in, eval) })
}

// Bound optimizes the trees of a statement in place; the statement is fresh
// from bind and nobody else has it.
func Bound(b *plan.Bound, eval Eval) {
	switch s := b.Statement.(type) {
	case *plan.Query:
		s.Root = Node(s.Root, eval)
	case *plan.SelectInto:
		s.Root = Node(s.Root, eval)
	case *plan.Insert:
		s.Input = Node(s.Input, eval)
	case *plan.StartJob:
		s.Root = Node(s.Root, eval)
	case *plan.CreateStream:
		if s.Job != nil {
			s.Job.Root = Node(s.Job.Root, eval)
		}
	case *plan.Explain:
		Bound(s.Target, eval)
	case *plan.Prepare:
		Bound(s.Target, eval)
	case *plan.DeclareCursor:
		Bound(s.Query, eval)
	case *plan.Copy:
		Bound(s.Query, eval)
	}
}
