// Package function holds the SQL functions, one file each: a signature, a
// kernel, and examples that are both its document and its test.
package function

import (
	"context"
	"net/netip"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Env is what a statement's expressions may know beside their arguments. It is
// frozen when the statement starts; a job keeps that of its CREATE.
type Env struct {
	Context    context.Context
	Catalog    *catalog.Snapshot
	Format     *types.Format
	SearchPath []string
	User       string // whose rights the statement has: current_user
	// SessionUser is who has connected; "": User.
	SessionUser string
	Database    string
	Params      []types.Value
	// LateParams: programs look at Params each time they run, and not when they
	// are compiled, since they run with others again.
	LateParams bool
	// Transaction, statement and epoch time: microseconds since 2000-01-01 UTC.
	TransactionTime int64
	StatementTime   int64
	Session         Session // nil in a job
	// Show writes the expressions that the catalog keeps of a relation; nil: as
	// they are kept.
	Show catalog.Show
	// Updatable tells how views are written; nil: none is.
	Updatable catalog.Updatable
	// Statements write what makes relations and jobs; nil: what was written counts.
	Statements catalog.Statements
	Random     *Random // the session's; nil: no sequence can be asked for
	// Sequences are those of the catalog; nil: none can be used. Taken is what the
	// session took of them; nil: nobody remembers.
	Sequences Sequences
	Taken     *Taken
	// MemoryLimit is sql.query_memory_limit_mb in bytes; 0: no limit.
	MemoryLimit int64
}

// Ended returns why the statement has to end, nil while it may go on. It costs a
// few nanoseconds: whatever may take milliseconds asks between.
func (env *Env) Ended() error {
	if env.Context == nil {
		return nil
	}
	select {
	case <-env.Context.Done():
		return context.Cause(env.Context)
	default:
		return nil
	}
}

// LongValue is how many bytes of a value a function works on without asking
// whether the statement has ended.
const LongValue = 4096

// Session is what functions ask of the session that runs them; the gateway
// fills it.
type Session interface {
	// Setting returns a setting's value as SHOW prints it.
	Setting(name string) (string, bool)
	// Set is set_config. It returns the new value as SHOW prints it.
	Set(name, value string, local bool) (string, error)
	BackendPID() int32
	// Query is the text of the statement that runs.
	Query() string
	// Addresses are the two ends of the connection, not valid where it is no
	// TCP connection.
	Addresses() (client, server netip.AddrPort)
	// Cancel ends what the session with that PID runs, Terminate the session;
	// false: there is none.
	Cancel(pid int32) (bool, error)
	Terminate(pid int32) (bool, error)
	// Notify is pg_notify; any goroutine may call it.
	Notify(channel, payload string) error
	// Listening are the channels that are listened to.
	Listening() []string
	// LockAdvisory takes an advisory lock; false: it cannot be had, and mode says not to
	// wait. UnlockAdvisory gives one back that is the session's; false: it is not.
	LockAdvisory(ctx context.Context, lock AdvisoryLock, mode AdvisoryMode) (bool, error)
	UnlockAdvisory(lock AdvisoryLock, shared bool) bool
	UnlockAllAdvisory()
	// CurrentRow is the id of the row of a table that a cursor stands on; false: its
	// row has none of the table.
	CurrentRow(cursor string, table types.OID) (id int64, ok bool, err error)
	// NotifyUsage is how full the queue of notifications is, 0 to 1.
	NotifyUsage() float64
}
