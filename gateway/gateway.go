// Package gateway speaks Postgres: it accepts connections, keeps a session for
// each, and turns messages into planned statements and batches into rows. It
// plans through the planner and runs through the engine; it knows nothing of
// how either works.
//
// A connection is two goroutines: a reader with a bounded queue, which sees a
// hang-up while a statement runs, and the session, which owns everything else.
package gateway

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/gateway/auth"
	"github.com/ferrisstreams/ferrisstreams/notify"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Engine runs what the planner bound. FromExec makes one of an *exec.Engine.
type Engine interface {
	Begin() Txn
}

// Txn is a transaction: its DDL and writes take effect at Commit, whole, and
// never after Rollback. One goroutine uses it.
type Txn interface {
	// Snapshot is the catalog with this transaction's own changes. It returns
	// the same pointer for as long as nothing changed.
	Snapshot() *catalog.Snapshot
	// Mark names the present state; RollbackTo returns to it.
	Mark() int
	RollbackTo(mark int)
	// Commit may be cancelled until it is decided; it then did nothing.
	Commit(ctx context.Context) error
	// Around has Commit take its decision within f, which calls it once, or returns
	// an error without.
	Around(f func(decide func() error) error)
	// Rollback after a Commit, or a Rollback, does nothing.
	Rollback()
	Exec(ctx context.Context, b *plan.Bound, env *function.Env) (Result, error)
	// Query starts a query. Where ready is not nil, the query may be kept compiled
	// there for its next run.
	Query(ctx context.Context, q *plan.Query, env *function.Env, ready *exec.Ready) (Cursor, error)
	// Sequences are what nextval and its like use; nil: there are none.
	Sequences() function.Sequences
	// SetIsolation sets the level, before the first query.
	SetIsolation(level string)
	// Sees reports whether an index has the rows that the transaction's snapshot has of
	// its table.
	Sees(r *catalog.Relation, x *catalog.Index) bool
	// SetSession tells whose the transaction is, and bounds waits for locks; 0:
	// they are not.
	SetSession(pid int32, lockTimeout time.Duration)
	// Modify runs a statement that changes tables, to its end; rows are those of
	// RETURNING, nil where there is none; ready is as Query's.
	Modify(ctx context.Context, s *plan.Modification, env *function.Env, ready *exec.Ready) (tag string, rows Cursor, err error)
	// CopyIn inserts the rows of a COPY FROM, which src reads, and counts them.
	CopyIn(ctx context.Context, c *plan.CopyFrom, src operator.Leaf, env *function.Env) (int64, error)
	// Stale are what is to be said of those of the views that are not kept up to date.
	Stale(user string, views []*catalog.Relation) []*sqlerr.Error
	// Notices are what is to be said of what Commit did.
	Notices() []*sqlerr.Error
	// Listed tells what a system holds: a broker's topics.
	Listed(ctx context.Context, system *catalog.Relation) ([]stream.Listed, error)
	// Discover makes a stream of what the system of one of the schemas has by a name;
	// false: none has it. readOnly: the stream does not outlive the transaction.
	Discover(ctx context.Context, schemas []string, name, user string, readOnly bool) (bool, []*sqlerr.Error, error)
	// Explain returns the rows of EXPLAIN.
	Explain(ctx context.Context, s *plan.Explain, env *function.Env) ([]string, error)
}

// Cursor is a running query.
type Cursor interface {
	// Next returns rows, valid until the next call, and io.EOF at the end.
	// When ctx ends, so does the query.
	Next(ctx context.Context) (*vec.Batch, error)
	// Close ends the query and returns when it has stopped.
	Close() error
}

// Result is what a statement without rows has to say.
type Result struct {
	Tag     string // of CommandComplete
	Notices []*sqlerr.Error
}

// Planner turns text into bound statements.
type Planner interface {
	Parse(text string) ([]parse.Statement, error)
	Plan(ctx context.Context, c *bind.Context, s parse.Statement) (*plan.Bound, error)
}

// Options say how a Server serves.
type Options struct {
	Engine  Engine
	Planner Planner
	// Bind holds what the planner needs of the connectors, the engine and the
	// function registry; the session fills in the rest for each statement.
	Bind bind.Context
	// Eval computes an expression without columns: EXECUTE's arguments.
	Eval func(e plan.Expr, env *function.Env) (types.Value, error)
	// Version is the product's, for server_version and version().
	Version string
	Logger  *slog.Logger // nil: slog.Default

	// Defaults are settings that new sessions begin with, by name; a client's
	// startup packet overrides them. New refuses what SET would refuse.
	Defaults map[string]string

	// Rules say who may connect and how they prove who they are, the first that
	// fits; none: whoever names a user is that user.
	Rules []*auth.Rule
	// Roles is the catalog that Rules ask; nil where there are none.
	Roles func() *catalog.Snapshot
	// TLS is what the next connection's handshake takes; nil: there is no TLS.
	TLS func() *tls.Config

	// Hub delivers notifications; nil: one of the server's own.
	Hub *notify.Hub

	MaxConnections  int           // 53300 beyond it; 0: 2000
	MaxStarting     int           // connections that have not finished startup; 0: 1024
	MaxStartingFrom int           // those of them from one address, or one network of IPv6; 0: 512
	MaxMessageBytes int           // of one client message; longer ones are skipped with 54000; 0: 64 MiB
	StartupTimeout  time.Duration // from accept to ReadyForQuery; 0: 60 s
	WriteTimeout    time.Duration // for a client that takes no byte; 0: 2 min
	QueryMemory     int64         // bytes one statement, or one held or scrollable cursor, may hold; 0: no limit
	// Memory is the account above those of cursors; nil: they count alone.
	Memory      *memory.Account
	MaxPortals  int // of one session; 0: 1024
	MaxPrepared int // prepared statements of one session; 0: 8192
}

func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 2000
	}
	if o.MaxStarting == 0 {
		o.MaxStarting = 1024
	}
	if o.MaxStartingFrom == 0 {
		o.MaxStartingFrom = 512
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = 64 << 20
	}
	if o.StartupTimeout == 0 {
		o.StartupTimeout = 60 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 2 * time.Minute
	}
	if o.MaxPortals == 0 {
		o.MaxPortals = 1024
	}
	if o.MaxPrepared == 0 {
		o.MaxPrepared = 8192
	}
}
