package planner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// FuzzPlan: whatever the text, planning answers with a plan whose references
// are all in range, or with an error that has a SQLSTATE of its own.
func FuzzPlan(f *testing.F) {
	for _, pattern := range []string{"testdata/golden/*", "testdata/golden/sql/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // the directory
			}
			for _, block := range strings.Split(string(text), "\nplan\n") {
				sql, _, _ := strings.Cut(block, "\n----")
				f.Add(sql)
			}
		}
	}
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	c, err := catalog.Open(store, signatures(f), pgcatalog.Relations()...)
	if err != nil {
		f.Fatal(err)
	}
	s := &session{catalog: c}
	for _, ddl := range []string{
		`CREATE STREAM orders (id bigint, customer_id int, amount numeric(10,2), status text, ts timestamptz, tags text[], payload jsonb) WITH (type = 'kafka', topic = 'o')`,
		`CREATE STREAM customers (id bigint, name text, city varchar(30)) WITH (type = 'kafka', topic = 'c')`,
		`CREATE STREAM big AS SELECT id, amount FROM orders WHERE amount > 100`,
	} {
		if out := s.exec(ddl); strings.HasPrefix(out, "ERROR") {
			f.Fatal(out)
		}
	}
	f.Fuzz(func(t *testing.T, sql string) {
		stmts, err := planner.Parse(sql)
		if err != nil {
			return
		}
		for _, st := range stmts {
			b, err := planner.Plan(context.Background(), s.context(), st)
			if err != nil {
				var e *sqlerr.Error
				if !errors.As(err, &e) || e.Code == sqlerr.InternalError || e.Code == "" {
					t.Errorf("%q: error without a SQLSTATE: %v", sql, err)
				}
				continue
			}
			if q, ok := b.Statement.(*plan.Query); ok {
				checkTree(t, sql, q.Root)
			}
		}
	})
}

// checkTree sees that every expression of a tree refers to columns there are,
// of the type it says.
func checkTree(t *testing.T, sql string, root plan.Node) {
	plan.WalkAll(root, func(n plan.Node) {
		var in []plan.Field
		for _, i := range n.Inputs() {
			in = append(in, i.Schema()...)
		}
		switch x := n.(type) {
		case *plan.Scan:
			in = x.Fields
		case *plan.Join:
			width := len(x.Left.Schema())
			check(t, sql, n, in[:width], x.LeftKeys...)
			check(t, sql, n, in[width:], x.RightKeys...)
			check(t, sql, n, in, x.Cond)
			return
		case *plan.CTE:
			return
		case *plan.Project:
			if len(x.Exprs) != len(x.Fields) {
				t.Errorf("%q: %d expressions for %d fields", sql, len(x.Exprs), len(x.Fields))
			}
		}
		plan.EachExpr(n, func(e plan.Expr) { check(t, sql, n, in, e) })
	})
}

func check(t *testing.T, sql string, n plan.Node, in []plan.Field, exprs ...plan.Expr) {
	for _, e := range exprs {
		if e == nil {
			continue
		}
		plan.Walk(e, func(x plan.Expr) bool {
			switch x := x.(type) {
			case *plan.Call:
				// What takes any type takes an unknown literal too.
				args := x.Args
				if slices.Contains(x.Func.Args, types.Any) {
					args = slices.DeleteFunc(slices.Clone(args), unknown)
				}
				check(t, sql, n, in, args...)
				return false
			case *plan.Row:
				// An item stays a literal until the row is compared or cast.
				check(t, sql, n, in, slices.DeleteFunc(slices.Clone(x.Items), unknown)...)
				return false
			case *plan.Cast:
				if x.Method == plan.CastArray {
					check(t, sql, n, in, x.Arg)
					return false
				}
			case *plan.Column:
				if x.Index < 0 || x.Index >= len(in) {
					t.Fatalf("%q: %s refers to column %d of %d in\n%s", sql, n, x.Index, len(in), strings.Join(plan.Text(n), "\n"))
				}
				if in[x.Index].Type.OID != x.Typ.OID {
					t.Fatalf("%q: %s takes column %d for %s, it is %s", sql, n, x.Index, types.FormatType(x.Typ), types.FormatType(in[x.Index].Type))
				}
			case *plan.Const:
				if unknown(x) {
					t.Fatalf("%q: %s holds a literal of unknown type: %s", sql, n, x)
				}
			}
			return true
		})
	}
}

func unknown(e plan.Expr) bool {
	c, ok := e.(*plan.Const)
	return ok && c.Value.Type.OID == types.Unknown
}

func BenchmarkPlan(b *testing.B) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	c, err := catalog.Open(store, signatures(b), pgcatalog.Relations()...)
	if err != nil {
		b.Fatal(err)
	}
	s := &session{catalog: c}
	s.exec(`CREATE STREAM orders (id bigint, amount numeric(10,2), status text) WITH (type = 'kafka', topic = 'o')`)
	for name, sql := range map[string]string{
		"one":   "SELECT 1",
		"where": "SELECT id, amount * 2 FROM orders WHERE amount > 100 AND status = 'paid'",
		"group": "SELECT status, sum(amount) FROM orders GROUP BY status ORDER BY 2 DESC LIMIT 5",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			pc := s.context()
			for b.Loop() {
				stmts, err := planner.Parse(sql)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := planner.Plan(context.Background(), pc, stmts[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
