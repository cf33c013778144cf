package mariadb

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared are the servers of a test binary that calls Start, one of each product.
var shared struct {
	mu  sync.Mutex
	all map[*Product]*started
}

// started is a server, or why there is none.
type started struct {
	server *Server
	err    error
}

// Start returns a running server, the same for all tests of a binary, whose TestMain
// calls StopShared at the end. The test fails where there is none.
func (p *Product) Start(t testing.TB) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	s := shared.all[p]
	if s == nil {
		s = &started{}
		s.server, s.err = p.Run(context.Background())
		if shared.all == nil {
			shared.all = map[*Product]*started{}
		}
		shared.all[p] = s
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// StopShared stops the servers that Start has started, if any, and returns the exit
// code of the test binary.
func StopShared(code int) int {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, s := range shared.all {
		if s.server == nil {
			continue
		}
		if err := s.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	clear(shared.all)
	return code
}
