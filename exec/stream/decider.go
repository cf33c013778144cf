package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Decision names an epoch of a job and the version at which the state store has
// prepared it. Zero: none was ever decided.
type Decision struct {
	Epoch   Epoch
	Version uint64
}

// Decider is one transaction after the other that all of a job's sinks of one
// system write in, an epoch's rows in each. Its commit makes the epoch's rows
// visible together with a record of the decision, and so is the decision: the
// state store follows it, and after a crash asks. One goroutine owns it, but for
// what sinks do with it.
//
// A start calls Ask, before any sink is opened. Then each epoch's sinks Write and
// Prepare, and Decide is called before a row of the next epoch is written.
type Decider interface {
	// Ask shuts out whoever wrote for the job before, waits until what that left
	// open is decided, and returns the last decision.
	Ask(ctx context.Context) (Decision, error)
	// Decide commits the epoch's rows and the decision. Where it fails the outcome
	// may be either: nothing more is done with the Decider but Close, and Ask of
	// the next one tells.
	Decide(ctx context.Context, d Decision) error
	// Close undoes what is open and not being decided. It may be called twice.
	Close() error
	// String says where decisions are kept, as an error names it.
	fmt.Stringer
}

// Transactional is a connector whose sinks can write in the transactions of a
// Decider: their SinkOptions then have it.
type Transactional interface {
	// CheckDecider checks that the sinks of a job can share a Decider; nothing is
	// connected to.
	CheckDecider(env *Env, sinks []*catalog.Relation, o DeciderOptions) error
	// Decider connects nowhere yet: Ask does.
	Decider(env *Env, sinks []*catalog.Relation, o DeciderOptions) (Decider, error)
}

// Clustered is a Transactional connector that reaches several systems: a transaction
// is of one.
type Clustered interface {
	// Cluster names the system that a relation is in.
	Cluster(env *Env, r *catalog.Relation) (string, error)
}

// DeciderOptions are what a Decider is opened with.
type DeciderOptions struct {
	Job string
	ID  string // the job's; no other ever has it
	// Checkpoint is how long an epoch lasts; a transaction must be able to.
	Checkpoint time.Duration
}

// Repeating is a connector whose sinks may let the rows of an epoch out again
// after a crash.
type Repeating interface{ Repeating() }
