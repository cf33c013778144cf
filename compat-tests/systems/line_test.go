package systems

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// line is a way to a server that can be cut, and can be held: what is sent over it then
// waits.
type line struct {
	net.Listener
	to   string
	wait sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	held  chan struct{} // closed: it is not held
	open  map[net.Conn]bool
	after func(down []byte) (held bool) // holds the line behind what a server sends
	turns *strings.Replacer             // what is said otherwise on the way, in as many bytes; nil: nothing
}

// before makes a line to a pair's PostgreSQL, and returns it with its DSN.
func before(t *testing.T, p *pair) (*line, string) {
	t.Helper()
	l := lineTo(t, fmt.Sprintf("127.0.0.1:%d", p.server.Port()))
	dsn := strings.Replace(p.server.DSN(), fmt.Sprintf(":%d", p.server.Port()), fmt.Sprintf(":%d", l.Addr().(*net.TCPAddr).Port), 1)
	if dsn == p.server.DSN() {
		t.Fatalf("%s does not name the port %d", dsn, p.server.Port())
	}
	return l, dsn
}

// lineTo makes a line to an address.
func lineTo(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: listener, to: to, held: make(chan struct{}), open: map[net.Conn]bool{}}
	close(l.held)
	l.wait.Go(l.serve)
	t.Cleanup(func() {
		l.set(true)
		l.release()
		_ = listener.Close()
		l.wait.Wait()
	})
	return l
}

func (l *line) serve() {
	for {
		here, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", l.to)
		if err != nil || !l.keep(here, there) {
			_ = here.Close()
			if err == nil {
				_ = there.Close()
			}
			continue
		}
		l.wait.Go(func() { l.pass(there, here, false) })
		l.wait.Go(func() { l.pass(here, there, true) })
	}
}

// keep notes connections; false: the line is cut.
func (l *line) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.open[c] = true
	}
	return !l.cut
}

// pass hands on what comes; down: from the server.
func (l *line) pass(to, from net.Conn, down bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		l.mu.Lock()
		held, after, turns := l.held, l.after, l.turns
		l.mu.Unlock()
		<-held
		if turns != nil {
			copy(b[:n], turns.Replace(string(b[:n])))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
		if down && after != nil && after(b[:n]) {
			l.hold()
		}
	}
}

// set cuts the line, or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut = cut; cut {
		for c := range l.open {
			_ = c.Close()
			delete(l.open, c)
		}
	}
}

// hold has what is sent wait, until release.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.after = make(chan struct{}), nil
}

// holds reports whether it holds what is sent.
func (l *line) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.held:
		return false
	default:
		return true
	}
}

func (l *line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.held:
	default:
		close(l.held)
	}
}

// holdAfter holds the line once a server has sent so many bytes more.
func (l *line) holdAfter(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var mu sync.Mutex
	l.after = func(down []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		bytes -= len(down)
		return bytes <= 0
	}
}

var _ io.Closer = (*line)(nil)
