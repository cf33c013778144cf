package gateway

import (
	"context"
	"io"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// literalRow is a Cursor over one row of literals, which asks nothing of the
// engine.
type literalRow struct {
	row *vec.Batch // nil: given
}

func (l *literalRow) Next(ctx context.Context) (*vec.Batch, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if l.row == nil {
		return nil, io.EOF
	}
	row := l.row
	l.row = nil
	return row, nil
}

func (l *literalRow) Close() error { return nil }

// literalCache keeps the row of the literal query that a session asked last: a
// pool's health check asks the same one again and again.
type literalCache struct {
	query *plan.Query
	row   *vec.Batch
}

// rows returns the one row of a query of literals, nil for another query. The
// batch is read only.
func (c *literalCache) rows(q *plan.Query) *cursorRows {
	if c.query != q {
		exprs := q.Literals()
		if exprs == nil {
			return nil
		}
		*c = literalCache{q, literalBatch(exprs)}
	}
	rows := &struct {
		cursorRows
		literal literalRow
	}{cursorRows{instant: true}, literalRow{c.row}}
	rows.cursor = &rows.literal
	return &rows.cursorRows
}

func literalBatch(exprs []plan.Expr) *vec.Batch {
	b := &vec.Batch{Cols: make([]vec.Vec, len(exprs)), Rows: 1}
	for i, e := range exprs {
		c := e.(*plan.Const)
		b.Cols[i] = vec.New(c.Type())
		vec.Append(b.Cols[i], c.Value)
	}
	return b
}
