package exec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// stagedLetters is a job whose staged sinks refuse rows, which become dead letters.
func (f *fixture) stagedLetters(in *catalog.Relation, refuse string, options ...catalog.Option) {
	f.Helper()
	f.sinkNamed("dead")
	f.ledgers.topics.file("j_k").refuse = refuse
	if !slices.ContainsFunc(options, func(o catalog.Option) bool { return o.Key == "sink.buffer" }) {
		options = append(options, catalog.Option{Key: "sink.buffer", Value: "1MB"})
	}
	f.exec(f.transactionJob("j", in, append(options, catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}, catalog.Option{Key: "dead_letter", Value: "dead"})...))
}

var letterRow = regexp.MustCompile(`\d+\|n\d+`)

// wantLetters compares the rows that are dead letters.
func (f *fixture) wantLetters(want []string) {
	f.Helper()
	var got []string
	for _, l := range f.letters("dead") {
		got = append(got, letterRow.FindString(l))
	}
	slices.Sort(got)
	slices.Sort(want)
	equal(f.T, "dead", got, want)
}

// TestStagedLetters: what a staged sink refuses is a dead letter before the job has finished,
// or is dropped, by one task or more, whatever room there is for rows that wait.
func TestStagedLetters(t *testing.T) {
	for _, c := range []struct{ name, option, value string }{
		{"one task", "parallelism", "1"}, {"two tasks", "parallelism", "2"}, {"little room", "sink.buffer", "100"},
	} {
		for _, drop := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, dropped: %v", c.name, drop), func(t *testing.T) {
				f := newFixture(t)
				in := f.stream("in")
				topic := f.topics.topic("in")
				topic.batch = 9
				topic.addRows(0, 1, 60)
				topic.addRows(1, 60, 120)
				f.stagedLetters(in, "7", catalog.Option{Key: c.option, Value: c.value})
				if drop {
					if err := f.topics.file("j_file").wait(f.context(), 119); err != nil {
						t.Fatal(err)
					}
					f.exec(&plan.AlterJob{Name: "j", Action: plan.JobDrop})
				} else {
					topic.end()
					f.waitState("j", catalog.JobFinished)
				}
				letters, taken := f.refusedOf(120, "7")
				f.wantLetters(letters)
				got := f.ledgers.rows("j_k")
				slices.Sort(got)
				equal(t, "k", got, taken)
				if drop {
					return
				}
				if n := (jobsProvider{f.Engine}).Jobs()[0].Rejected; n != int64(len(letters)) {
					t.Errorf("%d rejected, want %d", n, len(letters))
				}
			})
		}
	}
}

// TestStagedRowFails: a row that a staged sink refuses fails its job, where the strategy says
// so, as one does that is refused before the decision; with another strategy it goes on.
func TestStagedRowFails(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.addRows(0, 1, 12)
	f.ledgers.topics.file("j_k").refuse = "n7"
	f.exec(f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "1MB"}, catalog.Option{Key: "restart_delay", Value: "1ms"},
		catalog.Option{Key: "max_restart_attempts", Value: "2"}, catalog.Option{Key: "checkpoint.interval", Value: "1h"}))
	topic.end()
	def := f.waitState("j", catalog.JobFailed)
	if !strings.Contains(def.Failure.Message, "the row is too long") || !strings.Contains(def.Failure.Hint, "failure_strategy") {
		t.Errorf("the job says %q, hint %q", def.Failure.Message, def.Failure.Hint)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobAlter, Set: catalog.Options{{Key: "failure_strategy", Value: "LogAndContinue"}}})
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	f.waitState("j", catalog.JobFinished)
	_, want := f.refusedOf(12, "n7")
	got := f.ledgers.rows("j_k")
	slices.Sort(got)
	equal(t, "k", got, want)
}

// refusedOf are the rows below id that hold a text, and the others.
func (f *fixture) refusedOf(id int, text string) (refused, taken []string) {
	for _, l := range lines(1, id) {
		if strings.Contains(l, text) {
			refused = append(refused, l)
		} else {
			taken = append(taken, l)
		}
	}
	slices.Sort(taken)
	return refused, taken
}

// TestStagedLettersKilled kills the engine at random moments, and transactions of staged
// sinks get lost: each row that one refuses is a dead letter once.
func TestStagedLettersKilled(t *testing.T) {
	lost := sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection is lost")
	for seed := range uint64(6) {
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
			f.stagedLetters(in, "7")
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
			letters, taken := f.refusedOf(next, "7")
			f.wantLetters(letters)
			got := f.ledgers.rows("j_k")
			slices.Sort(got)
			equal(t, "k", got, taken)
		})
	}
}

// TestImportKeepsStaged: what waits for a sink is of the epochs that the sink has not got, and
// not of the state that a file has: it comes to the sink, whatever is imported meanwhile.
func TestImportKeepsStaged(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.addRows(0, 1, 21)
	k := f.ledgers.topics.file("j_k")
	k.failing("write", 1<<30)
	f.exec(f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "1MB"}))
	stop := func(rows int) {
		f.Helper()
		if err := f.topics.file("j_file").wait(f.context(), rows); err != nil {
			t.Fatal(err)
		}
		f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
		f.waitState("j", catalog.JobStopped)
	}
	stop(20)
	var file bytes.Buffer
	if err := f.ExportState(f.context(), "j", &file); err != nil {
		t.Fatal(err)
	}
	topic.addRows(0, 21, 41)
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	stop(40)
	if err := f.ImportState(f.context(), "j", bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	k.failing("write", 0)
	topic.end()
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	f.waitState("j", catalog.JobFinished)
	// What came after the export is read again.
	want := append(lines(1, 41), lines(21, 41)...)
	slices.Sort(want)
	f.wantOnce("j", want)
}

// TestLettersStay: the place of a job's dead letters is not changed where some wait for it.
func TestLettersStay(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	for _, name := range []string{"dead", "other"} {
		f.exec(&plan.CreateSink{Relation: &catalog.Relation{Schema: "public", Name: name, Kind: catalog.Sink, Connector: "ledger"}})
	}
	f.ledgers.topics.file("j_k").refuse = "n7"
	dead := f.ledgers.topics.file("dead")
	dead.failing("write", 1<<30)
	f.topics.topic("in").addRows(0, 1, 12)
	f.exec(f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "1MB"},
		catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}, catalog.Option{Key: "dead_letter", Value: "dead"}))
	f.eventually(func() bool {
		s := (jobsProvider{f.Engine}).Jobs()[0]
		return s.Rejected == 1 && s.Impeded
	}, "no letter waits")
	change := &plan.AlterJob{Name: "j", Action: plan.JobAlter, Set: catalog.Options{{Key: "dead_letter", Value: "other"}}}
	anew := f.transactionJob("j", in, catalog.Option{Key: "sink.buffer", Value: "1MB"},
		catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}, catalog.Option{Key: "dead_letter", Value: "other"})
	anew.OrReplace = true
	refused := func(says string) {
		f.Helper()
		for _, s := range []plan.Statement{change, anew} {
			if _, err := f.try(s); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), says) {
				t.Errorf("%T: %v, want 55000 %q", s, err, says)
			}
		}
	}
	refused("may wait for")
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	refused("letters of job \"j\" wait for \"dead\"")
	dead.failing("write", 0)
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	f.eventually(func() bool {
		return len(f.ledgers.rows("dead")) == 1 && len(f.left(f.catalog.Snapshot().Job("j"))) == 0
	}, "the letter does not come")
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	f.exec(change)
	f.topics.topic("in").addRows(0, 70, 71)
	f.ledgers.topics.file("j_k").refuse = "n70"
	f.topics.topic("in").end()
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	f.waitState("j", catalog.JobFinished)
	if got := f.ledgers.rows("other"); len(got) != 1 || !strings.Contains(got[0], "70|n70") {
		t.Errorf("other has %q", got)
	}
}
