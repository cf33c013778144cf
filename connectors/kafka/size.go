package kafka

import (
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// maxSizes bounds the topics whose sizes are kept; past it they are learnt anew.
const maxSizes = 10_000

// sizes are how many offsets each topic held when this process last asked for
// them, as each bounded read and each inference of columns does. A planner asks
// here: a broker may be slow or away, and a plan may not wait for it. An old size
// is good enough to order joins by.
type sizes struct {
	mu   sync.Mutex
	rows map[topicName]float64
}

type topicName struct{ brokers, topic string } // or the pattern of topics, behind a slash

var lastSizes sizes

func (c *config) name() topicName {
	n := topicName{strings.Join(c.brokers, ","), c.topic}
	if c.pattern != nil {
		n.topic = "/" + c.pattern.text
	}
	return n
}

func (s *sizes) put(name topicName, b bounds) {
	rows := 0.0
	for p, end := range b.end {
		rows += float64(max(end-b.start[p], 0))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil || len(s.rows) >= maxSizes {
		s.rows = map[topicName]float64{}
	}
	s.rows[name] = rows
}

func (s *sizes) get(name topicName) (float64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, ok := s.rows[name]
	return rows, ok
}

// Rows is what the topic held when it was last read, false where this process
// has not read it.
func (Connector) Rows(env *stream.Env, rel *catalog.Relation) (float64, bool) {
	c, _, err := read(rel, stream.RoleSource, env)
	if err != nil {
		return 0, false
	}
	return lastSizes.get(c.name())
}
