package exec

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// truncate empties tables by giving them other storage; those that somebody
// follows lose row by row what they have, and whoever follows hears of it.
func (t *Txn) truncate(ctx context.Context, s *plan.Truncate, env *function.Env) (Result, error) {
	res := Result{Tag: "TRUNCATE TABLE"}
	for _, r := range s.Tables {
		if err := t.lockTable(ctx, r, table.AccessExclusive); err != nil {
			return res, err
		}
	}
	if err := t.sameReferencing(s.Tables); err != nil {
		return res, err
	}
	var renewed []*catalog.Relation
	for i, r := range s.Tables {
		if !t.followed(r) {
			renewed = append(renewed, r)
			continue
		}
		if err := t.empty(ctx, r, s.Derived[i], env); err != nil {
			return res, err
		}
	}
	old, err := t.change().Truncate(renewed)
	if err != nil {
		return res, err
	}
	if t.e.o.Tables != nil {
		for _, n := range old {
			t.tables().Drop(n)
		}
	}
	if !s.Restart {
		return res, nil
	}
	for _, r := range s.Tables {
		for _, q := range t.Snapshot().OwnedSequences(r.OID) {
			seq := fresh(q)
			start := seq.Sequence.Start
			if err := t.restart(seq, &start); err != nil {
				return res, err
			}
			if err := t.change().AlterRelation(q, seq, catalog.TableChange{}); err != nil {
				return res, err
			}
			if err := t.tables().SetValue(seq, start, false); err != nil {
				return res, err
			}
		}
	}
	return res, nil
}

// sameReferencing refuses to empty a table that another transaction has made a foreign
// key reference, since the statement was planned, from one that keeps its rows.
func (t *Txn) sameReferencing(tables []*catalog.Relation) error {
	now := t.e.o.Catalog.Snapshot()
	for _, r := range tables {
		for _, k := range now.References(r.OID) {
			emptied := slices.ContainsFunc(tables, func(e *catalog.Relation) bool { return e.OID == k.Relation.OID })
			if !emptied && (t.tx == nil || !t.tx.Knew(k.Key.OID)) {
				return altered(r)
			}
		}
	}
	return nil
}

// followed reports whether a job, a materialized view or a live query follows a
// table, or will when it starts again.
func (t *Txn) followed(r *catalog.Relation) bool {
	if t.e.o.Tables == nil {
		return false
	}
	for _, j := range t.Snapshot().Jobs() {
		if slices.Contains(j.DependsOn, r.OID) {
			return true
		}
	}
	for _, v := range t.Snapshot().Relations() {
		if v.Kind == catalog.MatView && slices.Contains(v.DependsOn, r.OID) {
			return true
		}
	}
	return t.e.o.Tables.Followed(r)
}

// empty deletes all rows of a table.
func (t *Txn) empty(ctx context.Context, r *catalog.Relation, derived []plan.Expr, env *function.Env) error {
	row := make([]int, len(r.Columns))
	for i := range row {
		row[i] = i
	}
	m := &plan.Modify{Op: plan.ModifyDelete, Target: r, Alias: r.Name, Input: wholeScan(r), RowID: len(r.Columns), Row: row, Once: true,
		Rules: plan.RowRules{Derived: derived}}
	b := t.builder(env)
	defer b.done()
	_, err := b.runModification(ctx, &plan.Modification{Root: m, Word: "DELETE"}, noOutput{})
	return err
}
