package exec

import (
	"fmt"
	"testing"
)

// isOpen reports whether a job has opened its sources and sinks.
func (f *fixture) isOpen(name string) bool {
	id := f.Engine.o.Catalog.Snapshot().Job(name).UUID
	f.Engine.mu.Lock()
	j := f.Engine.jobs[id]
	f.Engine.mu.Unlock()
	select {
	case <-j.opened:
		return true
	default:
		return false
	}
}

// TestStartWaitsForOpened: what a job reads and writes is open when START JOB returns.
func TestStartWaitsForOpened(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 5)
	for i := range 20 {
		name := fmt.Sprintf("j%d", i)
		f.exec(f.copyJob(name, in, []string{"x" + name}))
		if !f.isOpen(name) {
			t.Fatalf("job %s is not open", name)
		}
	}
}

// TestLatestIsSettled: what comes after ALTER JOB ... START FROM LATEST has returned is read.
func TestLatestIsSettled(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.add(0, event(0, "a", 0))
	if err := f.sqlJob("j", "SELECT id FROM e"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		f.run("STOP JOB j")
		f.run("ALTER JOB j START FROM LATEST")
		if !f.isOpen("j") {
			t.Fatal("the job is not open")
		}
	}
}
