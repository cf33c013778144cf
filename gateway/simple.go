package gateway

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// simpleQuery is a Query message: its statements are one implicit transaction,
// and the first error ends it.
func (x *session) simpleQuery(d *decoder) {
	text := d.text()
	err := d.end()
	if err == nil {
		// The unnamed statement and portal last until the next Query.
		delete(x.prepared, "")
		x.dropPortal("")
		err = x.queryString(text)
	}
	if err != nil {
		x.fail(err)
	}
	if !x.leaving {
		x.ready()
	}
}

func (x *session) queryString(text []byte) error {
	if c := x.cachedPlan(text); c != nil {
		return x.simpleStatement(c.bound, c, nil, true, x.replanText(text))
	}
	if c, params := x.templated(text); c != nil {
		return x.simpleStatement(c.bound, c, params, true, x.replanText(text))
	}
	if err := types.CheckUTF8(text); err != nil {
		return err
	}
	query := string(text)
	x.activity.query(x, query)
	statements, err := x.server.opts.Planner.Parse(query)
	if err != nil {
		return err
	}
	if len(statements) == 0 {
		x.w.message('I')
		return nil
	}
	for i, st := range statements {
		x.txn.implicit = len(statements) > 1 && !x.txn.block
		var b *plan.Bound
		err := x.statement(func(ctx context.Context) (err error) {
			b, err = x.plan(ctx, st, nil)
			return err
		})
		if err != nil {
			return err
		}
		var c *cachedPlan
		if len(statements) == 1 {
			c = x.cachePlan(query, query, st, b)
			_ = x.statement(func(ctx context.Context) error {
				x.noteTemplate(ctx, query, b)
				return nil
			})
		}
		if err := x.simpleStatement(b, c, nil, i == len(statements)-1, func(ctx context.Context) (*plan.Bound, error) { return x.plan(ctx, st, nil) }); err != nil {
			return err
		}
	}
	x.txn.implicit = false
	return nil
}

// replanText plans the one statement of a Query string, as it is written.
func (x *session) replanText(text []byte) func(context.Context) (*plan.Bound, error) {
	return func(ctx context.Context) (*plan.Bound, error) { return x.planText(ctx, string(text), nil) }
}

// simpleStatement runs one statement of a Query string and answers it. c is its
// entry in the plan cache, nil if it has none; params are those of a template, and
// again plans it anew, with or without them.
func (x *session) simpleStatement(b *plan.Bound, c *cachedPlan, params []types.Value, last bool, again func(context.Context) (*plan.Bound, error)) error {
	return x.statement(func(ctx context.Context) error {
		x.notices(b.Notices)
		var ready *exec.Ready
		if c != nil {
			ready = &c.ready
		}
		o, err := x.runAsAltered(ctx, b, params, ready, again)
		if err != nil {
			return err
		}
		var n int64
		if o.rows != nil {
			defer o.rows.close()
			if n, err = x.simpleRows(ctx, o, c); err != nil {
				return err
			}
			if err := o.rows.close(); err != nil {
				return err
			}
		}
		if last && !x.txn.block {
			// Before the tag: a statement whose transaction fails did not succeed.
			if err := x.commit(ctx); err != nil {
				return err
			}
		}
		x.complete(o, n)
		return nil
	})
}

// simpleRows sends a statement's columns and all its rows.
func (x *session) simpleRows(ctx context.Context, o *outcome, c *cachedPlan) (int64, error) {
	x.interrupt.returnsRows()
	if o.copy != nil {
		return x.copyOut(ctx, o)
	}
	var err error
	if c != nil {
		err = c.describe(x.w)
		o.enc = c.encoder(x, o.fields)
	} else {
		err = x.w.rowDescription(o.fields, o.formats())
		o.enc = newRowEncoder(o.fields, o.formats(), x.format(), x.charset())
	}
	if err != nil {
		return 0, err
	}
	if o.rows.endless {
		x.noticeLive()
	}
	n, _, err := x.sendRows(ctx, o.rows, 0, o.enc.write)
	return n, err
}

// noticeLive tells whoever waits for the end that there is none.
func (x *session) noticeLive() {
	n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "the query is live: it ends when it is cancelled").
		WithHint(`psql prints the rows of a query at its end; COPY (SELECT ... EMIT CHANGES) TO STDOUT prints them as they come, as does \set FETCH_COUNT 1 before the query.`)
	n.Severity = "NOTICE"
	x.notice(n)
}

// complete sends CommandComplete, or EmptyQueryResponse.
func (x *session) complete(o *outcome, n int64) {
	x.advise()
	switch {
	case o.empty:
		x.w.message('I')
	case o.word != "":
		x.w.commandCount(o.word, n+o.counted)
	default:
		x.w.commandComplete(o.tag)
	}
}

// formats are the result formats of the simple protocol: text, but for a
// BINARY cursor's rows.
func (o *outcome) formats() []int16 {
	if o.rows != nil && o.rows.binary {
		return []int16{1}
	}
	return nil
}
