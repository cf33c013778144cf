package exec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// TestLimitJobFinishes: a job whose LIMIT has its rows finishes, though its stream
// goes on; no start gives rows more, not even one after a crash between the last
// epoch and its being recorded.
func TestLimitJobFinishes(t *testing.T) {
	for _, c := range []struct {
		query, tasks string
		rows         int
	}{
		{"SELECT id FROM e LIMIT 5", "1", 5},
		{"SELECT id FROM e LIMIT 5", "3", 5},
		{"SELECT name, window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name LIMIT 2", "1", 2},
		{"SELECT name, window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name LIMIT 2", "4", 2},
		{"SELECT a.id FROM e a JOIN e b ON a.id = b.id WITHIN INTERVAL '1 second' LIMIT 3", "2", 3},
		{"SELECT id FROM e WHERE id < 0 UNION ALL (SELECT id FROM e LIMIT 4) LIMIT 4", "1", 4},
	} {
		t.Run(c.query+"/"+c.tasks, func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.batch = 3
			for i := range int64(60) {
				e.add(int(i%2), event(i, "a", float64(i)))
			}
			if err := f.sqlJob("j", c.query, "parallelism = '"+c.tasks+"'"); err != nil {
				t.Fatal(err)
			}
			f.waitState("j", catalog.JobFinished)
			out := f.topics.file("j_out")
			want := out.read()
			if len(want) != c.rows {
				t.Fatalf("%d rows, want %d: %q", len(want), c.rows, want)
			}
			f.kill()
			tx := f.catalog.Begin()
			err := tx.UpdateJob("j", func(j *catalog.Job) { j.State = catalog.JobRunning })
			if err == nil {
				err = tx.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			e.add(0, event(100, "a", 100))
			f.start()
			f.waitState("j", catalog.JobFinished)
			equal(t, "rows after another start", out.read(), want)
		})
	}
}

// TestLimitOfBranch: where only a part of a job's query has a LIMIT the rest goes on,
// through restarts.
func TestLimitOfBranch(t *testing.T) {
	for _, tasks := range []string{"1", "2"} {
		f := newFixture(t)
		e, g := f.events("e"), f.events("g")
		e.batch = 2
		for i := range int64(10) {
			e.add(0, event(i, "a", 1))
		}
		if err := f.sqlJob("j", "SELECT name, id FROM g UNION ALL (SELECT name, id FROM e LIMIT 3)", "parallelism = '"+tasks+"'"); err != nil {
			t.Fatal(err)
		}
		out := f.topics.file("j_out")
		if err := out.wait(f.context(), 3); err != nil {
			t.Fatal(err)
		}
		for i := range int64(3) {
			f.kill()
			f.start()
			e.add(0, event(20+i, "late", 1))
			g.add(0, event(100+i, "g", 1))
			if err := out.wait(f.context(), int(4+i)); err != nil {
				t.Fatal(err)
			}
		}
		g.end()
		f.waitState("j", catalog.JobFinished)
		equal(t, "rows of "+tasks+" tasks", out.read(), []string{"a|0", "a|1", "a|2", "g|100", "g|101", "g|102"})
	}
}
