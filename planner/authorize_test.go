package planner_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner"
)

// TestAuthorize: every statement needs just the rights that it says, of a role that
// has no others: without any of them it is 42501, and with them it is planned.
func TestAuthorize(t *testing.T) {
	s := newSession(t, signatures(t))
	s.exec(`CREATE STREAM a (id bigint) WITH (type = 'kafka', topic = 'a');
		CREATE STREAM b (id bigint) WITH (type = 'kafka', topic = 'b');
		CREATE SINK out WITH (type = 'stdout');
		CREATE STREAM v AS SELECT id FROM a`)
	s.exec(`CREATE TABLE sums (id bigint PRIMARY KEY, n bigint);
		CREATE TABLE rows (id bigint PRIMARY KEY)`)
	s.catalog.RequireRoles()
	tx := s.catalog.Begin()
	if err := tx.CreateRole(catalog.NewRole("ann")); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	const never = "never"
	for _, c := range []struct{ sql, needs string }{
		{"SELECT 1", ""},
		{"SELECT * FROM pg_class", ""},
		{"SELECT * FROM a", "SELECT a"},
		{"SELECT * FROM a EMIT CHANGES", "SELECT a"},
		{"SELECT * FROM v", "SELECT v"}, // a is its owner's to read
		{"SELECT (SELECT max(id) FROM b) FROM a", "SELECT a, SELECT b"},
		{"WITH x AS (SELECT * FROM b) SELECT * FROM x", "SELECT b"},
		{"WITH x AS (SELECT * FROM b) SELECT 1", ""}, // nobody reads it
		{"INSERT INTO a SELECT * FROM b", "INSERT a, SELECT b"},
		{"INSERT INTO a VALUES (1)", "INSERT a"},
		{"SELECT id FROM a INTO out", "SELECT a, INSERT out"},
		{"START JOB j AS SELECT id FROM a INTO out", "SELECT a, INSERT out, CREATE public"},
		{"START JOB j AS SELECT id FROM a INTO rows", "SELECT a, INSERT rows, CREATE public"},
		{"START JOB j AS SELECT id, count(*) FROM a GROUP BY id INTO sums", "SELECT a, INSERT sums, UPDATE sums, DELETE sums, CREATE public"},
		{"CREATE STREAM c (id bigint) WITH (type = 'kafka', topic = 'c')", "CREATE public, USAGE kafka"},
		{"CREATE SINK k WITH (type = 'stdout')", "CREATE public, USAGE stdout"},
		{"CREATE STREAM w AS SELECT id FROM a", "CREATE public"}, // its reader is asked
		{"CREATE STREAM w AS SELECT id FROM a INTO new WITH ('new.type' = 'stdout')", "SELECT a, CREATE public, USAGE stdout"},
		{"SELECT * FROM here WITH ('here.type' = 'kafka', 'here.topic' = 'x')", "USAGE kafka"},
		{"EXPORT STATE OF j TO '/tmp/j'", "USAGE file"},
		{"IMPORT STATE OF j FROM '/tmp/j'", "USAGE file"},
		{"CREATE SCHEMA mine", "CREATE ferris"},
		{"DROP STREAM a", never},
		{"DROP SCHEMA public", never},
		{"ALTER STREAM a ADD COLUMN n int", never},
		{"COMMENT ON STREAM a IS 'x'", never},
		{"EXPLAIN SELECT * FROM a", "SELECT a"},
		{"DECLARE c CURSOR FOR SELECT * FROM a", "SELECT a"},
		{"PREPARE p AS SELECT * FROM a", "SELECT a"},
		{"COPY a TO STDOUT", "SELECT a"},
		{"COPY (SELECT * FROM a) TO STDOUT", "SELECT a"},
		{"COPY a FROM STDIN", "INSERT a"},
		{"DESCRIBE a", "SELECT a"},
		{"SELECT * FROM public.a", "SELECT a"},
	} {
		var needs []string
		if c.needs != "" && c.needs != never {
			needs = strings.Split(c.needs, ", ")
		}
		plan := func(given []string) error {
			ctx := s.context()
			ctx.Catalog, ctx.User = granted(t, s.catalog, given), "ann"
			stmts, err := planner.Parse(c.sql)
			if err != nil {
				t.Fatal(err)
			}
			_, err = planner.Plan(context.Background(), ctx, stmts[0])
			return err
		}
		for i := range needs {
			but := append(append([]string{}, needs[:i]...), needs[i+1:]...)
			if err := plan(but); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
				t.Errorf("%s, with %q alone: %v, want 42501", c.sql, but, err)
			}
		}
		switch err := plan(needs); {
		case c.needs == never && sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege:
			t.Errorf("%s by another than the owner: %v, want 42501", c.sql, err)
		case c.needs != never && err != nil:
			t.Errorf("%s, with %q: %v", c.sql, needs, err)
		}
	}
}

// TestReplaceAsksForOwnership: a role that may create, read and write does not get at
// what is another's by OR REPLACE.
func TestReplaceAsksForOwnership(t *testing.T) {
	s := newSession(t, signatures(t))
	s.exec(`CREATE STREAM a (id bigint) WITH (type = 'kafka', topic = 'a');
		CREATE SINK out WITH (type = 'stdout');
		CREATE STREAM v AS SELECT id FROM a`)
	s.catalog.RequireRoles()
	tx := s.catalog.Begin()
	if err := tx.CreateRole(catalog.NewRole("ann")); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := tx.CreateJob(&catalog.Job{Name: "j", Owner: "ferris"}, false, false); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	snapshot := granted(t, s.catalog, []string{"CREATE public", "USAGE kafka", "USAGE stdout", "SELECT a", "INSERT out"})
	for _, c := range []struct{ sql, want string }{
		{"CREATE OR REPLACE STREAM a (id bigint) WITH (type = 'kafka', topic = 'c')", "must be owner of stream a"},
		{"CREATE OR REPLACE SINK out WITH (type = 'stdout')", "must be owner of sink out"},
		{"CREATE OR REPLACE STREAM v AS SELECT id + 1 AS id FROM a", "must be owner of view v"},
		{"CREATE OR REPLACE VIEW v AS SELECT id + 1 AS id FROM a", "must be owner of view v"},
		{"CREATE OR REPLACE JOB j AS SELECT id FROM a INTO out", "must be owner of job j"},
		{"CREATE OR REPLACE STREAM j AS SELECT id FROM a INTO out", "must be owner of job j"},
		{"CREATE OR REPLACE STREAM w AS SELECT id FROM a", ""},
		{"CREATE OR REPLACE STREAM k AS SELECT id FROM a INTO out", ""},
	} {
		for user, want := range map[string]string{"ann": c.want, "ferris": ""} {
			ctx := s.context()
			ctx.Catalog, ctx.User = snapshot, user
			stmts, err := planner.Parse(c.sql)
			if err != nil {
				t.Fatal(err)
			}
			_, err = planner.Plan(context.Background(), ctx, stmts[0])
			switch {
			case want == "" && err != nil:
				t.Errorf("%s by %s: %v", c.sql, user, err)
			case want != "" && (sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege || !strings.Contains(err.Error(), want)):
				t.Errorf("%s by %s: %v, want 42501 %s", c.sql, user, err, want)
			}
		}
	}
}

// granted is a catalog in which ann has some rights: RIGHT object.
func granted(t *testing.T, c *catalog.Catalog, rights []string) *catalog.Snapshot {
	t.Helper()
	tx := c.Begin()
	for _, r := range rights {
		right, name, _ := strings.Cut(r, " ")
		g := catalog.Grant{Class: catalog.ConnectorClass, Name: name, OID: catalog.ConnectorOID(name), Rights: catalog.RightNamed(right), Grantees: []string{"ann"}}
		switch snapshot := tx.Snapshot(); {
		case name == "ferris":
			g.Class = catalog.DatabaseClass
		case snapshot.Schema(name) != nil:
			g.Class, g.OID = catalog.SchemaClass, snapshot.Schema(name).OID
		case snapshot.Relation("public", name) != nil:
			g.Class, g.OID = catalog.RelationClass, snapshot.Relation("public", name).OID
		}
		if _, err := tx.Grant(g, catalog.Superuser); err != nil {
			t.Fatal(err)
		}
	}
	return tx.Snapshot()
}
