package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAlterStream: columns of a stream come, go and are renamed, views over it
// follow, and what cannot follow is named.
func TestAlterStream(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "s.json")
	lines := `{"a":1,"b":"x","c":2.5,"at":"2026-01-01T00:00:00Z"}` + "\n" + `{"a":2,"b":"y","at":"2026-01-01T00:00:01Z"}` + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	declare := "CREATE STREAM s (a int, b text, at timestamptz, n int GENERATED ALWAYS AS (a + 1) STORED, WATERMARK FOR at AS at - INTERVAL '5 seconds') WITH (type = 'file', path = '" + file + "');" +
		"CREATE STREAM v AS SELECT * FROM s; CREATE STREAM w AS SELECT v.b, length(b) AS l FROM v;"
	for _, c := range []struct{ name, sql, want, fails string }{
		{"a new column is read", "ALTER STREAM s ADD COLUMN c numeric; SELECT a, c FROM s", "a,c\n1,2.5\n2,\n", ""},
		{"and a view keeps its own", "ALTER STREAM s ADD COLUMN c numeric, ADD COLUMN twice int GENERATED ALWAYS AS (a * 2) STORED; SELECT * FROM v; SELECT twice FROM s",
			"a,b,at,n\n1,x,2026-01-01 00:00:00+00,2\n2,y,2026-01-01 00:00:01+00,3\ntwice\n2\n4\n", ""},
		{"a column goes", "ALTER STREAM s DROP COLUMN n CASCADE; SELECT a, b FROM s", "a,b\n1,x\n2,y\n", ""},
		{"a column that a view reads", "ALTER STREAM s DROP COLUMN b", "", `cannot drop column b of stream s because other objects depend on it`},
		{"a column that another is computed from", "DROP STREAM w; DROP STREAM v; ALTER STREAM s DROP COLUMN a", "", "column n of stream s depends on column a of stream s"},
		{"a column that the watermark is of", "DROP STREAM w; DROP STREAM v; ALTER STREAM s DROP COLUMN at", "", "watermark of stream s depends on column at of stream s"},
		{"a column that is not there", "ALTER STREAM s DROP COLUMN zz", "", `column "zz" of relation "s" does not exist`},
		{"a column that is there", "ALTER STREAM s ADD COLUMN a int", "", `column "a" of relation "s" already exists`},
		{"a pseudo-column", "ALTER STREAM s RENAME COLUMN a TO _offset", "", `column name "_offset" conflicts`},
		{"a column is another field", "ALTER STREAM s RENAME COLUMN b TO c; SELECT * FROM v; SELECT c FROM s", "a,b,at,n\n1,2.5,2026-01-01 00:00:00+00,2\n2,,2026-01-01 00:00:01+00,3\nc\n2.5\n\n", ""},
		{"what is computed and marked follows", "ALTER STREAM s RENAME at TO other; ALTER STREAM s RENAME COLUMN a TO a2; ALTER STREAM s ADD a int; SELECT a, a2, n FROM s", "a,a2,n\n1,,\n2,,\n", ""},
		{"a stream's name", "ALTER STREAM s RENAME TO t; SELECT * FROM w; SELECT count(*) FROM t", "b,l\nx,1\ny,1\ncount\n2\n", ""},
		{"a view's name", "ALTER STREAM v RENAME TO v2; SELECT * FROM w", "b,l\nx,1\ny,1\n", ""},
		{"a job reads it", "CREATE SINK o WITH (type = 'blackhole'); START JOB j AS SELECT a FROM s INTO o; ALTER STREAM s ADD COLUMN c int", "", `stream "s", which job "j" reads`},
		{"a job reads it by a view", "CREATE SINK o WITH (type = 'blackhole'); START JOB j AS SELECT a FROM v INTO o; ALTER STREAM s RENAME COLUMN a TO z", "", `stream "s", which job "j" reads`},
		{"a job uses it", "CREATE SINK o WITH (type = 'blackhole'); START JOB j AS SELECT a FROM s INTO o; ALTER SINK o RENAME TO p", "", `renaming "o", which job "j" uses`},
		{"a table is no stream", "CREATE TABLE tt (a int); ALTER STREAM tt ADD COLUMN b int", "", `"tt" is not a stream`},
		{"a stream is no sink", "ALTER SINK s RENAME TO x", "", `"s" is not a sink`},
		{"a sink's name", "CREATE SINK o WITH (type = 'blackhole'); ALTER SINK o RENAME TO p; DROP SINK p", "", ""},
		{"a type of column", "ALTER STREAM s ALTER COLUMN a TYPE text", "", "is not supported"},
		{"comments", "CREATE SINK o WITH (type = 'blackhole'); START JOB j AS SELECT a FROM s INTO o; COMMENT ON STREAM s IS 'in'; COMMENT ON SINK o IS 'out'; COMMENT ON JOB j IS 'it''s'; COMMENT ON COLUMN s.a IS 'first';" +
			" SELECT obj_description('s'::regclass, 'pg_class') AS s, obj_description('o'::regclass, 'pg_class') AS o, col_description('s'::regclass, 1) AS c", "s,o,c\nin,out,first\n", ""},
		{"no comment", "COMMENT ON STREAM s IS 'in'; COMMENT ON STREAM s IS NULL; SELECT obj_description('s'::regclass, 'pg_class') AS s", "s\n\n", ""},
		{"a job that is not there", "COMMENT ON JOB j IS 'x'", "", `job "j" does not exist`},
		{"half a comment", "COMMENT ON JOB j", "", "syntax error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, err := runCommand(t, "", "sql", "--embedded", "--format", "csv", "-c", "SET TimeZone = 'UTC'; "+declare+c.sql)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error()+errs, c.fails) {
					t.Errorf("answered %q (%v) %s, want an error with %q", out, err, errs, c.fails)
				}
				return
			}
			if err != nil || out != c.want {
				t.Errorf("printed %q, want %q (%v)\n%s", out, c.want, err, errs)
			}
		})
	}
}
