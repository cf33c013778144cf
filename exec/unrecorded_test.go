package exec

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestFailureThatCannotBeRecorded: a job that has failed is shown so, though the
// catalog, which could not be written, says that it runs.
func TestFailureThatCannotBeRecorded(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.addRows(0, 1, 4)
	// Its sink has a long name, which the error of its failure repeats: with that
	// the job is too large for the catalog.
	file := strings.Repeat("x", 10_000)
	j := f.copyJob("j", in, []string{file}, catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"},
		catalog.Option{Key: "max_retries", Value: "0"})
	j.Text += strings.Repeat(" ", state.MaxValue-15_000)
	f.plans.Store(j.Text, j)
	f.exec(j)
	if err := f.topics.file(file).wait(f.context(), 3); err != nil {
		t.Fatal(err)
	}
	f.Engine.mu.Lock()
	running := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	f.topics.file(file).failing("write", 100)
	topic.addRows(0, 4, 5)
	<-running.done
	if got := f.catalog.Snapshot().Job("j").State; got != catalog.JobRunning {
		t.Fatalf("the catalog says that the job is %s: it could be recorded", got)
	}
	jobs := jobsProvider{f.Engine}
	got := jobs.Jobs()
	want := pgcatalog.JobStatus{Name: "j", State: catalog.JobFailed}
	if len(got) != 1 || got[0].State != want.State || got[0].Impeded ||
		!strings.Contains(got[0].Failure.Message, "write failed") || !strings.Contains(got[0].Failure.Message, "recording that it is failed: ") {
		t.Errorf("jobs = %+v, want %s with both errors", got, want.State)
	}
	if err := f.Wait(f.context(), "j"); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("Wait = %v, want that the job has failed", err)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	if got := jobs.Jobs()[0].State; got != catalog.JobStopped {
		t.Errorf("after STOP JOB it is %s", got)
	}
}
