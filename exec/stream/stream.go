// Package stream declares what a source and a sink must promise, so that a job
// built of any of them survives a crash: splits, positions, epochs. Connectors
// implement it; exec drives it.
package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/notify"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Done is what Output.Emit returns when nobody wants more rows.
var Done = errors.New("no more rows are wanted")

// Epoch numbers the commits of one job from 1. 0: nothing is committed.
type Epoch uint64

// Split is one independently ordered part of a source (a partition, a file).
// Within one source it is a stable, unique name.
type Split string

// Offset is where to go on in a split, in the source's own encoding; it is
// opaque to everyone else. nil: from the split's beginning (as the scan's From
// and the stream's options say it).
type Offset []byte

// Position is a place in a split.
type Position struct {
	Split  Split
	Offset Offset
}

// Resumed reports whether reading goes on where it was: a split without an
// offset then came to be meanwhile, and is read from its beginning also where
// the scan, or the stream, begins at the latest records.
func Resumed(from []Position) bool {
	return slices.ContainsFunc(from, func(p Position) bool { return p.Offset != nil })
}

// Scan says what a reader is to deliver.
type Scan struct {
	// Columns index the relation's columns, pseudo-columns included
	// (catalog.Relation.AllColumns); a batch has exactly these, in this order.
	Columns []int
	// Filters may be used to skip what cannot match; the engine filters again.
	Filters []plan.Expr
	From    Bound
	Until   Bound
	// OnReject says what happens to a record that does not decode.
	OnReject Policy
	// Bounded: the reader ends with io.EOF at what each split held when it was
	// opened. Otherwise it goes on for ever, unless the source itself ends.
	Bounded bool
	// Latest: start at the splits' ends (SET ferris.start = 'latest'), but for
	// splits that are Added, or, where Open is Resumed, have no offset.
	Latest bool
	// Earliest: a split without an offset begins at its beginning, whatever the
	// stream's options say.
	Earliest bool
	// At: where splits without an offset begin, as the source counts, of a connector
	// that is a Placer. Others begin as if they were not named.
	At map[Split]int64
	// Group: where a broker keeps consumer groups' offsets, Ack commits the
	// positions for this one, so that its lag can be seen. "": Ack does nothing.
	// A stream's own group.id comes before it.
	Group string
	// Marks: of a Changing relation, rows are changes and have their marks behind
	// Columns. Job names the source of a job that reads, under which things may be kept
	// for it: the job's id, a slash, and the source's name in it; "": a query reads.
	Marks bool
	Job   string
	// Raw: Read.Raw has each row's record as it came, where the source can tell.
	Raw bool
}

// Bound is a limit on records' own time and offset. Zero: none.
type Bound struct {
	// Timestamp: microseconds since 2000-01-01 UTC, nil for none. From is
	// inclusive, Until exclusive.
	Timestamp *int64
	// Offset and Partition bound _offset and _partition, nil for none.
	Offset    *int64
	Partition *int32
}

// Policy is what happens to a record that does not decode.
type Policy uint8

// Policies.
const (
	Fail    Policy = iota // Read returns the error: 22P02 naming stream, partition, offset, field
	Skip                  // the record comes back as a Reject
	NullBad               // the field that does not convert is NULL
)

// Reject is a record that could not be decoded, with all that a dead letter needs.
type Reject struct {
	Position Position
	At       int64  // where it stands in its split, as the source counts: an offset, a byte
	Raw      []byte // value bytes, a copy
	Key      []byte
	Err      error
}

// Record is a record as it came. The bytes stay as they are for as long as
// anyone has them.
type Record struct {
	At         int64 // as Reject's
	Key, Value []byte
}

// Read describes the rows that one Reader.Read delivered.
type Read struct {
	Split    Split
	Next     Offset // where to go on after these rows
	CaughtUp bool   // the split had no more when it was read; there may be neither rows nor Next
	Rejects  []Reject
	Raw      []Record // of each of the batch's rows, where the scan asks for it; nil: unknown
}

// Source is one relation opened for reading.
type Source interface {
	// Splits lists the splits there are now; it is polled.
	Splits(ctx context.Context) ([]Split, error)
	// Open starts a reader at the positions given. Splits not named there are
	// not read.
	Open(ctx context.Context, from []Position, s Scan) (Reader, error)
	Close() error
}

// Drainer is a source that can tell, without its reader, which of some splits hold
// nothing at or after a position: a query then need not wait for their first row
// to know how far the stream's time has come.
type Drainer interface {
	// Drained returns those of the splits; any goroutine may call it.
	Drained(ctx context.Context, at []Position) ([]Split, error)
}

// Aged is a Drainer that can tell whether it held records at a moment in the past: its
// splits that hold none now have been silent since, and are not waited for.
type Aged interface {
	// HeldBefore reports whether a record was written before t; any goroutine may call
	// it.
	HeldBefore(ctx context.Context, t time.Time) (bool, error)
}

// Ender is a source that can tell where its splits end now, so that it is known when
// what they held at a moment has been read. Any goroutine may call it. What a source
// held that is none has been read when a Read that began later finds no more: such a
// source's Read returns every now and then where it waits for records.
type Ender interface {
	// Ends are where the splits end that the scan reads. A split that holds nothing for
	// it may be left out.
	Ends(ctx context.Context, s Scan) ([]Position, error)
	// Reached reports whether a place in a split is at an end that Ends gave, or behind
	// it. It may be called after Close.
	Reached(split Split, at, end Offset) bool
}

// Measured is a source that can say where a place in a split is.
type Measured interface {
	// Measure tells the place and where the split ended when the source's readers last
	// heard of that, both as the source counts (offsets of a topic, bytes of a file).
	// end -1: not known; ok false: neither is. Any goroutine may call it, also after Close.
	Measure(split Split, at Offset) (place, end int64, ok bool)
}

// Reader delivers rows. One goroutine owns it, but for Wake and Ack.
type Reader interface {
	// Read fills b with rows of one split. It returns with no row after Wake,
	// or after a source's own short wait; io.EOF when every bounded split ended.
	// b is Reset by the reader, and has the scan's columns.
	Read(ctx context.Context, b *vec.Batch) (Read, error)
	// Add takes up more splits. One without an offset came to be after the
	// reader was opened, and is read from its beginning.
	Add(ctx context.Context, from []Position) error
	// Wake makes a blocked Read return. Any goroutine may call it.
	Wake()
	// Ack says that everything below the positions is committed. One goroutine
	// at a time calls it, while another may be in Read or Add; never after Close.
	Ack(ctx context.Context, upTo []Position) error
	Close() error
}

// Pauser is a reader that can leave splits alone for a while. One that is opened
// leaves none.
type Pauser interface {
	// Pause says which splits are not to be read from now on, and that all others
	// are; the reader's owner calls it, between two Reads. Read waits for Wake where
	// there is nothing else to read.
	Pause(splits []Split)
}

// Limited is a reader that can be told where to stop for a while. One that is opened
// stops nowhere.
type Limited interface {
	// Limit says where splits are read no further from now on, and that all others are
	// read on: no record at one of these positions or behind it is delivered before the
	// next call, and a Read says so when it has come there (Read.Next). The reader's owner
	// calls it, between two Reads. Read waits for Wake where there is nothing else to read.
	Limit(at []Position)
}

// SchemaInferrer is a connector that can tell a relation's columns from its data.
type SchemaInferrer interface {
	Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error)
}

// Sink takes rows of one relation in epochs. It is owned by one goroutine.
// Opened with the last committed epoch and its token it first truncates or
// aborts whatever lies past that.
type Sink interface {
	Write(ctx context.Context, b *vec.Batch) ([]Reject, error)
	// Prepare makes the epoch's rows durable: after it a new process can finish
	// or undo the epoch from the token alone.
	Prepare(ctx context.Context, e Epoch) (token []byte, err error)
	// Commit is idempotent; after a start it is called again for each committed
	// epoch from the last delivered on.
	Commit(ctx context.Context, e Epoch, token []byte) error
	// Rollback is idempotent; token nil: the epoch never prepared.
	Rollback(ctx context.Context, e Epoch, token []byte) error
	Close() error
}

// Lasting is a sink whose rows are out of its hands when they are written: its
// Rollback does not take them back. A job writes them again.
type Lasting interface{ Lasting() }

// Settled is a sink whose Commit does nothing: an epoch's rows are where they belong when
// it prepares, or when its Decider commits.
type Settled interface{ Settled() }

// Exclusive is a sink that lets no second one in while it is open. Several
// statements of a transaction write to it in epochs of their own: its Rollback of
// one keeps those that were prepared before it, and its Commit of the last
// commits them all.
type Exclusive interface{ Exclusive() }

// Impeded is part of a job, a sink for one, that can tell what it waits for.
type Impeded interface {
	// Impediment is why rows are not getting through at this moment; nil: they
	// are, or there are none. Any goroutine may call it, also after Close.
	Impediment() error
}

// Omitting is a sink that may leave rows out when their epoch commits, and be told to: a
// service that refuses them, say.
type Omitting interface {
	// Omitted is how many rows it has left out since it was opened. Any goroutine may
	// call it, also after Close.
	Omitted() int64
}

// SinkOptions are what a sink is opened with.
type SinkOptions struct {
	Job       string // "": rows of one transaction
	ID        string // the job's; no other ever has it
	Committed Epoch
	Token     []byte // of Committed; nil where there is none
	// Delivered: Commit of Committed has returned.
	Delivered bool
	// Changelog: batches may hold deletes, and are to be written with an op.
	Changelog bool
	// Key are columns by which the rows are unique; nil: there are none, or the sink's
	// declaration names its key. Of a connector that is ChangeKeyed.
	Key []string
	// Create: what the sink writes to is made where it is not there.
	Create bool
	// Decider is what the sink writes in, of its own connector; nil: in nothing.
	Decider Decider
}

// Env is what the engine lends a connector when it opens a relation.
type Env struct {
	// FileRoots: a file's path must lie under one of them. Empty: none may be read.
	FileRoots []string
	// HTTPAllow is http.allow: the hosts that a URL may name. Empty: none.
	HTTPAllow []string
	// AllowedEnv is sql.allowed_env: the variables of the environment that a declaration
	// may name.
	AllowedEnv []string
	// Brokers is kafka.brokers, the default where bootstrap.servers is absent.
	Brokers string
	// Kafka are kafka.* of the server's configuration: options that count where a relation
	// of Kafka does not give them. Files and variables of the environment that they name
	// are the server's, and need be in none of the lists above.
	Kafka catalog.Options
	// ClientID names this process to brokers.
	ClientID string
	// Compile turns the Generated texts of a relation's columns into rows; set by
	// main.
	Compile func(rel *catalog.Relation, columns []catalog.Column) (RowProgram, error)
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
	// Stdout is where a stdout sink writes.
	Stdout interface{ Write([]byte) (int, error) }
	// Notify brings notifications to sessions; nil: there are none.
	Notify *notify.Hub
	// Metrics counts what connectors do; never nil.
	Metrics *Metrics
}

// RowProgram computes columns from a batch whose one column is the row number
// (bigint, from 0). Run appends the rows to out's columns, which are the
// caller's: one for each text compiled, of the type of the column it belongs to.
type RowProgram interface {
	Run(in *vec.Batch, out *vec.Batch) error
}

// Connector makes sources and sinks of one type: kafka, file, ...
type Connector interface {
	// Name is the type as written in 'type'.
	Name() string
	// Options lists every option key it reads, in the position given; nil where
	// it cannot stand there, empty where it can and reads none.
	Options(role Role) []Option
	// Check validates a declaration without connecting anywhere: its options, and
	// what env allows.
	Check(env *Env, rel *catalog.Relation, role Role) error
	// PseudoColumns are the hidden columns of its streams (_key, _offset, ...).
	PseudoColumns() []catalog.Column
	// Source opens a relation for reading, nil and 0A000 where it has none.
	Source(ctx context.Context, env *Env, rel *catalog.Relation) (Source, error)
	// Sink opens a relation for writing.
	Sink(ctx context.Context, env *Env, rel *catalog.Relation, o SinkOptions) (Sink, error)
	// Inferrer returns nil where columns cannot be inferred.
	Inferrer(env *Env) SchemaInferrer
}

// Pushing is a connector that leaves some of a scan's conditions to its system, or skips
// what cannot meet them.
type Pushing interface {
	// Pushed are those of the conditions, over a scan's columns (Scan.Columns). EXPLAIN
	// shows them.
	Pushed(rel *catalog.Relation, columns []int, filters []plan.Expr) []plan.Expr
}

// Revealing is a connector whose pseudo-columns depend on the relation.
type Revealing interface {
	Hidden(rel *catalog.Relation) []catalog.Column
}

// HiddenOf are the pseudo-columns of a relation, of which name and columns need not
// be known.
func HiddenOf(c Connector, rel *catalog.Relation) []catalog.Column {
	if r, ok := c.(Revealing); ok {
		return r.Hidden(rel)
	}
	return c.PseudoColumns()
}

// ChangeKeyed is a connector some of whose sinks find the row that a change is of by
// a key.
type ChangeKeyed interface {
	// ChangeKey is what the declaration of a sink says of its key.
	ChangeKey(env *Env, rel *catalog.Relation) (ChangeKey, error)
}

// ChangeKey is by what a sink finds rows that change.
type ChangeKey struct {
	// Columns of the sink, within which some unique key of the rows must lie; nil: any
	// unique key of the rows will do.
	Columns []string
	// Needed: without a key the sink cannot take rows that change.
	Needed bool
	// Own: the sink finds a key by itself, whatever the rows' are.
	Own bool
}

// Seeker is a connector whose readers begin or end by a bound of a hidden column
// (Scan.From and Until), instead of reading what lies outside of it.
type Seeker interface {
	Seeks(column string) bool
}

// Noticer is a connector that has something to say of a declaration that Check finds
// right.
type Noticer interface {
	Notices(env *Env, rel *catalog.Relation, role Role) []string
}

// Placer is a connector whose readers begin where Scan.At says.
type Placer interface{ Places() }

// Probing is a connector that can tell what would keep a job's sink from being opened.
type Probing interface {
	// ProbeSink returns what opening the sink would fail at, and no time mends. It changes
	// nothing. id: SinkOptions.ID of the job; "": it is new.
	ProbeSink(ctx context.Context, env *Env, rel *catalog.Relation, id string) error
}

// Sizer is a connector that can tell about how many rows a relation holds now,
// within microseconds and without a network: the planner orders joins by it. ok
// is false where it cannot.
type Sizer interface {
	Rows(env *Env, rel *catalog.Relation) (rows float64, ok bool)
}

// Role is the position of a name: FROM or INTO.
type Role uint8

// Roles.
const (
	RoleSource Role = iota
	RoleSink
)

// Option describes one key of a connector, for checking, and for its document.
type Option struct {
	Key     string
	Aliases []string
	Default string
	Help    string
	// Required: the key has no default and must be given.
	Required bool
}
