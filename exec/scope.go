package exec

import (
	"context"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// scope runs the subqueries of one query's expressions, and shows those
// expressions the rows of the queries around it. The outermost query's scope has
// no parent and no row.
type scope struct {
	b      *builder
	parent *scope
	batch  *vec.Batch // the current row of the query one level out
	row    int
	// ctx is the running statement's; all scopes of one statement share it. It
	// stands here because a program's Run has none to pass on.
	ctx *context.Context
}

var _ expr.Scope = (*scope)(nil)

func newScope(b *builder) *scope {
	ctx := context.Background()
	return &scope{b: b, ctx: &ctx}
}

// Outer returns a column of the row depth levels out.
func (s *scope) Outer(depth, index int, t types.Type) types.Value {
	for ; depth > 1; depth-- {
		s = s.parent
	}
	return vec.Get(s.batch.Cols[index], s.row, t)
}

// Subquery prepares a subquery of an expression.
func (s *scope) Subquery(q *plan.Subquery) (expr.Subquery, error) {
	p := s.b.subplan(q.Input)
	switch q.Kind {
	case plan.SubExists:
		p.most = 1
	case plan.SubScalar:
		p.most = 2 // the second is the error
	}
	return &subquery{plan: p, ctx: s.ctx}, nil
}

// subquery is a subplan as an expression reads it.
type subquery struct {
	plan *subplan
	ctx  *context.Context
	rows *operator.Spool
	leaf operator.Leaf
}

func (q *subquery) Open(outer *vec.Batch, row int) error {
	rows, err := q.plan.Run(*q.ctx, outer, row)
	if err != nil {
		return err
	}
	q.rows, q.leaf = rows, rows.Leaf()
	return nil
}

func (q *subquery) Next() (*vec.Batch, error) {
	if q.leaf == nil {
		return nil, io.EOF
	}
	return q.leaf.Next(*q.ctx)
}

func (q *subquery) Close() error {
	q.rows, q.leaf = nil, nil
	return nil
}

// spoolOutput keeps rows, and wants no more than most of them (-1: all).
type spoolOutput struct {
	rows *operator.Spool
	most int64
}

func (o spoolOutput) Emit(_ context.Context, b *vec.Batch) error {
	if err := o.rows.Add(b); err != nil {
		return err
	}
	if o.most >= 0 && o.rows.Rows() >= o.most {
		return errEnough
	}
	return nil
}
