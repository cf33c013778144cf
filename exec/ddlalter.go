package exec

import (
	"context"
	"errors"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// alterTable changes a table, and the rows it has: in order they are held to what
// is new, the catalog changes, they are written anew or taken into new indexes.
// Nobody else reads or writes the table from here to the transaction's end.
func (t *Txn) alterTable(ctx context.Context, s *plan.AlterTable, env *function.Env) (Result, error) {
	res := Result{Tag: s.Tag}
	if s.Old.Table != nil {
		if err := t.lockTable(ctx, s.Old, alterLock(s)); err != nil {
			return res, err
		}
	}
	for _, r := range s.Locks {
		if err := t.lockTable(ctx, r, table.ShareRowExclusive); err != nil {
			return res, err
		}
	}
	if t.tx == nil && s.Old.Table != nil && t.Snapshot().RelationByOID(s.Old.OID) != s.Old {
		return res, altered(s.Old) // while its lock was waited for
	}
	for _, c := range s.Checks {
		if err := t.checkRows(ctx, s.Old, c, env); err != nil {
			return res, err
		}
	}
	r, owned := fresh(s.Relation), freshOwned(s.Owned)
	if s.Rewrite != nil {
		renewStorage(r)
	}
	change := catalog.TableChange{Owned: owned, Views: s.Views, Dropped: s.Drops}
	for _, q := range s.Sequences {
		if q.New == nil {
			change.Dropped = append(change.Dropped, q.Old)
			continue
		}
		seq := fresh(q.New)
		if err := t.restart(seq, q.Restart); err != nil {
			return res, err
		}
		change.Sequences = append(change.Sequences, seq)
	}
	if err := t.change().AlterRelation(s.Old, r, change); err != nil {
		return res, err
	}
	for _, q := range change.Sequences {
		if err := t.setRestarted(q, s.Sequences); err != nil {
			return res, err
		}
	}
	if err := t.moveRows(ctx, s, r, owned, env); err != nil {
		return res, buildError(err, s.Old)
	}
	if r.Table != nil && len(r.Table.Foreign) > 0 {
		b := t.builder(env)
		defer b.done()
		if err := t.validateForeign(ctx, s.Old, r, b); err != nil {
			return res, err
		}
	}
	t.dropGone(s.Old, r)
	return res, nil
}

// alterLock: an index is made while others read, one after the other, since each
// changes the table's description; whatever else changes a table excludes them.
func alterLock(s *plan.AlterTable) table.TableLock {
	if s.Tag == "CREATE INDEX" {
		return table.ShareRowExclusive
	}
	return table.AccessExclusive
}

// moveRows brings a table's rows to where they belong after a change.
func (t *Txn) moveRows(ctx context.Context, s *plan.AlterTable, r *catalog.Relation, owned []catalog.OwnedSequence, env *function.Env) error {
	switch {
	case s.Rewrite != nil:
		exprs := make([]plan.Expr, len(s.Rewrite))
		for i, e := range s.Rewrite {
			exprs[i] = plan.Rewrite(e, func(x plan.Expr) plan.Expr { return ownedSequence(x, owned) })
		}
		after := *env
		after.Catalog = t.Snapshot() // with the sequences that were just made
		_, err := t.wholeBuilder(&after).fill(ctx, r, &plan.Project{Input: wholeScan(s.Old), Exprs: exprs, Fields: fieldsOf(r)}, s.Rules)
		return err
	case s.Build:
		for _, x := range r.Table.Indexes {
			if s.Old.Table != nil && !hasIndex(s.Old, x) {
				if err := t.fillIndex(ctx, s, r, x, env); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ownedSequence puts the OID of a sequence that the statement has made in the
// place that stood for it.
func ownedSequence(e plan.Expr, owned []catalog.OwnedSequence) plan.Expr {
	c, ok := e.(*plan.Const)
	if !ok || c.Value.Type.OID != types.Regclass || c.Value.I >= 0 {
		return e
	}
	return plan.NewConst(types.NewInt(types.Regclass, int64(owned[-1-c.Value.I].Relation.OID)))
}

func hasIndex(r *catalog.Relation, x *catalog.Index) bool {
	for _, y := range r.Table.Indexes {
		if y.OID == x.OID {
			return true
		}
	}
	return false
}

// renewStorage has the catalog give a table and its indexes other storage.
func renewStorage(r *catalog.Relation) {
	r.Table.Storage, r.Table.Dropped = 0, nil
	for _, x := range r.Table.Indexes {
		x.Storage = 0
	}
	for i := range r.Columns {
		r.Columns[i].HasMissing, r.Columns[i].Missing = false, ""
	}
}

// dropGone sweeps, at commit, the storage that a table no longer has.
func (t *Txn) dropGone(old, r *catalog.Relation) {
	if old.Table == nil || t.e.o.Tables == nil {
		return
	}
	kept := map[uint32]bool{}
	for _, n := range storages(r) {
		kept[n] = true
	}
	for _, n := range storages(old) {
		if !kept[n] {
			t.tables().Drop(n)
		}
	}
}

// storages are the numbers that a relation's rows and index entries have.
func storages(r *catalog.Relation) []uint32 {
	if r == nil || r.Table == nil {
		return nil
	}
	all := []uint32{r.Table.Storage}
	for _, x := range r.Table.Indexes {
		all = append(all, x.Storage)
	}
	return all
}

func (t *Txn) lockTable(ctx context.Context, r *catalog.Relation, mode table.TableLock) error {
	if t.e.o.Tables == nil {
		return nil
	}
	return t.tables().LockTable(ctx, r, mode, table.Block)
}

// buildError is how the statement that makes an index says that a key is there
// twice, and one that writes rows anew what is wrong with one of them.
func buildError(err error, r *catalog.Relation) error {
	var e *sqlerr.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlerr.CheckViolation:
		out := *e
		out.Message = "check constraint \"" + e.Constraint + "\" of relation \"" + r.Name + "\" is violated by some row"
		out.Detail = ""
		return &out
	case sqlerr.UniqueViolation:
		out := *e
		out.Message, out.Detail = "could not create unique index \""+e.Constraint+"\"", duplicated(e.Detail)
		return &out
	}
	return err
}

// duplicated: a key already exists for who inserts it, and is duplicated for who
// makes its index.
func duplicated(detail string) string {
	const was = " already exists."
	if n := len(detail) - len(was); n > 0 && detail[n:] == was {
		return detail[:n] + " is duplicated."
	}
	return detail
}

// restart gives a sequence that begins anew other storage, so that a rollback
// finds the old one as it was.
func (t *Txn) restart(r *catalog.Relation, at *int64) error {
	if at != nil {
		t.tables().Drop(r.Sequence.Storage)
		r.Sequence.Storage = 0
	}
	return nil
}

func (t *Txn) setRestarted(r *catalog.Relation, changes []plan.SequenceChange) error {
	for _, c := range changes {
		if c.New != nil && c.New.OID == r.OID && c.Restart != nil {
			return t.tables().SetValue(r, *c.Restart, false)
		}
	}
	return nil
}

// holdsLast refuses bounds of a sequence that its last value is not in.
func holdsLast(s *catalog.SequenceInfo, last int64) error {
	switch {
	case last < s.Min:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "RESTART value (%d) cannot be less than MINVALUE (%d)", last, s.Min)
	case last > s.Max:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "RESTART value (%d) cannot be greater than MAXVALUE (%d)", last, s.Max)
	}
	return nil
}

func (t *Txn) alterSequence(s *plan.AlterSequence) (Result, error) {
	res := Result{Tag: "ALTER SEQUENCE"}
	r := fresh(s.Relation)
	if s.Restart == nil {
		if err := holdsLast(r.Sequence, t.e.o.Tables.Sequence(s.Old).Last); err != nil {
			return res, err
		}
	}
	if err := t.restart(r, s.Restart); err != nil {
		return res, err
	}
	if err := t.change().AlterRelation(s.Old, r, catalog.TableChange{}); err != nil {
		return res, err
	}
	if s.Restart == nil {
		return res, nil
	}
	return res, t.tables().SetValue(r, *s.Restart, false)
}
