package clients

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// column is a column of a catalog relation, as a client finds it.
type column struct {
	Name    string
	NotNull bool
	Type    uint32
	Mod     int32
}

// described is a catalog relation.
type described struct {
	Kind    string
	Columns []column
}

// describeCatalogs lists the relations of the two catalogs from the catalogs
// themselves. Domains are told by what they are made of, and arrays of catalog
// relations' row types as anyarray: those are PostgreSQL's own.
const describeCatalogs = `
	SELECT n.nspname || '.' || c.relname, c.relkind::text, a.attname::text, a.attnotnull,
		CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typelem >= 10000 THEN 2277 ELSE t.oid END,
		CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
	WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
	ORDER BY c.oid, a.attnum`

func catalogsOf(t *testing.T, url string) map[string]described {
	t.Helper()
	conn := connect(t, url)
	rows, err := conn.Query(t.Context(), describeCatalogs)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]described{}
	var name, kind string
	var c column
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &c.Name, &c.NotNull, &c.Type, &c.Mod}, func() error {
		all[name] = described{kind, append(all[name].Columns, c)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCatalogsAreThoseOfPostgreSQL asks both for every relation and column of
// pg_catalog and information_schema.
func TestCatalogsAreThoseOfPostgreSQL(t *testing.T) {
	want := catalogsOf(t, postgres.Start(t).DSN())
	got := catalogsOf(t, gateway.Start(t, gateway.Options{}).URL())
	delete(got, "pg_catalog.job_results") // ours: the rows of jobs without a sink
	if len(want) < 200 {
		t.Fatalf("PostgreSQL has %d catalog relations", len(want))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the catalogs differ (-PostgreSQL's +ours):\n%s", d)
	}
}
