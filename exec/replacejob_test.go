package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// replace is CREATE OR REPLACE JOB of what sqlJob has started.
func (f *fixture) replace(name, query string, options ...string) error {
	return f.jobBy("CREATE OR REPLACE JOB", name, query, options...)
}

// TestReplaceJob: a job whose query is replaced again and again, with kills in
// between, goes on with its groups, its windows and its positions: what the query
// leaves out is left out from then on.
func TestReplaceJob(t *testing.T) {
	for seed := range uint64(4) {
		f := newFixture(t)
		e := f.events("e")
		rng := rand.New(rand.NewPCG(seed, 11))
		query := func(least int64) string {
			return fmt.Sprintf("SELECT name, count(*) AS n, sum(id) AS s FROM e WHERE id %% 10 >= %d GROUP BY name", least)
		}
		if err := f.sqlJob("j", query(0)); err != nil {
			t.Fatal(err)
		}
		id := f.catalog.Snapshot().Job("j").UUID
		least, next := int64(0), int64(0)
		sums := map[string][2]int64{}
		for range 8 {
			for range 1 + rng.IntN(40) {
				name := string(rune('a' + rng.IntN(3)))
				e.add(0, event(next, name, 1))
				if next%10 >= least {
					sums[name] = [2]int64{sums[name][0] + 1, sums[name][1] + next}
				}
				next++
			}
			f.reachedRows("j", next)
			least = rng.Int64N(10)
			if rng.IntN(2) == 0 {
				f.kill()
				f.start()
			}
			if err := f.replace("j", query(least)); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				f.kill()
				f.start()
			}
		}
		e.end()
		f.waitState("j", catalog.JobFinished)
		var want []string
		for name, s := range sums {
			want = append(want, fmt.Sprintf("%s|%d|%d", name, s[0], s[1]))
		}
		slices.Sort(want)
		equal(t, "groups", accumulated(t, f.topics.file("j_out").read()), want)
		if f.catalog.Snapshot().Job("j").UUID != id {
			t.Error("the job is another")
		}
	}
}

// TestReplaceJobReadsMore: groups keep of a row their keys and what their calls are given, so
// a filter may read a column that nothing read before.
func TestReplaceJobReadsMore(t *testing.T) {
	for _, query := range []string{
		"SELECT name, count(*) AS n FROM e %s GROUP BY name",
		"SELECT count(*) AS n FROM e %s",
		"SELECT name, window_start, count(*) AS n FROM e WINDOW TUMBLING (INTERVAL '1 hour') %s GROUP BY name",
		"SELECT name, window_start, window_end, count(*) AS n FROM e WINDOW HOPPING (INTERVAL '1 hour', INTERVAL '30 minutes') %s GROUP BY name EMIT FINAL",
		"SELECT name, window_start, window_end, count(*) AS n FROM e WINDOW SESSION (INTERVAL '1 hour') %s GROUP BY name",
		"SELECT name, count(*) AS n FROM (SELECT name, ts, count(*) AS m FROM e %s GROUP BY name, ts) x GROUP BY name",
	} {
		for _, parallelism := range []string{"", "parallelism = 2"} {
			t.Run(query+parallelism, func(t *testing.T) {
				f := newFixture(t)
				e := f.events("e")
				var options []string
				if parallelism != "" {
					options = append(options, parallelism)
				}
				if err := f.sqlJob("j", fmt.Sprintf(query, ""), options...); err != nil {
					t.Fatal(err)
				}
				for i := range int64(10) {
					e.add(0, event(i, "a", float64(i)))
				}
				f.reachedRows("j", 10)
				f.kill()
				f.start()
				if err := f.replace("j", fmt.Sprintf(query, "WHERE id % 2 = 0"), options...); err != nil {
					t.Fatal(err)
				}
				for i := range int64(10) {
					e.add(0, event(10+i, "a", float64(10+i)))
				}
				f.reachedRows("j", 20)
				f.kill()
				f.start()
				e.end()
				f.waitState("j", catalog.JobFinished)
				for _, row := range accumulated(t, f.topics.file("j_out").read()) {
					if !strings.HasSuffix(row, "15") {
						t.Errorf("%s, want 10 rows and, of those that came later, 5", row)
					}
				}
			})
		}
	}
}

// TestReplaceJobRefused: what a job cannot go on with is refused by name, and the job
// stays as it was.
func TestReplaceJobRefused(t *testing.T) {
	f := newFixture(t)
	e, _ := f.events("e"), f.events("g")
	query := "SELECT name, count(*) AS n FROM e GROUP BY name"
	if err := f.sqlJob("j", query); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1))
	f.reachedRows("j", 1)
	text := f.catalog.Snapshot().Job("j").Text
	for _, c := range []struct{ query, option, reason string }{
		{"SELECT name, sum(id) AS n FROM e GROUP BY name", "", `operator "`},
		{"SELECT id AS name, count(*) AS n FROM e GROUP BY id", "", `operator "`},
		{"SELECT name, count(*) AS n FROM (SELECT id AS name FROM e) x GROUP BY name", "", `operator "`},
		{"SELECT DISTINCT name FROM (SELECT name, count(*) AS n FROM e GROUP BY name) x", "", `is new`},
		{"SELECT name FROM e", "", `is not there any more`},
		{"SELECT name, count(*) AS n FROM g GROUP BY name", "", `source "source_0_e" is not read any more`},
		{query, "late_policy = 'update'", `option late_policy`},
		{query, "'j_out.bad2' = 'x'", ``},
	} {
		var options []string
		if c.option != "" {
			options = append(options, c.option)
		}
		err := f.replace("j", c.query, options...)
		if c.reason == "" {
			if err == nil {
				t.Errorf("%s %s: it was replaced", c.query, c.option)
			}
			continue
		}
		if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s %s: %v, want 55000 and %q", c.query, c.option, err, c.reason)
		}
	}
	if now := f.catalog.Snapshot().Job("j"); now.Text != text || now.State != catalog.JobRunning {
		t.Errorf("the job is %s: %s", now.State, now.Text)
	}
	e.add(0, event(2, "a", 1))
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "groups", accumulated(t, f.topics.file("j_out").read()), []string{"a|2"})
}

// TestReplaceJobBeforeItsFirstEpoch: a job that runs and has committed nothing may do so
// before it is replaced, so what its plan cannot go on with is refused then, too. Of one
// that does not run nothing can come.
func TestReplaceJobBeforeItsFirstEpoch(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", "SELECT name, count(*) AS n FROM e GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	const other = "SELECT name, sum(id) AS n FROM e GROUP BY name"
	if err := f.replace("j", other); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("of a job that runs: %v, want 55000", err)
	}
	if err := f.replace("j", "SELECT name, count(*) AS n FROM e WHERE name > 'a' GROUP BY name"); err != nil {
		t.Error(err)
	}
	f.stop("j")
	if err := f.replace("j", other); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(2, "a", 1), event(3, "a", 1))
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "groups", accumulated(t, f.topics.file("j_out").read()), []string{"a|5"})
}

// TestReplaceFailedJob: a job that failed goes on, replaced by a query that does not.
func TestReplaceFailedJob(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", "SELECT 6 / id AS n FROM e", "failure_strategy = 'FailBatch'"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(2, "a", 1))
	f.reachedRows("j", 1)
	e.add(0, event(0, "a", 1), event(3, "a", 1))
	f.waitState("j", catalog.JobFailed)
	if err := f.replace("j", "SELECT 6 / id AS n FROM e WHERE id <> 0", "failure_strategy = 'FailBatch'"); err != nil {
		t.Fatal(err)
	}
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "rows", f.topics.file("j_out").read(), []string{"3", "2"})
}
