package exec

import (
	"context"
	"io"
	"runtime/debug"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// single reports whether a plan passes on at most one batch and reads nothing:
// SELECT 1 and its like. It runs on the stack of who calls Next: a coroutine,
// with a stack that has to grow, would cost more than the query.
func single(n plan.Node) bool {
	for {
		switch x := n.(type) {
		case *plan.Project:
			n = x.Input
		case *plan.Filter:
			n = x.Input
		case *plan.Values:
			return len(x.Rows) <= 1
		default:
			return false
		}
	}
}

// constants returns the one row of a plan that is nothing but literals, as pings
// and health checks are, nil for every other: such a row needs no operators.
func constants(n plan.Node) []plan.Expr {
	var row []plan.Expr
	switch x := n.(type) {
	case *plan.Values:
		if len(x.Rows) == 1 {
			row = x.Rows[0]
		}
	case *plan.Project:
		if v, ok := x.Input.(*plan.Values); ok && len(v.Rows) == 1 && len(v.Rows[0]) == 0 {
			row = x.Exprs
		}
	}
	for _, e := range row {
		if _, ok := e.(*plan.Const); !ok {
			return nil
		}
	}
	return row
}

// newConstantCursor returns the row of constants.
func newConstantCursor(e *Engine, row []plan.Expr) *Cursor {
	return newSingleCursor(e, nil, func(_ context.Context, yield func(*vec.Batch) error) error {
		b := &vec.Batch{Cols: make([]vec.Vec, len(row)), Rows: 1}
		for i, x := range row {
			c := x.(*plan.Const)
			b.Cols[i] = vec.New(c.Type())
			vec.Append(b.Cols[i], c.Value)
		}
		return yield(b)
	})
}

// newSingleCursor is newCursor for a plan that is single.
func newSingleCursor(e *Engine, account *memory.Account, run func(ctx context.Context, yield func(*vec.Batch) error) error) *Cursor {
	return &Cursor{engine: e, account: account, run: run}
}

// nextSingle runs the whole plan. Its operators' buffers hold the rows until
// Close, as nothing follows them.
func (c *Cursor) nextSingle(ctx context.Context) (rows *vec.Batch, err error) {
	defer func() {
		if p := recover(); p != nil {
			rows, err = nil, c.engine.panicked("query", p, debug.Stack())
		}
		if c.err = err; err == nil {
			c.err = io.EOF
		}
	}()
	err = c.run(ctx, func(b *vec.Batch) error {
		if b.Len() > 0 {
			rows = b
		}
		return nil
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err == nil && rows == nil {
		err = io.EOF
	}
	return rows, err
}
