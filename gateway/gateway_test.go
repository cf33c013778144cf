package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer is a log that a test can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// patience is how long a test waits for what must happen: on a busy machine it may take long.
const patience = time.Minute

// started is a server over a memoryEngine on a loopback port.
type started struct {
	*Server
	addr   string
	engine *memoryEngine
	log    *logBuffer
	served chan error
	gone   chan struct{} // one value for each connection that ended
}

func start(t testing.TB, change func(*Options)) *started {
	t.Helper()
	s := &started{engine: newMemoryEngine(), log: &logBuffer{}, served: make(chan error, 1), gone: make(chan struct{}, 1000)}
	o := Options{
		Engine: s.engine, Planner: memoryPlanner{}, Eval: evalExpr, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = server
	server.afterConn = func() { s.gone <- struct{}{} }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	go func() { s.served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := s.shutdown(patience); err != nil {
			t.Errorf("Shutdown() = %v", err)
		}
		if n := s.engine.cursors(); n != 0 {
			t.Errorf("%d cursors were left open", n)
		}
		if n := s.counters.Active.Load(); n != 0 {
			t.Errorf("%d sessions are still counted active", n)
		}
	})
	return s
}

func (s *started) shutdown(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return err
	}
	select {
	case err := <-s.served:
		s.served <- err
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("finding scripts: %d, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s := start(t, func(o *Options) { o.MaxMessageBytes = 1 << 20; o.MaxPortals = 20 })
			wire.Target{Addr: s.addr, User: "ana"}.Run(t, path)
			if strings.Contains(s.log.String(), "panic") && !strings.Contains(path, "panic") {
				t.Errorf("the log has a panic:\n%s", s.log)
			}
		})
	}
}

// dial opens a plain connection.
func (s *started) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func readAll(t testing.TB, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("reading what the server says: %v", err)
	}
	return string(b)
}
