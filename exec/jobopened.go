package exec

import (
	"context"
	"time"
)

// openedPatience is how long COMMIT waits for the jobs that it has started to open what
// they read and write: what takes longer is a system that does not answer, and the job
// says so by itself.
const openedPatience = 3 * time.Second

// open notes that the job's sources and sinks are open.
func (j *job) open() {
	j.opening.Do(func() { close(j.opened) })
	j.noteTried()
}

// noteTried notes that the job's sources and sinks are open, or that the first try to
// open them has failed.
func (j *job) noteTried() { j.trying.Do(func() { close(j.tried) }) }

// awaitOpened waits until the jobs that a transaction has started are open, or have failed
// to. So a topic, a table or a file that a job makes is there for the next statement.
func (t *Txn) awaitOpened(ctx context.Context) {
	if len(t.started) == 0 {
		return
	}
	patience := time.NewTimer(openedPatience)
	defer patience.Stop()
	for _, name := range t.started {
		def := t.e.o.Catalog.Snapshot().Job(name)
		if def == nil {
			continue
		}
		t.e.mu.Lock()
		j := t.e.jobs[def.UUID]
		t.e.mu.Unlock()
		if j == nil {
			continue
		}
		select {
		case <-j.tried:
		case <-j.done:
		case <-patience.C:
			return
		case <-ctx.Done(): // what is committed stays so
			return
		case <-t.e.ctx.Done():
			return
		}
	}
}
