// Package parse turns text into statements with PostgreSQL's own parser, and
// knows the streaming clauses that PostgreSQL has not. Positions are characters
// from 1 of the text as the client sent it.
package parse

import pg "github.com/pganalyze/pg_query_go/v5"

// Statement is one statement of a text. Exactly one of Node and Stream is set.
type Statement struct {
	Text string // its own text as written, without the semicolon
	// Pos is the character (from 1) of the whole text at which Text begins;
	// Positions inside Node count bytes from 0 in Source.
	Pos    int
	Source *Source
	// Node is PostgreSQL's tree of a statement that PostgreSQL has, after the
	// streaming clauses in it were blanked; those are in Clauses.
	Node *pg.Node
	// Stream is a statement that PostgreSQL has not.
	Stream StreamStatement
	// Clauses, by the ordinal of the SELECT they belong to: the k-th leaf
	// SelectStmt that is neither VALUES nor TABLE, in text order, from 0.
	Clauses map[int]*SelectClauses
	// BySelect has the same clauses by the node of their SELECT.
	BySelect map[*pg.SelectStmt]*SelectClauses
	// With are the WITH pairs at the statement's end, Into its INTO names.
	With []Pair
	Into []Name
	// Inner is the text, with its clauses, of the statement that this one holds
	// (CREATE VIEW v AS, PREPARE p AS, DECLARE c CURSOR FOR, EXPLAIN, COPY (...)),
	// InnerPos its character; "" where it holds none. Query parses it again.
	Inner    string
	InnerPos int
	// Word is STREAM or SINK where Node says TABLE or VIEW for it, CONNECTOR where it
	// says LANGUAGE, "" elsewhere.
	// ColumnTexts are those of the columns that ALTER STREAM adds.
	Word string
	ColumnTexts
	// From is the system that CREATE SCHEMA name FROM system names; nil: it names none.
	From *Name
	// Directives are the '-- JOB: x' comment lines before the statement: JOB, NAME,
	// TOPIC, MEMORY_LIMIT, TIMEOUT and SQL APPLICATION, keys in capitals.
	Directives map[string]string
}

// SelectClauses are the streaming clauses of one SELECT.
type SelectClauses struct {
	Window *Window
	Emit   string // "", CHANGES, FINAL
	// EmitPos is where EMIT stands.
	EmitPos int
	Within  []Within
	AsOf    []AsOf
}

// Window is WINDOW TUMBLING (...) and its like, kept as written.
type Window struct {
	Kind          string     // TUMBLING, HOPPING, SLIDING, SESSION, CUMULATE
	Args          []*pg.Node // bound later: [column,] size [, slide]
	Offset, Grace *pg.Node
	TimeZone      string
	Pos           int
}

// Within bounds the k-th JOIN, in text order, of its SELECT.
type Within struct {
	Join          int
	Before, After *pg.Node
	Pos           int
}

// AsOf is FOR SYSTEM_TIME AS OF of the k-th JOIN, in text order, of its SELECT: the
// name of a column.
type AsOf struct {
	Join int
	Time *pg.Node
	Pos  int
}

// Pair is one 'key' = 'value' of a WITH list; Key is as written.
type Pair struct {
	Key, Value string
	Pos        int
}

// Name is a possibly qualified name.
type Name struct {
	Schema, Name string
	Pos          int
}

// StreamStatement is a statement that PostgreSQL has not.
type StreamStatement interface{ streamStatement() }

// CreateStream is CREATE STREAM.
type CreateStream struct {
	Name                   Name
	IfNotExists, OrReplace bool
	Table                  *pg.CreateStmt // its column list; nil: none
	ColumnTexts
	Watermark  *Watermark
	Select     *pg.Node // AS SELECT
	SelectText string   // the query, with its clauses, without INTO and WITH
	SelectPos  int
}

// Watermark is WATERMARK FOR column AS expr.
type Watermark struct {
	Column string
	Expr   string   // as written
	Node   *pg.Node // Expr parsed; positions count bytes of the Source
	Pos    int
}

// ColumnTexts are the expressions of a column list as written, by the name of
// their column; the catalog keeps them.
type ColumnTexts struct {
	GeneratedText map[string]string // GENERATED ALWAYS AS (expr) STORED
	DefaultText   map[string]string // DEFAULT expr
}

// CreateSink is CREATE SINK.
type CreateSink struct {
	Name                   Name
	IfNotExists, OrReplace bool
	Table                  *pg.CreateStmt
	ColumnTexts
}

// StartJob is START JOB, or CREATE [OR REPLACE] JOB, name [AS [INSERT INTO target [(columns)]] SELECT ...];
// Select nil starts one that was stopped.
type StartJob struct {
	Name       Name
	Target     *Name // nil: there is no INSERT INTO
	Columns    []Name
	Select     *pg.Node
	SelectText string
	SelectPos  int
	OrReplace  bool
	// IfNotExists: a job of that name is left as it is. Create: CREATE JOB, and not
	// START JOB.
	IfNotExists, Create bool
}

// JobStatement is STOP, PAUSE, RESUME or DROP JOB; or ALTER JOB, with SET (options,
// which are the statement's), START FROM, RENAME TO or SWAP WITH.
type JobStatement struct {
	Action   string
	Name     Name
	IfExists bool
	From     *JobFrom
	Rename   *Name // of RENAME TO
	Swap     *Name // of SWAP WITH
}

// JobFrom is START FROM EARLIEST, LATEST, TIMESTAMP 'time' or OFFSETS 'json'.
type JobFrom struct {
	Kind string // in capitals
	Text string
	Pos  int // of the text
}

// CommentJob is COMMENT ON JOB; Text "" removes the comment.
type CommentJob struct {
	Name Name
	Text string
}

// StateFile is EXPORT STATE OF job TO 'file', or IMPORT STATE OF job FROM 'file'.
type StateFile struct {
	Name   Name
	Path   string
	Import bool
}

// DropStream is DROP STREAM and DROP SINK.
type DropStream struct {
	What     string // STREAM, SINK
	Names    []Name
	IfExists bool
	Cascade  bool
}

// Show is SHOW STREAMS, SINKS, JOBS, MATERIALIZED VIEWS or TOPICS; What is in capitals.
type Show struct {
	What string
	From *Name // of TOPICS: a system or a schema; nil: it is not said
}

// Describe is DESCRIBE name, and DESCRIBE JOB name.
type Describe struct {
	Name Name
	Job  bool
}

// ShowCreate is SHOW CREATE kind name; What, the kind, is in capitals.
type ShowCreate struct {
	What string
	Name Name
}

func (*CreateStream) streamStatement() {}
func (*CreateSink) streamStatement()   {}
func (*StartJob) streamStatement()     {}
func (*JobStatement) streamStatement() {}
func (*CommentJob) streamStatement()   {}
func (*StateFile) streamStatement()    {}
func (*DropStream) streamStatement()   {}
func (*Show) streamStatement()         {}
func (*Describe) streamStatement()     {}
func (*ShowCreate) streamStatement()   {}
