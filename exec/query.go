package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// builder returns a builder for one statement, with an account of its own.
func (e *Engine) builder(env *function.Env) *builder {
	limit := e.o.QueryMemory
	if env.MemoryLimit > 0 {
		limit = env.MemoryLimit
	}
	b := &builder{engine: e, env: env, account: e.o.Memory.Child("the query", limit, memory.QuerySetting), ctes: map[int]*cte{}, view: &tableView{}}
	b.scope = newScope(b)
	return b
}

// query builds a query's tree and returns the cursor that runs it.
func (e *Engine) query(b *builder, q *plan.Query) (*Cursor, error) {
	out := &yieldOutput{}
	t, err := b.tree(q.Root, out)
	if err != nil {
		b.view.close()
		return nil, err
	}
	b.followAtCuts(q.Root)
	run := func(ctx context.Context, yield func(*vec.Batch) error) (err error) {
		out.yield = yield
		*b.scope.ctx = ctx
		defer func() {
			if cerr := t.close(); err == nil {
				err = cerr
			}
			b.done()
		}()
		if q.Live {
			return t.runLive(ctx, e)
		}
		return t.runBounded(ctx)
	}
	if single(q.Root) && !q.Ops {
		return newSingleCursor(e, b.account, run), nil
	}
	return newCursor(e, q.Ops, b.account, run), nil
}

// yieldOutput is the top of a query's tree.
type yieldOutput struct{ yield func(*vec.Batch) error }

func (o *yieldOutput) Emit(_ context.Context, b *vec.Batch) error { return o.yield(b) }

// collectRows runs a bounded plan in the foreground and passes its rows to out.
func (e *Engine) collectRows(ctx context.Context, env *function.Env, n plan.Node, out func(context.Context, *vec.Batch) error) error {
	b := e.builder(env)
	defer b.done()
	*b.scope.ctx = ctx
	return b.collect(ctx, n, outputFunc(out))
}

type outputFunc func(context.Context, *vec.Batch) error

func (f outputFunc) Emit(ctx context.Context, b *vec.Batch) error { return f(ctx, b) }
