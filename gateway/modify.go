package gateway

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// modify runs a statement that changes tables, to its end.
func (x *session) modify(ctx context.Context, b *plan.Bound, s *plan.Modification, params []types.Value, ready *exec.Ready) (*outcome, error) {
	if err := x.mayWrite(s.Word, s.Target()); err != nil {
		return nil, err
	}
	engine := x.begin()
	x.prepareEngine(engine)
	x.txn.queried = true
	tag, rows, err := engine.Modify(ctx, s, x.env(ctx, engine.Snapshot(), params), ready)
	if err != nil {
		return nil, err
	}
	o := &outcome{fields: b.Fields, tag: tag}
	if rows != nil {
		o.rows = &cursorRows{cursor: rows}
	}
	return o, nil
}

// prepareEngine tells the engine what of the session a transaction that reads and
// locks tables goes by.
func (x *session) prepareEngine(engine Txn) {
	engine.SetIsolation(x.isolation())
	engine.SetSession(x.pid, x.settings.current.lockTimeout)
}

// isolation is the transaction's level, as SHOW prints it.
func (x *session) isolation() string {
	level, _ := x.txn.mode(&x.settings, "transaction_isolation")
	return level
}

// mayWrite refuses a change in a read-only transaction. A temporary table may be
// changed all the same.
func (x *session) mayWrite(word string, target *catalog.Relation) error {
	on, _ := x.txn.mode(&x.settings, "transaction_read_only")
	if on != "on" || target != nil && catalog.Temporary(target.Schema) {
		return nil
	}
	return sqlerr.Errorf(sqlerr.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", word)
}

// locksRows is the first lock that a query takes on rows; "": it takes none.
func locksRows(n plan.Node) string {
	word := ""
	plan.WalkNode(n, func(n plan.Node) bool {
		if l, ok := n.(*plan.LockRows); ok && word == "" {
			word = "SELECT " + l.Locks[0].Strength.String()
		}
		return word == ""
	})
	return word
}
