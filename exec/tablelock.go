package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// lockTargets locks the tables that a statement changes, before it looks at
// anything: an index that is being built, or an ALTER, waits for it or is waited
// for.
func (t *Txn) lockTargets(ctx context.Context, s *plan.Modification) (err error) {
	plan.WalkAll(s.Root, func(n plan.Node) {
		m, ok := n.(*plan.Modify)
		if !ok || err != nil {
			return
		}
		err = t.lockTarget(ctx, m)
	})
	return err
}

func (t *Txn) lockTarget(ctx context.Context, m *plan.Modify) error {
	if err := t.lockTable(ctx, m.Target, table.RowExclusive); err != nil {
		return err
	}
	if err := t.sameForeign(m); err != nil {
		return err
	}
	return t.asPlanned(m.Target)
}

// sameForeign refuses a table that another transaction has given a foreign key, or
// one that references it, since the statement was planned.
func (t *Txn) sameForeign(m *plan.Modify) error {
	now := t.e.o.Catalog.Snapshot()
	if now == t.Snapshot() || m.Target.Kind != catalog.Table {
		return nil
	}
	r := now.RelationByOID(m.Target.OID)
	if r == nil {
		return nil // made, or dropped, by this transaction itself
	}
	known := m.Foreign.OIDs()
	check := func(k *catalog.ForeignKey) error {
		if known[uint32(k.OID)] || t.tx != nil && t.tx.Knew(k.OID) {
			return nil
		}
		return altered(m.Target)
	}
	for i := range r.Table.Foreign {
		if err := check(&r.Table.Foreign[i]); err != nil {
			return err
		}
	}
	for _, k := range now.References(r.OID) {
		if err := check(k.Key); err != nil {
			return err
		}
	}
	return nil
}

// altered is the error of a statement that was planned for a table as it is no more.
func altered(r *catalog.Relation) error {
	return sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access due to concurrent update").
		WithDetail("Table \"%s\" was altered while the statement waited for its lock.", r.Name).
		WithHint("Run the statement again.")
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
