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
