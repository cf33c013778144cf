package exec

import (
	"context"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// heldJob starts a job whose last epoch does not end before release is called.
func (f *fixture) heldJob(name, file string) (release func()) {
	f.Helper()
	in := f.stream("in_" + name)
	f.exec(f.copyJob(name, in, []string{file}, catalog.Option{Key: "checkpoint.interval", Value: "1h"}))
	f.topics.topic("in_" + name).wait()
	f.topics.topic("in_"+name).addRows(0, 1, 3)
	if err := f.topics.file(file).written(f.context(), 2); err != nil {
		f.Fatal(err)
	}
	hold := make(chan struct{})
	file2 := f.topics.file(file)
	file2.mu.Lock()
	file2.hold = hold
	file2.mu.Unlock()
	return func() {
		file2.mu.Lock()
		file2.hold = nil
		file2.mu.Unlock()
		close(hold)
	}
}

// alter runs an ALTER of a job in the background and returns when the catalog
// has it.
func (f *fixture) alter(name string, a plan.JobAction, want catalog.JobState) (done <-chan error) {
	f.Helper()
	end := make(chan error, 1)
	go func() {
		_, err := f.try(&plan.AlterJob{Name: name, Action: a})
		end <- err
	}()
	ctx := f.context()
	for f.catalog.Snapshot().Job(name).State != want {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			f.Fatalf("job %s is %s, want %s", name, f.catalog.Snapshot().Job(name).State, want)
		}
	}
	return end
}

// TestStartWhileStopping has one session start a job that another is stopping.
func TestStartWhileStopping(t *testing.T) {
	f := newFixture(t)
	release := f.heldJob("j", "x")
	stop := f.alter("j", plan.JobStop, catalog.JobStopped)
	start := f.alter("j", plan.JobStart, catalog.JobRunning)
	release()
	for _, end := range []<-chan error{stop, start} {
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
	if !f.runs("j") {
		t.Fatal("the job does not run, and the catalog says that it does")
	}
}

func (f *fixture) runs(name string) bool {
	f.Engine.mu.Lock()
	defer f.Engine.mu.Unlock()
	j := f.jobs[f.catalog.Snapshot().Job(name).UUID]
	return j != nil && !j.ended()
}

// TestStopWhileAnotherStops has a session whose statement waits for one job to
// end act on what another session has made of the catalog meanwhile.
func TestStopWhileAnotherStops(t *testing.T) {
	f := newFixture(t)
	release := f.heldJob("slow", "x")
	f.exec(f.copyJob("j", f.stream("in"), []string{"y"}))
	f.topics.topic("in").wait()
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	first := f.alter("slow", plan.JobStop, catalog.JobStopped)
	second := f.alter("j", plan.JobStop, catalog.JobStopped)
	<-j.done
	release()
	for _, end := range []<-chan error{first, second} {
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
	if f.runs("j") {
		t.Fatal("the job runs, and the catalog says that it is stopped")
	}
}

// TestCancelledStopIsDecided cancels a STOP JOB while it waits for the job's
// last epoch: the catalog has changed, so the statement has succeeded.
func TestCancelledStopIsDecided(t *testing.T) {
	f := newFixture(t)
	release := f.heldJob("j", "x")
	ctx, cancel := context.WithCancel(f.context())
	txn := f.Begin()
	if _, err := txn.Exec(ctx, &plan.Bound{Statement: &plan.AlterJob{Name: "j", Action: plan.JobStop}}, testEnv()); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- txn.Commit(ctx) }()
	for f.catalog.Snapshot().Job("j").State != catalog.JobStopped {
		select {
		case <-time.After(time.Millisecond):
		case err := <-end:
			t.Fatalf("Commit = %v before the job had stopped", err)
		}
	}
	cancel()
	release()
	if err := <-end; err != nil {
		t.Errorf("Commit = %v after the catalog had changed", err)
	}
	if f.runs("j") {
		t.Error("the job runs, and the catalog says that it is stopped")
	}
}
