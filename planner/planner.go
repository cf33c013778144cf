// Package planner turns text and a catalog snapshot into a plan: parse, bind,
// optimize. Floors above it plan through here alone.
package planner

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/optimize"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Context is what planning may know beside the text.
type Context = bind.Context

// Parse splits a text into statements and parses each. Statements are shared
// between callers and may not be changed.
func Parse(text string) ([]parse.Statement, error) { return parse.Cached(text) }

// Plan binds and optimizes one statement. Its errors are *sqlerr.Error with
// positions in the text that was parsed.
func Plan(ctx context.Context, c *Context, s parse.Statement) (*plan.Bound, error) {
	start := time.Now()
	env := &optimize.Env{Eval: c.Eval, Seeks: c.Seeks, Looks: c.Looks, Rows: c.Rows, Sees: c.Sees, Cast: func(source, target types.OID) *catalog.Function {
		if cast := c.Catalog.Cast(source, target); cast != nil {
			return cast.Func
		}
		return nil
	}}
	bound := *c
	bound.Continuous = func(n plan.Node, kept bool) plan.Node { return optimize.Continuous(n, env, kept) }
	b, err := bind.Bind(ctx, &bound, s)
	if err != nil {
		return nil, err
	}
	optimize.Bound(b, env)
	if e, ok := b.Statement.(*plan.Explain); ok {
		e.Planning = time.Since(start)
	}
	return b, nil
}
