package exec

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// sinkNamed declares a sink of the tests' connector.
func (f *fixture) sinkNamed(name string) {
	f.Helper()
	f.exec(&plan.CreateSink{Relation: &catalog.Relation{Schema: "public", Name: name, Kind: catalog.Sink, Connector: "topic"}})
}

var letterTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d`)

// letters are the dead letters that a file has, without their times.
func (f *fixture) letters(name string) []string {
	all := f.topics.file(name).read()
	for i, l := range all {
		all[i] = letterTime.ReplaceAllString(l, "now")
	}
	return all
}

// divides is a copying job whose rows fail where their id is a multiple of 10:
// 100 / (id % 10).
func (f *fixture) divides(name string, in *catalog.Relation, files []string, options ...catalog.Option) *plan.StartJob {
	j := f.copyJob(name, in, files, options...)
	p := j.Root.(*plan.Project)
	s := p.Input.(*plan.Filter).Input.(*plan.Scan)
	p.Exprs[0] = call("/", number64(100), call("%", column(s, 0), number64(10)))
	return j
}

// TestDeadLetters puts records that do not decode, rows that cannot be computed
// and rows that a sink refuses aside.
func TestDeadLetters(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.sinkNamed("dead")
	f.topics.topic("in").bad = map[int64]bool{3: true}
	f.topics.file("x").refuse = "n7"
	f.topics.topic("in").addRows(0, 1, 12)
	f.exec(f.divides("j", in, []string{"x"}, catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}, catalog.Option{Key: "dead_letter", Value: "dead"}))
	f.topics.topic("in").end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "x", f.topics.file("x").read(), []string{"100|n1", "50|n2", "25|n4", "20|n5", "16|n6", "12|n8", "11|n9", "100|n11"})
	got := f.letters("dead")
	slices.Sort(got)
	equal(t, "dead", got, []string{
		"j|NULL|NULL|NULL|the row is too long|54000|now|NULL|NULL|14|n7|NULL",
		"j|in|0|2|row 3 is bad|22P02|now|NULL|NULL|3,n3|NULL",
		"j|in|0|9|division by zero|22012|now|NULL|NULL|10,n10|NULL",
	})
	if s := (jobsProvider{f.Engine}).Jobs()[0]; s.Rejected != 3 || s.RowsOut != 8 {
		t.Errorf("%d rejected, %d out; want 3, 8", s.Rejected, s.RowsOut)
	}
	if _, err := f.try(&plan.Drop{What: "SINK", Objects: []plan.ObjectName{{Schema: "public", Name: "dead"}}}); sqlerr.CodeOf(err) != sqlerr.DependentObjectsStillExist {
		t.Errorf("dropping the sink of a job's dead letters: %v, want 2BP01", err)
	}
}

// TestDeadLettersKilled kills the engine at random moments: each letter is there
// once.
func TestDeadLettersKilled(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.sinkNamed("dead")
	topic := f.topics.topic("in")
	topic.batch = 5
	for i := range int64(300) {
		topic.bad[7*i] = true
	}
	f.exec(f.divides("j", in, []string{"x"}, catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}, catalog.Option{Key: "dead_letter", Value: "dead"},
		catalog.Option{Key: "checkpoint.interval", Value: "1ms"}))
	var want []string
	for i := range 10 {
		topic.addRows(i%3, 100*i+1, 100*i+101)
		timer := time.NewTimer(time.Duration(rand.IntN(4000)) * time.Microsecond)
		<-timer.C
		f.kill()
		f.start()
	}
	for id := 1; id <= 1000; id++ {
		switch {
		case id%7 == 0:
			want = append(want, fmt.Sprintf("row %d is bad", id))
		case id%10 == 0:
			want = append(want, fmt.Sprintf("%d,n%d", id, id))
		}
	}
	topic.end()
	f.waitState("j", catalog.JobFinished)
	var got []string
	bad := regexp.MustCompile(`row \d+ is bad`)
	zero := regexp.MustCompile(`\d+,n\d+`)
	for _, l := range f.letters("dead") {
		if s := bad.FindString(l); s != "" {
			got = append(got, s)
		} else {
			got = append(got, zero.FindString(l))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	equal(t, "dead", got, want)
}

// TestDeadLettersNeedAPlace: a job is refused where nothing says where they go, or
// where that is what it writes to.
func TestDeadLettersNeedAPlace(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.sinkNamed("dead")
	strategy := catalog.Option{Key: "failure_strategy", Value: "DeadLetter"}
	for _, c := range []struct {
		options catalog.Options
		code    sqlerr.Code
	}{
		{catalog.Options{strategy}, sqlerr.InvalidParameterValue},
		{catalog.Options{strategy, {Key: "dead_letter", Value: "none"}}, sqlerr.UndefinedTable},
		{catalog.Options{strategy, {Key: "dead_letter", Value: " "}}, sqlerr.InvalidParameterValue},
		{catalog.Options{{Key: "restart_policy", Value: "sometimes"}}, sqlerr.InvalidParameterValue},
		{catalog.Options{{Key: "max_restart_attempts", Value: "-1"}}, sqlerr.InvalidParameterValue},
	} {
		if _, err := f.try(f.copyJob("j", in, []string{"x"}, c.options...)); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%v: %v, want %s", c.options, err, c.code)
		}
	}
	j := f.copyJob("j", in, []string{"dead"}, strategy, catalog.Option{Key: "dead_letter", Value: "dead"})
	j.Sinks[0] = plan.SinkTarget{Relation: f.catalog.Snapshot().Relation("public", "dead")}
	if _, err := f.try(j); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("dead letters into the job's own sink: %v, want 22023", err)
	}
}

// TestRestartPolicies has a job fail by what does not pass, and by what may.
func TestRestartPolicies(t *testing.T) {
	data := catalog.Option{Key: "failure_strategy", Value: "FailBatch"}
	for _, c := range []struct {
		name     string
		options  catalog.Options
		sink     bool // the sink fails, not the data
		restarts int64
	}{
		{"never", catalog.Options{data, {Key: "restart_policy", Value: "never"}}, true, 0},
		{"on-failure, data", catalog.Options{data, {Key: "restart_policy", Value: "on-failure"}, {Key: "max_restart_attempts", Value: "4"}}, false, 0},
		{"on-failure, sink", catalog.Options{data, {Key: "restart_policy", Value: "on-failure"}, {Key: "max_restart_attempts", Value: "4"}, {Key: "restart_delay", Value: "1ms"}}, true, 4},
		{"always, data", catalog.Options{data, {Key: "restart_policy", Value: "always"}, {Key: "max_restart_attempts", Value: "3"}, {Key: "restart_delay_ms", Value: "1"}}, false, 3},
		{"RetryWithBackoff, data", catalog.Options{{Key: "failure_strategy", Value: "RetryWithBackoff"}, {Key: "max_retries", Value: "2"}, {Key: "retry_backoff", Value: "1ms"}}, false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			in := f.stream("in")
			f.topics.topic("in").addRows(0, 1, 5)
			if c.sink {
				f.topics.file("x").failing("write", 100)
			} else {
				f.topics.topic("in").bad[1] = true
			}
			f.exec(f.copyJob("j", in, []string{"x"}, c.options...))
			f.waitState("j", catalog.JobFailed)
			if got := (jobsProvider{f.Engine}).Jobs()[0].Restarts; got != c.restarts {
				t.Errorf("%d restarts, want %d", got, c.restarts)
			}
			equal(t, "x", f.topics.file("x").read(), nil)
		})
	}
}

// TestStreamsOwnStrategy: a stream's and a sink's options come before their job's.
func TestStreamsOwnStrategy(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in", catalog.Option{Key: "failure_strategy", Value: "RetryWithBackoff"}, catalog.Option{Key: "max_retries", Value: "5"}, catalog.Option{Key: "retry_backoff", Value: "1ms"})
	f.topics.topic("in").bad[1] = true
	f.topics.topic("in").addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}))
	f.waitState("j", catalog.JobFailed)
	if got := (jobsProvider{f.Engine}).Jobs()[0].Restarts; got != 5 {
		t.Errorf("%d restarts, want 5", got)
	}
}
