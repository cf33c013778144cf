package planner_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
)

// TestAuthorize: every relation that a statement touches is asked for, with the
// privilege it needs, and a refusal is the statement's error.
func TestAuthorize(t *testing.T) {
	s := newSession(t, signatures(t))
	s.exec(`CREATE STREAM a (id bigint) WITH (type = 'kafka', topic = 'a');
		CREATE STREAM b (id bigint) WITH (type = 'kafka', topic = 'b');
		CREATE SINK out WITH (type = 'stdout');
		CREATE STREAM v AS SELECT id FROM a`)
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT 1", nil},
		{"SELECT * FROM a", []string{"SELECT a"}},
		{"SELECT * FROM v", []string{"SELECT v", "SELECT a"}},
		{"SELECT (SELECT max(id) FROM b) FROM a", []string{"SELECT a", "SELECT b"}},
		{"WITH x AS (SELECT * FROM b) SELECT 1", []string{"SELECT b"}},
		{"INSERT INTO a SELECT * FROM b", []string{"INSERT a", "SELECT b"}},
		{"SELECT id FROM a INTO out", []string{"SELECT a", "INSERT out"}},
		{"START JOB j AS SELECT id FROM a INTO out", []string{"SELECT a", "INSERT out"}},
		{"CREATE STREAM c (id bigint) WITH (type = 'kafka', topic = 'c')", []string{"CREATE c"}},
		{"CREATE SINK k WITH (type = 'stdout')", []string{"CREATE k"}},
		{"CREATE STREAM w AS SELECT id FROM a INTO new WITH ('new.type' = 'stdout')", []string{"CREATE w", "SELECT a", "CREATE new"}},
		{"DROP STREAM a", []string{"DROP a"}},
		{"EXPLAIN SELECT * FROM a", []string{"SELECT a"}},
		{"DECLARE c CURSOR FOR SELECT * FROM a", []string{"SELECT a"}},
		{"COPY a TO STDOUT", []string{"SELECT a"}},
		{"DESCRIBE a", []string{"SELECT a"}},
		{"SELECT * FROM pg_class", []string{"SELECT pg_class"}},
	} {
		stmts, err := planner.Parse(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		ctx := s.context()
		ctx.Authorize = func(r *catalog.Relation, p bind.Privilege) error {
			asked = append(asked, string(p)+" "+r.Name)
			return nil
		}
		if _, err := planner.Plan(context.Background(), ctx, stmts[0]); err != nil {
			t.Errorf("%s: %v", c.sql, err)
		}
		if !reflect.DeepEqual(asked, c.want) {
			t.Errorf("%s asked for %q, want %q", c.sql, asked, c.want)
		}
		if c.want == nil {
			continue
		}
		ctx.Authorize = func(r *catalog.Relation, p bind.Privilege) error {
			return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for table %s", r.Name)
		}
		if _, err := planner.Plan(context.Background(), ctx, stmts[0]); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
			t.Errorf("%s: %v where it is denied", c.sql, err)
		}
	}
}
