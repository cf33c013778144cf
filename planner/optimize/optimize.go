// Package optimize rewrites plans into cheaper ones with the same answer: an
// ordered table of named rules, one file each. It knows nothing of text.
package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Env is what rules may ask.
type Env struct {
	// Eval computes an expression that has no columns. nil: nothing is folded.
	Eval func(plan.Expr) (types.Value, error)
	// Continuous: the tree goes on for ever, and its scans must stay.
	Continuous bool
	// Kept: it is a job's, which keeps what its operators hold and so computes also
	// rows that end as those that keep coming.
	Kept bool
	// Cast is the function that converts one type to another, nil for none.
	Cast func(source, target types.OID) *catalog.Function
	// Rows is about how many rows a relation holds now; ok is false where its
	// connector cannot tell, or not at once. nil: nothing is known.
	Rows func(r *catalog.Relation) (rows float64, ok bool)
	// Sees says whether an index has every row of its table that is to be seen. nil:
	// each does.
	Sees func(r *catalog.Relation, x *catalog.Index) bool
	// Seeks says whether a connector begins or ends a read by a bound of a hidden
	// column. nil: each does.
	Seeks func(connector, column string) bool
	// Looks says whether a stream's connector can be asked for its rows by these of its
	// columns. nil: none can.
	Looks func(r *catalog.Relation, keys []int) bool
}

// indexes are those of a table that can be read.
func (e *Env) indexes(r *catalog.Relation) []*catalog.Index {
	if e.Sees == nil {
		return r.Table.Indexes
	}
	var seen []*catalog.Index
	for _, x := range r.Table.Indexes {
		if e.Sees(r, x) {
			seen = append(seen, x)
		}
	}
	return seen
}

// rule rewrites a whole tree, the trees of its subqueries left to the driver.
type rule struct {
	name  string
	apply func(n plan.Node, env *Env) plan.Node
}

// unnesting comes before the subqueries that stay are optimized: what becomes
// a join is optimized with the query around it.
var unnesting = []rule{
	{"fold_constants", foldConstants},
	{"decorrelate", decorrelate},
}

// rules run in this order, each once: factoring shows what can be pushed, an outer
// join less lets more through, pushing brings what asks for rows without a partner
// to its join and shows what can be inferred and sought, joins are ordered when their
// inputs are as small as they get, pruning comes when nothing moves any more.
var rules = []rule{
	{"factor_or", factorOr},
	{"reduce_outer", reduceOuter},
	{"push_filters", pushFilters},
	{"anti_join", antiJoin},
	{"infer_predicates", inferPredicates},
	{"order_joins", orderJoins},
	{"equi_keys", equiKeys},
	{"push_limits", pushLimits},
	{"remove_trivial", removeTrivial},
	{"prune_empty", pruneEmpty},
	{"prune_columns", pruneColumns},
	{"remove_identities", removeTrivial},
	{"index_join", indexJoin},
	{"build_side", buildSide},
	{"scan_filters", scanFilters},
	{"seek", seek},
	{"index_access", indexAccess},
	{"look_up", lookUp},
	{"join_forgets", joinForgets},
	{"share_expressions", shareExpressions},
}

// Node optimizes a tree and the trees of its subqueries.
func Node(n plan.Node, env *Env) plan.Node {
	if n == nil {
		return nil
	}
	for _, r := range unnesting {
		n = r.apply(n, env)
	}
	n = subqueries(n, env)
	for _, r := range rules {
		n = r.apply(n, env)
	}
	return n
}

// subqueries optimizes the trees inside the expressions of a tree.
func subqueries(n plan.Node, env *Env) plan.Node {
	inside := func(e plan.Expr) plan.Expr {
		return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
			s, ok := x.(*plan.Subquery)
			if !ok {
				return x
			}
			c := *s
			c.Input = Node(s.Input, env)
			return &c
		})
	}
	if m, ok := n.(*plan.Modify); ok {
		n = m.MapRowExprs(inside)
	}
	return plan.MapNode(n, inside, func(in plan.Node) plan.Node { return subqueries(in, env) })
}

// Bound optimizes the trees of a statement in place; the statement is fresh
// from bind and nobody else has it.
func Bound(b *plan.Bound, env *Env) {
	switch s := b.Statement.(type) {
	case *plan.Query:
		if s.Live {
			env = continuous(env)
		}
		s.Root = Node(s.Root, env)
	case *plan.SelectInto:
		s.Root = Node(s.Root, env)
	case *plan.CreateTableAs:
		if s.Input != nil {
			s.Input = Node(s.Input, env)
		}
	case *plan.Insert:
		s.Input = Node(s.Input, env)
	case *plan.Modification:
		s.Root = Node(s.Root, env)
	case *plan.CopyFrom:
		Bound(&plan.Bound{Statement: s.Insert}, env)
	case *plan.StartJob:
		s.Root = Node(s.Root, continuous(env))
	case *plan.CreateMatView:
		if s.Job != nil {
			s.Job.Root = Node(s.Job.Root, continuous(env))
		}
	case *plan.CreateStream:
		if s.Job != nil {
			s.Job.Root = Node(s.Job.Root, continuous(env))
		}
	case *plan.Explain:
		Bound(s.Target, env)
		s.Estimates = estimates(s.Target, env)
	case *plan.Prepare:
		Bound(s.Target, env)
	case *plan.DeclareCursor:
		Bound(s.Query, env)
	case *plan.Copy:
		Bound(s.Query, env)
	}
}

func continuous(env *Env) *Env {
	c := *env
	c.Continuous = true
	return &c
}
