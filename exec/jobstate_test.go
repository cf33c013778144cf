package exec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// startJob plans and starts a job whose rows go to the file of its name.
func (f *fixture) sqlJob(name, query string, options ...string) error {
	return f.jobBy("START JOB", name, query, options...)
}

// jobBy starts a job, or replaces one.
func (f *fixture) jobBy(verb, name, query string, options ...string) error {
	more := strings.Join(append([]string{""}, options...), ", ")
	b, err := f.bound(fmt.Sprintf("%s %s AS %s INTO %[2]s_out WITH ('%[2]s_out.type' = 'topic', 'checkpoint.interval' = '1ms'%[4]s)", verb, name, query, more), testEnv())
	if err != nil {
		return err
	}
	s := b.Statement.(*plan.StartJob)
	f.plans.Store(s.Text, s)
	_, err = f.try(s)
	return err
}

var statefulJobs = slices.Concat([]string{
	"SELECT name, count(*), sum(id), max(id), count(DISTINCT id % 3) AS d FROM e GROUP BY name",
	"SELECT count(*), min(name) FROM e WHERE id % 2 = 0",
	"SELECT n, count(*) FROM (SELECT name, count(*) AS n FROM e GROUP BY name) x GROUP BY n",
	"SELECT DISTINCT name, id % 5 FROM e",
	"SELECT DISTINCT n FROM (SELECT name AS n FROM e UNION ALL SELECT name || id::text FROM e) x",
	"SELECT name, id % 2, sum(id) FROM e GROUP BY ROLLUP (name, id % 2)",
}, windowQueries, overQueries, overJoinQueries, overWindowQueries, closingQueries, firstQueries)

// TestStatefulJobsKilled: a job with state that is killed again and again gives,
// in all, what the bounded query gives; one with windows gives each row once.
func TestStatefulJobsKilled(t *testing.T) {
	goleakAfter(t)
	for i, q := range statefulJobs {
		for _, emit := range []string{"", " EMIT CHANGES"} {
			final := emit == "" && (strings.Contains(q, "WINDOW") || strings.Contains(q, "window_"))
			t.Run(fmt.Sprintf("%d%s", i, emit), func(t *testing.T) {
				killStateful(t, q, emit, final, uint64(i), nil)
			})
			t.Run(fmt.Sprintf("%d%s/tasks", i, emit), func(t *testing.T) {
				killStateful(t, q, emit, final, uint64(i), func(rng *rand.Rand) int { return 1 + rng.IntN(4) })
			})
			if !strings.Contains(q, "GROUP BY") && !strings.Contains(q, "DISTINCT") {
				continue
			}
			t.Run(fmt.Sprintf("%d%s/evicted", i, emit), func(t *testing.T) {
				killStateful(t, q, emit, final, uint64(i), nil, "'state.memory_limit_mb' = '0'")
			})
			t.Run(fmt.Sprintf("%d%s/evicted/tasks", i, emit), func(t *testing.T) {
				killStateful(t, q, emit, final, uint64(i), func(rng *rand.Rand) int { return 1 + rng.IntN(4) }, "'state.memory_limit_mb' = '0'")
			})
		}
	}
}

// killStateful kills a job again and again. tasks says how many tasks it then has;
// nil: one.
func killStateful(t *testing.T, q, emit string, final bool, seed uint64, tasks func(*rand.Rand) int, options ...string) {
	t.Parallel() // it mostly waits for epochs
	f := fixtureBeside(t)
	e := f.events("e")
	e.add(1) // a split that is found later may hold rows that are late by then
	rng := rand.New(rand.NewPCG(seed, 5))
	if err := f.sqlJob("j", q+emit, options...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	next := int64(0)
	for range 12 {
		for range rng.IntN(60) {
			e.add(rng.IntN(2), event(next, string(rune('a'+rng.IntN(3))), float64(next)*0.7+rng.Float64()*4.9))
			next++
		}
		e.mu.Lock()
		e.batch = 1 + rng.IntN(30)
		e.mu.Unlock()
		if rng.IntN(3) > 0 {
			f.committedMore("j", 1+rng.IntN(3))
		}
		f.kill()
		if tasks != nil {
			f.parallel("j", tasks(rng))
		}
		f.start()
	}
	e.end()
	f.waitState("j", catalog.JobFinished)
	got := f.topics.file("j_out").read()
	want, err := f.sql(q, -1)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if changelog := f.catalog.Snapshot().Job("j") != nil && len(got) > 0 && (strings.HasPrefix(got[0], "+|") || strings.HasPrefix(got[0], "-|")); changelog {
		if final {
			t.Fatalf("%s: what is final was written with an op", q)
		}
		got = accumulated(t, got)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s%s: the killed job gives %d rows\n%s\nthe bounded query %d\n%s", q, emit, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

// parallel says how many tasks a job has from its next start on.
func (f *fixture) parallel(name string, tasks int) {
	tx := f.catalog.Begin()
	err := tx.UpdateJob(name, func(j *catalog.Job) {
		j.Options = append(slices.Clone(j.Options), catalog.Option{Key: "parallelism", Value: strconv.Itoa(tasks)})
	})
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		f.Fatal(err)
	}
}

// committedMore returns when a job has committed some more epochs, or will not.
func (f *fixture) committedMore(name string, epochs int) {
	id := f.catalog.Snapshot().Job(name).UUID
	epoch := func() int {
		f.Engine.mu.Lock()
		j := f.jobs[id]
		f.Engine.mu.Unlock()
		if j == nil { // it is about to run with another number of tasks
			return 0
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		return int(j.past.epoch)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	from := epoch()
	for range 30 {
		<-tick.C
		if epoch() >= from+epochs {
			return
		}
	}
}

// TestStateOfAnotherPlan: a job does not go on with the state of another plan.
func TestStateOfAnotherPlan(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", "SELECT name, count(*) FROM e GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1))
	if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	f.kill()
	text := f.catalog.Snapshot().Job("j").Text
	b, err := f.bound(strings.Replace(text, "count(*)", "sum(id)", 1), testEnv())
	if err != nil {
		t.Fatal(err)
	}
	f.plans.Store(text, b.Statement)
	f.start()
	def := f.waitState("j", catalog.JobFailed)
	if want := `the state of job "j" is not that of its plan`; !strings.Contains(def.Failure.Message, want) {
		t.Errorf("the job says %q, want %q", def.Failure.Message, want)
	}
	status := (jobsProvider{f.Engine}).Jobs()[0].Failure
	if want := "Drop the job and start it again: it then reads its streams anew."; status != def.Failure || status.Hint != want || status.Code != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("its failure is %+v, as the catalog has it %+v, want hint %q", status, def.Failure, want)
	}
	if err := f.Wait(f.context(), "j"); sqlerr.From(err).Hint != status.Hint {
		t.Errorf("who waits for it is told %v with hint %q", err, sqlerr.From(err).Hint)
	}
	view := &catalog.Relation{Name: "v", Job: "j"}
	told := stale(view, standing(def, nil))
	if want := status.Hint + "\nSTART JOB j goes on where it was."; told.Hint != want || told.Detail != status.Message {
		t.Errorf("who refreshes its view is told %q, hint %q, want %q, hint %q", told.Detail, told.Hint, status.Message, want)
	}
	notice := (&neglect{view, standing(def, nil)}).notice(view)
	if !strings.HasPrefix(notice.Hint, status.Hint+"\n") || !strings.HasPrefix(notice.Detail, status.Message+"\n") {
		t.Errorf("who reads its view is told %q, hint %q", notice.Detail, notice.Hint)
	}
}

// TestChangelogIntoAppend: a sink that takes only rows that stay is refused.
func TestChangelogIntoAppend(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	b, err := f.bound("START JOB j AS SELECT name, count(*) FROM e GROUP BY name INTO o WITH ('o.type' = 'topic', 'o.changelog' = 'append')", testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(b.Statement); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("START JOB = %v, want 0A000", err)
	}
}

// TestLateRows: a job counts the rows that come after their window, and shows how
// far the time of its streams has come; a restart forgets neither.
func TestLateRows(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", "SELECT window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds')"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1), event(2, "a", 30))
	if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	f.kill()
	f.start()
	e.add(0, event(3, "a", 2), event(4, "a", 3e9), event(5, "a", 31))
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "windows", f.topics.file("j_out").read(), []string{"2000-01-01 00:00:00+00|1", "2000-01-01 00:00:30+00|2"})
	jobs := jobsProvider{f.Engine}
	if late := jobs.Jobs()[0].Late; late != 2 {
		t.Errorf("%d rows were late, want 2", late)
	}
	for _, w := range jobs.Watermarks() {
		if want := map[string]int64{"0": 26_000_000, "": math.MaxInt64}[w.Split]; w.Micros != want {
			t.Errorf("the watermark of split %q is %d, want %d", w.Split, w.Micros, want)
		}
	}
	if n := len(jobs.Watermarks()); n != 2 {
		t.Errorf("%d watermarks, want the split's and the stream's", n)
	}
}
