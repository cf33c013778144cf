package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// inboxPair is an inbox and its client's end of the connection.
func inboxPair(t *testing.T) (q *inbox, client net.Conn, gone chan bool) {
	client, server := net.Pipe()
	gone = make(chan bool, 1)
	q = newInbox(server, bufio.NewReader(server), 1<<20, func(orderly bool) { gone <- orderly })
	t.Cleanup(func() {
		client.Close()
		q.close()
	})
	return q, client, gone
}

// sendQueries writes a Query message for each byte, as another goroutine: a
// pipe has no buffer.
func sendQueries(t *testing.T, c net.Conn, names string) {
	t.Helper()
	var b []byte
	for _, n := range names {
		var err error
		if b, err = (&pgproto3.Query{String: string(n)}).Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	go c.Write(b)
}

func wantMessage(t *testing.T, q *inbox, want string) {
	t.Helper()
	m, err := q.next(time.Now().Add(patience))
	if err != nil || string(m.body) != want+"\x00" {
		t.Fatalf("next = %q, %v; want %q", m.body, err, want)
	}
}

// until waits for a state of an inbox.
func until(t *testing.T, q *inbox, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); runtime.Gosched() {
		q.mu.Lock()
		ok := is()
		q.mu.Unlock()
		if ok {
			return
		}
	}
	t.Fatal("the inbox did not get there")
}

// TestInboxIsWatched: a watcher reads while a message keeps the session busy,
// and gives the connection back when the session waits again.
func TestInboxIsWatched(t *testing.T) {
	q, client, gone := inboxPair(t)
	sendQueries(t, client, "a")
	wantMessage(t, q, "a")
	q.watch(q.turn.Load() - 2) // of an earlier message: no reason to watch
	if q.isWatched() {
		t.Fatal("watched for a message that is done with")
	}
	q.watch(q.turn.Load())
	if !q.isWatched() {
		t.Fatal("not watched")
	}
	sendQueries(t, client, "bcd")
	until(t, q, func() bool { return len(q.queue) == 3 })
	wantMessage(t, q, "b")
	wantMessage(t, q, "c")
	wantMessage(t, q, "d")
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantMessage(t, q, "e")
	}()
	until(t, q, func() bool { return q.waiting })
	sendQueries(t, client, "e")
	<-done
	if q.isWatched() {
		t.Error("still watched after the session waited")
	}
	sendQueries(t, client, "f")
	wantMessage(t, q, "f")

	q.watch(q.turn.Load())
	client.Close()
	if orderly := <-gone; orderly {
		t.Error("a hang-up without Terminate is called orderly")
	}
	if _, err := q.next(time.Time{}); !errors.Is(err, io.EOF) {
		t.Errorf("next after the hang-up: %v", err)
	}
}

// TestInboxTerminate: a Terminate that the watcher reads makes the hang-up
// orderly.
func TestInboxTerminate(t *testing.T) {
	q, client, gone := inboxPair(t)
	sendQueries(t, client, "a")
	wantMessage(t, q, "a")
	q.watch(q.turn.Load())
	client.Write([]byte{'X', 0, 0, 0, 4})
	client.Close()
	if orderly := <-gone; !orderly {
		t.Error("a hang-up after Terminate is not called orderly")
	}
	if m, err := q.next(time.Time{}); err != nil || m.kind != 'X' {
		t.Errorf("next = %q, %v", m.kind, err)
	}
}

// TestInboxFullHangup: a client that hangs up behind more than an inbox holds is
// noticed, and whether it left with a Terminate.
func TestInboxFullHangup(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a closed peer is seen behind unread bytes on Linux only")
	}
	for name, terminate := range map[string]bool{"killed": false, "left": true} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			server = quickly(server)
			gone := make(chan bool, 1)
			q := newInbox(server, bufio.NewReader(server), 1<<20, func(orderly bool) { gone <- orderly })
			t.Cleanup(q.close)

			var b []byte
			for range 2 * inboxMessages {
				if b, err = (&pgproto3.Query{String: "a"}).Encode(b); err != nil {
					t.Fatal(err)
				}
			}
			if terminate {
				b = append(b, 'X', 0, 0, 0, 4)
			}
			if _, err := client.Write(b); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, q, "a")
			q.watch(q.turn.Load())
			until(t, q, func() bool { return len(q.queue) == inboxMessages })
			select {
			case <-gone:
				t.Fatal("a client that waits was taken for one that has gone")
			default:
			}
			client.Close()
			select {
			case orderly := <-gone:
				if orderly != terminate {
					t.Errorf("orderly = %v", orderly)
				}
			case <-time.After(patience):
				t.Fatal("the hang-up was not noticed")
			}
			for range 2*inboxMessages - 1 {
				wantMessage(t, q, "a")
			}
		})
	}
}

// A poke wakes the session, and loses nothing of a message that comes at once.
func TestInboxPoke(t *testing.T) {
	for name, watched := range map[string]bool{"reading": false, "watched": true} {
		t.Run(name, func(t *testing.T) {
			q, client, _ := inboxPair(t)
			q.pokes = true
			sendQueries(t, client, "a")
			wantMessage(t, q, "a")
			if watched {
				q.watch(q.turn.Load())
			}
			q.poke()
			if _, err := q.next(time.Time{}); !errors.Is(err, errPoked) {
				t.Errorf("next after a poke: %v", err)
			}
			if _, err := q.next(time.Now().Add(time.Millisecond)); !errors.Is(err, errIdle) {
				t.Errorf("next without one: %v", err)
			}
			go q.poke()
			if _, err := q.next(time.Now().Add(patience)); !errors.Is(err, errPoked) {
				t.Errorf("next with a poke meanwhile: %v", err)
			}
			const messages = 200
			sendQueries(t, client, strings.Repeat("b", messages))
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range messages {
					q.poke()
				}
			}()
			for got := 0; got < messages; {
				m, err := q.next(time.Now().Add(patience))
				switch {
				case err == nil && string(m.body) == "b\x00":
					got++
				case !errors.Is(err, errPoked):
					t.Fatalf("after %d messages: %q, %v", got, m.body, err)
				}
			}
			<-done
		})
	}
}

func TestInboxWaits(t *testing.T) {
	for name, watched := range map[string]bool{"reading": false, "watched": true} {
		t.Run(name, func(t *testing.T) {
			q, client, _ := inboxPair(t)
			sendQueries(t, client, "a")
			wantMessage(t, q, "a")
			if watched {
				q.watch(q.turn.Load())
			}
			if _, err := q.next(time.Now().Add(time.Millisecond)); !errors.Is(err, errIdle) {
				t.Errorf("next after the limit: %v", err)
			}
			go q.stop()
			if _, err := q.next(time.Time{}); !errors.Is(err, errStopped) {
				t.Errorf("next after stop: %v", err)
			}
		})
	}
}
