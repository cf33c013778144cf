package exec

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// setDown is what opening a source says from now on; nil: it opens.
func (f *fixture) setDown(err error) {
	f.topics.mu.Lock()
	defer f.topics.mu.Unlock()
	f.topics.down = err
}

// TestJobOutlivesAnOutage starts a job again and again for as long as its source
// cannot be reached, or is not there.
func TestJobOutlivesAnOutage(t *testing.T) {
	for name, down := range map[string]error{
		"unreachable": sqlerr.Errorf(sqlerr.ConnectionFailure, "Connection refused"),
		"missing":     sqlerr.Errorf(sqlerr.UndefinedTable, "topic is not there"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			f.topics.topic("in").addRows(0, 1, 5)
			f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "retry_backoff", Value: "1ms"}))
			if err := f.topics.file("x").wait(f.context(), 4); err != nil {
				t.Fatal(err)
			}
			f.kill()
			f.setDown(down)
			f.start()
			for n := len(f.topics.file("x").opens()); len(f.topics.file("x").opens()) < n+6; {
				<-f.topics.file("x").changes()
			}
			want := "Job 'j' failed to create data sources: Failed to create source 'source_0_in': " + down.Error()
			if got := (jobsProvider{f.Engine}).Jobs()[0]; got.Failure.Message != want || got.State != catalog.JobRunning || !got.Impeded {
				t.Errorf("job status = %+v, want running, with the error", got)
			}
			f.setDown(nil)
			f.topics.topic("in").addRows(0, 5, 9)
			if err := f.topics.file("x").wait(f.context(), 8); err != nil {
				t.Fatal(err)
			}
			equal(t, "x", f.topics.file("x").read(), lines(1, 9))
		})
	}
}

// TestStartRefusesWhatIsMissing: a source that is not there at START JOB is the
// statement's error; one that cannot be reached is the job's to wait for.
func TestStartRefusesWhatIsMissing(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "retry_backoff", Value: "1ms"}))
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		end, again plan.JobAction
		state      catalog.JobState
	}{{plan.JobStop, plan.JobStart, catalog.JobStopped}, {plan.JobPause, plan.JobResume, catalog.JobPaused}} {
		f.exec(&plan.AlterJob{Name: "j", Action: a.end})
		f.setDown(sqlerr.Errorf(sqlerr.UndefinedTable, "topic is not there"))
		_, err := f.try(&plan.AlterJob{Name: "j", Action: a.again})
		want := "Job 'j' failed to create data sources: Failed to create source 'source_0_in': topic is not there"
		if sqlerr.CodeOf(err) != sqlerr.UndefinedTable || err.Error() != want {
			t.Errorf("%s JOB = %v (%s), want 42P01: %s", a.again, err, sqlerr.CodeOf(err), want)
		}
		if got := f.catalog.Snapshot().Job("j").State; got != a.state {
			t.Errorf("the job is %s, want %s", got, a.state)
		}
		f.setDown(sqlerr.Errorf(sqlerr.ConnectionFailure, "Connection refused"))
		f.exec(&plan.AlterJob{Name: "j", Action: a.again})
		f.setDown(nil)
	}
	f.topics.topic("in").addRows(0, 5, 9)
	if err := f.topics.file("x").wait(f.context(), 8); err != nil {
		t.Fatal(err)
	}
}

// TestJobIsTriedAgainWhereAFileIsHeld: who holds a file that a job writes lets go
// of it some time, a transaction within milliseconds.
func TestJobIsTriedAgainWhereAFileIsHeld(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.exec(f.copyJob("j", in, []string{"x"}))
	f.topics.topic("in").wait()
	f.kill()
	f.setDown(sqlerr.Errorf(sqlerr.ObjectInUse, "the file is being written by another job or transaction"))
	f.o.RestartAttempts, f.o.RestartDelay = 1<<20, time.Millisecond
	f.o.Server = nil
	e, err := New(f.o)
	if err != nil {
		t.Fatal(err)
	}
	f.Engine = e
	if err := e.Start(f.context()); err != nil {
		t.Fatal(err)
	}
	for n := len(f.topics.file("x").opens()); len(f.topics.file("x").opens()) < n+2; {
		<-f.topics.file("x").changes()
	}
	f.setDown(nil)
	f.topics.topic("in").addRows(0, 1, 5)
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
}

// TestJobDoesNotWaitForLostRecords: what retention has deleted does not come back.
func TestJobDoesNotWaitForLostRecords(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.exec(f.copyJob("j", in, []string{"x"}))
	f.topics.topic("in").wait()
	f.kill()
	f.setDown(sqlerr.Errorf(sqlerr.SnapshotTooOld, "offset 10 is no longer there"))
	f.o.RestartAttempts, f.o.RestartDelay = 3, time.Hour
	f.o.Server = nil
	e, err := New(f.o)
	if err != nil {
		t.Fatal(err)
	}
	f.Engine = e
	if err := e.Start(f.context()); err != nil {
		t.Fatal(err)
	}
	f.waitState("j", catalog.JobFailed)
}

// TestJobLeavesAStreamsOptionsToIt runs over a stream that may lose data, which
// is no option of a job.
func TestJobLeavesAStreamsOptionsToIt(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in", catalog.Option{Key: "on_data_loss", Value: "continue"}, catalog.Option{Key: "failure_strategy", Value: "FailBatch"})
	f.topics.topic("in").bad = map[int64]bool{2: true}
	f.topics.topic("in").addRows(0, 1, 2)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	f.topics.topic("in").addRows(0, 2, 3)
	if def := f.waitState("j", catalog.JobFailed); def.Failure.Message != "row 2 is bad" {
		t.Errorf("error = %q", def.Failure.Message)
	}
}

// TestCountersOutliveRestarts counts what a job did in all its lives, while it
// runs, while it is stopped, and in a process that has not run it.
func TestCountersOutliveRestarts(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.bad = map[int64]bool{3: true}
	topic.addRows(0, 0, 5) // the job's filter leaves 0 out
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 3); err != nil {
		t.Fatal(err)
	}
	check := func(when string, rowsIn, rowsOut, rejected int64) {
		t.Helper()
		got := jobsProvider{f.Engine}.Jobs()[0]
		if got.RowsIn != rowsIn || got.RowsOut != rowsOut || got.Rejected != rejected || got.Epoch == 0 {
			t.Errorf("%s: %d in, %d out, %d rejected, epoch %d; want %d, %d, %d", when, got.RowsIn, got.RowsOut, got.Rejected, got.Epoch, rowsIn, rowsOut, rejected)
		}
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	check("stopped", 4, 3, 1)
	f.kill()
	f.start()
	check("stopped, after a restart", 4, 3, 1)
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	check("started again", 4, 3, 1)
	if got := (jobsProvider{f.Engine}).Splits(); len(got) > 1 || len(got) == 1 && got[0].Position != "5" {
		t.Errorf("splits = %+v, want position 5", got)
	}
	topic.addRows(0, 5, 7)
	if err := f.topics.file("x").wait(f.context(), 5); err != nil {
		t.Fatal(err)
	}
	topic.end()
	f.waitState("j", catalog.JobFinished)
	check("finished", 6, 5, 1)
	f.kill()
	f.start()
	check("finished, after a restart", 6, 5, 1)
}

// TestHungUpOnIsNoEnd: a system that hangs up while a query opens it, and whose client
// says io.EOF of that, has not said that there are no rows.
func TestHungUpOnIsNoEnd(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.setDown(fmt.Errorf("the first bytes: %w", io.EOF))
	root := scanOf(in)
	c, err := f.Begin().Query(f.context(), &plan.Query{Root: root}, testEnv())
	if err == nil {
		defer c.Close()
		_, err = tryRows(f.context(), c, root, -1)
	}
	if err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "the first bytes") {
		t.Errorf("a query of what hangs up: %v", err)
	}
}
