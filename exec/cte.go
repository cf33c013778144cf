package exec

import (
	"context"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// cte is a WITH query. It runs as far as its scans read it, and keeps its rows
// for the others: the whole query at the first read, a recursive one turn by
// turn, so that a LIMIT ends one that has no end of its own. The tree that
// defines it closes it.
type cte struct {
	b    *builder
	n    *plan.CTE
	disk *operator.SpoolFile // for what memory has no room for
	runs []*operator.Spool   // of each turn its rows; without recursion there is one
	done bool
	once *operator.Distinct // of a recursive UNION, what was seen so far
	// term builds the recursive term, whose parts that no turn changes are kept.
	term *builder
	kept []*kept
}

func (b *builder) cte(t *tree, n *plan.CTE, to target) error {
	if b.live && n.Recursive != nil {
		return sqlerr.Unsupported("Remove EMIT CHANGES.", "a live recursive query is not supported")
	}
	defined := *b
	defined.live = false
	c := &cte{b: &defined, n: n, disk: operator.NewSpoolFile(defined.holder(t, n))}
	b.ctes[n.ID] = c
	t.ctes = append(t.ctes, c)
	if plan.Modifies(n.Query) {
		b.view.must = append(b.view.must, c)
	}
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
	next int // of the cte's runs
	leaf operator.Leaf
}

func (l *cteLeaf) Next(ctx context.Context) (*vec.Batch, error) {
	for {
		if l.leaf != nil {
			b, err := l.leaf.Next(ctx)
			if !errors.Is(err, io.EOF) {
				return b, err
			}
			l.leaf = nil
		}
		if l.next == len(l.cte.runs) {
			if l.cte.done {
				return nil, io.EOF
			}
			if err := l.cte.turn(ctx); err != nil {
				return nil, err
			}
			continue
		}
		l.leaf = l.cte.runs[l.next].Leaf()
		l.next++
	}
}

func (*cteLeaf) Close() error { return nil }

// turn computes more rows: those of the query, or those of its recursive term
// over the rows of the turn before. It is done with a turn that brings none.
func (c *cte) turn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	rows := c.disk.Spool(schemaTypes(c.n.Query), "WITH "+c.n.Name)
	out := turnOutput{nil, rows}
	if c.n.Distinct {
		if c.once == nil {
			c.once = operator.NewDistinct(nil, schemaTypes(c.n.Query), c.b.account, nil)
			c.once.Hashed()
		}
		out.once = c.once
	}
	b, n := c.b, c.n.Query
	if len(c.runs) > 0 {
		if c.term == nil {
			term := *c.b
			term.kept = c.keep()
			c.term = &term
		}
		// The term's scans read this one: the rows of the turn before.
		b, n = c.term, c.n.Recursive
		b.ctes[c.n.ID] = &cte{n: c.n, runs: c.runs[len(c.runs)-1:], done: true}
		defer func() { b.ctes[c.n.ID] = c }()
	}
	if err := b.collect(ctx, n, out); err != nil {
		rows.Reset()
		return err
	}
	c.done = c.n.Recursive == nil || rows.Rows() == 0
	c.runs = append(c.runs, rows)
	return c.disk.Relieve(c.runs)
}

// close gives the rows back.
func (c *cte) close() error {
	for _, r := range c.runs {
		r.Reset()
	}
	for _, k := range c.kept {
		if k.rows != nil {
			k.rows.Reset()
		}
	}
	c.runs, c.kept, c.done = nil, nil, true
	if c.once == nil {
		return nil
	}
	return c.once.Close()
}

// turnOutput keeps the rows of one turn; with UNION a row counts only the first
// time.
type turnOutput struct {
	once *operator.Distinct // nil: UNION ALL
	rows *operator.Spool
}

func (t turnOutput) Emit(ctx context.Context, b *vec.Batch) error {
	if t.once != nil {
		return t.once.Process(ctx, 0, b, turnOutput{nil, t.rows})
	}
	return t.rows.Add(b)
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
	if b.ran != nil {
		b.ran(t)
	}
	return err
}
