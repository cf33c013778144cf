package pgcatalog

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func relations(t *testing.T) map[string]*catalog.Relation {
	t.Helper()
	m := map[string]*catalog.Relation{}
	for _, r := range Relations() {
		m[r.Schema+"."+r.Name] = r
	}
	return m
}

func TestRelationsAreWellFormed(t *testing.T) {
	oids := map[types.OID]string{}
	for _, r := range Relations() {
		name := r.Schema + "." + r.Name
		if other, taken := oids[r.OID]; taken {
			t.Errorf("%s and %s both have OID %d", name, other, r.OID)
		}
		oids[r.OID] = name
		if r.OID == 0 || r.OID >= catalog.FirstOID {
			t.Errorf("%s has OID %d, which is a user's", name, r.OID)
		}
		if r.Kind != catalog.Virtual || len(r.Columns) == 0 {
			t.Errorf("%s: kind %c, %d columns", name, r.Kind, len(r.Columns))
		}
		seen := map[string]bool{}
		for _, c := range r.AllColumns() {
			if seen[c.Name] {
				t.Errorf("%s has column %s twice", name, c.Name)
			}
			seen[c.Name] = true
		}
	}
	for name := range tables {
		if relations(t)[name] == nil {
			t.Errorf("rows are provided for %s, which is no relation", name)
		}
	}
}

// TestColumnsCanBeRead fails for a column whose type cannot be in a vector.
func TestColumnsCanBeRead(t *testing.T) {
	missing := map[types.OID]string{}
	for _, r := range Relations() {
		for _, c := range r.AllColumns() {
			if phys(c.Type.OID) == types.PhysNone {
				missing[c.Type.OID] = r.Name + "." + c.Name
			}
		}
	}
	for oid, where := range missing {
		t.Errorf("type %d (%s), of %s and others, has no column representation", oid, typeRow(oid).name, where)
	}
}

// TestClientsFindTheirColumns has every relation and column that the captured
// statements of psql, pgJDBC, pgx, asyncpg and others name.
func TestClientsFindTheirColumns(t *testing.T) {
	b, err := os.ReadFile("testdata/clients.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := relations(t)
	for line := range strings.Lines(string(b)) {
		name, columns, _ := strings.Cut(strings.TrimSpace(line), ":")
		r := all[name]
		if r == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		have := map[string]bool{}
		for _, c := range r.AllColumns() {
			have[c.Name] = true
		}
		for _, c := range strings.Fields(columns) {
			if !have[c] {
				t.Errorf("%s has no column %s", name, c)
			}
		}
	}
}

// TestRelationsAreThoseOfPostgreSQL compares with a running PostgreSQL 16, named
// by FERRIS_TEST_POSTGRES (a connection string).
func TestRelationsAreThoseOfPostgreSQL(t *testing.T) {
	dsn := os.Getenv("FERRIS_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("FERRIS_TEST_POSTGRES names no PostgreSQL 16")
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `
		select n.nspname || '.' || c.relname, c.relkind::text, a.attname, a.attnotnull,
			case when t.typtype = 'd' then t.typbasetype when t.typelem >= 10000 then 2277 else t.oid end::int4,
			case when t.typtype = 'd' then t.typtypmod else a.atttypmod end
		from pg_attribute a join pg_class c on c.oid = a.attrelid
			join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
		where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') and a.attnum > 0
		order by c.oid, a.attnum`)
	if err != nil {
		t.Fatal(err)
	}
	want, kinds := map[string][]catalog.Column{}, map[string]string{}
	for rows.Next() {
		var name, kind string
		var c catalog.Column
		var oid int32
		if err := rows.Scan(&name, &kind, &c.Name, &c.NotNull, &oid, &c.Type.Mod); err != nil {
			t.Fatal(err)
		}
		c.Type.OID = types.OID(oid)
		want[name], kinds[name] = append(want[name], c), kind
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, v := range known() {
		name := v.Schema + "." + v.Name
		if v.Schema == "ferris" || v.Name == "job_results" {
			continue
		}
		if d := cmp.Diff(want[name], v.Columns); d != "" || kinds[name] != string(rune(v.relkind)) {
			t.Errorf("%s, relkind %c (-PostgreSQL's +ours):\n%s", name, v.relkind, d)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}
