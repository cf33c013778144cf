package exec

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
)

// tableView is what one statement sees of the tables: the rows as they stood when
// the statement began, its transaction's own changes included. The builders of a
// statement share it.
type tableView struct {
	txn  *Txn // nil: outside a transaction, as a job is
	snap *table.Snapshot
	// latest: what is read is what is committed last and the transaction's own, whatever
	// its snapshot: ALTER TABLE and CREATE INDEX have to take every row along.
	latest bool
	// must are the WITH queries that change tables: they run whoever reads them.
	must []*cte
	// foreign are what its changes mean to foreign keys, in the order of the
	// statement's parts.
	foreign []*foreignKeys
}

// settleForeign does what follows from a statement's changes.
func (v *tableView) settleForeign(ctx context.Context) error {
	for _, f := range v.foreign {
		if err := f.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// snapshot returns the statement's snapshot, which the first asks for.
func (v *tableView) snapshot(e *Engine) (*table.Snapshot, error) {
	if v.snap != nil {
		return v.snap, nil
	}
	if e.o.Tables == nil {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "the engine has no tables")
	}
	if v.txn == nil {
		v.snap = e.o.Tables.Latest()
		return v.snap, nil
	}
	v.snap = v.txn.tables().Statement()
	return v.snap, nil
}

// Sees reports whether an index has every row of its table that the transaction's
// snapshot has: one that was made since has them in newer versions alone.
func (t *Txn) Sees(r *catalog.Relation, x *catalog.Index) bool {
	return t.tab == nil || t.tab.Sees(table.Describe(r), x)
}

// close lets go of what the statement reads.
func (v *tableView) close() {
	if v.snap != nil {
		v.snap.Close()
		v.snap = nil
	}
}

// done gives back what a statement holds.
func (b *builder) done() {
	b.view.close()
	b.account.Close()
}

// tables is the transaction's part in the tables, which the first statement that
// reads or changes one begins.
func (t *Txn) tables() *table.Txn {
	if t.tab == nil {
		t.tab = t.e.o.Tables.Begin()
		t.tab.Isolation(t.isolation)
		t.tab.SetProcess(t.pid)
		t.tab.SetLabels(func(oid types.OID) *types.Enum { return t.Snapshot().EnumLabels(oid, nil) })
		t.tab.SetLockTimeout(t.lockTimeout)
	}
	return t.tab
}

// SetSession tells the transaction whose it is, for the detail of a deadlock, and
// how long each wait for a lock may take from here on; 0: as long as it does.
func (t *Txn) SetSession(pid int32, lockTimeout time.Duration) {
	t.pid, t.lockTimeout = pid, lockTimeout
	if t.tab != nil {
		t.tab.SetLockTimeout(lockTimeout)
	}
}

// commitTables commits what was written to tables and to the catalog, as one.
func (t *Txn) commitTables(ctx context.Context) error {
	if t.e.o.Tables == nil {
		if t.tx == nil {
			return nil
		}
		return t.tx.Commit()
	}
	var join table.Join
	if t.tx != nil {
		j, err := t.tx.Join()
		if err != nil {
			return err
		}
		if j != nil {
			join = j
		}
	}
	if t.tab == nil && join == nil {
		return nil
	}
	return t.tables().Commit(ctx, join)
}

// SetIsolation sets the level of a transaction that has run no query yet, by the
// name that transaction_isolation has for it.
func (t *Txn) SetIsolation(level string) {
	if t.tab != nil {
		return
	}
	switch level {
	case "repeatable read":
		t.isolation = table.RepeatableRead
	case "serializable":
		t.isolation = table.Serializable
	default:
		t.isolation = table.ReadCommitted
	}
}
