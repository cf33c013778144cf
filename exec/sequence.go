package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

var _ function.Sequences = (*Txn)(nil)

// NextValue is nextval.
func (t *Txn) NextValue(r *catalog.Relation) (int64, error) {
	v, _, err := t.tables().NextValue(r, 1)
	return v, err
}

// SetValue is setval.
func (t *Txn) SetValue(r *catalog.Relation, v int64, called bool) error {
	return t.tables().SetValue(r, v, called)
}

// SequenceRow is what a SELECT from a sequence shows.
func (t *Txn) SequenceRow(r *catalog.Relation) (last, ahead int64, called bool) {
	s := t.e.o.Tables.Sequence(r)
	return s.Last, s.Ahead, s.Called
}
