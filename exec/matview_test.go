package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// matView creates a materialized view.
func (f *fixture) matView(name, query string) error {
	return f.createView(f.context(), fmt.Sprintf("CREATE MATERIALIZED VIEW %s WITH (checkpoint.interval = '1ms') AS %s", name, query))
}

// createView runs CREATE MATERIALIZED VIEW.
func (f *fixture) createView(ctx context.Context, sql string) error {
	b, err := f.bound(sql, testEnv())
	if err != nil {
		return err
	}
	s := b.Statement.(*plan.CreateMatView)
	job := s.Job.Name
	f.plans.Store(s.Job.Text, func() (*plan.StartJob, error) {
		var view *catalog.Relation
		for _, r := range f.catalog.Snapshot().Relations() {
			if r.Kind == catalog.MatView && r.Job == job {
				view = r
			}
		}
		b, err := f.boundView(sql, testEnv(), view)
		if err != nil {
			return nil, err
		}
		return b.Statement.(*plan.CreateMatView).Job, nil
	})
	txn := f.Begin()
	if _, err := txn.Exec(ctx, b, testEnv()); err != nil {
		txn.Rollback()
		return err
	}
	return txn.Commit(ctx)
}

// refresh waits until a view has what its tables have.
func (f *fixture) refresh(view string) {
	f.Helper()
	f.run("REFRESH MATERIALIZED VIEW " + view)
}

// TestDropCascadeNames: DROP ... CASCADE names the views and jobs that go along, and
// without CASCADE they are in the error's detail.
func TestDropCascadeNames(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, name text)", "CREATE TABLE o (id bigint PRIMARY KEY)", "CREATE VIEW p AS SELECT id FROM a WHERE id > 1")
	for view, query := range map[string]string{"v": "SELECT name, count(*) AS n FROM a GROUP BY name", "w": "SELECT count(*) AS n FROM p"} {
		if err := f.matView(view, query); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.matView("x", "SELECT sum(n) AS s FROM v"); err != nil {
		t.Fatal(err)
	}
	if err := f.tableJob("j", "INSERT INTO o SELECT id FROM a", ""); err != nil {
		t.Fatal(err)
	}
	drop := func(cascade bool) (Result, error) {
		return f.try(&plan.Drop{What: "TABLE", Objects: []plan.ObjectName{{Schema: "public", Name: "a"}}, Cascade: cascade})
	}
	_, err := drop(false)
	var depends, goes []string
	for _, c := range [][2]string{
		{"materialized view v", "table a"}, {"materialized view x", "materialized view v"}, {"view p", "table a"},
		{"materialized view w", "table a"}, {"job j", "table a"},
	} {
		depends, goes = append(depends, c[0]+" depends on "+c[1]), append(goes, "drop cascades to "+c[0])
	}
	same := func(what, got string, want []string) {
		t.Helper()
		all := strings.Split(got, "\n")
		slices.Sort(all)
		slices.Sort(want)
		equal(t, what, all, want)
	}
	if sqlerr.CodeOf(err) != sqlerr.DependentObjectsStillExist {
		t.Fatalf("DROP without CASCADE: %v", err)
	}
	same("DROP's detail", sqlerr.From(err).Detail, depends)
	res, err := drop(true)
	if err != nil || len(res.Notices) != 1 || res.Notices[0].Message != "drop cascades to 5 other objects" {
		t.Fatalf("DROP ... CASCADE: %v, %v", res.Notices, err)
	}
	same("its notice", res.Notices[0].Detail, goes)
	if jobs := f.catalog.Snapshot().Jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs are left", len(jobs))
	}
}

var viewQueries = []string{
	"SELECT * FROM a",
	"SELECT name, id FROM a WHERE id % 2 = 0",
	"SELECT id % 3 FROM a",
	"SELECT name, count(*), sum(id), max(id) FROM a GROUP BY name",
	"SELECT count(*), min(name) FROM a",
	"SELECT count(*) AS n FROM a GROUP BY name",
	"SELECT DISTINCT name FROM a",
	"SELECT n, count(*) FROM (SELECT name, count(*) AS n FROM a GROUP BY name) x GROUP BY n",
	"SELECT name, count(*) FROM (SELECT name FROM a UNION ALL SELECT name FROM b) x GROUP BY name ORDER BY 2",
	"SELECT a.id, a.name, b.id AS other FROM a JOIN b ON a.name = b.name",
	"SELECT a.id, b.id AS other, b.name FROM a LEFT JOIN b ON a.id = b.id",
	"SELECT a.name, count(b.id) AS n FROM a FULL JOIN b ON a.id = b.id GROUP BY a.name",
	"SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)",
	"SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id) AND name IS NOT NULL",
	"SELECT x.id, y.id AS same FROM a x JOIN a y ON x.name = y.name AND x.id < y.id",
	"SELECT window_start, count(*) FROM a WINDOW TUMBLING (ts, INTERVAL '10 seconds') GROUP BY window_start",
}

// TestViewsKilled: a view over tables, and one over that, killed again and again,
// hold what their queries give, and nothing twice.
func TestViewsKilled(t *testing.T) {
	for i, q := range viewQueries {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			rng := rand.New(rand.NewPCG(uint64(i), 10))
			f.run("CREATE TABLE a (id bigint PRIMARY KEY, name text, ts timestamptz)", "CREATE TABLE b (id bigint, name text)",
				"INSERT INTO a VALUES (1, 'a', '2000-01-01 00:00:01Z'), (2, NULL, '2000-01-01 00:00:12Z')")
			if err := f.matView("v", q); err != nil {
				t.Fatal(err)
			}
			equal(t, "as it was made: "+q, f.selected("SELECT * FROM v"), f.selected(q))
			if err := f.matView("w", "SELECT count(*) AS n, count(v) AS m FROM v"); err != nil {
				t.Fatal(err)
			}
			for round := range 10 {
				for range 1 + rng.IntN(4) {
					f.run(fmt.Sprintf("INSERT INTO a SELECT n, chr(97 + n %% 3), timestamptz '2000-01-01' + n * interval '1 second' FROM generate_series(%d, %d) g(n) ON CONFLICT DO NOTHING", rng.IntN(60), 40+rng.IntN(60)),
						fmt.Sprintf("UPDATE a SET name = CASE WHEN id %% 2 = 0 THEN NULL ELSE name || 'x' END WHERE id %% 7 = %d", rng.IntN(7)),
						fmt.Sprintf("DELETE FROM a WHERE id %% 5 = %d", rng.IntN(5)),
						fmt.Sprintf("INSERT INTO b VALUES (%d, 'a')", round))
				}
				switch rng.IntN(3) {
				case 0:
					f.committedMore("v", 1)
				case 1:
					f.refresh("w")
					equal(t, "between: "+q, f.selected("SELECT * FROM v"), f.selected(q))
					equal(t, "the view over it", f.selected("SELECT * FROM w"), f.selected("SELECT count(*), count(v) FROM v"))
				}
				if round == 5 {
					f.run("CREATE INDEX ON v ((1))", "ALTER MATERIALIZED VIEW w RENAME TO u", "ALTER MATERIALIZED VIEW u RENAME TO w")
				}
				f.kill()
				if round > 2 {
					f.parallel("v", 1+rng.IntN(3)) // what is followed is read by the first task
				}
				f.start()
			}
			f.refresh("w")
			equal(t, q, f.selected("SELECT * FROM v"), f.selected(q))
			equal(t, "the view over it", f.selected("SELECT * FROM w"), f.selected("SELECT count(*), count(v) FROM v"))
			f.run("DELETE FROM a", "DELETE FROM b")
			f.refresh("w")
			equal(t, "empty: "+q, f.selected("SELECT * FROM v"), f.selected(q))
		})
	}
}

// TestViewKeepsItsColumns: a view of * keeps the columns that it was made with where its
// table gets more, at later starts too, and where its query is run in another plan.
func TestViewKeepsItsColumns(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint)", "INSERT INTO a VALUES (1, 10)")
	for name, query := range map[string]string{
		"v": "SELECT * FROM a", "w": "SELECT x.*, y.n AS m FROM a x JOIN a y USING (id) EMIT CHANGES",
		"u": "SELECT * FROM (SELECT *, n + 1 AS p FROM a) z UNION ALL SELECT 0, 0, 0",
	} {
		if err := f.matView(name, query); err != nil {
			t.Fatal(err)
		}
	}
	f.run("ALTER TABLE a ADD COLUMN more text DEFAULT 'x'", "INSERT INTO a VALUES (2, 20, 'y')")
	for range 2 {
		f.kill()
		f.start()
		for _, v := range []string{"v", "w", "u"} {
			f.refresh(v)
		}
		equal(t, "v", f.selected("SELECT * FROM v"), []string{"1|10", "2|20"})
		equal(t, "w", f.selected("SELECT * FROM w"), []string{"1|10|10", "2|20|20"})
		equal(t, "u", f.selected("SELECT * FROM u"), []string{"0|0|0", "1|10|11", "2|20|21"})
	}
	c, q := f.follow("SELECT count(*) FROM (SELECT * FROM v) v JOIN a USING (id) WHERE v.n = a.n EMIT CHANGES")
	equal(t, "its query in another plan", f.rows(c, q.Root, 1), []string{"+|2"})
}

// TestViewTableRewritten: rows of a table are not written anew under who reads it: one
// that goes on from before would have each a second time. Who writes to it may stay.
func TestViewTableRewritten(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint)", "INSERT INTO a VALUES (1, 10), (2, 10)", "CREATE TABLE o (n bigint PRIMARY KEY, c bigint)")
	if err := f.matView("v", "SELECT n, count(*) FROM a GROUP BY n"); err != nil {
		t.Fatal(err)
	}
	if err := f.tableJob("j", "INSERT INTO o (n, c) SELECT n, count(*) FROM a GROUP BY n", ""); err != nil {
		t.Fatal(err)
	}
	for _, rewrites := range []string{"DEFAULT random()", "bigserial", "GENERATED ALWAYS AS (n + 1) STORED", "UNIQUE"} {
		kind := "float8 "
		if rewrites == "bigserial" {
			kind = ""
		}
		if _, err := f.sql("ALTER TABLE a ADD COLUMN more "+kind+rewrites, -1); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
			t.Errorf("%s: %v, want 0A000", rewrites, err)
		}
	}
	f.run("ALTER TABLE a ADD COLUMN more float8", "ALTER TABLE a ALTER COLUMN more SET DEFAULT random()", "UPDATE a SET more = random()", "INSERT INTO a (id, n) VALUES (3, 10)",
		"ALTER TABLE o ADD COLUMN number float8 DEFAULT random()")
	f.refresh("v")
	equal(t, "v", f.selected("SELECT * FROM v"), []string{"10|3"})
	f.eventually(func() bool { return slices.Equal(f.selected("SELECT n, c FROM o"), []string{"10|3"}) }, "the job does not go on")
}

// TestViewOfStream: a view over a stream goes on as rows come, and after a crash.
func TestViewOfStream(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.matView("v", "SELECT name, count(*) AS n FROM e GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	for range 8 {
		for range 20 {
			e.add(0, event(next, string(rune('a'+next%4)), float64(next)))
			next++
		}
		f.committedMore("v", 1)
		f.kill()
		f.start()
	}
	e.end()
	f.waitState("v", catalog.JobFinished)
	equal(t, "the view", f.selected("SELECT * FROM v"), f.selected("SELECT name, count(*) FROM e GROUP BY name"))
	// Its changes can be followed.
	c, q := f.follow("SELECT sum(n) FROM v EMIT CHANGES")
	equal(t, "its changes", f.rows(c, q.Root, 1), []string{"+|160"})
}

// TestViewRefused: what a view cannot be, or what cannot be done to one.
func TestViewRefused(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, name text)")
	if err := f.matView("v", "SELECT name, count(*) AS n FROM a GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql  string
		code sqlerr.Code
		says string
	}{
		{"CREATE MATERIALIZED VIEW v AS SELECT 1", sqlerr.DuplicateTable, "already exists"},
		{"CREATE MATERIALIZED VIEW w AS SELECT now()", sqlerr.FeatureNotSupported, "now()"},
		{"CREATE MATERIALIZED VIEW w AS SELECT random() FROM a", sqlerr.FeatureNotSupported, "random()"},
		{"CREATE MATERIALIZED VIEW w (a, b) AS SELECT 1", sqlerr.SyntaxError, "too many column names"},
		{"CREATE MATERIALIZED VIEW w AS SELECT id, (SELECT count(*) FROM a) FROM a", sqlerr.FeatureNotSupported, ""},
		{"INSERT INTO v VALUES ('x', 1)", sqlerr.WrongObjectType, "cannot change materialized view"},
		{"UPDATE v SET n = 1", sqlerr.WrongObjectType, "cannot change materialized view"},
		{"DELETE FROM v", sqlerr.WrongObjectType, "cannot change materialized view"},
		{"TRUNCATE v", sqlerr.WrongObjectType, "is not a table"},
		{"DROP TABLE v", sqlerr.WrongObjectType, "is not a table"},
		{"DROP VIEW v", sqlerr.WrongObjectType, "is not a view"},
		{"DROP TABLE a", sqlerr.DependentObjectsStillExist, "materialized view v depends on table a"},
		{"DROP JOB v", sqlerr.DependentObjectsStillExist, "requires it"},
		{"DROP INDEX v_key", sqlerr.DependentObjectsStillExist, "requires it"},
		{"ALTER TABLE a DROP COLUMN name", sqlerr.FeatureNotSupported, "follows"},
		{"ALTER TABLE a RENAME COLUMN name TO x", sqlerr.FeatureNotSupported, "follows"},
		{"ALTER TABLE a ALTER COLUMN name TYPE varchar", sqlerr.FeatureNotSupported, "follows"},
		{"ALTER TABLE a RENAME TO b", sqlerr.FeatureNotSupported, "renaming"},
		{"LOCK TABLE v", sqlerr.WrongObjectType, "cannot lock"},
		{"REFRESH MATERIALIZED VIEW a", sqlerr.FeatureNotSupported, "is not a materialized view"},
	} {
		_, err := f.sql(c.sql, -1)
		if sqlerr.CodeOf(err) != c.code || !strings.Contains(err.Error()+" "+sqlerr.From(err).Detail, c.says) {
			t.Errorf("%s: %v (%s), want %s %q", c.sql, err, sqlerr.CodeOf(err), c.code, c.says)
		}
	}
	f.run("INSERT INTO a VALUES (1, 'x')", "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1", "DROP MATERIALIZED VIEW IF EXISTS nope")
	equal(t, "the view", f.selected("SELECT * FROM v"), []string{"x|1"})
	f.run("DROP TABLE a CASCADE")
	if f.catalog.Snapshot().Relation("public", "v") != nil || f.catalog.Snapshot().Job("v") != nil {
		t.Error("the view, or its job, is there without its table")
	}
}
