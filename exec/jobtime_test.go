package exec

import (
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// TestFarFutureFirst: a row too far ahead of the clock is left out of the windows
// also where no row came before it.
func TestFarFutureFirst(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.add(0, event(1, "far", 3e9))
	if err := f.sqlJob("j", "SELECT window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds')"); err != nil {
		t.Fatal(err)
	}
	f.reachedRows("j", 1)
	e.add(0, event(2, "a", 1))
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "windows", f.topics.file("j_out").read(), []string{"2000-01-01 00:00:00+00|1"})
	if late := (jobsProvider{f.Engine}).Jobs()[0].Late; late != 1 {
		t.Errorf("%d rows were late, want 1", late)
	}
}

var idleJobs = []struct {
	query       string
	first, rest []string
}{
	{
		"SELECT a.id, b.id AS other FROM e a LEFT JOIN g b ON a.name = b.name WITHIN INTERVAL '1 second'",
		[]string{"1|NULL"}, []string{"3|13", "1|NULL"},
	},
	{
		"SELECT window_start, count(*) AS n FROM tumble(v, ts, INTERVAL '10 seconds') GROUP BY window_start",
		[]string{"2000-01-01 00:00:00+00|1"}, []string{"2000-01-01 00:00:00+00|1", "2000-01-01 00:00:50+00|2"},
	},
}

// TestIdleStream: a stream that is empty, or caught up and silent, holds back
// nothing that it is joined or united with; what it brings later is late where the
// other has gone past it, after restarts too.
func TestIdleStream(t *testing.T) {
	for _, tasks := range []string{"1", "3"} {
		for _, begun := range []bool{false, true} {
			for _, c := range idleJobs {
				t.Run(c.query+"/"+tasks, func(t *testing.T) {
					f := newFixture(t)
					idle := catalog.Option{Key: "watermark.idle_timeout", Value: "20ms"}
					e, g := f.events("e"), f.events("g", idle)
					f.run("CREATE VIEW v AS SELECT ts FROM e UNION ALL SELECT ts FROM g")
					if begun {
						g.add(0, event(10, "none", -100))
					}
					if err := f.sqlJob("j", c.query, "parallelism = '"+tasks+"'"); err != nil {
						t.Fatal(err)
					}
					e.add(0, event(1, "a", 1), event(3, "a", 50))
					out := f.topics.file("j_out")
					// Rows of time -100 are windows of their own, and go out unmatched
					// nowhere.
					if err := out.wait(f.context(), len(c.first)); err != nil {
						t.Fatal(err)
					}
					f.kill()
					f.start()
					g.add(0, event(11, "a", 1), event(13, "a", 50))
					e.end()
					g.end()
					f.waitState("j", catalog.JobFinished)
					got, want := out.read(), slices.Clone(c.rest)
					if begun && c.first[0] != "1|NULL" {
						want = append(want, "1999-12-31 23:58:20+00|1")
					}
					slices.Sort(got)
					slices.Sort(want)
					equal(t, "rows", got, want)
				})
			}
		}
	}
}

// TestEndedStream: a stream that has ended holds nothing back, and does not begin to
// by a restart: a row that was late before it is late after it.
func TestEndedStream(t *testing.T) {
	for _, tasks := range []string{"1", "3"} {
		f := newFixture(t)
		e, g := f.events("e"), f.events("g")
		f.run("CREATE VIEW v AS SELECT ts FROM e UNION ALL SELECT ts FROM g")
		if err := f.sqlJob("j", "SELECT window_start, count(*) AS n FROM tumble(v, ts, INTERVAL '10 seconds') GROUP BY window_start", "parallelism = '"+tasks+"'"); err != nil {
			t.Fatal(err)
		}
		e.add(0, event(1, "a", 1))
		e.end()
		g.add(0, event(2, "a", 2), event(3, "a", 25))
		out := f.topics.file("j_out")
		if err := out.wait(f.context(), 1); err != nil {
			t.Fatal(err)
		}
		opens := e.opens
		for range 2 {
			f.kill()
			f.start()
			g.add(0, event(4, "a", 3)) // it is late
		}
		g.add(0, event(5, "a", 45))
		if err := out.wait(f.context(), 2); err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, w := range (jobsProvider{f.Engine}).Watermarks() {
			if w.Stream == "e" && w.Split == "" && w.Micros == 1<<63-1 {
				ended++
			}
		}
		if ended != 1 {
			t.Errorf("the watermark of the stream that has ended is not infinity: %v", (jobsProvider{f.Engine}).Watermarks())
		}
		if e.opens != opens {
			t.Errorf("a stream that has ended was opened %d times more", e.opens-opens)
		}
		g.end()
		f.waitState("j", catalog.JobFinished)
		equal(t, "windows of "+tasks+" tasks", out.read(), []string{"2000-01-01 00:00:00+00|2", "2000-01-01 00:00:20+00|1", "2000-01-01 00:00:40+00|1"})
	}
}
