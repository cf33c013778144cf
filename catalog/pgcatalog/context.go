package pgcatalog

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Context is what a statement sees.
type Context struct {
	Snapshot *catalog.Snapshot
	Database string
	User     string
	Session  Session      // of the statement; nil: it has none
	Server   *Server      // nil: nothing runs
	Show     catalog.Show // of kept expressions
	// About is the relation, or the index, of which rows are wanted alone, where the
	// relation read is one of Abouts; 0: all are.
	About types.OID
	// Columns are those that are read of the rows; nil: all.
	Columns []int
	// Updatable tells how views are written; nil: none is.
	Updatable catalog.Updatable
	// Statements write what makes relations and jobs; nil: what was written counts.
	Statements catalog.Statements
}

// Server are the providers of what runs. Each is set before the first query;
// one that is nil has no rows.
type Server struct {
	Sessions   Sessions
	Jobs       Jobs
	Connectors Connectors
	Sequences  Sequences
}

// Session tells of the session that asks.
type Session interface {
	Settings() []Setting
	Cursors() []Cursor
	PreparedStatements() []PreparedStatement
}

// Sessions tells of all sessions.
type Sessions interface {
	Sessions() []SessionStatus
	Locks() []LockStatus
}

// Jobs tells of the jobs that the engine knows, running or not.
type Jobs interface {
	Jobs() []JobStatus
	Splits() []SplitStatus
	Watermarks() []WatermarkStatus
	Results() []JobResult
	// ViewProblem is why a materialized view is not kept up to date, which may be a view
	// that it reads, as a role is shown it; "": it is.
	ViewProblem(s *catalog.Snapshot, user string, v *catalog.Relation) string
}

// Sequences tells what the sequences have given.
type Sequences interface {
	// LastValue is the last number that a sequence gave; called is false where it
	// has given none.
	LastValue(r *catalog.Relation) (last int64, called bool)
}

// Connectors tells of the connectors that the server was built with.
type Connectors interface{ Connectors() []Connector }

// Setting is a row of pg_settings.
type Setting struct {
	Name, Value, Unit string
	Category, Help    string
	Context           string // internal, postmaster, sighup, superuser, user
	Type              string // bool, integer, real, string, enum
	Source            string // default, configuration file, client, session
	Min, Max          string
	Enum              []string
	Boot, Reset       string
}

// LockStatus is a row of pg_locks: an advisory lock.
type LockStatus struct {
	PID           int32
	Class, Object uint32
	SubID         int16
	Mode          string
	Granted       bool
	Waiting       time.Time // since when; zero: it is held
}

// Cursor is a row of pg_cursors.
type Cursor struct {
	Name, Statement          string
	Hold, Binary, Scrollable bool
	Created                  time.Time
}

// PreparedStatement is a row of pg_prepared_statements.
type PreparedStatement struct {
	Name, Statement string
	Prepared        time.Time
	Params, Results []types.OID
	FromSQL         bool
}

// SessionStatus is a row of pg_stat_activity. Zero times are NULL.
type SessionStatus struct {
	PID                      int32
	Database, User           string
	ApplicationName          string
	ClientAddr               string // "" for a Unix socket
	ClientPort               int32
	Started, TransactionFrom time.Time
	QueryFrom, StateFrom     time.Time
	State                    string // active, idle, idle in transaction, idle in transaction (aborted)
	Query                    string
	TLS                      *TLSStatus // nil: it has none
}

// TLSStatus is a row of pg_stat_ssl.
type TLSStatus struct {
	Version, Cipher    string // TLSv1.3, TLS_AES_128_GCM_SHA256
	Bits               int
	ClientName, Issuer string // of the client's certificate; "": it has none
}

// JobStatus is what the engine knows of a job beside the catalog.
type JobStatus struct {
	Name      string
	State     catalog.JobState
	Failure   catalog.Failure
	Impeded   bool // it runs, and Failure is what it waits to pass
	Epoch     uint64
	Started   time.Time // zero: not since the server started
	Restarts  int64
	RowsIn    int64
	RowsOut   int64
	Rejected  int64
	Late      int64 // rows whose window of time was closed
	RowsAhead int64 // rows read since the last epoch
	// As the last epoch has it: the bytes that the operators hold in memory, and the
	// groups that they have left in the store; how long it took from its end until it
	// was committed, and how long it held rows back.
	StateBytes   int64
	StateEvicted int64
	Checkpoint   time.Duration
	Stall        time.Duration
}

// SplitStatus is how far a job has read a split of a stream.
type SplitStatus struct {
	Job, Stream, Split string
	Position           string // as the connector writes it for people
	End                string // "" where it is not known
	Lag                *int64 // how much lies between the two, as the source counts; nil: not known
}

// WatermarkStatus is how far the event time of a stream, or of one of its splits,
// has come in a job's last epoch.
type WatermarkStatus struct {
	Job, Stream string
	Split       string // "": the stream's, as the job goes by it
	Micros      int64  // since 2000-01-01 UTC; math.MaxInt64: the stream has ended
	Idle        bool   // it is caught up and silent, and holds nothing back
	Late        int64  // the job's rows that came too late
}

// JobResult is a row that a job without sinks has kept.
type JobResult struct{ JobID, Status, Result string }

// Connector is a connector with its options.
type Connector struct {
	Name         string
	Source, Sink bool
	Options      []ConnectorOption
}

// ConnectorOption is one WITH key of a connector in one role.
type ConnectorOption struct {
	Role     string // source, sink
	Key      string
	Aliases  []string
	Default  string
	Required bool
	Help     string
}
