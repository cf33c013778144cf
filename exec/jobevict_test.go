package exec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// keys adds rows of so many keys to a topic, which gives them in large batches.
func keys(e *topic, from, to int64) {
	rows := make([][]types.Value, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, event(i, "a", 1))
	}
	e.mu.Lock()
	e.batch = 1000
	e.mu.Unlock()
	for half, split := range [][][]types.Value{rows[:len(rows)/2], rows[len(rows)/2:]} {
		e.add(half, split...)
	}
}

// TestGroupsPastTheLimit: a job of several tasks, whose aggregate has two phases, one
// over rows that end, first rows, windows, OVER, and joins, with a length of time and without,
// hold more than their limit has room for.
func TestGroupsPastTheLimit(t *testing.T) {
	withoutRace(t)
	const most = 100_000
	for _, c := range []struct{ query, tasks string }{
		{"SELECT id, count(*), sum(id) FROM e GROUP BY id EMIT CHANGES", "2"},
		{fmt.Sprintf("SELECT id, count(*), sum(id) FROM (SELECT id FROM e LIMIT %d) x GROUP BY id EMIT CHANGES", most), "1"},
		{"SELECT DISTINCT ON (id) id, name, ts FROM e ORDER BY id, ts DESC", "1"},
		{"SELECT DISTINCT ON (id) id, name, ts FROM e ORDER BY id, ts DESC", "2"},
		{"SELECT id, window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 days') GROUP BY id", "1"},
		{"SELECT id, window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 days') GROUP BY id", "2"},
		{"SELECT a.id, b.name FROM e a JOIN e b ON a.id = b.id WITHIN INTERVAL '1 hour'", "2"},
		{"SELECT a.id, b.name FROM e a JOIN e b ON a.id = b.id", "1"},
		{"SELECT a.id, b.name FROM e a JOIN e b ON a.id = b.id", "2"},
		{"SELECT a.id, b.name FROM e a JOIN e FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id", "1"},
		{"SELECT a.id, b.name FROM e a JOIN e FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id", "2"},
		{"SELECT id, window_end, count(*) FROM e WINDOW HOPPING (INTERVAL '10 days', INTERVAL '5 days') GROUP BY id", "1"},
		{"SELECT id, window_end, count(*) FROM e WINDOW CUMULATE (INTERVAL '10 days', INTERVAL '20 days') GROUP BY id", "1"},
		{"SELECT id, window_end, count(*) FROM e WINDOW SESSION (INTERVAL '1 hour') GROUP BY id", "1"},
		{"SELECT id, window_end, count(*) FROM e WINDOW SESSION (INTERVAL '1 hour') GROUP BY id", "2"},
		{"SELECT id, row_number() OVER (PARTITION BY id) AS n FROM e", "2"},
	} {
		t.Run(c.query, func(t *testing.T) {
			f := newFixture(t)
			f.Engine.o.QueryMemory = 4 << 20
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", c.query, "parallelism = '"+c.tasks+"'"); err != nil {
				t.Fatal(err)
			}
			keys(e, 0, most)
			e.end()
			f.waitState("j", catalog.JobFinished)
			want := most
			if strings.Contains(c.query, "HOPPING") {
				want *= 2 // a row is in two windows
			}
			if n := len(f.topics.file("j_out").read()); n != want {
				t.Errorf("the job gives %d rows, want %d", n, want)
			}
		})
	}
}

// TestDistinctValuesPastTheLimit: a job whose groups have more values of DISTINCT than its limit
// has room for counts them, by keys, without any, and by windows, and refuses a length of time
// that it could not keep to.
func TestDistinctValuesPastTheLimit(t *testing.T) {
	withoutRace(t)
	const most = 50_000
	for _, c := range []struct{ query, tasks string }{
		{"SELECT name, count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id % 2 = 0) AS even, sum(DISTINCT id) FROM e GROUP BY name EMIT CHANGES", "2"},
		{"SELECT count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id % 2 = 0) AS even, sum(DISTINCT id) FROM e EMIT CHANGES", "1"},
		{"SELECT count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id % 2 = 0) AS even, sum(DISTINCT id) FROM (SELECT id, count(*) FROM e GROUP BY id) x EMIT CHANGES", "1"},
		{"SELECT window_start, count(DISTINCT id), count(DISTINCT id) FILTER (WHERE id % 2 = 0) AS even, sum(DISTINCT id) FROM e WINDOW TUMBLING (INTERVAL '1000 days') EMIT CHANGES", "1"},
	} {
		t.Run(c.query, func(t *testing.T) {
			f := newFixture(t)
			f.Engine.o.QueryMemory = 4 << 20
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", c.query, "parallelism = '"+c.tasks+"'", "restart_policy = 'never'"); err != nil {
				t.Fatal(err)
			}
			keys(e, 0, most)
			f.eventually(func() bool { return f.evictedOf("j") > most/2 }, "the values have not been evicted")
			if !strings.Contains(c.query, "WINDOW") && c.tasks == "1" {
				f.stop("j")
				f.run("ALTER JOB j SET ('state.ttl' = '1 hour')")
				f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
				if def := f.waitState("j", catalog.JobFailed); def.Failure.Code != sqlerr.FeatureNotSupported {
					t.Errorf("the job failed with %s: %s", def.Failure.Code, def.Failure)
				}
				f.run("ALTER JOB j SET ('state.ttl' = '0')")
				f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
			}
			keys(e, 0, most)
			e.end()
			f.waitState("j", catalog.JobFinished)
			got := accumulated(t, f.topics.file("j_out").read())
			if want := fmt.Sprintf("%d|%d|%d", most, most/2, int64(most)*(most-1)/2); len(got) != 1 || !strings.HasSuffix(got[0], want) {
				t.Errorf("the job gives %q, want %s", got, want)
			}
		})
	}
}

// TestStateThatStaysEndsAtTheLimit: what cannot be left in the store ends its job where
// it has come to the limit, with the figure and the setting.
func TestStateThatStaysEndsAtTheLimit(t *testing.T) {
	for _, query := range []string{
		"SELECT id, window_start, count(DISTINCT name) FROM e WINDOW TUMBLING (INTERVAL '1 hour') GROUP BY id",
		"SELECT id, window_end FROM session(e, ts, INTERVAL '1 hour', id)",
		"SELECT a.id FROM e a JOIN e b ON a.id < b.id WHERE b.id < 10",
		"SELECT id, sum(id) OVER (PARTITION BY id ORDER BY ts) FROM e",
		"SELECT id, count(DISTINCT name) FROM e GROUP BY id EMIT CHANGES",
		"SELECT name, max(id ORDER BY id), count(DISTINCT id) FROM e GROUP BY name EMIT CHANGES",
		"SELECT n % 2, count(DISTINCT id) FROM (SELECT id, count(*) AS n FROM e GROUP BY id) x GROUP BY n % 2 EMIT CHANGES",
		"SELECT name, count(DISTINCT ROW(id, name)) FROM e GROUP BY name EMIT CHANGES",
	} {
		t.Run(query, func(t *testing.T) {
			f := newFixture(t)
			f.Engine.o.QueryMemory = 2 << 20
			e := f.events("e")
			e.add(1)
			if err := f.sqlJob("j", query, "'state.memory_limit_mb' = '1'", "restart_policy = 'never'"); err != nil {
				t.Fatal(err)
			}
			keys(e, 0, 100_000)
			def := f.waitState("j", catalog.JobFailed)
			if def.Failure.Code != sqlerr.OutOfMemory || !strings.Contains(def.Failure.Message, "over its limit of 2048 kB") || !strings.Contains(def.Failure.Detail, memory.QuerySetting) {
				t.Errorf("the job failed with %s: %s", def.Failure.Code, def.Failure)
			}
		})
	}
}

// TestCrowdedEpochEnds: where memory is short an epoch ends before the interval has
// passed.
func TestCrowdedEpochEnds(t *testing.T) {
	for _, tasks := range []int{1, 2} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(1)
			b, err := f.bound(fmt.Sprintf("START JOB j AS SELECT id, count(*) FROM e GROUP BY id EMIT CHANGES INTO j_out WITH ('j_out.type' = 'topic', 'checkpoint.interval' = '1h', 'state.memory_limit_mb' = '0', parallelism = '%d')", tasks), testEnv())
			if err != nil {
				t.Fatal(err)
			}
			s := b.Statement.(*plan.StartJob)
			f.plans.Store(s.Text, s)
			f.exec(s)
			keys(e, 0, 200_000)
			if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
				t.Errorf("no epoch has ended: %v", err)
			}
			f.kill()
		})
	}
}

// TestEvictedJobChangesTasks: groups that lie in the store alone, of one task, go to
// their tasks when ALTER JOB makes more of them, and back, and none is lost or doubled.
func TestEvictedJobChangesTasks(t *testing.T) {
	const groups = "SELECT id % 997 AS k, count(*), sum(id) FROM e GROUP BY k"
	for _, c := range []struct{ query, phases string }{
		{groups, "1"}, {groups, "2"}, {"SELECT a.id, b.id AS more FROM e a LEFT JOIN e b ON a.id = b.id + 700", "1"},
		{"SELECT a.id, b.id AS more FROM e a LEFT JOIN e FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id + 700", "1"},
	} {
		query, phases := c.query, c.phases
		t.Run(query+phases, func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", query+" EMIT CHANGES", "'state.memory_limit_mb' = '0'", "'aggregate.phases' = '"+phases+"'"); err != nil {
				t.Fatal(err)
			}
			next := int64(0)
			until := func(what string, is func() bool) {
				t.Helper()
				for tries := 0; !is(); tries++ {
					if tries == 1000 {
						t.Fatal(what)
					}
					keys(e, next, next+2000)
					next += 2000
					f.committedMore("j", 1)
				}
			}
			for _, tasks := range []int{4, 2, 1} {
				until("no group has been evicted", func() bool { return f.evictedOf("j") > 0 })
				f.run(fmt.Sprintf("ALTER JOB j SET (parallelism = %d)", tasks))
				until("the state has not been divided", func() bool { return f.dividedAmong("j") == tasks })
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			want, err := f.sql(query, -1)
			if err != nil {
				t.Fatal(err)
			}
			got := netRows(t, f.topics.file("j_out").read())
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("the job gives %d groups, the query %d, and they differ", len(got), len(want))
			}
		})
	}
}

// evictedOf is how many groups of a job are in the store alone.
func (f *fixture) evictedOf(name string) int64 { return f.keptOf(name).evicted }

// heldBy is how many bytes a job's operators held when its last epoch ended.
func (f *fixture) heldBy(name string) int64 { return f.keptOf(name).bytes }

func (f *fixture) keptOf(name string) keptState {
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job(name).UUID]
	f.Engine.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept
}

// dividedAmong is how many tasks a job's stored state is divided among.
func (f *fixture) dividedAmong(name string) int {
	def := f.catalog.Snapshot().Job(name)
	sn := f.Engine.o.Store.Snapshot(def.UUID)
	defer sn.Close()
	_, stored, err := readShapes(sn, def)
	if err != nil {
		f.Fatal(err)
	}
	return stored.tasks
}
