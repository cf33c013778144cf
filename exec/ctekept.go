package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// kept are the rows of a part of a recursive term that is the same in every
// turn: its streams are read once, and every turn sees the same rows.
type kept struct {
	b    *builder
	n    plan.Node
	rows *operator.Spool
}

// keep finds the parts of a recursive term to be kept: the largest that read a
// stream, and neither the recursion nor the rows around them.
func (c *cte) keep() map[plan.Node]*kept {
	parts := map[plan.Node]*kept{}
	for n, k := range c.b.kept {
		parts[n] = k
	}
	var walk func(n plan.Node)
	walk = func(n plan.Node) {
		if keepable(n, c.n.ID) {
			k := &kept{b: c.b, n: n}
			c.kept = append(c.kept, k)
			parts[n] = k
			return
		}
		plan.EachExpr(n, func(e plan.Expr) {
			plan.Walk(e, func(x plan.Expr) bool {
				if s, ok := x.(*plan.Subquery); ok {
					walk(s.Input)
				}
				return true
			})
		})
		for _, in := range n.Inputs() {
			walk(in)
		}
	}
	walk(c.n.Recursive)
	return parts
}

// keepable reports whether a part reads a stream and gives the same rows
// whenever it is run.
func keepable(n plan.Node, id int) bool {
	reads, same := false, !plan.NodeHasOuter(n) && !plan.Volatile(n)
	plan.WalkAll(n, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Scan:
			reads = true
		case *plan.CTE:
			same = false
		case *plan.CTEScan:
			same = same && n.ID != id
		}
	})
	return reads && same
}

// keptLeaf reads what is kept, and runs it first where nobody has.
type keptLeaf struct {
	of   *kept
	leaf operator.Leaf
}

func (l *keptLeaf) Next(ctx context.Context) (*vec.Batch, error) {
	if l.leaf == nil {
		if l.of.rows == nil {
			rows := operator.NewSpool(schemaTypes(l.of.n), l.of.b.account.Spillable("WITH RECURSIVE"), "WITH RECURSIVE")
			if err := l.of.b.collect(ctx, l.of.n, spoolOutput{rows, -1}); err != nil {
				rows.Reset()
				return nil, err
			}
			l.of.rows = rows
		}
		l.leaf = l.of.rows.Leaf()
	}
	return l.leaf.Next(ctx)
}

func (*keptLeaf) Close() error { return nil }
