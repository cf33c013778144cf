// Package pipelines runs jobs over files and topics and compares what they write
// with goldens: straight through, with their records in random pieces, spread over
// partitions, and in a process that is killed at random moments. The answer must
// be the same each time.
package pipelines

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// engine is what runs one data directory from one start to the next.
type engine struct {
	store   *state.Store
	tables  *table.Tables
	catalog *catalog.Catalog
	*exec.Engine
	list    []stream.Connector
	server  *pgcatalog.Server
	streams *streams
}

// openEngine opens a data directory in dir, whose files jobs may read and write.
func openEngine(ctx context.Context, dir, brokers string) (e *engine, err error) {
	e = &engine{streams: newStreams(), server: &pgcatalog.Server{}}
	defer func() {
		if err != nil {
			_ = e.close()
		}
	}()
	if e.store, err = state.Open(state.Options{Dir: filepath.Join(dir, "data")}); err != nil {
		return nil, err
	}
	if e.catalog, err = catalog.Open(e.store, function.Builtins(), pgcatalog.Relations()...); err != nil {
		return nil, err
	}
	if err = moreTasks(e.catalog); err != nil {
		return nil, err
	}
	if e.tables, err = table.Open(e.store, table.Options{}); err != nil {
		return nil, err
	}
	for _, c := range connectors.All() {
		if c.Name() == "kafka" || c.Name() == "file" {
			c = watched{c, e.streams}
		}
		e.list = append(e.list, c)
	}
	e.Engine, err = exec.New(exec.Options{
		Store: e.store, Catalog: e.catalog, Tables: e.tables, Connectors: e.list, Server: e.server,
		Env:  stream.Env{FileRoots: []string{dir}, Brokers: brokers, Compile: e.compile, Metrics: &stream.Metrics{}},
		Plan: e.planJob, Checkpoint: time.Millisecond, SplitPoll: 10 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return e, e.Start(ctx)
}

// mostTasks is how many tasks a job of a golden has at most.
const mostTasks = 4

// moreTasks gives each job that says how many tasks it has one more than it had at its
// last start, after mostTasks one: its state moves each time.
func moreTasks(c *catalog.Catalog) error {
	for _, j := range c.Snapshot().Jobs() {
		had, ok := j.Options.Get("parallelism")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(had)
		if err != nil {
			return err
		}
		t := c.Begin()
		err = t.UpdateJob(j.Name, func(j *catalog.Job) {
			j.Options = slices.DeleteFunc(slices.Clone(j.Options), func(o catalog.Option) bool { return o.Key == "parallelism" })
			j.Options = append(j.Options, catalog.Option{Key: "parallelism", Value: strconv.Itoa(n%mostTasks + 1)})
		})
		if err == nil {
			err = t.Commit()
		}
		if err != nil {
			return fmt.Errorf("changing the tasks of job %s: %w", j.Name, err)
		}
	}
	return nil
}

// close ends the engine at once: epochs that run are cut short, as ctx of a
// shutdown that has no time left does.
func (e *engine) close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	if e.Engine != nil {
		_ = e.Drain(ctx) // it says that it was cut short
	}
	if e.tables != nil {
		errs = append(errs, e.tables.Close())
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	return errors.Join(errs...)
}

func (e *engine) context(s *catalog.Snapshot, env *function.Env) *bind.Context {
	return &bind.Context{
		Catalog: s, SearchPath: env.SearchPath, User: env.User, Database: env.Database, Format: env.Format, Infer: e.Infer,
		Eval: func(x plan.Expr) (types.Value, error) { return expr.Eval(x, env) },
		Hidden: func(r *catalog.Relation) []catalog.Column {
			for _, c := range e.list {
				if c.Name() == r.Connector {
					return stream.HiddenOf(c, r)
				}
			}
			return nil
		},
	}
}

// environment is what statements run in.
func environment(ctx context.Context, s *catalog.Snapshot) *function.Env {
	now := time.Now().UnixMicro() + types.UnixEpoch
	return &function.Env{
		Context: ctx, Catalog: s, Format: types.DefaultFormat(), SearchPath: []string{"public"}, User: "ferris", Database: "ferris",
		TransactionTime: now, StatementTime: now,
	}
}

func (e *engine) planJob(ctx context.Context, s *catalog.Snapshot, job *catalog.Job) (*plan.StartJob, error) {
	statements, err := planner.Parse(job.Text)
	if err != nil {
		return nil, err
	}
	env := environment(ctx, s)
	c := e.context(s, env)
	c.Job, c.Inlined = job.Name, job.Inlined
	for _, r := range s.Relations() {
		if r.Kind == catalog.MatView && r.Job == job.Name {
			c.View = r
		}
	}
	b, err := planner.Plan(ctx, c, statements[0])
	if err != nil {
		return nil, err
	}
	switch x := b.Statement.(type) {
	case *plan.StartJob:
		return x, nil
	case *plan.CreateStream:
		return x.Job, nil
	case *plan.CreateMatView:
		return x.Job, nil
	}
	return nil, fmt.Errorf("%q is no job", job.Text)
}

// scans counts how often the jobs that run read each stream.
func (e *engine) scans(ctx context.Context, s *catalog.Snapshot) (map[string]int, error) {
	all := map[string]int{}
	for _, j := range s.Jobs() {
		if j.State != catalog.JobRunning {
			continue
		}
		p, err := e.planJob(ctx, s, j)
		if err != nil {
			return nil, err
		}
		plan.WalkNode(p.Root, func(n plan.Node) bool {
			if scan, ok := n.(*plan.Scan); ok {
				all[scan.Relation.Name]++
			}
			return true
		})
	}
	return all, nil
}

// run runs statements in one transaction.
func (e *engine) run(ctx context.Context, sql string) error {
	statements, err := planner.Parse(sql)
	if err != nil {
		return err
	}
	t := e.Begin()
	defer t.Rollback()
	for _, st := range statements {
		env := environment(ctx, t.Snapshot())
		b, err := planner.Plan(ctx, e.context(t.Snapshot(), env), st)
		if err != nil {
			return fmt.Errorf("%s: %w", st.Text, err)
		}
		if m, ok := b.Statement.(*plan.Modification); ok {
			if _, err := t.Modify(ctx, m, env); err != nil {
				return fmt.Errorf("%s: %w", st.Text, err)
			}
			continue
		}
		if _, err := t.Exec(ctx, b, env); err != nil {
			return fmt.Errorf("%s: %w", st.Text, err)
		}
	}
	return t.Commit(ctx)
}

// compile compiles the expressions of generated columns, which see the row's
// number as _offset.
func (e *engine) compile(rel *catalog.Relation, columns []catalog.Column) (stream.RowProgram, error) {
	ctx := context.Background()
	s := e.catalog.Snapshot()
	env := environment(ctx, s)
	number := []catalog.Column{{Name: "_offset", Type: types.Of(types.Int8)}}
	var all columnPrograms
	for _, column := range columns {
		x, err := bind.Expr(ctx, e.context(s, env), column.Generated, number, column.Type)
		if err != nil {
			return nil, err
		}
		p, err := expr.Compile(x, env)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

type columnPrograms []*expr.Program

func (all columnPrograms) Run(in, out *vec.Batch) error {
	for i, p := range all {
		v, errs := p.Run(in, nil)
		if errs != nil && errs.Any() {
			return errs.First()
		}
		vec.CopyRows(out.Cols[i], v, nil)
	}
	return nil
}
