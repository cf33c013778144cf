package exec

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// lockTargets locks the tables that a statement changes or locks rows of, before it
// looks at anything: an index that is being built, or an ALTER, waits for it or is
// waited for.
func (t *Txn) lockTargets(ctx context.Context, root plan.Node) (err error) {
	plan.WalkAll(root, func(n plan.Node) {
		if err != nil {
			return
		}
		switch n := n.(type) {
		case *plan.Modify:
			err = t.lockTarget(ctx, n)
		case *plan.LockRows:
			err = t.lockShared(ctx, n)
		}
	})
	return err
}

// lockShared is what FOR UPDATE and its like take of the tables whose rows they lock.
func (t *Txn) lockShared(ctx context.Context, n *plan.LockRows) error {
	t.seesBefore()
	for i := range n.Locks {
		if err := t.lockTable(ctx, n.Locks[i].Target, table.RowShare); err != nil {
			return err
		}
		if err := t.asPlanned(n.Locks[i].Target); err != nil {
			return err
		}
	}
	return nil
}

// seesBefore takes the snapshot of a transaction that has one alone: it sees what was
// committed before it waits for a lock.
func (t *Txn) seesBefore() {
	if t.isolation != table.ReadCommitted {
		t.tables().Statement().Close()
	}
}

func (t *Txn) lockTarget(ctx context.Context, m *plan.Modify) error {
	t.seesBefore()
	if err := t.lockTable(ctx, m.Target, table.RowExclusive); err != nil {
		return err
	}
	planned := plan.ForeignTable{Relation: m.Target}
	if m.Foreign != nil {
		planned = m.Foreign.Tables[0]
	}
	if err := t.sameForeign(&planned); err != nil {
		return err
	}
	return t.asPlanned(m.Target)
}

// sameForeign refuses to change a table that another transaction has given a foreign
// key, or one that references it, since the statement was planned. Either makes the
// table another in the catalog.
func (t *Txn) sameForeign(planned *plan.ForeignTable) error {
	now := t.e.o.Catalog.Snapshot()
	r := now.RelationByOID(planned.Relation.OID)
	if r == nil || r == planned.Relation || r.Kind != catalog.Table {
		return nil // nil: made, or dropped, by this transaction itself, or asPlanned refuses it
	}
	strange := func(k *catalog.ForeignKey) bool {
		return !planned.Knows(k.OID) && (t.tx == nil || !t.tx.Knew(k.OID))
	}
	for i := range r.Table.Foreign {
		if strange(&r.Table.Foreign[i]) {
			return altered(r)
		}
	}
	if slices.ContainsFunc(now.References(r.OID), func(k catalog.Reference) bool { return strange(k.Key) }) {
		return altered(r)
	}
	return nil
}

// Altered is the error of a statement that was planned for a table as it is no more.
// Nothing of it has been done, so it can be planned and run again in its transaction,
// which has the lock now.
type Altered struct{ err *sqlerr.Error }

func (e *Altered) Error() string { return e.err.Error() }

// Unwrap gives the error that a client sees.
func (e *Altered) Unwrap() error { return e.err }

func altered(r *catalog.Relation) error {
	return &Altered{sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access due to concurrent update").
		WithDetail("Table \"%s\" was altered while the statement waited for its lock.", r.Name).
		WithHint("Run the statement again.")}
}

// asPlanned refuses a table that another transaction has altered since the
// statement was planned, while its lock was waited for.
func (t *Txn) asPlanned(r *catalog.Relation) error {
	if t.tx != nil {
		return nil // COMMIT finds what another has made impossible
	}
	now := t.e.o.Catalog.Snapshot().RelationByOID(r.OID)
	switch {
	case now == nil:
		return sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", r.Name)
	case now.Table == nil || r.Table == nil:
	case now.Table.Storage != r.Table.Storage || len(now.Table.Indexes) != len(r.Table.Indexes) ||
		len(now.Columns) != len(r.Columns) || len(now.Table.Checks) != len(r.Table.Checks):
		return altered(r)
	}
	return nil
}

// lockTables runs LOCK TABLE. What is no table cannot change under anybody, and
// has no lock.
func (t *Txn) lockTables(ctx context.Context, s *plan.LockTables) (Result, error) {
	policy := table.Block
	if s.NoWait {
		policy = table.NoWait
	}
	for _, r := range s.Relations {
		if !r.Stored() || t.e.o.Tables == nil {
			continue
		}
		if err := t.tables().LockTable(ctx, r, table.TableLock(s.Mode-1), policy); err != nil {
			return Result{}, err
		}
	}
	return Result{Tag: "LOCK TABLE"}, nil
}
