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
	exprs []plan.Expr // nil: given
}

func (l *literalRow) Next(ctx context.Context) (*vec.Batch, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if l.exprs == nil {
		return nil, io.EOF
	}
	b := &vec.Batch{Cols: make([]vec.Vec, len(l.exprs)), Rows: 1}
	for i, e := range l.exprs {
		c := e.(*plan.Const)
		b.Cols[i] = vec.New(c.Type())
		vec.Append(b.Cols[i], c.Value)
	}
	l.exprs = nil
	return b, nil
}

func (l *literalRow) Close() error { return nil }
