package database

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// transaction is a connection and what is open on it. The sinks that write in one
// have goroutines of their own.
type transaction struct {
	config *config

	mu     sync.Mutex // guards what follows: one statement at a time
	conn   session
	open   bool
	closed bool
	lost   bool // it was closed after an error

	since atomic.Int64 // when the server was last asked, in Unix nanoseconds; 0: it has answered
}

// connect opens the connection where it is not.
func (t *transaction) connect(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil {
		return nil
	}
	conn, err := t.config.connect(ctx)
	if err != nil {
		return err
	}
	t.conn = conn
	return nil
}

// on runs f with the connection, which nobody else has meanwhile.
func (t *transaction) on(f func(conn session) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil || t.closed {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection to %s is closed", t.config.server)
	}
	t.since.Store(time.Now().UnixNano())
	defer t.since.Store(0)
	return f(t.conn)
}

// do runs statements without rows.
func (t *transaction) do(ctx context.Context, doing, text string) error {
	return t.on(func(conn session) error {
		_, err := conn.exec(ctx, text)
		return t.config.failure(doing, err)
	})
}

// begun opens the transaction where it is not.
func (t *transaction) begun(ctx context.Context, conn session) error {
	if t.open {
		return nil
	}
	err := conn.begin(ctx)
	t.open = err == nil
	return err
}

// commit commits what is open; nothing is open after it.
func (t *transaction) commit(ctx context.Context) error {
	return t.end(func(conn session) error { return conn.commit(ctx) })
}

// lose gives up the connection, which the caller has: after an error that is of more
// than rows, a deadlock's or a trigger's, the server may have ended the transaction, and
// what is written then would be outside of any.
func (t *transaction) lose() {
	t.conn.close()
	t.closed, t.lost = true, true
}

// rollback takes back what is open.
func (t *transaction) rollback(ctx context.Context) error {
	t.mu.Lock()
	lost := t.lost
	t.mu.Unlock()
	if lost {
		return nil // the server has
	}
	return t.end(func(conn session) error { return conn.rollback(ctx) })
}

func (t *transaction) end(how func(conn session) error) error {
	return t.on(func(conn session) error {
		if !t.open {
			return nil
		}
		t.open = false
		return how(conn)
	})
}

// close closes the connection: what is open is undone by the server.
func (t *transaction) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.conn != nil {
		t.conn.close()
	}
	t.conn = nil
}

// slow is how long a statement may take before a sink says what it waits for.
const slow = 5 * time.Second

// impediment is why a statement has no answer for so long; nil: all is well.
func (t *transaction) impediment(doing string) error {
	since := t.since.Load()
	if since == 0 {
		return nil
	}
	if waited := time.Since(time.Unix(0, since)); waited > slow {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s has not answered for %v", doing, t.config.server, waited.Truncate(time.Second)).
			WithHint("%s", t.config.server.dialect.waits())
	}
	return nil
}
