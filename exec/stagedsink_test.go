package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestStagedOnce: a job whose sinks get their rows after the decision, each in
// transactions of its own, has each row in them once, whatever becomes of those
// transactions and of the process.
func TestStagedOnce(t *testing.T) {
	lost := sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection is lost")
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			rng := rand.New(rand.NewPCG(seed, 3))
			outcomes, mu := rand.New(rand.NewPCG(seed, 4)), sync.Mutex{}
			f.ledgers.outcome = func() (bool, error) { // of any sink's goroutine
				mu.Lock()
				defer mu.Unlock()
				switch outcomes.IntN(4) {
				case 0:
					return false, lost
				case 1:
					return true, lost
				}
				return true, nil
			}
			in := f.stream("in")
			topic := f.topics.topic("in")
			topic.batch = 9
			f.exec(f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "1MB"}))
			next := 1
			for range 8 {
				n := 1 + rng.IntN(60)
				topic.addRows(0, next, next+n)
				next += n
				if rng.IntN(2) == 0 {
					f.committedMore("j", 1)
				}
				f.kill()
				f.start()
			}
			topic.end()
			f.waitState("j", catalog.JobFinished)
			want := lines(1, next)
			slices.Sort(want)
			f.wantOnce("j", want)
		})
	}
}

// TestSinkDown: while a sink is down its job goes on and its other sinks get their
// rows, until what waits takes sink.buffer; then the job waits. Nothing is lost.
func TestSinkDown(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.batch = 10
	f.ledgers.topics.file("j_k").failing("write", 1<<30)
	f.exec(f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "2000"}, catalog.Option{Key: "checkpoint.interval", Value: "2ms"}))
	topic.addRows(0, 1, 21)
	if err := f.topics.file("j_file").wait(f.context(), 20); err != nil {
		t.Fatal(err)
	}
	impeded := func() bool {
		s := (jobsProvider{f.Engine}).Jobs()[0]
		return s.Impeded && strings.Contains(s.Failure.Message, "write failed")
	}
	f.eventually(impeded, "the job does not say what it waits for")
	topic.addRows(0, 21, 61)
	f.eventually(func() bool { return (jobsProvider{f.Engine}).Jobs()[0].RowsIn == 60 }, "the job does not go on while there is room")
	topic.addRows(0, 61, 2000)
	f.kill()
	f.start()
	if n := len(f.topics.file("j_file").read()); n >= 1999 {
		t.Errorf("the other sink has all %d rows: the job did not wait", n)
	}
	f.ledgers.topics.file("j_k").failing("write", 0)
	topic.end()
	f.waitState("j", catalog.JobFinished)
	want := lines(1, 2000)
	slices.Sort(want)
	f.wantOnce("j", want)
}

// TestDropDelivers: a job that is dropped delivers what is staged. What a sink does not
// take is lost, and whoever drops the job is told.
func TestDropDelivers(t *testing.T) {
	begin := func(t *testing.T, failing int, backoff string) *fixture {
		f := newFixture(t)
		in := f.stream("in")
		f.ledgers.topics.file("j_k").failing("write", failing)
		j := f.copyJob("j", in, []string{"j_file", "j_k", "j_l"}, catalog.Option{Key: "use_transactions", Value: "true"},
			catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"}, catalog.Option{Key: "retry_backoff", Value: backoff},
			catalog.Option{Key: "sink.buffer", Value: "1MB"}, catalog.Option{Key: "checkpoint.interval", Value: "2ms"})
		j.Sinks[1].Relation.Connector, j.Sinks[2].Relation.Connector = "ledger", "ledger"
		f.exec(j)
		f.topics.topic("in").addRows(0, 1, 21)
		if err := f.topics.file("j_file").wait(f.context(), 20); err != nil {
			t.Fatal(err)
		}
		return f
	}
	start := func(t *testing.T, failing int) *fixture { return begin(t, failing, "1ms") }
	const warning = `job "j" is dropped with rows that a sink has not got: `
	dropped := func(f *fixture) (warned []string) {
		f.Helper()
		res := f.exec(&plan.AlterJob{Name: "j", Action: plan.JobDrop})
		for _, n := range res.Notices {
			if n.Severity == "WARNING" {
				warned = append(warned, n.Message)
			}
		}
		if left := f.store.Jobs(); len(left) != 0 {
			f.Errorf("the store keeps state of %v", left)
		}
		return warned
	}
	drop := func(f *fixture, says string) {
		f.Helper()
		warned := dropped(f)
		if says == "" && warned != nil || says != "" && (len(warned) != 1 || !strings.HasPrefix(warned[0], warning) || !strings.Contains(warned[0], says)) {
			f.Errorf("DROP JOB warns of %q, want %q", warned, says)
		}
	}
	want := lines(1, 21)
	slices.Sort(want)
	t.Run("delivered", func(t *testing.T) {
		f := start(t, 0)
		drop(f, "")
		f.wantOnce("j", want)
	})
	t.Run("fails for a while", func(t *testing.T) {
		f := start(t, 9) // for half a second; then it takes the rows
		dropped(f)       // which may warn
		f.wantOnce("j", want)
	})
	t.Run("between two lives", func(t *testing.T) {
		f := begin(t, 1<<30, "1h")
		f.topics.file("j_file").failing("write", 1<<30)
		f.topics.topic("in").addRows(0, 21, 22)
		f.Engine.mu.Lock()
		j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
		f.Engine.mu.Unlock()
		f.eventually(func() bool {
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.problem.Message != ""
		}, "the job does not fail")
		warned := strings.Join(dropped(f), "\n")
		if !strings.Contains(warned, warning) || !strings.Contains(warned, "epochs for sink 'sink_1_j_k'") {
			t.Errorf("DROP JOB warns of %q, want what sink j_k has not got", warned)
		}
	})
	impeded := func(f *fixture) {
		f.eventually(func() bool { return (jobsProvider{f.Engine}).Jobs()[0].Impeded }, "the job does not say what it waits for")
	}
	t.Run("down", func(t *testing.T) {
		f := start(t, 1<<30)
		impeded(f)
		drop(f, "sink 'sink_1_j_k': ")
	})
	t.Run("stopped", func(t *testing.T) {
		f := start(t, 1<<30)
		impeded(f)
		f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
		f.waitState("j", catalog.JobStopped)
		drop(f, "epochs for sink 'sink_1_j_k'")
	})
	t.Run("begins anew", func(t *testing.T) {
		f := start(t, 1<<30)
		impeded(f)
		f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
		f.waitState("j", catalog.JobStopped)
		res := f.exec(&plan.AlterJob{Name: "j", Action: plan.JobAlter, From: &catalog.JobStart{Kind: "EARLIEST"}})
		if len(res.Notices) != 1 || !strings.Contains(res.Notices[0].Message, `job "j" begins anew without rows that a sink has not got: `) || !strings.Contains(res.Notices[0].Message, "epochs for sink 'sink_1_j_k'") {
			t.Errorf("START FROM says %v", res.Notices)
		}
	})
}

// TestSinkFullDrops: with on_sink_full = 'drop' the job goes on, and counts what it
// drops.
func TestSinkFullDrops(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.batch = 10
	f.ledgers.topics.file("j_k").failing("open", 1<<30)
	j := f.copyJob("j", in, []string{"j_file", "j_k"}, catalog.Option{Key: "sink.buffer", Value: "500"},
		catalog.Option{Key: "on_sink_full", Value: "drop"}, catalog.Option{Key: "retry_backoff", Value: "1ms"})
	j.Sinks[1].Relation.Connector = "ledger"
	f.exec(j)
	topic.addRows(0, 1, 500)
	if err := f.topics.file("j_file").wait(f.context(), 499); err != nil {
		t.Fatal(err)
	}
	s := (jobsProvider{f.Engine}).Jobs()[0]
	if s.Rejected == 0 || s.Rejected >= 499 {
		t.Errorf("%d rows were dropped", s.Rejected)
	}
}

// eventually returns when something is so.
func (f *fixture) eventually(is func() bool, otherwise string) {
	f.Helper()
	ctx := f.context()
	for !is() {
		f.committedMore("j", 1)
		if ctx.Err() != nil {
			f.Fatal(otherwise)
		}
	}
}

// TestStagingRefused: what cannot be promised is said when the job is made.
func TestStagingRefused(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	for _, c := range []struct {
		files   []string
		options string
		code    sqlerr.Code
	}{
		{[]string{"x"}, "sink.buffer=1MB", sqlerr.FeatureNotSupported},
		{[]string{"x", "k"}, "sink.buffer=much", sqlerr.InvalidParameterValue},
		{[]string{"x", "k"}, "sink.buffer=1MB,on_sink_full=burn", sqlerr.InvalidParameterValue},
		{[]string{"x", "k"}, "on_sink_full=drop", sqlerr.InvalidParameterValue},
		{[]string{"x", "k"}, "sink.buffer=1MB,on_sink_full=drop,use_transactions=true", sqlerr.InvalidParameterValue},
	} {
		var options []catalog.Option
		for _, o := range strings.Split(c.options, ",") {
			key, value, _ := strings.Cut(o, "=")
			options = append(options, catalog.Option{Key: key, Value: value})
		}
		j := f.copyJob("j", in, c.files, options...)
		if len(c.files) > 1 {
			j.Sinks[1].Relation.Connector = "ledger"
		}
		if _, err := f.try(j); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.options, err, c.code)
		}
	}
}
