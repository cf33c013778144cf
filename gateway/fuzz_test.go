package gateway

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// scriptedConn is a client that has sent all it ever will and takes everything.
type scriptedConn struct {
	in     *bytes.Reader
	out    bytes.Buffer
	closed atomic.Bool
}

func (c *scriptedConn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	return c.in.Read(p)
}

func (c *scriptedConn) Write(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if c.in != nil && c.out.Len() < 1<<20 {
		c.out.Write(p)
	}
	return len(p), nil
}

func (c *scriptedConn) Close() error                     { c.closed.Store(true); return nil }
func (c *scriptedConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scriptedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptedConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptedConn) SetWriteDeadline(time.Time) error { return nil }

// converse serves a connection that sends b and hangs up. What the server sends
// must be whole messages, and no input may make it panic or stay.
func converse(t *testing.T, b []byte) []byte {
	engine := newMemoryEngine()
	log := &logBuffer{}
	s, err := New(Options{
		Engine: engine, Planner: memoryPlanner{}, Eval: evalExpr, Version: "1.2.3", MaxMessageBytes: 1 << 16, QueryMemory: 1 << 20,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &scriptedConn{in: bytes.NewReader(b)}
	done := make(chan struct{})
	place := s.starting.PushBack(net.Conn(c))
	go func() {
		defer close(done)
		s.serveConn(c, place)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("the session outlives a hang-up")
	}
	// The memory planner's own slips are not what is looked for.
	if l := log.String(); strings.Contains(l, "panic") && !strings.Contains(l, "fake_test.go") {
		t.Errorf("panic:\n%s", l)
	}
	if engine.cursors() != 0 {
		t.Errorf("%d cursors are open", engine.cursors())
	}
	return c.out.Bytes()
}

// wholeMessages reports whether b is a run of messages with right lengths.
func wholeMessages(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4])
		if n < 4 || n+1 > len(b) {
			return false
		}
		b = b[n+1:]
	}
	return true
}

func FuzzStartup(f *testing.F) {
	add := func(m pgproto3.FrontendMessage) {
		b, err := m.Encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add(&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "ana"}})
	add(&pgproto3.StartupMessage{ProtocolVersion: 3<<16 | 2, Parameters: map[string]string{"user": "ana", "database": "ferris", "options": "-c statement_timeout=5 --x=\\ y", "_pq_.x": "1", "DateStyle": "ISO"}})
	add(&pgproto3.SSLRequest{})
	add(&pgproto3.GSSEncRequest{})
	add(&pgproto3.CancelRequest{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0, 0, 0, 9, 0, 3, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 8, 0, 2, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		out := bytes.TrimLeft(converse(t, b), "N")
		// A client older than protocol 3 reads an error as text with a NUL behind it.
		old := bytes.HasPrefix(out, []byte("EFATAL:  unsupported frontend protocol ")) && bytes.IndexByte(out, 0) == len(out)-1
		if !old && !wholeMessages(out) {
			t.Errorf("the server sent %q", out)
		}
	})
}

func FuzzMessages(f *testing.F) {
	add := func(list ...pgproto3.FrontendMessage) {
		var b []byte
		for _, m := range list {
			var err error
			if b, err = m.Encode(b); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b)
	}
	sync := &pgproto3.Sync{}
	add(&pgproto3.Query{String: "begin; INSERT 1; savepoint a; SELECT nosuch"}, &pgproto3.Query{String: "rollback to a; commit"})
	add(&pgproto3.Query{String: "SET TimeZone = 'Europe/Berlin'"}, &pgproto3.Query{String: "SET search_path = a, \"b\""}, &pgproto3.Query{String: "DISCARD ALL"})
	add(&pgproto3.Query{String: "begin; declare c scroll cursor for SELECT * FROM series:3000; fetch absolute -2 c; fetch backward 7 c"})
	add(&pgproto3.Query{String: "copy (SELECT 1, 'a', NULL) to stdout csv header"}, &pgproto3.Query{String: "SELECT * FROM blocked"})
	add(&pgproto3.Parse{Name: "s", Query: "SELECT $1::int8, $2", ParameterOIDs: []uint32{20}}, &pgproto3.Describe{ObjectType: 'S', Name: "s"},
		&pgproto3.Bind{PreparedStatement: "s", DestinationPortal: "p", Parameters: [][]byte{{0, 0, 0, 0, 0, 0, 0, 9}, nil}, ParameterFormatCodes: []int16{1, 0}, ResultFormatCodes: []int16{1}},
		&pgproto3.Describe{ObjectType: 'P', Name: "p"}, &pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Flush{}, &pgproto3.Close{ObjectType: 'P', Name: "p"}, sync)
	add(&pgproto3.FunctionCall{Function: 1}, &pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyFail{}, &pgproto3.CopyDone{}, &pgproto3.Terminate{})
	f.Add([]byte{'Q', 0, 0, 0, 3})
	f.Add([]byte{'Q', 0x7f, 0xff, 0xff, 0xff, 'x'})
	f.Add([]byte{'B', 0, 0, 0, 12, 0, 0, 0, 0, 0xff, 0xff, 0, 0})
	startup, err := (&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "ana", "database": "ferris"}}).Encode(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if out := converse(t, append(bytes.Clone(startup), b...)); len(out) < 1<<20 && !wholeMessages(out) {
			t.Errorf("the server sent %q", out)
		}
	})
}

// TestLongBody: a body arrives in pieces and grows with what has arrived.
func TestLongBody(t *testing.T) {
	for _, n := range []int{1, 1 << 10, 1 << 20, 1<<20 + 1, 5<<20 + 3} {
		want := bytes.Repeat([]byte{'x'}, n)
		got, err := readBody(bufio.NewReader(io.MultiReader(bytes.NewReader(want[:n/2]), bytes.NewReader(want[n/2:]))), n)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("readBody of %d bytes = %d bytes, %v", n, len(got), err)
		}
		if _, err := readBody(bufio.NewReader(bytes.NewReader(want[:n-1])), n); err == nil {
			t.Errorf("readBody of %d bytes from %d succeeded", n, n-1)
		}
	}
}
