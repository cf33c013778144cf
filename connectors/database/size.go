package database

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// maxSizes bounds the tables whose sizes are kept; past it they are learnt anew.
const maxSizes = 10_000

// tableSizes are about how many rows each table had when this process last described
// it. A planner asks here, as it may not wait for a server.
type tableSizes struct {
	mu   sync.Mutex
	rows map[string]float64
}

var sizes tableSizes

func (s *tableSizes) put(c *config, rows float64) {
	if rows < 0 {
		return // nobody has counted them
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil || len(s.rows) >= maxSizes {
		s.rows = map[string]float64{}
	}
	s.rows[c.what()] = rows
}

// Rows is what the server's statistics said last.
func (Connector) Rows(env *stream.Env, rel *catalog.Relation) (float64, bool) {
	c, err := read(env, rel, stream.RoleSource)
	if err != nil || c.query != "" {
		return 0, false
	}
	sizes.mu.Lock()
	defer sizes.mu.Unlock()
	rows, ok := sizes.rows[c.what()]
	return rows, ok
}
