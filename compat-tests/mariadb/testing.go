package mariadb

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the one server of a test binary that calls Start.
var shared struct {
	mu     sync.Mutex
	server *Server
	err    error
}

// Start returns a running server, the same for all tests of a binary, whose TestMain
// calls StopShared at the end. The test fails where there is none.
func Start(t testing.TB) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Run(context.Background())
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// StopShared stops the server that Start has started, if any, and returns the exit
// code of the test binary.
func StopShared(code int) int {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	shared.server = nil
	return code
}
