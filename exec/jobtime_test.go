package exec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
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

// TestEmptySplits: a split that is empty, of a stream that has held rows for longer than
// idle_timeout, is not waited for: what is complete goes out at once.
func TestEmptySplits(t *testing.T) {
	const query = "SELECT window_start, count(*) AS n FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY window_start EMIT FINAL"
	for _, tasks := range []string{"1", "2", "4"} {
		f := newFixture(t)
		e := f.events("e", catalog.Option{Key: "watermark.idle_timeout", Value: "1h"})
		e.aged = true
		e.add(2)
		e.add(1, event(1, "a", 1), event(2, "a", 30))
		if err := f.sqlJob("j", query, "parallelism = '"+tasks+"'"); err != nil {
			t.Fatal(err)
		}
		out := f.topics.file("j_out")
		if err := out.wait(f.context(), 1); err != nil {
			t.Fatalf("%s tasks: %v", tasks, err)
		}
		// One that brings rows is waited for as any other.
		e.add(0, event(3, "b", 40))
		f.reachedRows("j", 3)
		e.add(1, event(4, "a", 100))
		f.reachedRows("j", 4)
		e.add(0, event(5, "b", 41))
		f.reachedRows("j", 5)
		e.end()
		f.waitState("j", catalog.JobFinished)
		got := out.read()
		slices.Sort(got)
		equal(t, "windows of "+tasks+" tasks", got, []string{"2000-01-01 00:00:00+00|1", "2000-01-01 00:00:30+00|1", "2000-01-01 00:00:40+00|2", "2000-01-01 00:01:40+00|1"})
	}
	f := newFixture(t)
	e := f.events("e", catalog.Option{Key: "watermark.idle_timeout", Value: "1h"})
	e.aged = true
	e.add(1)
	e.add(0, event(1, "a", 1), event(2, "a", 30))
	got, err := f.sql(query, 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a live query", got, []string{"2000-01-01 00:00:00+00|1"})
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

// TestLateAfterEpoch: what an epoch has made late is late in every task from its end
// on, though only one of them has read the rows that moved the watermark, and others
// had come to the barrier before.
func TestLateAfterEpoch(t *testing.T) {
	const rounds, some = 30, 100
	f := newFixture(t)
	e := f.events("e")
	e.batch = some - 1
	out := f.topics.file("j_out")
	// The rows take their time, so that the barrier finds the task amid them, and with
	// the one that closes the window still to come. While an epoch is prepared, rows are
	// of the next one.
	query := "SELECT window_start, count(md5(repeat(name, 2000))) AS n FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY window_start"
	if err := f.sqlJob("j", query, "parallelism = '8'", "aggregate.phases = '1'"); err != nil {
		t.Fatal(err)
	}
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	for i := range int64(rounds) {
		from, all := float64(i*20), i*(some+1)+some
		var rows [][]types.Value
		for range some - 1 {
			rows = append(rows, event(i, "on time", from))
		}
		release := out.holdPrepare()
		e.add(0, append(rows, event(i, "closes it", from+15))...)
		for {
			if err := out.held(f.context()); err != nil {
				t.Fatal(err)
			}
			j.mu.Lock()
			in := j.past.in + j.passing.in
			j.mu.Unlock()
			if in == all {
				break
			}
			next := out.holdPrepare()
			release()
			release = next
		}
		// The epoch has all rows so far, and a late row is what comes next.
		e.add(0, event(i, "late", from+1))
		if err := e.given(f.context(), int(all)+1); err != nil {
			t.Fatal(err)
		}
		release()
	}
	e.end()
	f.waitState("j", catalog.JobFinished)
	if late := (jobsProvider{f.Engine}).Jobs()[0].Late; late != rounds {
		t.Errorf("%d rows were late, want %d", late, rounds)
	}
	var want []string
	for i := range rounds {
		for n, seconds := range map[int]int{some - 1: i * 20, 1: i*20 + 10} {
			want = append(want, time.Date(2000, 1, 1, 0, 0, seconds, 0, time.UTC).Format("2006-01-02 15:04:05+00")+fmt.Sprintf("|%d", n))
		}
	}
	slices.Sort(want)
	got := out.read()
	slices.Sort(got)
	equal(t, "windows", got, want)
}
