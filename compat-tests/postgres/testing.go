package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the one server of a test binary whose TestMain is Main.
var shared struct {
	mu     sync.Mutex
	active bool
	server *Server
	err    error
}

// Main runs the tests with one server for all that call Start, started by the
// first of them and stopped at the end:
//
//	func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }
func Main(m *testing.M) int {
	shared.mu.Lock()
	shared.active = true
	shared.mu.Unlock()
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.active = false
	if shared.server == nil {
		return code
	}
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Start returns a running server: the shared one under Main, else one that
// stops when the test ends. The test fails where there is none.
func Start(t testing.TB) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.active {
		if shared.server == nil && shared.err == nil {
			shared.server, shared.err = Run(context.Background(), Options{})
		}
		if shared.err != nil {
			t.Fatal(shared.err)
		}
		return shared.server
	}
	return Own(t, Options{})
}

// Own returns a server that no other test has, which stops when the test ends. The test
// fails where there is none.
func Own(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
