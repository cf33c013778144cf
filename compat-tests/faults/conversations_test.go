package faults

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	_ "github.com/lib/pq"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// recorder passes connections on to a server and keeps what clients send.
type recorder struct {
	net.Listener
	server string
	mu     sync.Mutex
	said   []*bytes.Buffer // of each connection
	wg     sync.WaitGroup
}

func record(t *testing.T, server string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Listener: l, server: server}
	r.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.pass(c) })
		}
	})
	return r
}

func (r *recorder) pass(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer s.Close()
	said := &bytes.Buffer{}
	r.mu.Lock()
	r.said = append(r.said, said)
	r.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(c, s)
		c.Close()
	})
	_, _ = io.Copy(io.MultiWriter(said, s), c)
	s.Close()
	answers.Wait()
}

// conversations are what real clients say to a gateway.
func conversations(t *testing.T, g *gateway.Process) [][]byte {
	t.Helper()
	r := record(t, g.Listen)
	url := "postgres://ferris@" + r.Addr().String() + "/ferris?sslmode=disable"
	ctx := t.Context()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		c, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{"CREATE TEMP TABLE t (a int PRIMARY KEY, b text)", nil},
			{"INSERT INTO t SELECT n, repeat('x', n) FROM generate_series(1, $1::int) AS n", []any{50}},
			{"SELECT a, b FROM t WHERE a = ANY($1::int[]) AND b <> $2::text ORDER BY a", []any{[]int32{1, 2, 3}, "xx"}},
			{"UPDATE t SET b = $1 WHERE a < $2::int", []any{"y", 10}},
			{"LISTEN news", nil}, {"NOTIFY news, 'x'", nil},
			{"SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE relname = 't'", nil},
		} {
			_, err := c.Exec(ctx, q.sql, append([]any{mode}, q.args...)...)
			must(err)
		}
		tx, err := c.Begin(ctx)
		must(err)
		_, err = tx.Exec(ctx, "DECLARE c CURSOR FOR SELECT a FROM t; FETCH 7 FROM c; SAVEPOINT s", pgx.QueryExecModeSimpleProtocol)
		must(err)
		_, err = tx.Exec(ctx, "SELECT 1/0", mode)
		if err == nil {
			t.Fatal("1/0 has an answer")
		}
		must(tx.Rollback(ctx))
		_, err = c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"a", "b"}, pgx.CopyFromRows([][]any{{100, "a"}, {101, nil}}))
		must(err)
		_, err = c.PgConn().CopyTo(ctx, io.Discard, "COPY t TO STDOUT (FORMAT binary)")
		must(err)
		var b pgx.Batch
		for i := range 5 {
			b.Queue("SELECT $1::int * 2", i)
		}
		must(c.SendBatch(ctx, &b).Close())
		must(c.Close(ctx))
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM pg_type WHERE oid > $1", 20).Scan(&n); err != nil {
		t.Fatal(err)
	}
	db.Close()
	r.Close()
	r.wg.Wait()
	var all [][]byte
	for _, said := range r.said {
		if said.Len() > 0 {
			all = append(all, said.Bytes())
		}
	}
	return all
}

// mutated is a conversation with some faults in it. What it says first, its startup
// packet, is mostly left alone, so that the rest is listened to.
func mutated(r *rand.Rand, all [][]byte) []byte {
	b := bytes.Clone(all[r.IntN(len(all))])
	from := 0
	if r.IntN(8) > 0 {
		from = int(binary.BigEndian.Uint32(b))
	}
	place := func() int { return from + r.IntN(max(1, len(b)-from)) }
	for range 1 + r.IntN(6) {
		at := min(place(), len(b)-1)
		end := min(len(b), at+1+r.IntN(64))
		switch r.IntN(6) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b = append(b[:at], b[end:]...)
		case 3:
			b = append(b[:end:end], b[at:]...)
		case 4:
			b = append(b[:at:at], append(randomBytes(r, r.IntN(16)), b[at:]...)...)
		case 5:
			b = b[:end]
		}
		if len(b) <= from {
			return b
		}
	}
	return b
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// noise is a stream of bytes: any, any after a startup packet, or messages whose types
// and lengths are right and whose bodies are any.
func noise(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	if r.IntN(3) == 0 {
		return randomBytes(r, 1+r.IntN(4000))
	}
	b, err := (&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "ferris", "database": "ferris"}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.IntN(2) == 0 {
		return append(b, randomBytes(r, 1+r.IntN(4000))...)
	}
	const types = "BCDEFHPQSXcdfp"
	for range 1 + r.IntN(30) {
		body := randomBytes(r, r.IntN(80))
		if r.IntN(2) == 0 && len(body) > 0 {
			body[len(body)-1] = 0
		}
		b = append(b, types[r.IntN(len(types))])
		b = binary.BigEndian.AppendUint32(b, uint32(4+len(body)))
		b = append(b, body...)
	}
	return b
}

// say sends bytes, all there will be, and reads until the gateway hangs up.
func say(address string, b []byte) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = c.Write(b) // the gateway may have hung up
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(io.Discard, c)
	<-sent
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the gateway has not hung up after two minutes")
	}
	return nil
}

// TestConversations says nonsense to a gateway, and what clients said with faults in it:
// it does not crash, it hangs up, and nothing stays.
func TestConversations(t *testing.T) {
	count := 100
	if os.Getenv("FERRIS_TIER") == "long" {
		count = 1000
	}
	g := gateway.Start(t, gateway.Options{})
	real := conversations(t, g)
	if len(real) < 4 {
		t.Fatalf("%d conversations were recorded", len(real))
	}
	watch := connect(t, g)
	before := goroutines(t, g)
	streams := make(chan []byte) // unbuffered: a worker takes one when it has finished another
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for b := range streams {
				if err := say(g.Listen, b); err != nil {
					t.Errorf("%v of %q", err, b)
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range count {
		streams <- noise(t, r)
		streams <- mutated(r, real)
	}
	close(streams)
	wg.Wait()
	settled(t, g, before)
	if strings.Contains(g.Log(), "panic") {
		t.Error("something panicked")
	}
	eventually(t, watch, `SELECT (SELECT count(*) FROM pg_stat_activity) || ' session, ' || (SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'pg_temp%') || ' temporary relations, ' ||
		(SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()) || ' locks'`, "[1 session, 0 temporary relations, 0 locks]")
}
