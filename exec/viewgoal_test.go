package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fill adds rows to three splits of a topic, from number to number.
func fill(e *topic, from, to int64) {
	for i := from; i < to; i++ {
		e.add(int(i%3), event(i, string(rune('a'+i%4)), float64(i)))
	}
}

// TestViewFilled: CREATE returns when a view has what its endless streams, its tables
// and its views held, and REFRESH when it has what they hold by then.
func TestViewFilled(t *testing.T) {
	for _, tasks := range []int{1, 3} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.batch = 7
			fill(e, 0, 250)
			f.events("empty").add(2)
			f.run("CREATE TABLE names (name text PRIMARY KEY, long text)", "INSERT INTO names VALUES ('a', 'Alpha'), ('c', 'Gamma')")
			with := fmt.Sprintf(" WITH (parallelism = '%d', checkpoint.interval = '20ms') AS ", tasks)
			queries := map[string]string{
				"v": "SELECT name, count(*) AS n, sum(id) AS s FROM e GROUP BY name",
				"w": "SELECT count(*) AS groups, sum(n) AS n FROM v",
				"x": "SELECT names.long, v.n FROM names LEFT JOIN v ON v.name = names.name",
				"y": "SELECT name, count(*) AS n FROM (SELECT name FROM e UNION ALL SELECT name FROM empty UNION ALL SELECT name FROM names) x GROUP BY name",
				"z": "SELECT count(*) AS n FROM empty",
			}
			for _, name := range []string{"v", "w", "x", "y", "z"} {
				if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW "+name+with+queries[name]); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				equal(t, name, f.selected("SELECT * FROM "+name), f.selected(queries[name]))
			}
			fill(e, 250, 400)
			f.run("INSERT INTO names VALUES ('d', 'Delta')")
			for _, name := range []string{"w", "x", "y", "z"} {
				f.refresh(name)
				equal(t, name+" refreshed", f.selected("SELECT * FROM "+name), f.selected(queries[name]))
			}
			f.kill()
			f.start()
			fill(e, 400, 500)
			f.refresh("w")
			equal(t, "after a start", f.selected("SELECT * FROM w"), f.selected(queries["w"]))
		})
	}
}

// TestViewNotFilled: WITH NO DATA does not wait. A view that cannot be filled, or for
// which nobody waits any longer, is not there afterwards, unless its transaction did more.
func TestViewNotFilled(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	fill(e, 0, 50)
	held := make(chan struct{})
	e.opening = func(int) { <-held }
	const count = "SELECT count(*) AS n FROM e"
	if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW v AS "+count+" WITH NO DATA"); err != nil {
		t.Fatal(err)
	}
	equal(t, "without data", f.selected("SELECT * FROM v"), nil)
	cancelled := errors.New("cancelled")
	ctx, cancel := context.WithCancelCause(f.context())
	opened := make(chan struct{}, 10)
	e.mu.Lock()
	e.opening = func(int) { opened <- struct{}{}; <-held }
	e.mu.Unlock()
	failed := make(chan error, 1)
	go func() { failed <- f.createView(ctx, "CREATE MATERIALIZED VIEW w AS "+count) }()
	<-opened
	cancel(cancelled)
	close(held)
	if err := <-failed; !errors.Is(err, cancelled) {
		t.Errorf("a CREATE that is cancelled = %v", err)
	}
	if s := f.catalog.Snapshot(); s.Relation("public", "w") != nil || s.Job("w") != nil {
		t.Error("the view is there, or its job")
	}
	f.refresh("v")
	equal(t, "refreshed", f.selected("SELECT * FROM v"), []string{"50"})
	e.bad[7] = true
	for failing, says := range map[string]string{
		"CREATE MATERIALIZED VIEW w AS SELECT id, name::int AS n FROM e": `query: invalid input syntax for type integer: "a" (The row is {"id":0,"name":"a"}, of "e" (0))`,
		"CREATE MATERIALIZED VIEW w AS SELECT max(id) AS m FROM e":       "row 7 is bad",
	} {
		err := f.createView(f.context(), failing)
		if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(sqlerr.From(err).Detail, says) {
			t.Errorf("%s: %v (%s)", failing, err, sqlerr.From(err).Detail)
		}
		if hint := sqlerr.From(err).Hint; !strings.Contains(hint, "create it again") || strings.Contains(hint, "START JOB") {
			t.Errorf("%s: the hint is %q", failing, hint)
		}
		if s := f.catalog.Snapshot(); s.Relation("public", "w") != nil || s.Job("w") != nil {
			t.Errorf("%s: the view is there, or its job", failing)
		}
	}
	// What else a transaction did is committed.
	txn := f.Begin()
	for _, sql := range []string{"CREATE TABLE t (id int)", "CREATE MATERIALIZED VIEW w AS SELECT max(id) AS m FROM e"} {
		b, err := f.bound(sql, testEnv())
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := b.Statement.(*plan.CreateMatView); ok {
			f.plans.Store(c.Job.Text, c.Job)
		}
		if _, err := txn.Exec(f.context(), b, testEnv()); err != nil {
			t.Fatal(err)
		}
	}
	if err := txn.Commit(f.context()); err == nil || !strings.Contains(sqlerr.From(err).Detail, "is committed") {
		t.Errorf("a transaction whose view is not filled = %v", err)
	}
	if f.catalog.Snapshot().Relation("public", "t") == nil {
		t.Error("the transaction is not committed")
	}
}

// TestViewLeavesOut: a view leaves rows at fault out where it says so, and counts them.
func TestViewLeavesOut(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.add(0, event(1, "17", 1), event(2, "x", 2), event(3, "4", 3))
	if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW v WITH (failure_strategy = 'LogAndContinue') AS SELECT id, name::int AS n FROM e"); err != nil {
		t.Fatal(err)
	}
	equal(t, "its rows", f.selected("SELECT * FROM v ORDER BY 1"), []string{"1|17", "3|4"})
	if got := (jobsProvider{f.Engine}).Jobs()[0].Rejected; got != 1 {
		t.Errorf("%d rows were left out, want 1", got)
	}
}

// TestViewOfWhatSkips: a stream that says on_error leaves out of a view what does not
// decode, and only that.
func TestViewOfWhatSkips(t *testing.T) {
	f := newFixture(t)
	f.stream("s", catalog.Option{Key: "on_error", Value: "skip"})
	s := f.topics.topic("s")
	s.bad = map[int64]bool{1: true}
	s.addRows(0, 0, 3)
	s.end()
	if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW v AS SELECT id, name FROM s"); err != nil {
		t.Fatal(err)
	}
	equal(t, "its rows", f.selected("SELECT * FROM v ORDER BY 1"), []string{"0|n0", "2|n2"})
	if got := (jobsProvider{f.Engine}).Jobs()[0].Rejected; got != 1 {
		t.Errorf("%d rows were left out, want 1", got)
	}
	if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW w AS SELECT name::int AS n FROM s"); err == nil {
		t.Error("a view lacks a row that cannot be computed")
	}
}

// TestViewStale: whoever reads a view whose job has failed is told, and so is who reads
// a view over it, until the job goes on.
func TestViewStale(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.add(0, event(1, "17", 1))
	if err := f.createView(f.context(), "CREATE MATERIALIZED VIEW v WITH (checkpoint.interval = '1ms') AS SELECT id, name::int AS n FROM e"); err != nil {
		t.Fatal(err)
	}
	if err := f.matView("w", "SELECT count(*) AS n FROM v"); err != nil {
		t.Fatal(err)
	}
	told := func(sql string) (all []string) {
		t.Helper()
		b, err := f.bound(sql, testEnv())
		if err != nil {
			t.Fatal(err)
		}
		txn := f.Begin()
		defer txn.Rollback()
		for _, n := range txn.Stale("", b.Views) {
			if n.Severity != "WARNING" || n.Hint == "" {
				t.Errorf("%s: %+v", sql, n)
			}
			all = append(all, n.Message+" ("+n.Detail+")")
		}
		return all
	}
	problem := func() (all []string) {
		s := f.catalog.Snapshot()
		for _, name := range []string{"v", "w"} {
			p := (jobsProvider{f.Engine}).ViewProblem(s, "", s.Relation("public", name))
			all = append(all, fmt.Sprintf("%s: %.70s", name, p))
		}
		return all
	}
	if all := told("SELECT * FROM w JOIN v ON true"); all != nil {
		t.Errorf("views that are kept: %v", all)
	}
	equal(t, "both kept", problem(), []string{"v: ", "w: "})
	e.add(0, event(2, "x", 2))
	f.waitState("v", catalog.JobFailed)
	const says = `materialized view "v" is not kept up to date: its job "v" has failed (`
	for _, sql := range []string{"SELECT * FROM v", "SELECT (SELECT max(n) FROM v)", "SELECT * FROM (SELECT n FROM v) x, v EMIT CHANGES", "WITH q AS (SELECT * FROM v) SELECT * FROM q"} {
		all := told(sql)
		if len(all) != 1 || !strings.HasPrefix(all[0], says) || !strings.Contains(all[0], `invalid input syntax for type integer: "x"`) {
			t.Errorf("%s: %v", sql, all)
		}
	}
	if p := (jobsProvider{f.Engine}).ViewProblem(f.catalog.Snapshot(), "", f.catalog.Snapshot().Relation("public", "w")); !strings.Contains(p, `"x"`) {
		t.Errorf("the owner is shown %q", p)
	}
	f.catalog.RequireRoles()
	s := f.catalog.Snapshot()
	if p := (jobsProvider{f.Engine}).ViewProblem(s, "stranger", s.Relation("public", "w")); p == "" || strings.Contains(p, `"x"`) {
		t.Errorf("a stranger is shown %q", p)
	}
	for _, n := range f.Begin().Stale("stranger", []*catalog.Relation{s.Relation("public", "v")}) {
		if strings.Contains(n.Detail, `"x"`) || !strings.Contains(n.Detail, "is shown to its owner") {
			t.Errorf("a stranger is told %q", n.Detail)
		}
	}
	if all := told("SELECT * FROM w"); len(all) != 1 || !strings.Contains(all[0], `"w" is not kept up to date: job "v" of materialized view "v", which it reads, has failed`) {
		t.Errorf("a view over it: %v", all)
	}
	equal(t, "neither kept", problem(), []string{
		`v: materialized view "v" is not kept up to date: its job "v" has failed: `,
		`w: materialized view "w" is not kept up to date: job "v" of materialized `,
	})
	equal(t, "its rows", f.selected("SELECT * FROM v"), []string{"1|17"})
	f.kill()
	f.start()
	if all := told("SELECT * FROM v"); len(all) != 1 || !strings.HasPrefix(all[0], says) {
		t.Errorf("after a start: %v", all)
	}
	if _, err := f.sql("REFRESH MATERIALIZED VIEW w", -1); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("REFRESH of a view over one that has failed = %v", err)
	}
	f.run("ALTER JOB v SET (failure_strategy = 'LogAndContinue')", "START JOB v")
	e.add(0, event(3, "4", 3))
	f.refresh("w")
	if all := told("SELECT * FROM w"); all != nil {
		t.Errorf("a view that goes on: %v", all)
	}
	equal(t, "its rows again", f.selected("SELECT * FROM v ORDER BY 1"), []string{"1|17", "3|4"})
	equal(t, "those of the view over it", f.selected("SELECT * FROM w"), []string{"2"})
	f.run("STOP JOB v")
	if all := told("SELECT * FROM v"); len(all) != 1 || !strings.Contains(all[0], `its job "v" is stopped`) {
		t.Errorf("a view that is stopped: %v", all)
	}
}
