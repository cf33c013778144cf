package stream

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Lister is a connector whose systems can be asked what they hold that can be read as a
// stream: a broker's topics. A relation that stands for a system, and for nothing in it,
// has the options of a schema, or of a statement, and neither columns nor a key.
type Lister interface {
	// CheckSystem validates the options of a system, as Check does; nothing is connected
	// to.
	CheckSystem(env *Env, system *catalog.Relation) error
	// Names are the names of what can be a stream, in no order.
	Names(ctx context.Context, env *Env, system *catalog.Relation) ([]string, error)
	// List tells all of what there is, by name.
	List(ctx context.Context, env *Env, system *catalog.Relation) ([]Listed, error)
	// Declare makes a system's relation that of the stream of one name: its options
	// and its columns.
	Declare(ctx context.Context, env *Env, rel *catalog.Relation, name string) error
}

// Listed is something that a system holds.
type Listed struct {
	Name       string
	Partitions int
	Replicas   int
	Internal   bool  // the system's own
	Records    int64 // about how many there are; -1: unknown
	Bytes      int64 // of one copy; -1: unknown
}
