package exec

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// bound plans one statement over the fixture's catalog.
func (f *fixture) bound(sql string, env *function.Env) (*plan.Bound, error) {
	return f.boundView(sql, env, nil)
}

// boundView plans a statement; view is the one whose job is planned anew.
func (f *fixture) boundView(sql string, env *function.Env, view *catalog.Relation) (*plan.Bound, error) {
	statements, err := planner.Parse(sql)
	if err != nil {
		return nil, err
	}
	if len(statements) != 1 {
		return nil, fmt.Errorf("%d statements", len(statements))
	}
	env.Catalog = f.catalog.Snapshot()
	return planner.Plan(context.Background(), &bind.Context{
		View: view, Catalog: env.Catalog, SearchPath: env.SearchPath, User: env.User, Database: "ferris", Infer: f.Infer,
		Hidden: func(*catalog.Relation) []catalog.Column { return nil },
		Looks: func(r *catalog.Relation, keys []int) bool {
			return r.Connector == "dimension" && f.dimensions.Looks(r, keys)
		},
		Eval: func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) },
	}, statements[0])
}

// sql runs a statement and returns its rows, or its tag.
func (f *fixture) sql(sql string, want int) ([]string, error) {
	env := testEnv()
	b, err := f.bound(sql, env)
	if err != nil {
		return nil, err
	}
	txn := f.Begin()
	defer txn.Rollback()
	switch s := b.Statement.(type) {
	case *plan.Query:
		c, err := txn.Query(f.context(), s, env)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return tryRows(f.context(), c, s.Root, want)
	case *plan.Modification:
		m, err := txn.Modify(f.context(), s, env)
		if err != nil {
			return nil, err
		}
		if err := m.Close(); err != nil {
			return nil, err
		}
		return []string{m.Tag}, txn.Commit(f.context())
	case *plan.Explain:
		return f.Explain(f.context(), s, env)
	}
	res, err := txn.Exec(f.context(), b, env)
	if err != nil {
		return nil, err
	}
	lines := []string{res.Tag}
	for _, n := range res.Notices {
		lines = append(lines, "NOTICE: "+n.Message)
	}
	return lines, txn.Commit(f.context())
}

// TestSQL runs testdata/sql over two topics: s of (1, a) to (5, e) and (6, NULL),
// and t of (2, x), (2, y), (4, z) and (9, w).
func TestSQL(t *testing.T) {
	f := newFixture(t)
	f.stream("s")
	f.stream("t")
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		f.topics.topic("s").add(i%2, row(int64(i+1), name))
	}
	null := row(6, "")
	null[1] = types.NullOf(types.Of(types.Text))
	f.topics.topic("s").add(0, null)
	f.topics.topic("t").add(0, row(2, "x"), row(2, "y"), row(4, "z"), row(9, "w"))
	datadriven.RunTest(t, "testdata/sql", func(t *testing.T, d *datadriven.TestData) string {
		want := -1
		if d.HasArg("rows") {
			d.ScanArgs(t, "rows", &want)
		}
		lines, err := f.sql(d.Input, want)
		if err != nil {
			return strings.Join(append(lines, fmt.Sprintf("%s: %v", sqlerr.CodeOf(err), err)), "\n") + "\n"
		}
		if len(lines) == 0 {
			return "(no rows)\n"
		}
		return strings.Join(lines, "\n") + "\n"
	})
}
