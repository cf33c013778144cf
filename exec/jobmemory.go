package exec

import (
	"fmt"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// jobMemory counts the bytes of the rows that a job has on their way: in its
// readers' batches, and in those that wait for its sinks. Past the recommended
// limit it warns, once until the job is well under it again; the job goes on,
// since it can only be held back, and is, by its sinks.
type jobMemory struct {
	limit int64 // bytes; 0: none
	warn  func(text string)

	mu   sync.Mutex
	held map[*vec.Batch]int64
	used int64
	over bool
}

func newJobMemory(limit int64, warn func(text string)) *jobMemory {
	return &jobMemory{limit: limit, warn: warn, held: map[*vec.Batch]int64{}}
}

// hold counts a batch as it is now, in place of what it was.
func (m *jobMemory) hold(b *vec.Batch) {
	var size int64
	for _, c := range b.Cols {
		size += vec.MemSize(c)
	}
	m.mu.Lock()
	m.used += size - m.held[b]
	m.held[b] = size
	text := m.check()
	m.mu.Unlock()
	if text != "" {
		m.warn(text)
	}
}

// drop takes a batch out of the count.
func (m *jobMemory) drop(b *vec.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= m.held[b]
	delete(m.held, b)
	m.check()
}

// check returns the warning that is due; "": none is.
func (m *jobMemory) check() string {
	switch {
	case m.limit == 0:
	case !m.over && m.used > m.limit:
		m.over = true
		return fmt.Sprintf("Job memory usage %dMB exceeds recommended limit of %dMB", (m.used+1<<20-1)>>20, m.limit>>20)
	case m.over && m.used < m.limit-m.limit/8:
		m.over = false
	}
	return ""
}
