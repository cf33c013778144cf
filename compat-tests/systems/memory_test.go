package systems

import (
	"context"
	"fmt"
	"strconv"
	"testing"
)

// jobMemory is what the operators of a pair's one job are seen to hold, of limitMB.
type jobMemory struct {
	p             *pair
	limitMB, most int
}

// limited has a pair wait for longer, as what is past a job's limit takes, and watches what
// its job holds.
func limited(t *testing.T, p *pair, limitMB int) *jobMemory {
	t.Helper()
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), 3*limit)
	t.Cleanup(cancel)
	return &jobMemory{p: p, limitMB: limitMB}
}

// options are those of the job, in CREATE or START.
func (m *jobMemory) options() string {
	return fmt.Sprintf(" WITH ('state.memory_limit_mb' = '%d', 'checkpoint.interval' = '100ms', restart_policy = 'never')", m.limitMB)
}

// column is a number that ferris.jobs has of the job.
func (m *jobMemory) column(name string) int {
	m.p.Helper()
	n, err := strconv.Atoi(m.p.here("SELECT coalesce(max(" + name + "), 0) FROM ferris.jobs")[0])
	if err != nil {
		m.p.Fatal(err)
	}
	return n
}

// eventually is the pair's; each time that it looks it sees what the job holds.
func (m *jobMemory) eventually(query string, want ...string) {
	m.p.Helper()
	m.p.eventually(func() []string {
		m.most = max(m.most, m.column("state_bytes"))
		return m.p.here(query)
	}, want...)
}

// check fails the test where the job has held more than half as much again as its limit, or
// was never seen to hold anything.
func (m *jobMemory) check() {
	m.p.Helper()
	m.p.Logf("the job's operators held %.1f MB at most, of %d", float64(m.most)/(1<<20), m.limitMB)
	if m.most > m.limitMB<<20*3/2 || m.most == 0 {
		m.p.Errorf("the job's operators held %d bytes, of %d", m.most, m.limitMB<<20)
	}
}
