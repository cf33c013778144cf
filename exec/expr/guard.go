package expr

import (
	"context"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// guard watches a function that is called for each row of a batch: a thousand
// calls may take long, and a thousand results may be large.
type guard struct {
	ctx   context.Context
	text  *vec.Bytes // nil: the results have a fixed size; of arrays, their items
	list  bool
	most  int  // bytes of text
	setBy bool // by the query's limit
	next  int  // row at which ctx is asked
	size  int  // bytes of text at which it is asked before that
	err   error
}

// Rows, and bytes of results, between two looks at whether the query has ended.
const (
	rowsPerLook  = 64
	bytesPerLook = 1 << 20
)

func newGuard(env *function.Env, out vec.Vec) guard {
	g := guard{ctx: env.Context, most: math.MaxInt32}
	if l, ok := out.(*vec.List); ok {
		out, g.list = l.Elem, true
	}
	g.text, _ = out.(*vec.Bytes)
	if env.MemoryLimit > 0 && env.MemoryLimit < math.MaxInt32 {
		g.most, g.setBy = int(env.MemoryLimit), true
	}
	return g
}

// look returns the error of a query that has ended.
func (g *guard) look(row int) error {
	if g.err != nil || g.ctx == nil {
		return g.err
	}
	if row < g.next && (g.text == nil || len(g.text.Data) < g.size) {
		return nil
	}
	g.next = row + rowsPerLook
	if g.text != nil {
		g.size = len(g.text.Data) + bytesPerLook
	}
	g.err = context.Cause(g.ctx)
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
	case n <= g.most:
		return nil
	case !g.setBy:
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%s", vec.TooLong{}.Error()).
			WithHint("Select shorter values, or fewer at once.")
	}
	return function.OverLimit(n, g.most)
}
