package exec

import (
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestClockSetBack: now() in a job does not go back with the clock, so that what expires
// by it does not wait for the clock to come as far again twice.
func TestClockSetBack(t *testing.T) {
	ahead := microsSince2000(time.Now().Add(time.Hour))
	l := life{env: &function.Env{StatementTime: ahead}}
	l.next(1)
	if l.env.StatementTime != ahead || l.env.TransactionTime != ahead {
		t.Errorf("now() went back by %d us", ahead-l.env.StatementTime)
	}
}

// TestUnknownStateFormat: state that another version has written is not guessed at.
func TestUnknownStateFormat(t *testing.T) {
	f := newFixture(t)
	def := &catalog.Job{Name: "j", UUID: state.NewID()}
	job := f.store.Job(def.UUID)
	if _, err := job.Rollback(); err != nil {
		t.Fatal(err)
	}
	var pages state.Batch
	pages.Set(shapeSpace, stateKey(firstOperator), []byte("Aggregate"))
	pages.Set(shapeSpace, layoutKey, []byte{stateFormat + 1, 0, 1})
	if _, err := job.Prepare(1, &pages, state.Progress{}); err != nil {
		t.Fatal(err)
	}
	if err := job.Commit(1); err != nil {
		t.Fatal(err)
	}
	sn := f.store.Snapshot(def.UUID)
	defer sn.Close()
	_, _, err := readShapes(sn, def)
	if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), "has format 6, and this version reads formats 2 to 5") {
		t.Errorf("state of format 6: %v, want 55000", err)
	}
}

// TestShapeOfForgetfulJoin: a job goes on where another version forgets fewer rows of its
// join, or more.
func TestShapeOfForgetfulJoin(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	query := "SELECT e.id, m.n FROM e JOIN (SELECT name, count(*) AS n, window_start, window_end FROM tumble(e, ts, INTERVAL '10 seconds') GROUP BY name, window_start, window_end) m " +
		"ON e.name = m.name AND e.ts >= m.window_start AND e.ts < m.window_end"
	if err := f.sqlJob("j", query); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1))
	f.reachedRows("j", 2)
	def := f.catalog.Snapshot().Job("j")
	p, err := f.o.Plan(t.Context(), f.catalog.Snapshot(), def)
	if err != nil {
		t.Fatal(err)
	}
	forgets := 0
	plan.WalkNode(p.Root, func(n plan.Node) bool {
		if j, ok := n.(*plan.Join); ok {
			if j.Forgets[0] != nil {
				forgets++
			}
			if shape := shapeOf(&node{plan: j}); strings.Contains(shape, "Forgets") {
				t.Errorf("the join is stored as %q", shape)
			}
		}
		return true
	})
	if forgets != 1 {
		t.Errorf("%d joins forget rows, want 1", forgets)
	}
}

// TestFaultsAdvise: a job that fails at a row names the option that was written for it.
func TestFaultsAdvise(t *testing.T) {
	for _, c := range []struct {
		chosen     bool
		hint, want string
	}{
		{false, "", goOn},
		{false, stream.ReadOn, stream.ReadOn},
		{true, stream.ReadOn, goOn},
		{true, "Check it. " + stream.ReadOn, "Check it. " + goOn},
	} {
		if got := (faultPolicy{strategy: failBatch, chosen: c.chosen}).advice(c.hint); got != c.want {
			t.Errorf("advice of %q, failure_strategy written %v: %q, want %q", c.hint, c.chosen, got, c.want)
		}
	}
}

// TestNullKeyIsPermanent: a job that fails at a NULL which a sink has no use for is not
// started again, as that is there again.
func TestNullKeyIsPermanent(t *testing.T) {
	if err := sqlerr.Errorf(sqlerr.NotNullViolation, "null value in the key of topic %q", "t"); !permanent(err) {
		t.Errorf("%v would be tried again", err)
	}
	if err := sqlerr.Errorf(sqlerr.UniqueViolation, "duplicate key"); permanent(err) {
		t.Errorf("%v would not be tried again", err)
	}
}
