package exec

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime/debug"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Cursor is a query that runs while its rows are asked for. The plan runs as a
// coroutine of whoever calls Next, so a batch reaches the client's buffer on the
// goroutine that made it and is copied nowhere. A live query has besides one
// goroutine per stream, which reads ahead.
type Cursor struct {
	engine  *Engine
	cancel  context.CancelCauseFunc
	account *memory.Account
	ops     bool

	run func(context.Context, func(*vec.Batch) error) error // of a single one, which has no coroutine

	mu   sync.Mutex // held while the plan runs
	next func() (*vec.Batch, bool)
	stop func()
	err  error // of the plan; io.EOF: it ended
	once sync.Once

	opCol vec.Bytes
	opOut vec.Batch
}

// errClosed is what a plan is stopped with when its cursor is closed.
var errClosed = errors.New("the cursor is closed")

// newCursor starts nothing: the plan runs at the first Next. run ends when its
// context does, and passes rows to yield, which says errClosed when nobody wants
// more.
func newCursor(e *Engine, ops bool, account *memory.Account, run func(ctx context.Context, yield func(*vec.Batch) error) error) *Cursor {
	ctx, cancel := context.WithCancelCause(e.ctx)
	c := &Cursor{engine: e, cancel: cancel, account: account, ops: ops, err: nil}
	c.next, c.stop = iter.Pull(func(yield func(*vec.Batch) bool) {
		defer func() {
			if p := recover(); p != nil {
				c.err = e.panicked("query", p, debug.Stack())
			}
		}()
		err := run(ctx, func(b *vec.Batch) error {
			if b.Len() == 0 {
				return nil
			}
			if ops {
				b = c.withOps(b)
			}
			if !yield(b) {
				return errClosed
			}
			return nil
		})
		if err == nil {
			err = io.EOF
		}
		c.err = err
	})
	return c
}

// Next returns rows, which are valid until the next call; io.EOF at the end. When
// ctx ends, so does the query, and the error is ctx's cause. For a query that
// shows changes, column 0 is the op as text, + or -.
func (c *Cursor) Next(ctx context.Context) (*vec.Batch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	if err := context.Cause(ctx); err != nil {
		if c.cancel != nil {
			c.cancel(err)
		}
		c.err = err
		return nil, err
	}
	if c.run != nil {
		return c.nextSingle(ctx)
	}
	release := context.AfterFunc(ctx, func() { c.cancel(context.Cause(ctx)) })
	b, ok := c.next()
	release()
	if ok {
		return b, nil
	}
	if c.err == nil {
		c.err = errClosed
	}
	if !errors.Is(c.err, io.EOF) {
		// What a cancelled plan says is why it was cancelled.
		if cause := context.Cause(ctx); cause != nil {
			c.err = cause
		} else if errors.Is(c.err, context.Canceled) && c.engine.ctx.Err() != nil {
			c.err = context.Cause(c.engine.ctx)
		}
	}
	return nil, c.err
}

// Close ends the query and returns when it has stopped. Any goroutine may call
// it, and twice.
func (c *Cursor) Close() error {
	c.once.Do(func() {
		if c.cancel != nil {
			c.cancel(errClosed)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stop != nil {
			c.stop()
		}
		if c.err == nil {
			c.err = errClosed
		}
	})
	return nil
}

// Peak is the most memory that the query's operators held, in bytes.
func (c *Cursor) Peak() int64 { return c.account.Peak() }

// withOps puts the ops into a leading text column.
func (c *Cursor) withOps(b *vec.Batch) *vec.Batch {
	c.opCol.Reset()
	for i := range b.Rows {
		if b.Op(i) == vec.Delete {
			c.opCol.AppendString("-")
		} else {
			c.opCol.AppendString("+")
		}
	}
	c.opOut.Cols = append(append(c.opOut.Cols[:0], &c.opCol), b.Cols...)
	c.opOut.Ops, c.opOut.Sel, c.opOut.Rows = b.Ops, b.Sel, b.Rows
	return &c.opOut
}

// panicked logs a panic with its stack and returns what the client is told.
func (e *Engine) panicked(who string, p any, stack []byte) error {
	if long, ok := p.(vec.TooLong); ok {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%s", long.Error()).WithHint("Select shorter values, or fewer at once.")
	}
	e.log.Error("panic in a task", "task", who, "panic", p, "stack", string(stack))
	return sqlerr.Errorf(sqlerr.InternalError, "internal error: %v", p).
		WithDetail("The stack is in the server's log.")
}
