package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// copyJob is a plan that copies rows of id > 0 into files.
func (f *fixture) copyJob(name string, in *catalog.Relation, files []string, options ...catalog.Option) *plan.StartJob {
	s := scanOf(in)
	j := &plan.StartJob{Name: name, Text: "copy " + name, Options: options,
		Root: project(&plan.Filter{Input: s, Cond: call(">", column(s, 0), number64(0))}, column(s, 0), column(s, 1))}
	for _, file := range files {
		j.Sinks = append(j.Sinks, plan.SinkTarget{Declared: true, Relation: &catalog.Relation{
			Schema: "public", Name: file, Kind: catalog.Sink, Connector: "topic"}})
	}
	f.plans.Store(j.Text, j)
	return j
}

// state waits until the catalog says that a job is in a state.
func (f *fixture) waitState(name string, want catalog.JobState) *catalog.Job {
	f.Helper()
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job(name).UUID]
	f.Engine.mu.Unlock()
	if j != nil {
		select {
		case <-j.done:
		case <-f.context().Done():
			f.Fatalf("job %s still runs, want %s", name, want)
		}
	}
	def := f.catalog.Snapshot().Job(name)
	if def.State != want {
		f.Fatalf("job %s is %s (%s), want %s", name, def.State, def.Failure.Message, want)
	}
	return def
}

func lines(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("%d|n%d", i, i))
	}
	return all
}

func (t *topic) addRows(split, from, to int) {
	for i := from; i < to; i++ {
		t.add(split, row(int64(i), fmt.Sprintf("n%d", i)))
	}
}

func TestJobCopies(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 0, 10)
	res := f.exec(f.copyJob("j", in, []string{"x", "y"}))
	if res.Tag != "START JOB" {
		t.Errorf("tag = %q", res.Tag)
	}
	for _, name := range []string{"x", "y"} {
		if err := f.topics.file(name).wait(f.context(), 9); err != nil {
			t.Fatal(err)
		}
	}
	f.topics.topic("in").addRows(0, 10, 20)
	for _, name := range []string{"x", "y"} {
		if err := f.topics.file(name).wait(f.context(), 19); err != nil {
			t.Fatal(err)
		}
		equal(t, name, f.topics.file(name).read(), lines(1, 20))
	}
	f.topics.topic("in").end()
	f.waitState("j", catalog.JobFinished)
	if n := f.topics.topic("in").acked["0"]; n != 20 {
		t.Errorf("acknowledged up to %d, want 20", n)
	}
	opened := len(f.topics.file("x").opened)
	f.kill()
	f.start()
	if n := len(f.topics.file("x").opened); n != opened {
		t.Error("a finished job ran again after a restart")
	}
}

func TestJobStopAndStart(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		end, again plan.JobAction
		state      catalog.JobState
	}{{plan.JobStop, plan.JobStart, catalog.JobStopped}, {plan.JobPause, plan.JobResume, catalog.JobPaused}} {
		n := len(f.topics.file("x").read())
		if got := f.exec(&plan.AlterJob{Name: "j", Action: a.end}).Tag; got != string(a.end)+" JOB" {
			t.Errorf("tag = %q", got)
		}
		f.waitState("j", a.state)
		f.topics.topic("in").addRows(0, n+1, n+6)
		f.kill()
		f.start()
		if got := len(f.topics.file("x").read()); got != n {
			t.Errorf("%d lines, want %d: a %s job wrote", got, n, a.state)
		}
		f.exec(&plan.AlterJob{Name: "j", Action: a.again})
		if err := f.topics.file("x").wait(f.context(), n+5); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "x", f.topics.file("x").read(), lines(1, 15))
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobDrop})
	if f.catalog.Snapshot().Job("j") != nil || f.catalog.Snapshot().Relation("public", "x") != nil {
		t.Error("the job, or the sink that it declared, is there after DROP JOB")
	}
	if jobs := f.store.Jobs(); len(jobs) != 0 {
		t.Errorf("the store keeps state of %v after DROP JOB", jobs)
	}
	_, err := f.try(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	if sqlerr.CodeOf(err) != sqlerr.UndefinedObject {
		t.Errorf("STOP JOB = %v, want 42704", err)
	}
}

// TestJobKilled kills the engine at any moment, again and again, while rows come
// in; the files are then what they would be without it.
func TestJobKilled(t *testing.T) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(1, 2))
	in := f.stream("in")
	topic := f.topics.topic("in")
	f.exec(f.copyJob("j", in, []string{"x", "y"}, catalog.Option{Key: "checkpoint.interval", Value: "1ms"}))
	next := [3]int{1, 100001, 200001}
	for range 40 {
		for s := range next {
			n := rng.IntN(300)
			topic.addRows(s, next[s], next[s]+n)
			next[s] += n
		}
		topic.mu.Lock()
		topic.batch = 1 + rng.IntN(200)
		topic.mu.Unlock()
		wait := f.topics.file("x").changes()
		if rng.IntN(3) > 0 {
			select {
			case <-wait:
			case <-time.After(time.Duration(rng.IntN(5)) * time.Millisecond):
			}
		}
		f.kill()
		f.start()
	}
	topic.end()
	f.waitState("j", catalog.JobFinished)
	var want []string
	want = append(want, lines(1, next[0])...)
	want = append(want, lines(100001, next[1])...)
	want = append(want, lines(200001, next[2])...)
	slices.Sort(want)
	for _, name := range []string{"x", "y"} {
		got := f.topics.file(name).read()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %d lines, %d of them distinct; want %d", name, len(got), len(slices.Compact(got)), len(want))
		}
	}
}

func TestJobSkipsBadRecords(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").bad[3] = true
	f.topics.topic("in").addRows(0, 1, 6)
	f.topics.topic("in").end()
	f.exec(f.copyJob("j", in, []string{"x"}))
	f.waitState("j", catalog.JobFinished)
	equal(t, "x", f.topics.file("x").read(), []string{"1|n1", "2|n2", "4|n4", "5|n5"})
	if got := (jobsProvider{f.Engine}).Jobs()[0]; got.Rejected != 1 || got.RowsIn != 4 || got.RowsOut != 4 {
		t.Errorf("job status = %+v, want 1 rejected, 4 in, 4 out", got)
	}
}

func TestJobFailBatch(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").batch = 1
	f.topics.topic("in").addRows(0, 1, 4)
	j := f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "failure_strategy", Value: "FailBatch"})
	f.exec(j)
	if err := f.topics.file("x").wait(f.context(), 3); err != nil {
		t.Fatal(err)
	}
	f.topics.topic("in").bad[6] = true
	f.topics.topic("in").mu.Lock() // the three come in one epoch
	for i := 4; i < 8; i++ {
		f.topics.topic("in").splits[0] = append(f.topics.topic("in").splits[0], row(int64(i), "x"))
	}
	f.topics.topic("in").batch = 10
	f.topics.topic("in").wakeAll()
	f.topics.topic("in").mu.Unlock()
	def := f.waitState("j", catalog.JobFailed)
	if !strings.Contains(def.Failure.Message, "row 6 is bad") {
		t.Errorf("error = %q", def.Failure.Message)
	}
	equal(t, "x", f.topics.file("x").read(), lines(1, 4))
	f.topics.topic("in").bad[6] = false
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	if err := f.topics.file("x").wait(f.context(), 7); err != nil {
		t.Fatal(err)
	}
}

func TestJobRowError(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("in"))
	f.topics.topic("in").addRows(0, 0, 3)
	f.topics.topic("in").end()
	j := f.copyJob("j", in.Relation, []string{"x"})
	j.Root = project(in, call("/", number64(10), column(in, 0)))
	f.exec(j)
	f.waitState("j", catalog.JobFinished)
	equal(t, "x", f.topics.file("x").read(), []string{"10", "5"})
}

func TestJobRetries(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 50)
	f.topics.topic("in").end()
	for _, step := range []string{"open", "write", "prepare", "commit"} {
		file := "x" + step
		f.topics.file(file).failing(step, 2)
		f.exec(f.copyJob("j"+step, in, []string{file}, catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"},
			catalog.Option{Key: "retry_backoff", Value: "1ms"}))
		f.waitState("j"+step, catalog.JobFinished)
		equal(t, file, f.topics.file(file).read(), lines(1, 50))
	}
	f.topics.file("y").failing("write", 4)
	f.exec(f.copyJob("k", in, []string{"y"}, catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"},
		catalog.Option{Key: "retry_backoff", Value: "1ms"}))
	def := f.waitState("k", catalog.JobFailed)
	if def.Failure.Message != "Sink 'sink_0_y': write failed" {
		t.Errorf("error = %q", def.Failure.Message)
	}
	equal(t, "y", f.topics.file("y").read(), nil)
}

func TestJobPinnedErrors(t *testing.T) {
	f := newFixture(t)
	in := f.stream("orders")
	f.topics.down = sqlerr.Errorf(sqlerr.ConnectionFailure, "Connection refused")
	_, err := f.try(f.copyJob("my-job", in, []string{"x"}))
	want := "Job 'my-job' failed to create data sources: Failed to create source 'source_0_orders': Connection refused"
	if err == nil || err.Error() != want || sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
		t.Errorf("START JOB = %v (%s), want %s", err, sqlerr.CodeOf(err), want)
	}
	f.topics.down = nil

	_, err = f.try(&plan.StartJob{Name: "my-job", Root: &plan.Values{Rows: [][]plan.Expr{{}}}})
	want = "No supported datasource found in query analysis for job 'my-job'"
	if err == nil || err.Error() != want {
		t.Errorf("START JOB = %v, want %s", err, want)
	}

	_, err = f.try(&plan.StartJob{Name: "j", Root: &plan.Sort{Input: scanOf(in)}})
	if sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("START JOB of a sort = %v, want 0A000", err)
	}

	f.topics.file("file").failing("open", 1)
	f.exec(f.copyJob("my-job", in, []string{"file"}))
	def := f.waitState("my-job", catalog.JobFailed)
	if want := "Job 'my-job' failed to create sinks: Failed to create sink 'sink_0_file': open failed"; def.Failure.Message != want {
		t.Errorf("error = %q, want %q", def.Failure.Message, want)
	}
}

func TestJobResults(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 1501)
	f.topics.topic("in").end()
	f.exec(f.copyJob("j", in, nil))
	f.waitState("j", catalog.JobFinished)
	check := func() {
		t.Helper()
		got := jobsProvider{f.Engine}.Results()
		if len(got) != 1000 || got[0].Result != `{"c0":501,"c1":"n501"}` || got[999].Result != `{"c0":1500,"c1":"n1500"}` {
			t.Fatalf("%d results, from %v", len(got), got[:min(len(got), 1)])
		}
		if got[0].JobID != "j" || got[0].Status != "finished" {
			t.Errorf("result = %+v", got[0])
		}
	}
	check()
	f.kill()
	f.start()
	check()
}

// TestJobIsReplaced: a job whose query is another goes on where it was, and one whose
// sinks are others is refused.
func TestJobIsReplaced(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 3)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(f.copyJob("j", in, []string{"y"})); sqlerr.CodeOf(err) != sqlerr.DuplicateObject {
		t.Fatalf("START JOB = %v, want 42710", err)
	}
	again := f.copyJob("j", in, []string{"y"})
	again.OrReplace = true
	if _, err := f.try(again); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Fatalf("CREATE OR REPLACE JOB with another sink = %v, want 55000", err)
	}
	again = f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "max_retries", Value: "5"})
	again.OrReplace = true
	f.exec(again)
	f.topics.topic("in").addRows(0, 3, 5)
	f.topics.topic("in").end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "x", f.topics.file("x").read(), lines(1, 5))
	if n := len(f.store.Jobs()); n != 1 {
		t.Errorf("the store keeps %d jobs, want 1", n)
	}
}

func TestDrainFinishesTheEpoch(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "checkpoint.interval", Value: "1h"}))
	f.topics.topic("in").wait()
	f.topics.topic("in").addRows(0, 1, 100)
	if err := f.topics.file("x").written(f.context(), 99); err != nil {
		t.Fatal(err)
	}
	if err := f.Drain(f.context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "x", f.topics.file("x").read(), lines(1, 100))
	if st := f.catalog.Snapshot().Job("j").State; st != catalog.JobRunning {
		t.Errorf("the job is %s after a shutdown, want running", st)
	}
}

func TestJobOptions(t *testing.T) {
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"checkpoint.interval", "250", true}, {"checkpoint.interval", "2 minutes", true}, {"checkpoint.interval", "0", false},
		{"checkpoint.interval", "soon", false}, {"failure_strategy", "fail-batch", true}, {"failure_strategy", "DeadLetter", true},
		{"use_transactions", "true", true}, {"use_transactions", "maybe", false}, {"use_transactions", "false", true}, {"fallback", "stdout", false}, {"batch.size", "0", false},
		{"failure_strategy", "ignore", false}, {"max_retries", "-1", false}, {"retry_backoff", "1000ms", true},
	} {
		_, err := jobOptions(catalog.Options{{Key: c.key, Value: c.value}}, time.Second)
		if (err == nil) != c.ok {
			t.Errorf("%s = %q: %v, want ok %v", c.key, c.value, err, c.ok)
		}
	}
}

// TestCountersOfAnEpochThatIsRunAgain counts what was undone once.
func TestCountersOfAnEpochThatIsRunAgain(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in", catalog.Option{Key: "failure_strategy", Value: "LogAndContinue"})
	f.topics.topic("in").bad[3] = true
	f.topics.topic("in").addRows(0, 1, 6)
	f.topics.topic("in").end()
	f.topics.file("x").failing("prepare", 2)
	f.exec(f.copyJob("j", in, []string{"x"}, catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"},
		catalog.Option{Key: "retry_backoff", Value: "1ms"}))
	f.waitState("j", catalog.JobFinished)
	if got := (jobsProvider{f.Engine}).Jobs()[0]; got.Rejected != 1 || got.RowsIn != 4 || got.RowsOut != 4 {
		t.Errorf("job status = %+v, want 1 rejected, 4 in, 4 out", got)
	}
}
