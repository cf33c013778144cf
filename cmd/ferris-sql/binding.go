package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// binding tells the planner what the connectors and the engine know.
type binding struct {
	connectors []stream.Connector
	env        *stream.Env // what declarations are checked against
	engine     *exec.Engine
	tables     *table.Tables
	files      optionFiles
}

func (b *binding) find(name string) stream.Connector {
	for _, c := range b.connectors {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// context is what every statement's binding begins with.
func (b *binding) context() bind.Context {
	var names []string
	for _, c := range b.connectors {
		names = append(names, c.Name())
	}
	c := bind.Context{
		Infer: b.engine.Infer,
		Hidden: func(r *catalog.Relation) []catalog.Column {
			if c := b.find(r.Connector); c != nil {
				return stream.HiddenOf(c, r)
			}
			return nil
		},
		Seeks: func(name, column string) bool {
			s, ok := b.find(name).(stream.Seeker)
			return ok && s.Seeks(column)
		},
		Looks: func(r *catalog.Relation, keys []int) bool {
			l, ok := b.find(r.Connector).(stream.Looker)
			return ok && l.Looks(r, keys)
		},
		Changes: func(r *catalog.Relation) bool {
			c, ok := b.find(r.Connector).(stream.Changing)
			return ok && c.Changes(r)
		},
		Key: b.engine.Key,
		Rows: func(r *catalog.Relation) (float64, bool) {
			if r.Stored() && b.tables != nil {
				return float64(b.tables.Rows(table.Describe(r))), true
			}
			s, ok := b.find(r.Connector).(stream.Sizer)
			if !ok {
				return 0, false
			}
			return s.Rows(b.env, r)
		},
		Connector: func(name string) (source, sink, ok bool) {
			c := b.find(name)
			if c == nil {
				return false, false, false
			}
			return c.Options(stream.RoleSource) != nil, c.Options(stream.RoleSink) != nil, true
		},
		Connectors: names,
		Check: func(r *catalog.Relation, sink bool) error {
			c := b.find(r.Connector)
			if c == nil {
				return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unknown connector %q", r.Connector)
			}
			if sink {
				return c.Check(b.env, r, stream.RoleSink)
			}
			return c.Check(b.env, r, stream.RoleSource)
		},
		Notices: func(r *catalog.Relation, sink bool) []string {
			n, ok := b.find(r.Connector).(stream.Noticer)
			if !ok {
				return nil
			}
			role := stream.RoleSource
			if sink {
				role = stream.RoleSink
			}
			return n.Notices(b.env, r, role)
		},
	}
	b.files.bind(&c, b)
	return c
}

// planJob plans a job from its kept text, as it was created.
func (b *binding) planJob(ctx context.Context, s *catalog.Snapshot, job *catalog.Job) (*plan.StartJob, error) {
	env, err := exec.JobEnv(job, s)
	if err != nil {
		return nil, err
	}
	statements, err := planner.Parse(job.Text)
	if err != nil {
		return nil, err
	}
	if len(statements) != 1 {
		return nil, fmt.Errorf("planning job %s: its text holds %d statements", job.Name, len(statements))
	}
	c := b.context()
	c.Job, c.Inlined = job.Name, job.Inlined
	for _, r := range s.Relations() {
		if r.Kind == catalog.MatView && r.Job == job.Name {
			c.View = r
		}
	}
	c.Catalog, c.SearchPath, c.User, c.Database, c.Format = s, env.SearchPath, job.Owner, env.Database, env.Format
	c.Eval = func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) }
	c.Settings = func(name string) (string, bool) {
		v, ok := job.Settings[name]
		return v, ok
	}
	bound, err := planner.Plan(ctx, &c, statements[0])
	if err != nil {
		return nil, err
	}
	switch x := bound.Statement.(type) {
	case *plan.StartJob:
		return x, nil
	case *plan.CreateStream:
		if x.Job != nil {
			return x.Job, nil
		}
	case *plan.CreateMatView:
		if x.Job != nil {
			return x.Job, nil
		}
	}
	return nil, fmt.Errorf("planning job %s: its text makes no job", job.Name)
}

// evaluate computes an expression without columns.
func evaluate(e plan.Expr, env *function.Env) (types.Value, error) { return expr.Eval(e, env) }

// plannerAPI is package planner as the gateway takes it.
type plannerAPI struct{}

func (plannerAPI) Parse(text string) ([]parse.Statement, error) { return planner.Parse(text) }

func (plannerAPI) Plan(ctx context.Context, c *bind.Context, s parse.Statement) (*plan.Bound, error) {
	return planner.Plan(ctx, c, s)
}

// rowNumber is what a generated column's expression may name.
var rowNumber = []catalog.Column{{Name: "_offset", Type: types.Of(types.Int8)}}

// labelsOf are the labels of enum types, as they are when they are asked for.
func labelsOf(cat *catalog.Catalog) func(types.OID) *types.Enum {
	return func(oid types.OID) *types.Enum { return cat.Snapshot().EnumLabels(oid, []string{"public"}) }
}

// compileColumns compiles the expressions of generated columns. They see the
// row's number as _offset.
func compileColumns(cat *catalog.Catalog) func(*catalog.Relation, []catalog.Column) (stream.RowProgram, error) {
	return func(rel *catalog.Relation, columns []catalog.Column) (stream.RowProgram, error) {
		format := types.DefaultFormat()
		format.Rows, format.Enum = cat.Snapshot().RowColumns, labelsOf(cat)
		now := time.Now().UnixMicro() + types.UnixEpoch
		format.Now = now
		env := &function.Env{
			Context: context.Background(), Catalog: cat.Snapshot(), Format: format,
			SearchPath: []string{"public"}, User: rel.Owner, TransactionTime: now, StatementTime: now,
		}
		c := &bind.Context{Catalog: env.Catalog, SearchPath: env.SearchPath, User: rel.Owner, Format: format}
		p := &columnPrograms{}
		for _, column := range columns {
			e, err := bind.Expr(env.Context, c, column.Generated, rowNumber, column.Type)
			if err != nil {
				return nil, err
			}
			program, err := expr.Compile(e, env)
			if err != nil {
				return nil, err
			}
			p.programs = append(p.programs, program)
		}
		return p, nil
	}
}

type columnPrograms struct{ programs []*expr.Program }

// Run appends a row to each of out's columns for every row of in.
func (p *columnPrograms) Run(in, out *vec.Batch) error {
	for i, program := range p.programs {
		v, errs := program.Run(in, nil)
		if errs != nil && errs.Any() {
			return errs.First()
		}
		vec.CopyRows(out.Cols[i], v, nil)
	}
	return nil
}
