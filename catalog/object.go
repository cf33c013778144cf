// Package catalog knows what exists: schemas, tables, streams, sinks, views, jobs,
// functions. A Snapshot is immutable; a Tx applies DDL to a copy of one and
// commits it, whole, to the store. It knows nothing of how anything runs.
package catalog

import (
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// FirstOID is the first OID given to an object that a user makes.
const FirstOID types.OID = 16384

// Kind is what a relation is.
type Kind byte

// Kinds of relation.
const (
	Stream   Kind = 's' // a declared source; pg_class.relkind r
	View     Kind = 'v' // CREATE STREAM ... AS SELECT without INTO: expanded where it is read
	Sink     Kind = 'f'
	Table    Kind = 'r' // rows that the server holds itself
	MatView  Kind = 'm' // a materialized view: rows as a table has them, which its job maintains
	Sequence Kind = 'S'
	Virtual  Kind = 'c' // pg_catalog, information_schema, ferris.*: rows come from a provider
)

// Schema is a namespace of relations.
type Schema struct {
	OID     types.OID
	Name    string
	Owner   string
	Comment string
	ACL     ACL // nil: as Object.Default says
	// Connector and Options are of the system all of which the schema shows: what a
	// name stands for there is made a stream when it is first used. "": it shows none.
	Connector string
	Options   Options
}

// System is a relation that stands for the system which the schema shows.
func (s *Schema) System() *Relation {
	return &Relation{Schema: s.Name, Name: s.Name, Kind: Stream, Owner: s.Owner, Connector: s.Connector, Options: s.Options}
}

// Relation is a stream, sink, view, table, sequence or catalog table.
type Relation struct {
	OID       types.OID
	Schema    string
	Name      string
	Kind      Kind
	Owner     string
	ACL       ACL // nil: as Object.Default says
	Columns   []Column
	Hidden    []Column // pseudo-columns (_key, _offset, ...), after Columns in AllColumns
	Watermark *Watermark
	Key       []string // of a Stream: the columns of its PRIMARY KEY; nil: it has none
	Connector string   // the type without role: kafka, file
	Options   Options  // the WITH keys, without the relation's name before them
	Query     string   // of a View or MatView: the SELECT's text
	Text      string   // the whole CREATE statement as written
	Found     bool     // of a Stream: nobody declared it, its schema shows a system that has it; it goes with the schema
	Job       string   // of a Sink that a job owns, and of a MatView: the job's name
	Comment   string
	DependsOn []types.OID
	Table     *TableInfo    // of a Table or MatView
	Sequence  *SequenceInfo // of a Sequence
	Rowless   bool          // of a Virtual: it never has rows here
}

// Column is one column. Default and Generated are SQL text; the compiler of
// such texts is injected where one is needed.
type Column struct {
	Name      string
	Type      types.Type
	NotNull   bool
	Default   string
	Generated string
	Comment   string
	// Attr is the attribute number of a table's column, which no other column of
	// the table ever has; 0: one more than its place.
	Attr int16
	// Missing is the text form of the value that rows have which were stored
	// before the column was added; without HasMissing it is NULL.
	Missing    string
	HasMissing bool
	Identity   Identity
	Collation  string // that was named, all of which order alike here; "": the type's
	ACL        ACL    // of the column alone, beside the relation's; nil: none
}

// Identity is GENERATED ... AS IDENTITY of a column; 0: it has none.
type Identity byte

// Kinds of identity column.
const (
	IdentityAlways    Identity = 'a'
	IdentityByDefault Identity = 'd'
)

// Watermark is WATERMARK FOR column AS expression.
type Watermark struct {
	Column string
	Expr   string
}

// AllColumns are the visible columns and after them the hidden ones. A Scan's
// column indexes are into this list.
func (r *Relation) AllColumns() []Column {
	all := make([]Column, 0, len(r.Columns)+len(r.Hidden))
	return append(append(all, r.Columns...), r.Hidden...)
}

// Stored reports whether the server holds the relation's rows itself: a table's,
// or a materialized view's.
func (r *Relation) Stored() bool { return r.Table != nil }

// Option is one WITH key.
type Option struct{ Key, Value string }

// Options are WITH keys in the order given; keys are lower case.
type Options []Option

// FileOption is an option that a file has, which config_file names.
type FileOption struct {
	Option
	// Inherited: the file has it of another one, which others may extend too.
	Inherited bool
	Where     string // the file and the line of the key
}

// Get returns the value of the first of the keys that is there.
func (o Options) Get(keys ...string) (string, bool) {
	for _, k := range keys {
		for _, p := range o {
			if p.Key == k {
				return p.Value, true
			}
		}
	}
	return "", false
}

// JobState is where a job stands.
type JobState string

// States of a job.
const (
	JobRunning  JobState = "running"
	JobPaused   JobState = "paused"
	JobStopped  JobState = "stopped"
	JobFinished JobState = "finished"
	JobFailed   JobState = "failed"
)

// Job is a continuous query into sinks. Its plan is made anew from Text at each
// start, with the settings of its creation.
type Job struct {
	OID       types.OID
	UUID      [16]byte // names its state; a job dropped and made again has another
	Name      string
	Owner     string
	Text      string
	Sinks     []string // schema-qualified
	Options   Options
	State     JobState          // as asked for; the running engine knows more
	Failure   Failure           // of a job that has failed; nothing: of none
	Settings  map[string]string // TimeZone, DateStyle, search_path ... of its creation
	Created   time.Time
	DependsOn []types.OID
	Inlined   []types.OID // materialized views of DependsOn whose queries it runs, and whose rows it does not read
	Comment   string
	Start     *JobStart // where it began; nil: where its streams say
}

// SearchPath is where names in the job's text are looked for.
func (j *Job) SearchPath() []string {
	var path []string
	for _, schema := range strings.Split(j.Settings["search_path"], ",") {
		if schema = strings.Trim(strings.TrimSpace(schema), `"`); schema != "" {
			path = append(path, schema)
		}
	}
	return path
}

// Failure is why a job has failed, or does not get on, as an error is told to a
// client. Without a message there is none.
type Failure struct {
	Code    sqlerr.Code
	Message string
	Detail  string
	Hint    string
}

// FailureOf is an error, in the words of whoever wrapped it last.
func FailureOf(err error) Failure {
	e := sqlerr.From(err)
	return Failure{e.Code, err.Error(), e.Detail, e.Hint}
}

// String is the message and the detail, in one line.
func (f Failure) String() string {
	if f.Detail == "" {
		return f.Message
	}
	return f.Message + " (" + f.Detail + ")"
}

// JobStart is where a job without an epoch begins to read.
type JobStart struct {
	Kind    string                      `json:"kind"` // EARLIEST, LATEST, TIMESTAMP, OFFSETS
	Micros  int64                       `json:"micros,omitempty"`
	Offsets map[string]map[string]int64 `json:"offsets,omitempty"` // by stream and split
}

// FunctionKind is pg_proc.prokind.
type FunctionKind byte

// Kinds of function.
const (
	Scalar    FunctionKind = 'f'
	Aggregate FunctionKind = 'a'
	Window    FunctionKind = 'w'
)

// AggregateKind is pg_aggregate.aggkind of an aggregate with WITHIN GROUP.
type AggregateKind byte

// Kinds of aggregate with WITHIN GROUP.
const (
	OrderedSet      AggregateKind = 'o'
	HypotheticalSet AggregateKind = 'h'
)

// Function is a signature; its kernel is in exec/function under the pointer.
type Function struct {
	OID      types.OID // PostgreSQL's, where it has the function
	Schema   string
	Name     string
	Args     []types.OID // any, anyelement and anyarray are resolved by bind
	ArgNames []string
	Variadic bool          // the last argument repeats (its OID here is the element's)
	Optional int           // that many trailing arguments may be absent
	Defaults []types.Value // of the optional arguments; empty: an absent one is not passed
	Ret      types.OID
	Set      bool     // returns a set
	Out      []Column // of a set of records: its columns
	Column   string   // of a set of values: its column in FROM; "": the function's name
	Kind     FunctionKind
	// Shaped: its records have the columns that the call asks for; the planner
	// adds a row of NULLs with those columns as the last argument.
	Shaped bool
	// AggKind of an aggregate with WITHIN GROUP; 0: another. Direct are its
	// arguments before WITHIN GROUP, as pg_aggregate counts them.
	AggKind    AggregateKind
	Direct     int
	Strict     bool // NULL in, NULL out, without a call
	Volatility byte // i, s, v
	Help       string
}

// Operator is an operator with the function that computes it. Left 0: prefix.
type Operator struct {
	OID        types.OID
	Name       string
	Left       types.OID
	Right      types.OID
	Result     types.OID
	Func       *Function
	Commutator string
	Negator    string
}

// Cast is a row of pg_cast. Func nil with Binary: the same bytes under another
// name; nil otherwise: through text.
type Cast struct {
	Source, Target types.OID
	Func           *Function
	Binary         bool
	Context        byte // i implicit, a assignment, e explicit
}

// Builtins are what main hands the catalog from the function registry.
type Builtins struct {
	Functions []*Function
	Internal  []*Function // only the server itself calls them: they have rows and names
	Operators []*Operator
	Casts     []*Cast
}
