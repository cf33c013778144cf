package plan

import (
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Statement is a bound statement. The gateway runs those of the session (SET,
// BEGIN, DECLARE, ...), exec the rest.
type Statement interface{ statement() }

// Bound is a statement with what its client may ask about it.
type Bound struct {
	Statement Statement
	Params    []types.Type // of $1, $2, ...
	Fields    []Field      // of the rows it returns; nil: none
	Notices   []*sqlerr.Error
	// Views are the materialized views that it reads: whoever runs it is told where one
	// is not kept up to date.
	Views []*catalog.Relation
	Text  string // the statement's own text
	// ReadOnly: allowed where a transaction has failed is only Ends.
	Ends bool // COMMIT, ROLLBACK [TO]: allowed in a failed transaction
	// Alone names a statement that cannot run inside a transaction block; "": it can.
	Alone string
}

// Query is a SELECT, VALUES or SHOW STREAMS: rows for the client.
type Query struct {
	Root Node
	// Live: EMIT CHANGES; it goes on for ever.
	Live bool
	// Ops: rows have a leading _op column ('+', '-') made of the batch's ops.
	Ops bool
}

// Literals returns the one row of a query that is nothing but literals, as pings
// and health checks are, nil for every other: such a row needs no operators.
func (q *Query) Literals() []Expr {
	if q.Ops {
		return nil
	}
	var row []Expr
	switch x := q.Root.(type) {
	case *Values:
		if len(x.Rows) == 1 {
			row = x.Rows[0]
		}
	case *Project:
		if v, ok := x.Input.(*Values); ok && len(v.Rows) == 1 && len(v.Rows[0]) == 0 {
			row = x.Exprs
		}
	}
	for _, e := range row {
		if _, ok := e.(*Const); !ok {
			return nil
		}
	}
	return row
}

// SinkTarget is one name after INTO: a sink that exists, or one that the WITH
// keys declare and the job owns.
type SinkTarget struct {
	Relation *catalog.Relation
	Declared bool       // new: to be created with the job
	Table    *TableSink // where the rows go into a table; nil: into a sink
}

// TableSink is how a job's rows go into a table.
type TableSink struct {
	Row   []Expr // the table's row, over the query's
	Rules RowRules
	// Key is the unique index by which rows that change are found, or, of a view
	// whose rows have no key, the index of whole rows. nil: rows only come.
	Key *catalog.Index
}

// SelectInto is SELECT ... INTO sinks in the foreground.
type SelectInto struct {
	Root  Node
	Sinks []SinkTarget
	// Job holds the options that are the statement's own.
	Options catalog.Options
}

// Insert is INSERT INTO stream: Input's columns go to Columns of Target.
type Insert struct {
	Target  *catalog.Relation
	Columns []int
	Input   Node
}

// TakesAway reports whether the rows are keys of a stream with a PRIMARY KEY, whose
// rows they take away: they have the record's key and no column of the stream.
func (s *Insert) TakesAway() bool {
	return s.Target.Key != nil && slices.ContainsFunc(s.Columns, func(c int) bool {
		return c >= len(s.Target.Columns) && s.Target.AllColumns()[c].Name == "_key"
	})
}

// CreateStream declares a stream, or a view where Relation.Kind says so, and
// starts a job where Job is not nil.
type CreateStream struct {
	Relation    *catalog.Relation // nil: only a job
	Infer       bool              // Relation has no columns: ask the connector
	IfNotExists bool
	OrReplace   bool
	View        bool // written CREATE VIEW
	Job         *StartJob
}

// CreateSink declares a sink.
type CreateSink struct {
	Relation    *catalog.Relation
	IfNotExists bool
	OrReplace   bool
}

// CreateSchema is CREATE SCHEMA. Connector and Options are of the system that it shows;
// "": it shows none.
type CreateSchema struct {
	Name        string
	Owner       string
	IfNotExists bool
	Connector   string
	Options     catalog.Options
}

// ShowTopics is SHOW TOPICS: what a system holds. System has its connector and options.
type ShowTopics struct{ System *catalog.Relation }

// TopicFields are the columns of SHOW TOPICS.
func TopicFields() []Field {
	return []Field{
		{Name: "topic", Type: types.Of(types.Text)}, {Name: "partitions", Type: types.Of(types.Int4)}, {Name: "replicas", Type: types.Of(types.Int4)},
		{Name: "records", Type: types.Of(types.Int8)}, {Name: "bytes", Type: types.Of(types.Int8)}, {Name: "internal", Type: types.Of(types.Bool)},
	}
}

// StartJob starts a continuous query into sinks.
type StartJob struct {
	Name  string
	Text  string
	Root  Node
	Sinks []SinkTarget
	// Changelog: rows are taken back too, and sinks get every change with its op.
	Changelog   bool
	Options     catalog.Options
	Depends     []types.OID
	Inlined     []types.OID // materialized views of Depends that it reads as their queries
	View        bool        // it maintains a materialized view, which depends in its place
	OrReplace   bool
	IfNotExists bool
	Create      bool // it was CREATE JOB, and not START JOB
}

// Tag is the statement's command tag.
func (s *StartJob) Tag() string {
	if s.Create {
		return "CREATE JOB"
	}
	return "START JOB"
}

// JobAction is what AlterJob does.
type JobAction string

// Actions on a job.
const (
	JobStop   JobAction = "STOP"
	JobPause  JobAction = "PAUSE"
	JobResume JobAction = "RESUME"
	JobStart  JobAction = "START" // one that was stopped
	JobDrop   JobAction = "DROP"
	JobAlter  JobAction = "ALTER" // its options, its name, or where it starts
)

// AlterJob acts on a job that exists.
type AlterJob struct {
	Name     string
	Action   JobAction
	IfExists bool
	Set      catalog.Options   // of JobAlter
	From     *catalog.JobStart // of JobAlter: the job begins anew there; nil: it does not
	Rename   string            // of JobAlter: the job's new name; "": it keeps its own
	Swap     string            // of JobAlter: the job that it changes names with; "": none
}

// StateFile is EXPORT STATE OF a job TO a file of the server, or IMPORT ... FROM one.
type StateFile struct {
	Job    string
	Path   string
	Import bool
}

// Drop drops relations or schemas.
type Drop struct {
	What     string // STREAM, SINK, VIEW, TABLE, SEQUENCE, INDEX, TYPE, SCHEMA
	Objects  []ObjectName
	IfExists bool
	Cascade  bool
}

// ObjectName is a name as written, with its place.
type ObjectName struct {
	Schema, Name string
	Pos          int
}

// ExplainFormat is how EXPLAIN answers.
type ExplainFormat string

// Formats of EXPLAIN.
const (
	ExplainText ExplainFormat = "TEXT"
	ExplainJSON ExplainFormat = "JSON"
	ExplainYAML ExplainFormat = "YAML"
	ExplainXML  ExplainFormat = "XML"
)

// Explain shows a statement's plan.
type Explain struct {
	Target  *Bound
	Format  ExplainFormat
	Analyze bool // run it
	Verbose bool
	Costs   bool // show Estimates
	Buffers bool // bytes of each node
	Timing  bool // with Analyze: time of each node
	Summary bool // planning and execution time
	// Estimates are of every node of Target's plan.
	Estimates map[Node]Estimate
	Planning  time.Duration // what binding and optimizing Target took
}

// Field is the one column of the answer.
func (e *Explain) Field() Field {
	t := types.Text
	switch e.Format {
	case ExplainJSON:
		t = types.JSON
	case ExplainXML:
		t = types.XML
	}
	return Field{Name: "QUERY PLAN", Type: types.Of(t)}
}

// SetVariable is SET and SET LOCAL; Values nil is DEFAULT. SET TRANSACTION and
// SET SESSION CHARACTERISTICS come as variables transaction_* and
// default_transaction_*.
type SetVariable struct {
	Name   string
	Values []string
	Local  bool
	// Also are the further variables of a SET TRANSACTION with several modes.
	Also []SetVariable
}

// ShowVariable is SHOW name; Name "all" shows all.
type ShowVariable struct{ Name string }

// ResetVariable is RESET; Name "all" resets all.
type ResetVariable struct{ Name string }

// Discard is DISCARD ALL, PLANS, SEQUENCES or TEMP.
type Discard struct{ What string }

// Listen is LISTEN and, with Stop, UNLISTEN of a channel or, "", of all.
type Listen struct {
	Channel string
	Stop    bool
}

// Notify is NOTIFY.
type Notify struct{ Channel, Payload string }

// TxnKind is what a Transaction statement does.
type TxnKind uint8

// Kinds of Transaction.
const (
	TxnBegin TxnKind = iota
	TxnCommit
	TxnRollback
	TxnSavepoint
	TxnRelease
	TxnRollbackTo
)

// Transaction is BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ...
type Transaction struct {
	Kind  TxnKind
	Name  string            // of a savepoint
	Modes map[string]string // transaction_isolation, transaction_read_only, transaction_deferrable
	Chain bool
	Word  string // BEGIN or START TRANSACTION, for the tag
}

// Prepare is PREPARE name (types) AS statement.
type Prepare struct {
	Name   string
	Target *Bound
	Text   string
}

// Execute is EXECUTE name (args); the arguments have no columns.
type Execute struct {
	Name string
	Args []Expr
	// Prepared is the statement as it was when this was bound, which EXPLAIN
	// estimates.
	Prepared *Bound
}

// Deallocate is DEALLOCATE name; "" is ALL.
type Deallocate struct{ Name string }

// DeclareCursor is DECLARE.
type DeclareCursor struct {
	Name   string
	Query  *Bound
	Scroll *bool // nil: not said
	Hold   bool
	Binary bool
	// Rows are the tables whose rows WHERE CURRENT OF can name.
	Rows []CursorTable
}

// CursorTable is a table of which each row of a cursor is a row.
type CursorTable struct {
	Table  types.OID
	Column int  // of the query's rows, behind those that are shown: the row id
	Locked bool // by FOR UPDATE or FOR SHARE
}

// FetchDirection says which rows a Fetch wants.
type FetchDirection uint8

// Directions.
const (
	FetchForward FetchDirection = iota
	FetchBackward
	FetchAbsolute
	FetchRelative
)

// FetchAll is Fetch.Count for ALL.
const FetchAll int64 = 1<<63 - 1

// Fetch is FETCH, or MOVE.
type Fetch struct {
	Name      string
	Direction FetchDirection
	Count     int64
	Move      bool
	// Timeout is how long it waits for more rows once it has one; nil: as the
	// session says.
	Timeout *time.Duration
}

// ClosePortal is CLOSE name; "" is ALL.
type ClosePortal struct{ Name string }

// Copy is COPY ... TO STDOUT of a query.
type Copy struct {
	Query                          *Bound
	Format                         string // text, csv, binary
	Delimiter, Null, Quote, Escape string
	Header                         bool
	ForceQuote                     []int
	ForceQuoteAll                  bool
	Encoding                       string // of the text; "": the client's
}

// Empty is a statement of nothing but blanks and comments.
type Empty struct{}

// LockTables is LOCK TABLE. Mode is PostgreSQL's number: 1 is ACCESS SHARE, 8
// ACCESS EXCLUSIVE.
type LockTables struct {
	Relations []*catalog.Relation
	Mode      int
	NoWait    bool
}

// Nothing is a statement that tools send and that has nothing to do here (LOCK,
// CHECKPOINT); Tag is its command tag.
type Nothing struct {
	Tag   string
	Block BlockRule
	Name  string // as a message about Block has it; "": Tag
}

// BlockRule says where a statement may stand.
type BlockRule uint8

// Where a statement may stand.
const (
	BlockFree    BlockRule = iota // anywhere
	BlockRefused                  // not in a transaction block
	BlockNeeded                   // only in one
	BlockWanted                   // outside of one it warns
)
