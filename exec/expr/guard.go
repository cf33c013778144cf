package expr

import (
	"context"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// guard watches a function that is called for each row of a batch: a few calls
// may take long, and a thousand results may be large.
type guard struct {
	ctx   context.Context
	done  <-chan struct{} // of ctx
	text  *vec.Bytes      // nil: the results have a fixed size; of arrays, their items
	list  bool
	most  int  // bytes of text
	setBy bool // by the query's limit
	cut   *cut // nil: the batch cannot be cut
	err   error
}

func newGuard(env *function.Env, out vec.Vec, c *cut) guard {
	g := guard{ctx: env.Context, most: math.MaxInt32, cut: c}
	if g.ctx != nil {
		g.done = g.ctx.Done()
	}
	if l, ok := out.(*vec.List); ok {
		out, g.list = l.Elem, true
	}
	g.text, _ = out.(*vec.Bytes)
	if env.MemoryLimit > 0 && env.MemoryLimit < math.MaxInt32 {
		g.most, g.setBy = int(env.MemoryLimit), true
	}
	return g
}

// look returns the error of a query that has ended. It is asked before each call,
// which costs more: what is polled is a channel, and not ctx with its lock.
func (g *guard) look() error {
	if g.err != nil {
		return g.err
	}
	select {
	case <-g.done:
		g.err = context.Cause(g.ctx)
	default:
	}
	return g.err
}

// fits returns an error where the results would be too large with one more.
func (g *guard) fits(v types.Value) error {
	if g.text == nil {
		return nil
	}
	n := len(g.text.Data) + len(v.S)
	if g.list && v.A != nil {
		for i := range v.A.Elems {
			n += len(v.A.Elems[i].S)
		}
	}
	switch {
	case n <= g.cut.limit(g.most):
		return nil
	case g.cut != nil && g.cut.most > 0:
		g.cut.over = true
		return nil
	case !g.setBy:
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%s", vec.TooLong{}.Error()).
			WithHint("Select shorter values, or fewer at once.")
	}
	return function.OverLimit(n, g.most)
}
