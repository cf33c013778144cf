package exec

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// sharedScan gives the splits of one stream to the tasks of a job: each to the one
// that has the fewest.
type sharedScan struct {
	// first: the first task reads all of them.
	first bool

	mu     sync.Mutex
	owners map[stream.Split]int
	counts []int       // of each task
	times  *sourceTime // nil: nobody asks for the stream's time
}

func newSharedScan(tasks int, first bool) *sharedScan {
	return &sharedScan{first: first, owners: map[stream.Split]int{}, counts: make([]int, tasks)}
}

// owner is the task that reads a split.
func (s *sharedScan) owner(split stream.Split) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if task, ok := s.owners[split]; ok {
		return task
	}
	least := 0
	for i, n := range s.counts {
		if n < s.counts[least] && !s.first {
			least = i
		}
	}
	s.owners[split] = least
	s.counts[least]++
	return least
}

// splits is how many splits the tasks have together.
func (s *sharedScan) splits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owners)
}

// time is the stream's time for all tasks: that of the first one.
func (s *sharedScan) time(own *sourceTime) *sourceTime {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == nil {
		s.times = own
	}
	return s.times
}
