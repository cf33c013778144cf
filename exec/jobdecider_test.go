package exec

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// transactionJob copies into a file and into two sinks of the ledger.
func (f *fixture) transactionJob(name string, in *catalog.Relation, options ...catalog.Option) *plan.StartJob {
	options = append([]catalog.Option{{Key: "use_transactions", Value: "true"}, {Key: "retry_backoff", Value: "1ms"}}, options...)
	j := f.copyJob(name, in, []string{name + "_file", name + "_k", name + "_l"}, options...)
	j.Sinks[1].Relation.Connector, j.Sinks[2].Relation.Connector = "ledger", "ledger"
	return j
}

func (f *fixture) wantOnce(name string, want []string) {
	f.Helper()
	for sink, got := range map[string][]string{
		"file": f.topics.file(name + "_file").read(), "k": f.ledgers.rows(name + "_k"), "l": f.ledgers.rows(name + "_l"),
	} {
		slices.Sort(got)
		if !slices.Equal(got, want) {
			f.Errorf("%s has %d rows, %d of them distinct; want %d", sink, len(got), len(slices.Compact(got)), len(want))
		}
	}
}

// TestDecisionHeardOrNot has each commit of a transaction done or not, and heard
// of or not: the job begins again, and every sink has each row once.
func TestDecisionHeardOrNot(t *testing.T) {
	lost := sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection is lost")
	for _, c := range []struct {
		name  string
		done  bool
		heard error
	}{{"done and not heard", true, lost}, {"not done", false, lost}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			n := 0
			f.ledgers.outcome = func() (bool, error) {
				if n++; n%2 == 1 && n < 20 {
					return c.done, c.heard
				}
				return true, nil
			}
			for i := range 10 {
				f.topics.topic("in").addRows(i, 100*i+1, 100*i+51)
			}
			f.topics.topic("in").batch = 7
			f.exec(f.transactionJob("j", in, catalog.Option{Key: "checkpoint.interval", Value: "1ms"}))
			f.topics.topic("in").end()
			f.waitState("j", catalog.JobFinished)
			var want []string
			for i := range 10 {
				want = append(want, lines(100*i+1, 100*i+51)...)
			}
			slices.Sort(want)
			f.wantOnce("j", want)
			if jobs := (jobsProvider{f.Engine}).Jobs()[0]; jobs.RowsOut != 500 || jobs.Restarts == 0 {
				t.Errorf("%d rows out, %d restarts; want 500, and some", jobs.RowsOut, jobs.Restarts)
			}
		})
	}
}

// TestTransactionKilled kills the engine at any moment while commits get lost in
// both directions.
func TestTransactionKilled(t *testing.T) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(3, 4))
	in := f.stream("in")
	topic := f.topics.topic("in")
	random := rand.New(rand.NewPCG(5, 6))
	f.ledgers.outcome = func() (bool, error) {
		switch random.IntN(6) {
		case 0:
			return false, errors.New("lost on the way there")
		case 1:
			return true, errors.New("lost on the way back")
		}
		return true, nil
	}
	f.exec(f.transactionJob("j", in, catalog.Option{Key: "checkpoint.interval", Value: "1ms"},
		catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"}, catalog.Option{Key: "max_retries", Value: "1000000"}))
	next := [3]int{1, 100001, 200001}
	for range 40 {
		for s := range next {
			n := rng.IntN(300)
			topic.addRows(s, next[s], next[s]+n)
			next[s] += n
		}
		wait := f.topics.file("j_file").changes()
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
	want := append(append(lines(1, next[0]), lines(100001, next[1])...), lines(200001, next[2])...)
	slices.Sort(want)
	f.wantOnce("j", want)
}

// TestDecisionsLost starts a job whose decisions are not there any more.
func TestDecisionsLost(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.transactionJob("j", in))
	if err := f.topics.file("j_file").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	var l *ledger
	for _, of := range f.ledgers.jobs {
		l = of
	}
	kept := l.last
	for _, c := range []struct {
		last stream.Decision
		want string
	}{
		{stream.Decision{}, "the ledger has no record of it"},
		{stream.Decision{Epoch: kept.Epoch + 7, Version: 3}, "names epoch 8 at version 3"},
	} {
		l.last = c.last
		f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
		if def := f.waitState("j", catalog.JobFailed); !strings.Contains(def.Failure.Message, "the state store has committed epoch 1") || !strings.Contains(def.Failure.Message, c.want) {
			t.Errorf("error = %q", def.Failure.Message)
		}
	}
	l.last = kept
	f.topics.topic("in").addRows(0, 5, 9)
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	if err := f.topics.file("j_file").wait(f.context(), 8); err != nil {
		t.Fatal(err)
	}
	f.wantOnce("j", lines(1, 9))
}

func TestVerdict(t *testing.T) {
	prepared := &state.Prepared{Epoch: 6, Version: 60}
	for _, c := range []struct {
		what    string
		rec     state.Recovery
		last    stream.Decision
		decided bool
		ok      bool
	}{
		{"new", state.Recovery{}, stream.Decision{}, false, true},
		{"first prepared, not decided", state.Recovery{Prepared: prepared}, stream.Decision{}, false, true},
		{"first decided", state.Recovery{Prepared: prepared}, stream.Decision{Epoch: 6, Version: 60}, true, true},
		{"decided", state.Recovery{Epoch: 5, Version: 50, Prepared: prepared}, stream.Decision{Epoch: 6, Version: 60}, true, true},
		{"not decided", state.Recovery{Epoch: 5, Version: 50, Prepared: prepared}, stream.Decision{Epoch: 5, Version: 50}, false, true},
		{"not decided, after a rollback", state.Recovery{Epoch: 5, Version: 55, Prepared: prepared}, stream.Decision{Epoch: 5, Version: 50}, false, true},
		{"nothing prepared", state.Recovery{Epoch: 5, Version: 50, Dirty: true}, stream.Decision{Epoch: 5, Version: 50}, false, true},
		{"another version", state.Recovery{Epoch: 5, Version: 50, Prepared: prepared}, stream.Decision{Epoch: 6, Version: 61}, false, false},
		{"ahead of what is prepared", state.Recovery{Epoch: 5, Version: 50, Prepared: prepared}, stream.Decision{Epoch: 7, Version: 70}, false, false},
		{"ahead, nothing prepared", state.Recovery{Epoch: 5, Version: 50}, stream.Decision{Epoch: 6, Version: 60}, false, false},
		{"older", state.Recovery{Epoch: 5, Version: 50}, stream.Decision{Epoch: 4, Version: 40}, false, false},
		{"gone", state.Recovery{Epoch: 5, Version: 50, Prepared: prepared}, stream.Decision{}, false, false},
		{"an empty store", state.Recovery{}, stream.Decision{Epoch: 5, Version: 50}, false, false},
	} {
		decided, err := verdict("j", "the ledger", c.rec, c.last)
		if decided != c.decided || (err == nil) != c.ok || err != nil && (sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || sqlerr.From(err).Hint == "") {
			t.Errorf("%s: %v, %v; want %v, ok %v", c.what, decided, err, c.decided, c.ok)
		}
	}
}

func TestTransactionRefused(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	j := f.transactionJob("j", in)
	j.Sinks[0].Relation.Connector = "printer"
	if _, err := f.try(j); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || sqlerr.From(err).Hint == "" {
		t.Errorf("a sink that may get rows twice: %v", err)
	}
	f.ledgers.bad = sqlerr.Unsupported("Start a job for each.", "two ledgers")
	if _, err := f.try(f.transactionJob("j", in)); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("two ledgers: %v", err)
	}
	j = f.transactionJob("j", in, catalog.Option{Key: "transactions", Value: "best_effort"})
	for i := range j.Sinks {
		j.Sinks[i].Relation.Connector = "printer"
	}
	f.exec(j)
}
