// Package pipelines runs jobs over files and compares what they write with
// goldens: straight through, ended and started again at random moments, and with
// batches of random sizes. The rows must be the same each time.
package pipelines

import (
	"context"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// engine is what runs one data directory from one start to the next.
type engine struct {
	store   *state.Store
	catalog *catalog.Catalog
	*exec.Engine
	list []stream.Connector
}

// open opens a data directory.
func open(ctx context.Context, dir string, roots []string) (*engine, error) {
	store, err := state.Open(state.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	e := &engine{store: store}
	if e.catalog, err = catalog.Open(store, function.Builtins()); err != nil {
		return nil, err
	}
	e.list = connectors.All()
	e.Engine, err = exec.New(exec.Options{
		Store: store, Catalog: e.catalog, Connectors: e.list, Env: stream.Env{FileRoots: roots},
		Plan: e.planJob, Checkpoint: time.Millisecond, SplitPoll: 10 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return e, e.Start(ctx)
}

// close ends the engine at once: epochs that run are cut short, as ctx of a
// shutdown that has no time left does.
func (e *engine) close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = e.Drain(ctx) // it says that it was cut short
	return e.store.Close()
}

func (e *engine) context() *bind.Context {
	return &bind.Context{
		Catalog: e.catalog.Snapshot(), SearchPath: []string{"public"}, User: "ferris", Database: "ferris", Infer: e.Infer,
		Hidden: func(name string) []catalog.Column {
			for _, c := range e.list {
				if c.Name() == name {
					return c.PseudoColumns()
				}
			}
			return nil
		},
	}
}

func (e *engine) planJob(ctx context.Context, s *catalog.Snapshot, job *catalog.Job) (*plan.StartJob, error) {
	b, _, err := e.plan(ctx, s, job.Text)
	if err != nil {
		return nil, err
	}
	switch x := b[0].Statement.(type) {
	case *plan.StartJob:
		return x, nil
	case *plan.CreateStream:
		return x.Job, nil
	}
	return nil, fmt.Errorf("%q is no job", job.Text)
}

func (e *engine) plan(ctx context.Context, s *catalog.Snapshot, sql string) ([]*plan.Bound, *function.Env, error) {
	env := &function.Env{Context: ctx, Catalog: s, Format: types.DefaultFormat(), SearchPath: []string{"public"}, User: "ferris", Database: "ferris"}
	c := e.context()
	c.Catalog = s
	c.Eval = func(x plan.Expr) (types.Value, error) { return expr.Eval(x, env) }
	statements, err := planner.Parse(sql)
	if err != nil {
		return nil, nil, err
	}
	var all []*plan.Bound
	for _, st := range statements {
		b, err := planner.Plan(ctx, c, st)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, b)
	}
	return all, env, nil
}

// run runs statements, each in a transaction of its own.
func (e *engine) run(ctx context.Context, sql string) error {
	statements, err := planner.Parse(sql)
	if err != nil {
		return err
	}
	for _, st := range statements {
		if err := e.one(ctx, st.Text); err != nil {
			return fmt.Errorf("%s: %w", st.Text, err)
		}
	}
	return nil
}

func (e *engine) one(ctx context.Context, sql string) error {
	t := e.Begin()
	defer t.Rollback()
	b, env, err := e.plan(ctx, t.Snapshot(), sql)
	if err != nil {
		return err
	}
	if _, err := t.Exec(ctx, b[0], env); err != nil {
		return err
	}
	return t.Commit(ctx)
}
