package exec

import (
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
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
	if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), "has format 4, and this version reads format 3") {
		t.Errorf("state of format 3: %v, want 55000", err)
	}
}
