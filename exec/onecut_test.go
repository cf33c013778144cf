package exec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// ledger makes two tables of which each commit changes both alike, so that what their
// sums differ by is 0 at every moment, and views of them.
func (f *fixture) ledger() {
	f.Helper()
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint)", "CREATE TABLE b (id bigint PRIMARY KEY, n bigint)", "CREATE TABLE marks (id bigint)")
	f.transfer(0, 1)
	for _, v := range [][2]string{
		{"va", "SELECT sum(n) AS s FROM a"},
		{"vb", "SELECT sum(n) AS s FROM b"},
		{"ga", "SELECT id % 3 AS k, sum(n) AS s FROM a GROUP BY id % 3"},
		{"gga", "SELECT sum(s) AS s FROM ga"},
		{"pairs", "SELECT a.id, a.n AS x, b.n AS y FROM a JOIN b USING (id)"},
	} {
		if err := f.matView(v[0], v[1]); err != nil {
			f.Fatalf("%s: %v", v[0], err)
		}
	}
}

// transfer commits the same change of both tables.
func (f *fixture) transfer(id, n int) {
	f.Helper()
	f.run(transferring(id, n))
}

// transferring is the statement of a transfer.
func transferring(id, n int) string {
	return fmt.Sprintf("WITH x AS (INSERT INTO a VALUES (%d, %d) ON CONFLICT (id) DO UPDATE SET n = a.n + EXCLUDED.n RETURNING id) "+
		"INSERT INTO b SELECT id, %[2]d FROM x ON CONFLICT (id) DO UPDATE SET n = b.n + EXCLUDED.n", id, n)
}

// meanwhile runs the statements that next gives, one after the other, until the function
// that it returns is called, which fails the test where one of them failed.
func (f *fixture) meanwhile(next func(i int) string) (stop func()) {
	f.Helper()
	ended, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-ended:
				stopped <- nil
				return
			default:
			}
			if _, err := f.sql(next(i), -1); err != nil {
				stopped <- err
				return
			}
		}
	}()
	return func() {
		f.Helper()
		close(ended)
		if err := <-stopped; err != nil {
			f.Fatal(err)
		}
	}
}

// diamonds are queries whose d is 0 at every moment.
var diamonds = []string{
	"SELECT va.s - vb.s AS d FROM va, vb",
	"SELECT va.s - x.s AS d FROM va, (SELECT sum(n) AS s FROM a) x",
	"SELECT va.s - x.s AS d FROM va, (SELECT sum(n) AS s FROM b) x, (SELECT count(*) FROM a) y",
	"SELECT x.s - gga.s AS d FROM gga, (SELECT sum(s) AS s FROM ga) x",
	"SELECT x.s - gga.s AS d FROM gga, (SELECT sum(n) AS s FROM a) x",
	"SELECT vb.s - gga.s AS d FROM gga, vb, pairs WHERE pairs.id = 0",
	"SELECT sum(s) AS d FROM (SELECT s FROM va UNION ALL SELECT -n FROM b UNION ALL SELECT 0 FROM a) x",
	"SELECT sum(COALESCE(x, 0)) - sum(COALESCE(b.n, 0)) AS d FROM pairs FULL JOIN b ON pairs.id = b.id",
	"SELECT count(*) AS d FROM pairs WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.id = pairs.id AND a.n = pairs.y)",
}

// TestFollowedAtOneMoment: what a live query follows, tables, views of them and views
// of those, is of one moment, whatever goes on: no state is seen in which a change is in
// one of them and not in another.
func TestFollowedAtOneMoment(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	for i, query := range diamonds {
		c, q := f.follow(fmt.Sprintf("SELECT z.d, m.n FROM (%s) z, (SELECT count(*) AS n FROM marks) m EMIT CHANGES", query))
		equal(t, "the first state: "+query, f.rows(c, q.Root, 1), []string{fmt.Sprintf("+|0|%d", i)})
		for n := range 50 {
			f.transfer(n%7, n)
		}
		f.run("INSERT INTO marks VALUES (1)")
		equal(t, query, f.rows(c, q.Root, 2), []string{fmt.Sprintf("-|0|%d", i), fmt.Sprintf("+|0|%d", i+1)})
		c.Close()
	}
}

// TestViewAtOneMoment: a view over tables, views of them and views of those has no
// state in which a change is in one of them and not in another; nor has it after a
// crash, and REFRESH waits for what it is made from.
func TestViewAtOneMoment(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	for i, query := range diamonds {
		if err := f.matView(fmt.Sprintf("d%d", i), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	type state struct {
		c *Cursor
		q *plan.Query
	}
	var states []state
	for i := range diamonds {
		c, q := f.follow(fmt.Sprintf("SELECT d.d, m.n FROM d%d d, (SELECT count(*) AS n FROM marks) m EMIT CHANGES", i))
		equal(t, "the first state: "+diamonds[i], f.rows(c, q.Root, 1), []string{"+|0|0"})
		states = append(states, state{c, q})
	}
	for n := range 40 {
		f.transfer(n%7, n)
	}
	for i := range diamonds {
		f.refresh(fmt.Sprintf("d%d", i))
	}
	f.run("INSERT INTO marks VALUES (1)")
	for i, s := range states {
		equal(t, diamonds[i], f.rows(s.c, s.q.Root, 2), []string{"-|0|0", "+|0|1"})
		s.c.Close()
	}
	for range 4 {
		for n := range 5 {
			f.transfer(n, 3)
		}
		f.kill()
		f.transfer(1, 1)
		f.start()
	}
	for i, query := range diamonds {
		f.refresh(fmt.Sprintf("d%d", i))
		equal(t, "after all: "+query, f.selected(fmt.Sprintf("SELECT d FROM d%d", i)), []string{"0"})
	}
	f.refresh("va") // the queries that have its query in its place wait for the tables alone
	equal(t, "the views themselves", f.selected("SELECT va.s - x.s FROM va, (SELECT sum(n) AS s FROM a) x"), []string{"0"})
}

// TestJobAtOneMoment: a job that joins views and tables writes no row of a state in
// which a change is in one of them and not in another, also after a crash.
func TestJobAtOneMoment(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	for i, query := range diamonds {
		if err := f.sqlJob(fmt.Sprintf("j%d", i), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	for round := range 5 {
		for n := range 10 {
			f.transfer(n%7, n+round)
		}
		f.kill()
		f.transfer(1, 1)
		f.start()
	}
	f.settle()
	for i, query := range diamonds {
		name := fmt.Sprintf("j%d", i)
		f.stop(name)
		rows := f.topics.file(name + "_out").read()
		for _, row := range rows {
			if row != "+|0" && row != "-|0" {
				t.Errorf("%s: row %s", query, row)
			}
		}
		equal(t, query, accumulated(t, rows), []string{"0"})
	}
}

// settle returns when every job has come as far as the tables have.
func (f *fixture) settle() {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := f.context(); !f.Settled(); <-tick.C {
		if ctx.Err() != nil {
			f.Fatal("jobs do not get on")
		}
	}
}

// TestReadAtOneVersion: a SELECT reads all of its views and tables at one version of
// the store: of each view an epoch that is there whole, at every place where it is read,
// and a REPEATABLE READ transaction the same ones to its end. What a view lacks of its
// tables is there after REFRESH.
func TestReadAtOneVersion(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	for id := range 6 {
		f.transfer(id, 100)
	}
	for _, v := range []string{"va", "vb", "gga", "pairs"} {
		f.refresh(v)
	}
	sum := f.selected("SELECT sum(n) FROM a")
	stop := f.meanwhile(func(i int) string {
		move := "UPDATE %s SET n = n + CASE id WHEN %d THEN 7 ELSE -7 END WHERE id IN (%[2]d, %d)"
		return fmt.Sprintf("WITH x AS ("+move+" RETURNING id) "+move, "a", i%6, (i+1)%6, "b", i%6, (i+1)%6)
	})
	rr := f.Begin()
	defer rr.Rollback()
	rr.SetIsolation("repeatable read")
	const all = "SELECT 'a', id::text, n FROM a UNION ALL SELECT 'g', k::text, s FROM ga UNION ALL SELECT 'p', id::text, x FROM pairs UNION ALL SELECT 'v', '', s FROM va"
	before := f.within(rr, all)
	for range 30 {
		equal(t, "groups of one epoch", f.selected("SELECT sum(s) FROM ga"), sum)
		equal(t, "a view read twice", f.selected("SELECT count(*) FROM ga x FULL JOIN (SELECT * FROM ga) y USING (k) WHERE x.s IS DISTINCT FROM y.s"), []string{"0"})
		equal(t, "a view of two tables", f.selected("SELECT count(*) FROM pairs WHERE x <> y"), []string{"0"})
		equal(t, "two tables", f.selected("SELECT count(*) FROM a JOIN b USING (id) WHERE a.n <> b.n"), []string{"0"})
		equal(t, "views of sums that stay", f.selected("SELECT va.s - vb.s, va.s - gga.s FROM va, vb, gga"), []string{"0|0"})
	}
	f.refresh("pairs")
	equal(t, "a REPEATABLE READ transaction", f.within(rr, all), before)
	stop()
	f.transfer(3, 9)
	for _, v := range []string{"ga", "gga", "pairs"} {
		f.refresh(v)
	}
	equal(t, "after REFRESH", f.selected("SELECT count(*) FROM pairs FULL JOIN a USING (id) WHERE a.n IS DISTINCT FROM x"), []string{"0"})
	equal(t, "after REFRESH of a view of a view", f.selected("SELECT gga.s - sum(n) FROM gga, a GROUP BY gga.s"), []string{"0"})
}

// within are the rows of a query in a transaction, sorted.
func (f *fixture) within(txn *Txn, sql string) []string {
	f.Helper()
	env := testEnv()
	b, err := f.bound(sql, env)
	if err != nil {
		f.Fatal(err)
	}
	q := b.Statement.(*plan.Query)
	c, err := txn.Query(f.context(), q, env)
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	rows := f.rows(c, q.Root, -1)
	slices.Sort(rows)
	return rows
}

// TestFollowedApart: where a view cannot be followed at the moment of what is followed
// beside it, whoever asks is told so and why, and gets its rows as it has them.
func TestFollowedApart(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	f.events("e").add(0, event(1, "a", 1))
	f.run("CREATE VIEW plain AS SELECT id, name FROM e")
	for _, sql := range []string{
		"CREATE MATERIALIZED VIEW vs AS SELECT count(*) AS s FROM e",
		"CREATE MATERIALIZED VIEW vp AS SELECT count(*) AS s FROM plain JOIN a USING (id)",
		"CREATE MATERIALIZED VIEW lax WITH (failure_strategy = 'LogAndContinue') AS SELECT sum(n) AS s FROM a",
	} {
		if err := f.createView(f.context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	apart := func(view, other, why string) string {
		return fmt.Sprintf("materialized view %q and %q are not followed at one moment, as %s", view, other, why)
	}
	const anew = `stream "e" would be read anew`
	for sql, want := range map[string][]string{
		"SELECT * FROM vp, a EMIT CHANGES":                        {apart("vp", "a", anew)},
		"SELECT * FROM lax, a EMIT CHANGES":                       {apart("lax", "a", "the view has a failure_strategy of its own")},
		"SELECT * FROM vp, vs EMIT CHANGES":                       nil, // from cut to cut
		"SELECT * FROM vp, va EMIT CHANGES":                       nil,
		"SELECT * FROM lax, va EMIT CHANGES":                      nil,
		"SELECT * FROM vs, b EMIT CHANGES":                        nil,
		"SELECT * FROM va, vb EMIT CHANGES":                       nil,
		"SELECT * FROM va x, va y EMIT CHANGES":                   nil,
		"SELECT * FROM vp, a":                                     nil,
		"SELECT * FROM va UNION ALL SELECT n FROM a EMIT CHANGES": nil,
	} {
		b, err := f.bound(sql, testEnv())
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		var got []string
		for _, n := range b.Notices {
			if n.Severity != "NOTICE" || n.Detail == "" || n.Hint == "" {
				t.Errorf("%s: %+v", sql, n)
			}
			got = append(got, n.Message)
		}
		equal(t, sql, got, want)
	}
	c, q := f.follow("SELECT lax.s - va.s FROM lax, va EMIT CHANGES")
	equal(t, "lax and va", f.rows(c, q.Root, 1), []string{"+|0"})
}

// TestFollowedByRights: a view of a view whose owner may not read what it is made from is
// followed as it is kept, as it is read.
func TestFollowedByRights(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	f.run("CREATE ROLE me SUPERUSER", "CREATE ROLE ann", "ALTER MATERIALIZED VIEW gga OWNER TO ann")
	f.catalog.RequireRoles()
	c, q := f.follow("SELECT gga.s, a.n FROM gga, a EMIT CHANGES")
	equal(t, "gga beside a", f.rows(c, q.Root, 1), []string{"+|1|1"})
}

// TestViewFollowedAlone: a view that is followed alone, or beside itself, is read as it
// is kept; beside a table its query is.
func TestViewFollowedAlone(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	reads := func(sql string) (all []string) {
		t.Helper()
		b, err := f.bound(sql, testEnv())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range scannedBy(b.Statement.(*plan.Query).Root) {
			all = append(all, r.Name)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for sql, want := range map[string][]string{
		"SELECT * FROM gga EMIT CHANGES":                               {"gga"},
		"SELECT * FROM ga x JOIN ga y USING (k) EMIT CHANGES":          {"ga"},
		"SELECT * FROM gga, ga EMIT CHANGES":                           {"ga"},
		"SELECT * FROM gga, a EMIT CHANGES":                            {"a"},
		"SELECT * FROM va, vb EMIT CHANGES":                            {"a", "b"},
		"SELECT * FROM va, vb":                                         {"va", "vb"},
		"SELECT * FROM ga WHERE k IN (SELECT id FROM b) EMIT CHANGES":  {"a", "b"},
		"SELECT * FROM (SELECT 1) x, gga WHERE gga.s > 0 EMIT CHANGES": {"gga"},
	} {
		equal(t, sql, reads(sql), want)
	}
}
