package expr

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestExamplesPlanned runs the examples of scalar functions as the planner binds
// them.
func TestExamplesPlanned(t *testing.T) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c, err := catalog.Open(store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMicro() + types.UnixEpoch
	f := types.DefaultFormat()
	f.Now = now
	f.RegIn = bind.NameResolver(c.Snapshot(), []string{"public"})
	f.RegOut = func(oid, id types.OID) (string, bool) { return types.FormatType(types.Of(id)), oid == types.Regtype }
	env := &function.Env{Context: context.Background(), Catalog: c.Snapshot(), Format: f, SearchPath: []string{"public"},
		User: "ferris", Database: "ferris", TransactionTime: now, StatementTime: now}
	ctx := &planner.Context{Catalog: env.Catalog, SearchPath: env.SearchPath, User: env.User, Database: env.Database, Format: f,
		Eval: func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) }}
	for _, d := range function.All() {
		if d.Func.Kind != catalog.Scalar || d.Func.Set {
			continue
		}
		for _, ex := range d.Examples {
			got, err := planned(ctx, env, ex.SQL)
			if err != nil {
				got = "ERROR " + string(sqlerr.CodeOf(err))
			}
			if got != ex.Text {
				t.Errorf("%s = %s, want %s (%v)", ex.SQL, got, ex.Text, err)
			}
		}
	}
}

// planned plans SELECT and evaluates its one column.
func planned(c *planner.Context, env *function.Env, sql string) (string, error) {
	statements, err := planner.Parse("SELECT " + sql)
	if err != nil {
		return "", err
	}
	b, err := planner.Plan(context.Background(), c, statements[0])
	if err != nil {
		return "", err
	}
	var e plan.Expr
	switch root := b.Statement.(*plan.Query).Root.(type) {
	case *plan.Project:
		e = root.Exprs[0]
	case *plan.Values:
		e = root.Rows[0][0]
	default:
		return "", fmt.Errorf("planned as %T", root)
	}
	v, err := expr.Eval(e, env)
	if err != nil {
		return "", err
	}
	if v.Null {
		return "NULL", nil
	}
	if v.Type.OID == types.Void {
		return "", nil
	}
	return string(types.AppendText(nil, v, env.Format)), nil
}
