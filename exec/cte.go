package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// cte is a WITH query. It runs when the first of its scans is read, and keeps
// its rows for the others.
type cte struct {
	b    *builder
	n    *plan.CTE
	rows *operator.Spool
}

func (b *builder) cte(t *tree, n *plan.CTE, to target) error {
	if b.live && n.Recursive != nil {
		return sqlerr.Unsupported("Remove EMIT CHANGES.", "a live recursive query is not supported")
	}
	defined := *b
	b.ctes[n.ID] = &cte{b: &defined, n: n}
	return b.node(t, n.Body, to)
}

func (b *builder) cteScan(t *tree, n *plan.CTEScan, to target) error {
	c := b.ctes[n.ID]
	if c == nil {
		return sqlerr.Errorf(sqlerr.InternalError, "WITH query %q is not defined where it is read", n.Name)
	}
	if b.live && !plan.Derive(c.n.Query).Bounded {
		// A live query has no end at which its rows could be kept: each scan
		// runs it.
		live := *c.b
		live.live, live.scanned = true, b.scanned
		return live.node(t, c.n.Query, to)
	}
	b.leaf(t, n, &cteLeaf{cte: c}, to)
	return nil
}

// cteLeaf reads a WITH query's rows.
type cteLeaf struct {
	cte  *cte
	leaf operator.Leaf
}

func (l *cteLeaf) Next(ctx context.Context) (*vec.Batch, error) {
	if l.leaf == nil {
		if l.cte.rows == nil {
			if err := l.cte.run(ctx); err != nil {
				return nil, err
			}
		}
		l.leaf = l.cte.rows.Leaf()
	}
	return l.leaf.Next(ctx)
}

func (*cteLeaf) Close() error { return nil }

// run computes the query's rows.
func (c *cte) run(ctx context.Context) error {
	b := *c.b
	b.live = false
	all := c.spool()
	if c.n.Recursive == nil {
		if err := b.collect(ctx, c.n.Query, spoolOutput{all, -1}); err != nil {
			return err
		}
		c.rows = all
		return nil
	}
	return c.recurse(ctx, &b, all)
}

// recurse runs the recursive term over the rows of the turn before, until a turn
// brings none. With UNION a row counts only the first time.
func (c *cte) recurse(ctx context.Context, b *builder, all *operator.Spool) error {
	var once *operator.Distinct
	if c.n.Distinct {
		once = operator.NewDistinct(nil, schemaTypes(c.n.Query), b.account, nil)
		defer once.Close()
	}
	// The recursive term's scans read this one: the rows of the turn before.
	working := &cte{n: c.n, rows: c.spool()}
	if err := b.collect(ctx, c.n.Query, turn{once, working.rows, all}); err != nil {
		return err
	}
	b.ctes[c.n.ID] = working
	defer func() { b.ctes[c.n.ID] = c }()
	for working.rows.Rows() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := c.spool()
		if err := b.collect(ctx, c.n.Recursive, turn{once, next, all}); err != nil {
			return err
		}
		working.rows.Reset()
		working.rows = next
	}
	c.rows = all
	return nil
}

func (c *cte) spool() *operator.Spool {
	return operator.NewSpool(schemaTypes(c.n.Query), c.b.account, "WITH "+c.n.Name)
}

// turn keeps the rows of one turn of a recursive query, in the turn's own spool
// and in that of all.
type turn struct {
	once      *operator.Distinct // nil: UNION ALL
	this, all *operator.Spool
}

func (t turn) Emit(ctx context.Context, b *vec.Batch) error {
	if t.once != nil {
		return t.once.Process(ctx, 0, b, turn{nil, t.this, t.all})
	}
	if err := t.this.Add(b); err != nil {
		return err
	}
	return t.all.Add(b)
}

// collect runs a plan to its end.
func (b *builder) collect(ctx context.Context, n plan.Node, out operator.Output) error {
	t, err := b.tree(n, out)
	if err != nil {
		return err
	}
	err = t.runBounded(ctx)
	if cerr := t.close(); err == nil {
		err = cerr
	}
	if b.subs != nil {
		*b.subs = append(*b.subs, t)
	}
	return err
}
