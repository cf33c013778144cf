package database

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fakeServer speaks as much of MySQL's protocol as a client needs that is let in: it
// takes whoever comes, and gives the n-th command that a connection sends the n-th
// answer; nil: it stays silent, as it does behind the last one.
func fakeServer(t *testing.T, greeting []byte, answers ...[]byte) (c *config, asked chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = make(chan struct{}, 100) // more than anybody asks
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				send(conn, 0, greeting)
				if _, ok := received(conn); !ok {
					return
				}
				send(conn, 2, okPacket)
				for n := 0; ; n++ {
					if _, ok := received(conn); !ok {
						return
					}
					asked <- struct{}{}
					if n < len(answers) && answers[n] != nil {
						send(conn, 1, answers[n])
					}
				}
			}()
		}
	}()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	of, err := parseURL("mysql://u@"+host+":"+port+"/d?sslmode=disabled", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	rel := &catalog.Relation{Name: "s"}
	return &config{rel: rel, server: of, table: name{"d", "t"}, timeout: time.Minute}, asked
}

var okPacket = []byte{0, 0, 0, 2, 0, 0, 0}

// greets is a server's first packet: its version, a salt, and what it can do.
func greets() []byte {
	b := append([]byte{10}, "10.11.0-MariaDB\x00\x01\x00\x00\x00saltsalt\x00"...)
	const can = 1<<9 | 1<<15 | 1<<19 // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
	b = binary.LittleEndian.AppendUint16(b, can&0xffff)
	b = append(b, 33, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, can>>16)
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(b, "saltsaltsalt\x00mysql_native_password\x00"...)
}

func send(conn net.Conn, sequence byte, data []byte) {
	_, _ = conn.Write(append([]byte{byte(len(data)), byte(len(data) >> 8), 0, sequence}, data...)) // who hangs up sees nothing
}

func received(conn net.Conn) ([]byte, bool) {
	var header [4]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return nil, false
	}
	data := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
	_, err := io.ReadFull(conn, data)
	return data, err == nil
}

// TestBinlogSilent: a server that lets us in and then says nothing keeps nobody from
// stopping, and is waited for as long as connection.timeout says.
func TestBinlogSilent(t *testing.T) {
	for answers := range 4 {
		c, asked := fakeServer(t, greets(), [][]byte{okPacket, okPacket, okPacket}[:answers]...)
		for _, patient := range []bool{true, false} {
			ctx, cancel := context.WithCancel(t.Context())
			conn, err := c.dial(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !patient {
				conn.config.timeout = 50 * time.Millisecond
			}
			done := make(chan error, 1)
			go func() { done <- conn.dump(ctx, 7, binlogAt{byFile: true}, binlogServer{}, nil) }()
			for range answers + 1 {
				<-asked
			}
			if patient {
				cancel()
			}
			select {
			case err = <-done:
			case <-time.After(time.Minute):
				t.Fatalf("a server that is silent after %d answers is waited for", answers)
			}
			if err == nil || patient != errors.Is(err, context.Canceled) {
				t.Errorf("after %d answers: %v", answers, err)
			}
			conn.close()
			cancel()
		}
	}
}

// TestBinlogUngreeted: who stops does not wait for a server that says nothing at all.
func TestBinlogUngreeted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	of, err := parseURL("mysql://u@"+l.Addr().String()+"/d?sslmode=disabled", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &config{rel: &catalog.Relation{Name: "s"}, server: of, timeout: 10 * time.Minute}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.dial(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestBinlogCutShort: whatever a server sends, nothing but an error comes of it.
func TestBinlogCutShort(t *testing.T) {
	whole := greets()
	for n := range whole {
		c, _ := fakeServer(t, whole[:n])
		if conn, err := c.dial(t.Context()); err == nil {
			conn.close() // what is missing at its end has a default
		}
	}
	for _, last := range []string{"", "\xff", "\xff\x01", "\xff\x01\x02#4200", "\xfe"} {
		c, _ := fakeServer(t, whole, okPacket, okPacket, okPacket, okPacket, []byte(last))
		conn, err := c.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.dump(t.Context(), 7, binlogAt{byFile: true}, binlogServer{}, nil); err != nil {
			t.Fatal(err)
		}
		if p := <-conn.events; p.err == nil {
			t.Errorf("%q is taken as %v", last, p)
		}
		conn.close()
	}
	c, _ := fakeServer(t, whole)
	c.heartbeat = time.Hour
	for kind := replication.QUERY_EVENT; kind < replication.TRANSACTION_PAYLOAD_EVENT; kind++ {
		event := make([]byte, 20)
		event[4], event[9] = byte(kind), 20
		w := &binlogStream{changeStream: changeStream{source: &source{rel: c.rel, config: c}}, parser: replication.NewBinlogParser(), byFile: true, beatAt: time.Now(), first: &binlogPacket{event: event}}
		w.conn = &binlogConn{events: make(chan binlogPacket, 1)}
		w.conn.events <- binlogPacket{err: io.EOF} // where the event means nothing to us
		if code := sqlerr.CodeOf(w.run(t.Context())); code != sqlerr.ProtocolViolation && code != sqlerr.ConnectionFailure && kind != replication.INCIDENT_EVENT {
			t.Errorf("an event of type %d: %s", kind, code)
		}
	}
}

// TestReaderPanics: what a reader's goroutine dies of is thrown where it is read, once.
func TestReaderPanics(t *testing.T) {
	c, _ := fakeServer(t, nil)
	c.server.dialect = nil
	r := &reader{source: &source{rel: c.rel, config: c}, from: make([]stream.Position, 1), out: make(chan delivery), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.run(t.Context())
	}()
	b := vec.NewBatch(nil)
	func() {
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "nil pointer") || !strings.Contains(p, "readAll") {
				t.Errorf("it dies of %s", p)
			}
		}()
		_, err := r.Read(t.Context(), b)
		t.Errorf("it goes on, with %v", err)
	}()
	<-r.done
	if _, err := r.Read(t.Context(), b); sqlerr.CodeOf(err) != sqlerr.InternalError {
		t.Errorf("then %v", err)
	}
}
