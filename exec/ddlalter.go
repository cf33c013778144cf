package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (t *Txn) alterTable(s *plan.AlterTable) (Result, error) {
	change := catalog.TableChange{Owned: freshOwned(s.Owned), Views: s.Views, Dropped: s.Drops}
	for _, q := range s.Sequences {
		if q.New == nil {
			change.Dropped = append(change.Dropped, q.Old)
		} else {
			change.Sequences = append(change.Sequences, q.New)
		}
	}
	return Result{Tag: s.Tag}, t.change().AlterRelation(s.Old, fresh(s.Relation), change)
}

func (t *Txn) alterSequence(s *plan.AlterSequence) (Result, error) {
	return Result{Tag: "ALTER SEQUENCE"}, t.change().AlterRelation(s.Old, fresh(s.Relation), catalog.TableChange{})
}

func (t *Txn) truncate(s *plan.Truncate) (Result, error) {
	_, err := t.change().Truncate(s.Tables)
	return Result{Tag: "TRUNCATE TABLE"}, err
}
