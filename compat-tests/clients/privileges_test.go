package clients

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// asRole is a connection of a test.
type asRole struct {
	t *testing.T
	*pgconn.PgConn
}

func connectAs(t *testing.T, g *gateway.Process, user, password string) asRole {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), fmt.Sprintf("host=127.0.0.1 port=%s user=%s password='%s' dbname=ferris sslmode=disable", port(g), user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return asRole{t, c}
}

// ask returns the rows, as lines of fields.
func (c asRole) ask(sql string) (string, error) {
	results, err := c.Exec(context.Background(), sql).ReadAll()
	var lines []string
	for _, r := range results {
		for _, row := range r.Rows {
			var fields []string
			for _, f := range row {
				fields = append(fields, string(f))
			}
			lines = append(lines, strings.Join(fields, "|"))
		}
	}
	return strings.Join(lines, "\n"), err
}

func (c asRole) must(sql string) string {
	c.t.Helper()
	got, err := c.ask(sql)
	if err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// refused wants 42501 with a message.
func (c asRole) refused(sql, message string) {
	c.t.Helper()
	_, err := c.ask(sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "42501" || e.Message != message {
		c.t.Errorf("%s: %v, want 42501 %s", sql, err, message)
	}
}

// until asks until the answer is the one that is wanted.
func (c asRole) until(sql, want string) {
	c.t.Helper()
	got := ""
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		if got = c.must(sql); got == want {
			return
		}
	}
	c.t.Fatalf("%s = %q, want %q", sql, got, want)
}

// TestDatabasePrivileges: who may not CONNECT is turned away at startup, and who has no
// TEMPORARY makes no temporary table.
func TestDatabasePrivileges(t *testing.T) {
	g := gateway.Start(t, gateway.Options{Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}})
	boss := connectAs(t, g, "ferris", "top secret")
	if got := boss.must("SHOW ssl"); got != "off" {
		t.Errorf("SHOW ssl without a certificate is %q", got)
	}
	boss.must("CREATE USER ann PASSWORD 'pw'; CREATE USER bob PASSWORD 'pw'")
	ann := connectAs(t, g, "ann", "pw")
	ann.must("CREATE TEMP TABLE t AS SELECT 1 AS a; SELECT * FROM t")
	boss.must("REVOKE CONNECT, TEMPORARY ON DATABASE ferris FROM PUBLIC; GRANT CONNECT ON DATABASE ferris TO ann")
	for _, sql := range []string{"CREATE TEMP TABLE u (a int)", "CREATE TABLE pg_temp.u (a int)", "CREATE TEMP SEQUENCE u", "CREATE TEMP TABLE u AS SELECT 1 AS a", "SELECT 1 AS a INTO TEMP u"} {
		ann.refused(sql, `permission denied to create temporary tables in database "ferris"`)
	}
	connectAs(t, g, "ann", "pw").must("SELECT 1")
	_, err := pgconn.Connect(context.Background(), fmt.Sprintf("host=127.0.0.1 port=%s user=bob password=pw dbname=ferris sslmode=disable", port(g)))
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Severity != "FATAL" || e.Code != "42501" || e.Message != `permission denied for database "ferris"` || e.Detail != "User does not have CONNECT privilege." {
		t.Errorf("bob, who may not connect: %v", err)
	}
	boss.must("GRANT TEMPORARY ON DATABASE ferris TO bob; GRANT ann TO bob")
	connectAs(t, g, "bob", "pw").must("CREATE TEMP TABLE u (a int)")
}

// TestPrivileges: what is granted holds on every way, is known after a restart, and
// a job has the rights of who made it.
func TestPrivileges(t *testing.T) {
	o := gateway.Options{Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}, DataDir: t.TempDir()}
	g := gateway.Start(t, o)
	boss := connectAs(t, g, "ferris", "top secret")
	boss.must(`CREATE USER ann PASSWORD 'pw'; CREATE USER bob PASSWORD 'pw'; CREATE TABLE secret (a int PRIMARY KEY); INSERT INTO secret VALUES (7);
		CREATE TABLE copy (a int PRIMARY KEY); CREATE TABLE letters (a int PRIMARY KEY)`)
	boss.must("CREATE VIEW shown AS SELECT a + 1 AS a FROM secret")
	boss.must("CREATE STREAM n (a int GENERATED ALWAYS AS (_offset::int) STORED) WITH ('type' = 'generator', 'rows' = '3')")
	ann := connectAs(t, g, "ann", "pw")
	for sql, message := range map[string]string{
		"SELECT * FROM secret":                                         "permission denied for table secret",
		"SELECT * FROM secret EMIT CHANGES":                            "permission denied for table secret",
		"SELECT * FROM n":                                              "permission denied for stream n",
		"SELECT * FROM shown":                                          "permission denied for view shown",
		"INSERT INTO secret VALUES (1)":                                "permission denied for table secret",
		"COPY secret TO STDOUT":                                        "permission denied for table secret",
		"EXPLAIN SELECT * FROM secret":                                 "permission denied for table secret",
		"DROP TABLE secret":                                            "must be owner of table secret",
		"START JOB j AS SELECT a FROM secret INTO copy":                "permission denied for schema public",
		"CREATE TABLE t (a int)":                                       "permission denied for schema public",
		"SELECT * FROM pg_authid":                                      "permission denied for table pg_authid",
		"CREATE SCHEMA s":                                              "permission denied for database ferris",
		"GRANT SELECT ON secret TO ann":                                "permission denied for table secret",
		"SET SESSION AUTHORIZATION ferris":                             `permission denied to set session authorization "ferris"`,
		"CREATE ROLE r":                                                "permission denied to create role",
		"SELECT * FROM public.secret, pg_class WHERE a = 1":            "permission denied for table secret",
		"WITH x AS (DELETE FROM secret RETURNING a) TABLE x":           "permission denied for table secret",
		"DECLARE c CURSOR WITH HOLD FOR SELECT a FROM secret":          "permission denied for table secret",
		"PREPARE p AS SELECT a FROM secret":                            "permission denied for table secret",
		"CREATE MATERIALIZED VIEW m AS SELECT a FROM secret":           "permission denied for schema public",
		"TABLE secret":                                                 "permission denied for table secret",
		"SELECT (SELECT max(a) FROM secret)":                           "permission denied for table secret",
		"SELECT 1 WHERE EXISTS (SELECT FROM secret)":                   "permission denied for table secret",
		"COPY (SELECT a FROM secret EMIT CHANGES) TO STDOUT":           "permission denied for table secret",
		"SELECT a FROM f WITH ('f.type' = 'file', 'f.path' = 'x.csv')": "permission denied for connector file",
	} {
		ann.refused(sql, message)
	}
	boss.must(`GRANT SELECT ON shown TO ann; GRANT SELECT ON secret TO ann; GRANT INSERT ON copy TO ann; GRANT CREATE ON SCHEMA public TO ann; GRANT SELECT ON STREAM n TO bob`)
	if got := ann.must("SELECT * FROM shown"); got != "8" {
		t.Errorf("ann reads %q in the view, want 8", got)
	}
	ann.must("PREPARE p AS SELECT a FROM secret")
	if got := ann.must("EXECUTE p"); got != "7" {
		t.Errorf("the prepared statement gives %q, want 7", got)
	}
	ann.refused("START JOB j AS SELECT a FROM secret INTO letters", "permission denied for table letters")
	ann.refused("START JOB j AS SELECT a FROM secret INTO copy", "permission denied for table copy") // whose rows it would change
	boss.must("GRANT UPDATE, DELETE ON copy TO ann")
	ann.must("START JOB j AS SELECT a FROM secret INTO copy")
	boss.until("SELECT a FROM copy", "7")
	connectAs(t, g, "bob", "pw").refused("STOP JOB j", "must be owner of job j")

	ann.refused("EXPORT STATE OF j TO 'x'", "permission denied for connector file")
	ann.refused("IMPORT STATE OF j FROM 'x'", "permission denied for connector file")
	store := filepath.Join(o.DataDir, "state")
	for _, sql := range []string{"EXPORT STATE OF j TO '%s'", "IMPORT STATE OF j FROM '%s'", "CREATE SINK k WITH ('type' = 'file', 'path' = '%s')", "CREATE STREAM k (a text) WITH ('type' = 'file', 'path' = '%s')"} {
		path := filepath.Join(store, "FORMAT")
		boss.refused(fmt.Sprintf(sql, path), fmt.Sprintf("permission denied for path %q: it belongs to the store in %q", path, store))
	}

	const noFile = "permission denied for connector file"
	letters := fmt.Sprintf("(failure_strategy = 'DeadLetter', dead_letter = '%s')", filepath.Join(o.DataDir, "dead.jsonl"))
	const replace = "CREATE OR REPLACE JOB j AS SELECT a FROM secret INTO copy WITH "
	ann.refused("START JOB k AS SELECT a FROM secret INTO copy WITH "+letters, noFile)
	ann.refused("ALTER JOB j SET "+letters, noFile)
	boss.refused("ALTER JOB j SET "+letters, noFile) // it is ann's
	ann.refused(replace+letters, noFile)
	boss.must("GRANT USAGE ON CONNECTOR file TO ann")
	ann.must("ALTER JOB j SET " + letters)
	ann.must(replace + letters)
	ann.must("STOP JOB j")
	boss.must("REVOKE USAGE ON CONNECTOR file FROM ann; START JOB j")
	boss.until("SELECT state, error FROM ferris.jobs WHERE job_name = 'j'", "failed|"+noFile)
	boss.must("GRANT USAGE ON CONNECTOR file TO ann; START JOB j")
	boss.until("SELECT state FROM ferris.jobs WHERE job_name = 'j'", "running")

	boss.must("REVOKE SELECT ON secret FROM ann")
	ann.refused("EXECUTE p", "permission denied for table secret")
	ann.refused("SELECT a FROM secret", "permission denied for table secret")
	if got := ann.must("SELECT * FROM shown"); got != "8" {
		t.Errorf("ann reads %q in the view, whose owner may read, want 8", got)
	}
	if err := g.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	o.Listen = g.Listen
	g = gateway.Start(t, o)
	boss = connectAs(t, g, "ferris", "top secret")
	boss.until("SELECT state, error LIKE '%permission denied for table secret%' FROM ferris.jobs WHERE job_name = 'j'", "failed|t")
	ann = connectAs(t, g, "ann", "pw")
	ann.refused("SELECT a FROM secret", "permission denied for table secret")
	if got := connectAs(t, g, "bob", "pw").must("SELECT state, error FROM ferris.jobs WHERE job_name = 'j'"); got != `failed|the error of job "j" is shown to its owner` {
		t.Errorf("bob is shown %q of ann's job", got)
	}
	if got := connectAs(t, g, "bob", "pw").must("SELECT a FROM n ORDER BY a"); got != "0\n1\n2" {
		t.Errorf("bob reads %q after the restart, want 0, 1, 2", got)
	}
	if got := ann.must("SELECT has_table_privilege('shown', 'SELECT'), has_table_privilege('secret', 'SELECT')"); got != "t|f" {
		t.Errorf("has_table_privilege says %q, want t|f", got)
	}
	boss.must("GRANT SELECT ON secret TO ann; START JOB j")
	boss.until("SELECT state FROM ferris.jobs WHERE job_name = 'j'", "running")
}

// TestRefreshOfAnothers: who refreshes a view that reads another's, whose job has
// failed, is told that it has, and not the values that it failed of.
func TestRefreshOfAnothers(t *testing.T) {
	g := gateway.Start(t, gateway.Options{Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}})
	boss := connectAs(t, g, "ferris", "top secret")
	boss.must(`CREATE USER ann PASSWORD 'pw'; GRANT CREATE ON SCHEMA public TO ann; CREATE TABLE salaries (name text PRIMARY KEY, pay text); INSERT INTO salaries VALUES ('bob', '10')`)
	boss.must("CREATE MATERIALIZED VIEW paid AS SELECT name, pay::int AS pay FROM salaries")
	boss.must("GRANT SELECT ON paid TO ann")
	ann := connectAs(t, g, "ann", "pw")
	ann.must("CREATE MATERIALIZED VIEW names AS SELECT name FROM paid")
	boss.must("INSERT INTO salaries VALUES ('eve', 'a lot')")
	boss.until("SELECT state FROM ferris.materialized_views WHERE view_name = 'paid'", "failed")
	for _, c := range []asRole{boss, ann} {
		_, err := c.ask("REFRESH MATERIALIZED VIEW names")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "55000" {
			t.Fatalf("REFRESH: %v, want 55000", err)
		}
		if shown := strings.Contains(e.Message+e.Detail+e.Hint, "a lot"); shown != (c == boss) {
			t.Errorf("shown the value: %t\n%s\n%s", shown, e.Message, e.Detail)
		}
	}
}

// TestOwned: privileges on columns and on what a role will make are known after a
// restart; a role's jobs are another's with REASSIGN OWNED, and gone with DROP OWNED.
func TestOwned(t *testing.T) {
	o := gateway.Options{Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}, DataDir: t.TempDir()}
	g := gateway.Start(t, o)
	boss := connectAs(t, g, "ferris", "top secret")
	boss.must(`CREATE USER ann PASSWORD 'pw'; CREATE USER bob PASSWORD 'pw'; GRANT CREATE ON SCHEMA public TO ann;
		CREATE TABLE people (id int PRIMARY KEY, name text, pay int); INSERT INTO people VALUES (1, 'eve', 10);
		CREATE STREAM n (a int GENERATED ALWAYS AS (_offset::int) STORED, b text GENERATED ALWAYS AS ('x') STORED) WITH ('type' = 'generator', 'rows' = '3')`)
	boss.must("GRANT SELECT (id, name) ON people TO ann; GRANT SELECT (a) ON STREAM n TO ann; ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA public GRANT SELECT ON TABLES TO bob")
	if err := g.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	o.Listen = g.Listen
	g = gateway.Start(t, o)
	boss = connectAs(t, g, "ferris", "top secret")
	ann, bob := connectAs(t, g, "ann", "pw"), connectAs(t, g, "bob", "pw")
	if got := ann.must("SELECT id, name FROM people; SELECT a FROM n ORDER BY a"); got != "1|eve\n0\n1\n2" {
		t.Errorf("ann reads %q of her columns", got)
	}
	for sql, message := range map[string]string{
		"SELECT pay FROM people":          "permission denied for table people",
		"SELECT * FROM n":                 "permission denied for stream n",
		"SELECT a, _offset FROM n":        "permission denied for stream n",
		"SELECT b FROM n EMIT CHANGES":    "permission denied for stream n",
		"REASSIGN OWNED BY ferris TO ann": "permission denied to reassign objects",
		"DROP OWNED BY bob":               "permission denied to drop objects",
	} {
		ann.refused(sql, message)
	}
	ann.must("CREATE TABLE copy (id int PRIMARY KEY, name text)")
	ann.must("START JOB j AS SELECT id, name FROM people INTO copy")
	bob.until("SELECT name FROM copy", "eve")
	bob.refused("INSERT INTO copy VALUES (2)", "permission denied for table copy")
	for _, sql := range []string{"DROP OWNED BY ferris", "REASSIGN OWNED BY ferris TO bob"} {
		if _, err := boss.ask(sql); err == nil || !strings.Contains(err.Error(), "required by the database system") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	boss.must("REASSIGN OWNED BY ann TO bob")
	if got := boss.must("SELECT job_name, owner FROM ferris.jobs; SELECT tableowner FROM pg_tables WHERE tablename = 'copy'"); got != "j|bob\nbob" {
		t.Errorf("ann's job and table are %q, want bob's", got)
	}
	boss.must("DROP OWNED BY ann; DROP ROLE ann")
	boss.must("DROP OWNED BY bob; DROP ROLE bob")
	if got := boss.must("SELECT job_name FROM ferris.jobs; SELECT tablename FROM pg_tables WHERE tablename = 'copy'; SELECT oid FROM pg_default_acl"); got != "" {
		t.Errorf("%q is left of bob's", got)
	}
}
