package database

import (
	"context"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// dialect is what one kind of database has of its own: how a statement is written for
// it, what its types are here, and what its errors mean. It keeps nothing; what is
// under way is a session's, a writer's or an asker's.
type dialect interface {
	// parseName reads a table's name as the database's own SQL does.
	parseName(s string) (name, error)
	ident(s string) string
	literal(s string) string
	// constant writes a value that a column of its type is compared with; false: the
	// database has no such value.
	constant(v types.Value) (string, bool)
	// holds reports whether a comparison of a type's values that is true here is true
	// there; it may be true there for more of them.
	holds(op string, t types.OID) bool
	// after compares rows with a place that they are to come behind.
	after(left, right []string) string
	// field reads a column there as one of ours.
	field(col catalog.Column, r remote, format *types.Format) field
	// places are what the rows of a split come in the order of; sorted: the server sorts
	// them, they do not lie so. None: they are in no order.
	places(s *source, bounded bool) (places []place, sorted bool, err error)
	// horizon keeps back rows that one with a lower value of the incremental column may
	// still come before. bounded: who reads ends.
	horizon(s *source, bounded bool) horizon

	// connect opens a session.
	connect(ctx context.Context, c *config, what purpose) (session, error)
	// fault says what an error of the server's own is; nil: it is none of a server's.
	fault(err error) *fault
	// waits says where to look what a statement waits for.
	waits() string

	// asker writes the statement of a look-up.
	asker(l *lookup, there []remote, scan stream.LookupScan) (asker, error)
	// createTable makes a sink's table where it is not there.
	createTable(c *config, columns []catalog.Column) string
	// writer has a sink's statements made, for the columns found there.
	writer(ctx context.Context, s *sink, found []remote) (writer, error)
	// progress are the statements of the table that a job's progress is kept in.
	progress(table name) progress
}

// changeLog is a dialect whose servers tell what changes in a table.
type changeLog interface {
	// logged finds out whether the server tells a table's changes, and says what is to be
	// done where it does not.
	logged(ctx context.Context, c *config, on session, k kind) (logged, error)
	// follow reads the table, unless that was done, and then its changes, for ever.
	follow(ctx context.Context, r *reader, from stream.Position) error
	// acked is the place, as a number, up to which a server that keeps its log for the
	// reader of a position need not keep it; 0: it keeps none.
	acked(s *source, o stream.Offset) (uint64, error)
	// foreign are options of cdc that mean something to others only.
	foreign(c *config) []string
	// kept names what the server keeps for a declaration; "": each job has its own.
	kept(c *config) string
	// forget has the server give back what it keeps for a job. mine: what the declaration
	// names is the job's own.
	forget(ctx context.Context, c *config, job string, mine bool) error
}

// log is the dialect of a declaration that reads a log of changes.
func (c *config) log() changeLog { return c.server.dialect.(changeLog) }

// Kinds of session: one that reads, one that writes, and one that changes are sent
// over.
type purpose uint8

const (
	forReading purpose = iota
	forWriting
	forChanges
)

// session is a connection to a database. One goroutine uses it at a time. After an
// error that is no fault of a statement it is of no use but to be closed.
type session interface {
	// columns describes the table or the query.
	columns(ctx context.Context) ([]remote, error)
	// kind says what the table is.
	kind(ctx context.Context) (kind, error)
	// snapshot begins a transaction that reads what there is at one moment. lying: rows
	// are to come as they lie.
	snapshot(ctx context.Context, lying bool) error
	// rows runs a SELECT of width columns. The values are good until row returns; nil is
	// a NULL.
	rows(ctx context.Context, text string, width int, row func(values [][]byte) error) error
	// exec runs a statement, and counts the rows that it met.
	exec(ctx context.Context, text string) (int64, error)
	// begin opens a transaction that writes, commit and rollback end it.
	begin(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
	// patience is how long a transaction of the session's may stand still; then the
	// server may end it.
	patience(ctx context.Context, idle time.Duration) error
	// usable reports whether another statement can be tried.
	usable() bool
	// close closes it, also when it has failed.
	close()
}

// horizon is asked before each reading of a stream that grows.
type horizon interface {
	// where are the conditions that rows must meet to be read now.
	where(ctx context.Context, on session) ([]string, error)
}

// fixedHorizon is one that the server itself works out with each reading.
type fixedHorizon []string

func (h fixedHorizon) where(context.Context, session) ([]string, error) { return h, nil }

// asker finds the rows of keys by one statement.
type asker interface {
	// prepare makes a new session ready for ask.
	prepare(ctx context.Context, on session) error
	// ask is stream.Lookup's Find.
	ask(ctx context.Context, on session, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) ([]stream.LookupFault, error)
}

// writer puts the rows of a batch into a table and removes others, first. Where the
// rows are at fault nothing of them remains, and the transaction goes on.
type writer interface {
	apply(ctx context.Context, b *vec.Batch, put, gone []int32) error
	// distinct reports whether values of a column that differ here do so there.
	distinct(column int) bool
}

// progress is how a job's progress is recorded.
type progress struct {
	create string // CREATE TABLE IF NOT EXISTS
	there  string // gives a row where the table is there, none or a fault where not
	// raise takes the job's row, or makes it, with a fence that is higher, and gives its
	// epoch, version and fence. It is one transaction. Other than three values: the table
	// is none of progress.
	raise func(ctx context.Context, on session, id, job string) ([]string, error)
	now   string // the time, as its column changed takes it
}

// fault is an error of a server's own.
type fault struct {
	code                              sqlerr.Code
	message, detail, hint             string
	schema, table, column, constraint string
	passes                            bool // it is about the server's state, and no fault of what it was asked

}

// dialectOf is that of a URL's server, PostgreSQL's where the URL does not say.
func dialectOf(url string) dialect {
	rest, _ := strings.CutPrefix(strings.TrimSpace(url), "jdbc:")
	scheme, _, _ := strings.Cut(rest, ":")
	switch strings.ToLower(scheme) {
	case "mysql", "mariadb":
		return mysqlDialect{}
	case "sqlite":
		return sqliteDialect{}
	}
	return postgres{}
}
