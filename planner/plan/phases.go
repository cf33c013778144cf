package plan

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// PartialAggregate is the first phase of an aggregate in a job of several tasks: what
// a task's own rows come to, before those of one key meet. A row of it is a group's
// keys, how many rows it has got (Inserts less Deletes) and the states of its calls:
// what has come since the group was last passed on.
type PartialAggregate struct {
	Of *AggregateNode // whose input is this one's
}

// Schema is the keys, a count and the states.
func (n *PartialAggregate) Schema() []Field {
	keys := n.Of.Fields[:len(n.Of.Keys):len(n.Of.Keys)]
	return append(keys, Field{Name: "rows", Type: types.Of(types.Int8)}, Field{Name: "states", Type: types.Of(types.Bytea)})
}

// Inputs is the one input.
func (n *PartialAggregate) Inputs() []Node { return []Node{n.Of.Input} }

// String is its line in EXPLAIN.
func (n *PartialAggregate) String() string { return "Partial " + n.Of.String() }

func (*PartialAggregate) node() {}

// MergeAggregate is the second phase: what the tasks have of a group becomes one.
type MergeAggregate struct {
	Input Node           // rows of a PartialAggregate
	Of    *AggregateNode // what both phases are
}

// Schema is the aggregate's.
func (n *MergeAggregate) Schema() []Field { return n.Of.Fields }

// Inputs is the one input.
func (n *MergeAggregate) Inputs() []Node { return []Node{n.Input} }

// String is its line in EXPLAIN.
func (n *MergeAggregate) String() string { return "Final " + n.Of.String() }

func (*MergeAggregate) node() {}
