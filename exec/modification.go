package exec

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Modified is what a statement that changes tables has done: all of it. Its rows
// are those of RETURNING.
type Modified struct {
	Tag     string
	rows    *operator.Spool // nil: none
	leaf    operator.Leaf
	account *memory.Account
}

// Modify runs a statement that changes tables to its end. The caller closes what
// it returns.
func (t *Txn) Modify(ctx context.Context, s *plan.Modification, env *function.Env) (m *Modified, err error) {
	t.mixed = true
	b := t.builder(env)
	defer func() {
		if p := recover(); p != nil {
			err = t.e.panicked("statement", p, debug.Stack())
		}
		b.view.close()
		if err != nil {
			b.account.Close()
			m = nil
		}
	}()
	m = &Modified{account: b.account}
	var out operator.Output = noOutput{}
	if fields := s.Root.Schema(); fields != nil {
		m.rows = operator.NewSpool(schemaTypes(s.Root), b.account.Spillable("RETURNING"), "RETURNING")
		out = spoolOutput{rows: m.rows, most: -1}
	}
	count, err := b.runModification(ctx, s, out)
	if err != nil {
		return nil, err
	}
	m.Tag = modifyTag(s, count, m.rows)
	if m.rows == nil {
		b.account.Close()
	}
	return m, nil
}

// runModification runs a statement's tree, and then the WITH queries that change
// tables and that nobody has read to their end. count is how many rows the
// statement itself has changed.
func (b *builder) runModification(ctx context.Context, s *plan.Modification, out operator.Output) (count int64, err error) {
	*b.scope.ctx = ctx
	if err := b.view.txn.lockTargets(ctx, s.Root); err != nil {
		return 0, err
	}
	if err := b.view.txn.atOneCut(ctx, b, s.Root); err != nil {
		return 0, err
	}
	tree, err := b.tree(s.Root, out)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := tree.close(); err == nil {
			err = cerr
		}
		if b.ran != nil {
			b.ran(tree)
		}
	}()
	if err := tree.runBounded(ctx); err != nil {
		return 0, err
	}
	for _, c := range b.view.must {
		for !c.done {
			if err := c.turn(ctx); err != nil {
				return 0, err
			}
		}
	}
	if err := b.view.settleForeign(ctx); err != nil {
		return 0, err
	}
	top := s.Top()
	for _, n := range tree.nodes {
		if m, ok := n.op.(*modifier); ok && m.n == top {
			count = m.count
		}
	}
	return count, nil
}

func modifyTag(s *plan.Modification, count int64, rows *operator.Spool) string {
	switch s.Word {
	case "INSERT":
		return fmt.Sprintf("INSERT 0 %d", count)
	case "SELECT":
		return fmt.Sprintf("SELECT %d", rows.Rows())
	}
	return fmt.Sprintf("%s %d", s.Word, count)
}

// HasRows reports whether there is a RETURNING.
func (m *Modified) HasRows() bool { return m.rows != nil }

// Next returns rows of RETURNING, lent until the next call; io.EOF at the end.
func (m *Modified) Next(ctx context.Context) (*vec.Batch, error) {
	if m.leaf == nil {
		m.leaf = m.rows.Leaf()
	}
	return m.leaf.Next(ctx)
}

// Close gives the rows back. It may be called twice.
func (m *Modified) Close() error {
	if m.rows != nil {
		m.rows.Reset()
		m.account.Close()
		m.rows = nil
		m.leaf = operator.NewSpool(nil, m.account, "").Leaf()
	}
	return nil
}

// builder is a builder of a statement of the transaction.
func (t *Txn) builder(env *function.Env) *builder {
	b := t.e.builder(env)
	b.view = &tableView{txn: t}
	return b
}

// fill inserts the rows of a query into a new table: CREATE TABLE AS, and what
// becomes of a table that is written anew.
func (b *builder) fill(ctx context.Context, rel *catalog.Relation, in plan.Node, rules plan.RowRules) (int64, error) {
	m := &plan.Modify{Op: plan.ModifyInsert, Target: rel, Alias: rel.Name, Input: in, Once: true, Rules: rules}
	defer b.done()
	return b.runModification(ctx, &plan.Modification{Root: m, Word: "INSERT"}, noOutput{})
}

// CopyIn runs the INSERT of a COPY FROM over the rows that src reads from the
// client, and returns how many there were.
func (t *Txn) CopyIn(ctx context.Context, c *plan.CopyFrom, src operator.Leaf, env *function.Env) (n int64, err error) {
	t.mixed = true
	b := t.builder(env)
	b.copied = src
	switch s := c.Insert.(type) {
	case *plan.Modification:
		defer b.done()
		defer func() {
			if p := recover(); p != nil {
				err = t.e.panicked("COPY", p, debug.Stack())
			}
		}()
		return b.runModification(ctx, s, noOutput{})
	case *plan.Insert:
		defer b.view.close()
		return t.insertRows(ctx, s, b)
	}
	b.account.Close()
	return 0, sqlerr.Errorf(sqlerr.InternalError, "COPY FROM does %T", c.Insert)
}
