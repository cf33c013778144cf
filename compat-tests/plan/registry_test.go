package plan_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	_ "github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/planner"
	parser "github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestRegistry plans the goldens that PostgreSQL agrees with over the functions
// that there really are. A statement either binds to the same columns, or asks
// for a function that is missing; those are listed in testdata/missing.
func TestRegistry(t *testing.T) {
	missing := map[string]bool{}
	files, err := filepath.Glob("../../planner/testdata/golden/sql/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		c := open(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.HasArg("params") || strings.HasPrefix(d.Expected, "ERROR 42601: syntax error") {
				return d.Expected
			}
			for _, st := range parse(t, d.Input) {
				b, err := planner.Plan(context.Background(), planContext(c), st)
				if d.Cmd == "exec" {
					if err == nil {
						err = declare(c, b)
					}
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				want := head(d.Expected)
				if e := sqlerr.From(err); err != nil && e.Code == sqlerr.UndefinedFunction && !strings.Contains(want, "ERROR 42883") {
					missing[e.Message] = true
					continue
				}
				if err != nil && !strings.HasPrefix(want, "ERROR "+string(sqlerr.From(err).Code)) {
					t.Errorf("%s: %s\n%v, want\n%s", d.Pos, d.Input, err, want)
				}
				if err == nil && b.Fields != nil && !strings.Contains(want, "fields: "+names(b.Fields)+"\n") {
					t.Errorf("%s: %s\nfields: %s, want\n%s", d.Pos, d.Input, names(b.Fields), want)
				}
			}
			return d.Expected
		})
	}
	datadriven.RunTest(t, "testdata/missing", func(t *testing.T, d *datadriven.TestData) string {
		var out []string
		for m := range missing {
			out = append(out, m)
		}
		return sortedLines(out)
	})
}

func open(t *testing.T) *catalog.Catalog {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c, err := catalog.Open(store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func planContext(c *catalog.Catalog) *planner.Context {
	snap := c.Snapshot()
	env := &function.Env{Context: context.Background(), Catalog: snap, Format: types.DefaultFormat(), SearchPath: []string{"public"}, User: "ferris", Database: "ferris"}
	return &planner.Context{
		Catalog: snap, SearchPath: []string{"public"}, User: "ferris", Database: "ferris",
		Eval: func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) },
	}
}

func declare(c *catalog.Catalog, b *plan.Bound) error {
	tx := c.Begin()
	if _, _, err := tx.CreateRelation(b.Statement.(*plan.CreateStream).Relation, false, false); err != nil {
		return err
	}
	return tx.Commit()
}

func parse(t *testing.T, sql string) []parser.Statement {
	t.Helper()
	stmts, err := planner.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	return stmts
}

func names(fields []plan.Field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name + " " + types.FormatType(f.Type)
	}
	return strings.Join(out, ", ")
}

func sortedLines(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
