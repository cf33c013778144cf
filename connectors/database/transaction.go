package database

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// transaction is a connection and what is open on it. The sinks that write in one
// have goroutines of their own.
type transaction struct {
	config *config

	mu     sync.Mutex // guards what follows: one statement at a time
	conn   *pgconn.PgConn
	open   bool
	names  int // statements that are prepared
	closed bool

	since atomic.Int64 // when the server was last asked, in Unix nanoseconds; 0: it has answered
}

// begin opens a transaction. Constraints are checked with each statement, so that
// what breaks one is a fault of the rows that do.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL IMMEDIATE"

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
func (t *transaction) on(f func(conn *pgconn.PgConn) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil || t.closed {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection to %s is closed", t.config.server)
	}
	t.since.Store(time.Now().UnixNano())
	defer t.since.Store(0)
	return f(t.conn)
}

// do runs statements without rows or parameters.
func (t *transaction) do(ctx context.Context, doing, text string) error {
	return t.on(func(conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, text).ReadAll()
		return t.config.failure(doing, err)
	})
}

// prepare has a statement parsed and returns its name.
func (t *transaction) prepare(ctx context.Context, doing, text string, oids []uint32) (name string, err error) {
	err = t.on(func(conn *pgconn.PgConn) error {
		t.names++
		name = fmt.Sprintf("ferris%d", t.names)
		_, err := conn.Prepare(ctx, name, text, oids)
		return t.config.failure(doing, err)
	})
	return name, err
}

// step is a prepared statement with its parameters, all in binary form.
type step struct {
	statement string
	params    [][]byte
}

// write runs steps in the transaction, as one trip to the server. Where the rows are
// at fault nothing of them remains, and the transaction goes on.
func (t *transaction) write(ctx context.Context, steps []step) error {
	return t.on(func(conn *pgconn.PgConn) error {
		if !t.open {
			if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
				return err
			}
			t.open = true
		}
		var b pgconn.Batch
		b.ExecParams("SAVEPOINT ferris", nil, nil, nil, nil)
		for _, s := range steps {
			formats := make([]int16, len(s.params))
			for i := range formats {
				formats[i] = 1
			}
			b.ExecPrepared(s.statement, s.params, formats, nil)
		}
		b.ExecParams("RELEASE SAVEPOINT ferris", nil, nil, nil, nil)
		_, err := conn.ExecBatch(ctx, &b).ReadAll()
		if !ofRows(err) {
			return err
		}
		if _, back := conn.Exec(ctx, "ROLLBACK TO SAVEPOINT ferris; RELEASE SAVEPOINT ferris").ReadAll(); back != nil {
			return back
		}
		return err
	})
}

// end commits what is open, or takes it back; nothing is open after it.
func (t *transaction) end(ctx context.Context, text string) error {
	return t.on(func(conn *pgconn.PgConn) error {
		if !t.open {
			return nil
		}
		t.open = false
		results, err := conn.Exec(ctx, text).ReadAll()
		if err != nil {
			return err
		}
		// A transaction that has failed answers COMMIT with ROLLBACK.
		if len(results) == 1 && text == "COMMIT" && results[0].CommandTag.String() != "COMMIT" {
			return sqlerr.Errorf(sqlerr.InFailedSQLTransaction, "%s has undone the transaction", t.config.server)
		}
		return nil
	})
}

// close closes the connection: what is open is undone by the server.
func (t *transaction) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	disconnect(t.conn)
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
			WithHint("Another transaction there may hold a lock: look into pg_stat_activity and pg_locks.")
	}
	return nil
}
