package plan_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

var readSignatures = flag.Bool("signatures", false, "read the signatures of PostgreSQL anew")

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// signatures are PostgreSQL's own functions, operators and casts, for the
// planner's tests: binding is measured against all of them, whatever the
// function registry has.
var signatures = map[string]string{
	"pg_proc.tsv": `select p.oid, n.nspname, p.proname,
		coalesce((select string_agg(t::regtype::oid::text, ',' order by o) from unnest(p.proargtypes) with ordinality a(t, o)), ''),
		p.provariadic, p.pronargdefaults, p.prorettype, p.proretset, p.prokind, p.proisstrict, p.provolatile,
		coalesce(array_to_string(p.proargnames, ','), ''),
		coalesce((select string_agg(coalesce(p.proargnames[o], '') || ':' || t::text, ',' order by o)
			from unnest(p.proallargtypes) with ordinality a(t, o) where p.proargmodes[o] in ('o', 't')), '')
		from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname in ('pg_catalog', 'information_schema') and p.prokind in ('f', 'a', 'w') order by p.oid`,
	"pg_operator.tsv": `select oid, oprname, oprleft, oprright, oprresult, oprcode::oid from pg_operator where oprcode <> 0 order by oid`,
	"pg_cast.tsv":     `select castsource, casttarget, castfunc, castmethod, castcontext from pg_cast order by 1, 2`,
}

func TestSignatures(t *testing.T) {
	if !*readSignatures {
		t.Skip("run with -signatures to read PostgreSQL's signatures anew")
	}
	conn := connect(t)
	for name, query := range signatures {
		var b strings.Builder
		b.WriteString("# select of compat-tests/plan/signatures_test.go\n")
		rows, err := conn.Query(context.Background(), query, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			for i, v := range rows.RawValues() {
				if i > 0 {
					b.WriteByte('\t')
				}
				b.Write(v)
			}
			b.WriteByte('\n')
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("../../planner/testdata/"+name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	s := postgres.Start(t)
	conn, err := pgx.Connect(context.Background(), s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
