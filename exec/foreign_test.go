package exec

import (
	"errors"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestForeignKeysSincePlanned: a statement is refused where another transaction has
// added foreign keys, between its plan and its locks, to or of a table that it would
// change: it knows nothing of them.
func TestForeignKeysSincePlanned(t *testing.T) {
	for name, c := range map[string]struct {
		statement, follow, meanwhile string
	}{
		"of a table that references the target": {statement: "DELETE FROM p", meanwhile: "CREATE TABLE late (p int REFERENCES p)"},
		"of the target":                         {statement: "INSERT INTO g VALUES (7)", meanwhile: "ALTER TABLE g ADD FOREIGN KEY (c) REFERENCES c"},
		"of a table that references one to which the deletion cascades": {statement: "DELETE FROM p",
			meanwhile: "ALTER TABLE g ADD FOREIGN KEY (c) REFERENCES c"},
		"of the one to which an update cascades": {statement: "UPDATE p SET id = 2", meanwhile: "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES q"},
		"to a table to be emptied":               {statement: "TRUNCATE q", meanwhile: "CREATE TABLE late (q int REFERENCES q)"},
		"to one whose rows somebody follows": {statement: "TRUNCATE q", follow: "SELECT * FROM q EMIT CHANGES",
			meanwhile: "CREATE TABLE late (q int REFERENCES q)"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.run("CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE q (id int PRIMARY KEY)", "INSERT INTO p VALUES (1)", "INSERT INTO q VALUES (1)",
				"CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE)", "CREATE TABLE g (c int)",
				"INSERT INTO c VALUES (5, 1)", "INSERT INTO g VALUES (5)")
			if c.follow != "" {
				cursor, q := f.follow(c.follow)
				f.rows(cursor, q.Root, 1)
			}
			env := testEnv()
			b, err := f.bound(c.statement, env)
			if err != nil {
				t.Fatal(err)
			}
			f.run(c.meanwhile)
			txn := f.Begin()
			defer txn.Rollback()
			if m, ok := b.Statement.(*plan.Modification); ok {
				_, err = txn.Modify(f.context(), m, env)
			} else {
				_, err = txn.Exec(f.context(), b, env)
			}
			var e *sqlerr.Error
			if !errors.As(err, &e) || e.Code != sqlerr.SerializationFailure || !strings.Contains(e.Detail, "was altered while") {
				t.Errorf("%s = %v, want 40001 that says which table was altered", c.statement, err)
			}
		})
	}
}
