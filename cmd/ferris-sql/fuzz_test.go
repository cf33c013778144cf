package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/jackc/pgx/v5/pgconn"
)

// FuzzSQL sends a text the whole way: wire, parser, planner, engine, rows. The
// gateway answers with rows or a SQLSTATE that is not XX000, within its
// statement_timeout, and goes on.
func FuzzSQL(f *testing.F) {
	for _, sql := range []string{
		"SELECT 1", "SELECT a, b || 'x' FROM t WHERE a % 3 = 1 ORDER BY b DESC LIMIT 3", "SELECT count(*), sum(a) FROM t GROUP BY a % 2 HAVING count(*) > 1",
		"SELECT * FROM t x JOIN t y USING (a) LEFT JOIN LATERAL (SELECT y.a + 1) z(c) ON true", "VALUES (1, 'a'), (2, NULL)",
		"SELECT CASE WHEN a > 2 THEN 1 / a END, a::text::numeric(4,1), b LIKE '%1' FROM t", "SELECT array_agg(a ORDER BY a), string_agg(b, ',') FROM t",
		"SELECT '{\"a\": [1, {\"b\": 2}]}'::jsonb #>> '{a,1,b}', JSON_VALUE('{\"x\":1}', '$.x')", "SELECT row_number() OVER (PARTITION BY a % 2 ORDER BY b) FROM t",
		"SELECT date_trunc('hour', now()) - interval '1 day 2 hours', extract(epoch FROM timestamp '2024-01-01')", "EXPLAIN ANALYZE SELECT * FROM t WHERE _offset > 3",
		"BEGIN; DECLARE c SCROLL CURSOR FOR SELECT a FROM t; FETCH 2 FROM c; MOVE BACKWARD 1 IN c; FETCH ALL FROM c; COMMIT",
		"CREATE STREAM s AS SELECT a FROM t; SELECT * FROM s; DROP STREAM s CASCADE", "PREPARE p (int) AS SELECT $1 + a FROM t; EXECUTE p (2); DEALLOCATE p",
		"SET datestyle = 'german'; SELECT current_date; RESET ALL", "COPY (SELECT a, b FROM t) TO STDOUT WITH (FORMAT csv, HEADER)",
		"SELECT * FROM t EMIT CHANGES LIMIT 2", "SELECT (SELECT max(a) FROM t u WHERE u.a < t.a), EXISTS (SELECT 1), a IN (1, 2) FROM t", "SELECT regexp_replace(b, '(\\d)', '<\\1>') FROM t",
		"SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 't'", "SHOW JOBS; DESCRIBE t",
	} {
		f.Add(sql)
	}
	p, err := startProcess(context.Background(), config.Default(), true, quietLogger())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.close)
	p.servePipe()
	conf, err := pgconn.ParseConfig("postgres://ferris@embedded/ferris?sslmode=disable&statement_timeout=1000&search_path=public")
	if err != nil {
		f.Fatal(err)
	}
	useEmbedded(conf, p)
	if _, err := fuzzed(f, conf, "CREATE STREAM t (a bigint GENERATED ALWAYS AS (_offset) STORED, b text GENERATED ALWAYS AS ('n' || _offset::text) STORED) WITH (type = 'generator', rows = '10')"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		_, err := fuzzed(t, conf, sql)
		var refused *pgconn.PgError
		switch {
		case err == nil:
		case errors.As(err, &refused):
			if refused.Code == "XX000" {
				t.Errorf("%q: %s", sql, refused.Message)
			}
		default:
			t.Errorf("%q: %v", sql, err)
		}
		if rows, err := fuzzed(t, conf, "SELECT 1"); err != nil || rows != 1 {
			t.Errorf("after %q: %d rows, %v", sql, rows, err)
		}
	})
}

// fuzzed runs a text in a session of its own and counts the rows.
func fuzzed(t testing.TB, conf *pgconn.Config, sql string) (rows int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		for rr := results.ResultReader(); rr.NextRow(); {
			rows++
		}
	}
	return rows, results.Close()
}
