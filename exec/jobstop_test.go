package exec

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestStopOfWhatHeedsNothing: STOP JOB returns, and says so, although a sink heeds no end
// of its context; other jobs start meanwhile, and the job itself when its sink lets go.
func TestStopOfWhatHeedsNothing(t *testing.T) {
	f := newFixture(t)
	f.endPatience = 20 * time.Millisecond
	release := f.topics.file("x").holdPrepare()
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "stop_timeout", Value: "20ms"}))
	if err := f.topics.file("x").held(f.context()); err != nil {
		t.Fatal(err)
	}
	warned := func(a plan.JobAction) {
		t.Helper()
		res, err := f.try(&plan.AlterJob{Name: "j", Action: a})
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Notices) != 1 || !strings.Contains(res.Notices[0].Message, `job "j" was cut short, and has not ended`) {
			t.Errorf("%s JOB says %v", a, res.Notices)
		}
	}
	warned(plan.JobStop)
	other := f.stream("other")
	f.topics.topic("other").addRows(0, 1, 5)
	f.exec(f.copyJob("k", other, []string{"y"}))
	if err := f.topics.file("y").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	warned(plan.JobStart)
	release()
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	equal(t, "x", f.topics.file("x").read(), lines(1, 5))
}

// TestStopSaysWhatStays: a job whose sink does not answer ends, and whoever has stopped it
// is told what is committed.
func TestStopSaysWhatStays(t *testing.T) {
	f := newFixture(t)
	release := f.topics.file("x").holdPrepare()
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "stop_timeout", Value: "20ms"}))
	if err := f.topics.file("x").held(f.context()); err != nil {
		t.Fatal(err)
	}
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	stopped := make(chan Result, 1)
	go func() {
		res, err := f.try(&plan.AlterJob{Name: "j", Action: plan.JobStop})
		if err != nil {
			t.Error(err)
		}
		stopped <- res
	}()
	<-j.cutShort
	release()
	res := <-stopped
	if len(res.Notices) != 1 {
		t.Fatalf("STOP JOB says %v", res.Notices)
	}
	w := res.Notices[0]
	if !strings.Contains(w.Message, "no answer within stop_timeout (20ms) to sink '") || w.Detail != "Epoch 0 is committed." || !strings.Contains(w.Hint, "reads the rest again") {
		t.Errorf("STOP JOB says %q, %q, %q", w.Message, w.Detail, w.Hint)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	equal(t, "x", f.topics.file("x").read(), lines(1, 5))
}

// TestStopTimeoutIsRead refuses what is no duration.
func TestStopTimeoutIsRead(t *testing.T) {
	if _, err := jobOptions(catalog.Options{{Key: "stop_timeout", Value: "soon"}}, time.Second); err == nil || !strings.Contains(err.Error(), "stop_timeout") {
		t.Errorf("stop_timeout = 'soon': %v", err)
	}
}

// TestDrainOfWhatHeedsNothing: the end of the process does not wait for a sink that heeds
// no end of its context.
func TestDrainOfWhatHeedsNothing(t *testing.T) {
	f := newFixture(t)
	f.endPatience = time.Hour // sessions'
	release := f.topics.file("x").holdPrepare()
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").held(f.context()); err != nil {
		t.Fatal(err)
	}
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- f.Drain(ctx) }()
	select {
	case err := <-drained:
		if still := (stillRuns{}); !errors.As(err, &still) || still.job != "j" {
			t.Errorf("Drain: %v, want that job j has not ended", err)
		}
	case <-f.context().Done():
		t.Error("Drain waits for a job that does not end")
	}
	release()
	<-j.done
}
