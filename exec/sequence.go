package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

var _ function.Sequences = (*Txn)(nil)

// NextValues takes numbers for nextval.
func (t *Txn) NextValues(r *catalog.Relation, count int64) (first, n int64, err error) {
	return t.tables().NextValue(r, count)
}

// Uses has the commit wait until a number is passed durably that was taken before.
func (t *Txn) Uses(r *catalog.Relation) { t.tables().Uses(r) }

// SetValue is setval.
func (t *Txn) SetValue(r *catalog.Relation, v int64, called bool) error {
	return t.tables().SetValue(r, v, called)
}

// SequenceRow is what a SELECT from a sequence shows.
func (t *Txn) SequenceRow(r *catalog.Relation) (last, ahead int64, called bool) {
	s := t.e.o.Tables.Sequence(r)
	return s.Last, s.Ahead, s.Called
}

// sequencesProvider tells pg_catalog of the sequences.
type sequencesProvider struct{ e *Engine }

// LastValue is the last number that a sequence gave.
func (p sequencesProvider) LastValue(r *catalog.Relation) (last int64, called bool) {
	s := p.e.o.Tables.Sequence(r)
	return s.Last, s.Called
}
