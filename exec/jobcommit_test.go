package exec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// readAhead waits until a job has read so many rows that no epoch has yet.
func (f *fixture) readAhead(n int64) {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for (jobsProvider{f.Engine}).Jobs()[0].RowsAhead < n {
		select {
		case <-tick.C:
		case <-f.context().Done():
			f.Fatalf("the job has read %d rows, want %d", (jobsProvider{f.Engine}).Jobs()[0].RowsAhead, n)
		}
	}
}

// count is how many lines a file has, committed or not.
func (f *memFile) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.lines)
}

// TestRowsGoOnWhileAnEpochIsStored: rows are read while a sink prepares, and come to
// the sinks when that epoch is decided.
func TestRowsGoOnWhileAnEpochIsStored(t *testing.T) {
	for _, tasks := range []string{"1", "2"} {
		t.Run(tasks, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			x := f.topics.file("x")
			release := x.holdPrepare()
			f.topics.topic("in").addRows(0, 1, 5)
			f.exec(f.copyJob("j", in, []string{"x", "y"}, catalog.Option{Key: "parallelism", Value: tasks}))
			if err := x.held(f.context()); err != nil {
				t.Fatal(err)
			}
			first := x.count()
			f.topics.topic("in").addRows(0, 5, 500)
			f.readAhead(499)
			if n := x.count(); n != first {
				t.Errorf("a sink that prepares got %d rows more", n-first)
			}
			if got := f.topics.file("y").read(); len(got) > 0 {
				t.Errorf("an epoch that is not decided is in the other sink: %d lines", len(got))
			}
			release()
			for _, name := range []string{"x", "y"} {
				if err := f.topics.file(name).wait(f.context(), 499); err != nil {
					t.Fatal(err)
				}
				got := f.topics.file(name).read()
				slices.Sort(got)
				want := lines(1, 500)
				slices.Sort(want)
				equal(t, name, got, want)
			}
		})
	}
}

// TestEpochFailsWhileTheNextRuns: where an epoch cannot be committed, the rows of the
// next that have been read are undone with it.
func TestEpochFailsWhileTheNextRuns(t *testing.T) {
	for _, at := range []string{"prepare", "commit"} {
		t.Run(at, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			x := f.topics.file("x")
			release := x.holdPrepare()
			f.topics.topic("in").addRows(0, 1, 5)
			f.exec(f.copyJob("j", in, []string{"x", "y"}, catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"}, catalog.Option{Key: "retry_backoff", Value: "1ms"}))
			if err := x.held(f.context()); err != nil {
				t.Fatal(err)
			}
			f.topics.topic("in").addRows(0, 5, 300)
			f.readAhead(299)
			x.failing(at, 1)
			release()
			for _, name := range []string{"x", "y"} {
				if err := f.topics.file(name).wait(f.context(), 299); err != nil {
					t.Fatal(err)
				}
				equal(t, name, f.topics.file(name).read(), lines(1, 300))
			}
		})
	}
}

// TestRowFailsWhileAnEpochIsStored: the epoch before the one that fails is committed.
func TestRowFailsWhileAnEpochIsStored(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	x, topic := f.topics.file("x"), f.topics.topic("in")
	release := x.holdPrepare()
	topic.addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "failure_strategy", Value: "FailBatch"}, catalog.Option{Key: "max_retries", Value: "0"},
		catalog.Option{Key: "restart_policy", Value: "never"}))
	if err := x.held(f.context()); err != nil {
		t.Fatal(err)
	}
	read := x.count()
	topic.mu.Lock()
	topic.bad[7] = true
	topic.mu.Unlock()
	topic.addRows(0, 5, 10)
	topic.wait()
	release()
	f.waitState("j", catalog.JobFailed)
	got := x.read()
	if len(got) < read || len(got) > 6 || !slices.Equal(got, lines(1, 1+len(got))) {
		t.Errorf("the file has %q, want the rows of the first epoch, which had %d", got, read)
	}
}

// TestWorkQueueIsBounded: rows wait for room, and what a sink is told does not.
func TestWorkQueueIsBounded(t *testing.T) {
	rows := func() work {
		b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		for i := range vec.MaxRows {
			vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(i)))
		}
		b.Rows = vec.MaxRows
		return work{kind: workWrite, rows: newShared(b, &batchPool{}, 1)}
	}
	q := newWorkQueue(4 << 20)
	n := 0
	for ; q.offer(rows()); n++ {
		if n > 1000 {
			t.Fatalf("the queue took %d batches", n)
		}
	}
	if n < queuedBatches {
		t.Errorf("the queue took %d batches, want %d whatever they hold", n, queuedBatches)
	}
	for len(q.room) > 0 {
		<-q.room
	}
	q.put(work{kind: workPrepare})
	if !q.offer(work{kind: workNothing}) {
		t.Error("work that is no rows had to wait for room")
	}
	for i := range n + 2 {
		w, ok := q.take()
		if !ok || (i < n) != (w.rows != nil) {
			t.Fatalf("work %d is %+v, %v", i, w, ok)
		}
	}
	select {
	case <-q.room:
	default:
		t.Error("nobody was told that there is room")
	}
	if !q.offer(rows()) {
		t.Error("an empty queue took no rows")
	}
	q.close()
	if _, ok := q.take(); !ok {
		t.Error("a closed queue lost what it had")
	}
	if _, ok := q.take(); ok {
		t.Error("a closed queue has work without end")
	}
	if got := fmt.Sprint(q.bytes, q.batches); got != "0 0" {
		t.Errorf("an empty queue holds %s", got)
	}
}

// TestTasksStandStillBehindTheLastEpoch: what comes while the last epoch of a job that is
// stopped is stored is not read: no sink has it, and no source is told that it was.
func TestTasksStandStillBehindTheLastEpoch(t *testing.T) {
	for _, tasks := range []string{"1", "2"} {
		t.Run(tasks, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			x, topic := f.topics.file("x"), f.topics.topic("in")
			release := x.holdPrepare()
			topic.addRows(0, 1, 5)
			f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "parallelism", Value: tasks}, catalog.Option{Key: "checkpoint.interval", Value: "1h"}))
			f.readAhead(4)
			stopped := f.alter("j", plan.JobStop, catalog.JobStopped)
			if err := x.held(f.context()); err != nil {
				t.Fatal(err)
			}
			topic.addRows(0, 5, 500)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for range 100 {
				if n := (jobsProvider{f.Engine}).Jobs()[0].RowsAhead; n > 4 {
					t.Errorf("%d rows were read that no epoch will have", n-4)
					break
				}
				<-tick.C
			}
			release()
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}
			f.waitState("j", catalog.JobStopped)
			if n := x.count(); n != 4 {
				t.Errorf("the sink was given %d rows, want the 4 of the last epoch", n)
			}
			topic.mu.Lock()
			defer topic.mu.Unlock()
			if topic.acked["0"] != 4 {
				t.Errorf("the source was told that %d rows are committed, want 4", topic.acked["0"])
			}
		})
	}
}

// brokenEnd is where a stream ends, and no answer.
type brokenEnd struct{ stream.Ender }

func (brokenEnd) Reached(stream.Split, stream.Offset, stream.Offset) bool { panic("no end") }

// TestPanicIsNoCommit: where a job's goroutine panics, its source is not told that rows
// are committed which it has only read.
func TestPanicIsNoCommit(t *testing.T) {
	f := newFixture(t)
	f.wantPanics.Store(1)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "checkpoint.interval", Value: "1h"}, catalog.Option{Key: "restart_policy", Value: "never"}))
	f.readAhead(4)
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	g := &viewGoal{done: make(chan struct{})}
	j.mu.Lock()
	for name := range j.reads {
		g.streams = append(g.streams, streamGoal{source: name, since: time.Now(), ends: brokenEnd{}, at: []stream.Position{{Split: "0"}}})
	}
	j.mu.Unlock()
	j.view.add(g)
	select {
	case j.hurry <- struct{}{}:
	default:
	}
	f.waitState("j", catalog.JobFailed)
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if n := topic.acked["0"]; n != 0 {
		t.Errorf("the source was told that %d rows are committed, of which no epoch has any", n)
	}
}
