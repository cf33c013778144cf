package exec

import (
	"context"
	"io"
	"runtime/debug"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// single reports whether a plan passes on at most one batch and waits for
// nothing: SELECT 1 and its like, and a row of a table by its key. It runs on the stack of who calls Next: a coroutine,
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
		case *plan.Scan:
			return pointed(x)
		default:
			return false
		}
	}
}

// pointed reports whether a scan finds one row at most.
func pointed(n *plan.Scan) bool {
	return n.Access != nil && n.Access.Index.Unique && len(n.Access.Eq) == len(n.Access.Index.Keys)
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
