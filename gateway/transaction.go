package gateway

import (
	"context"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// transaction is where a session stands. Without a block every statement, or
// every Query string, or every run of extended messages up to Sync, is a
// transaction of its own.
type transaction struct {
	engine   Txn  // nil: none begun, or rolled back by a failure
	block    bool // BEGIN was said
	implicit bool // a Query string of several statements
	failed   bool // in a block: nothing but its end is accepted
	started  bool
	queried  bool // a statement other than SET and the like has run
	start    time.Time
	before   settingsMark
	saves    []savepoint

	isolation, readOnly, deferrable string // "": the default_transaction_ setting
}

type savepoint struct {
	name      string
	mark      int
	settings  settingsMark
	announced announced
}

// open reports whether a transaction stays open between messages.
func (t *transaction) open() bool { return t.block }

// inBlock reports whether SET LOCAL, DECLARE and their like last beyond their
// own statement.
func (t *transaction) inBlock() bool { return t.block || t.implicit }

// status is ReadyForQuery's byte.
func (t *transaction) status() byte {
	switch {
	case t.failed:
		return 'E'
	case t.block:
		return 'T'
	}
	return 'I'
}

var defaultOfMode = map[int]int{idxIsolation: idxDefIsolation, idxReadOnly: idxDefReadOnly, idxDeferrable: idxDefDeferrable}

// mode returns transaction_isolation and its like, which belong to the
// transaction and not to the settings.
func (t *transaction) mode(s *sessionSettings, key string) (string, bool) {
	var own string
	var i int
	switch key {
	case "transaction_isolation":
		own, i = t.isolation, idxDefIsolation
	case "transaction_read_only":
		own, i = t.readOnly, idxDefReadOnly
	case "transaction_deferrable":
		own, i = t.deferrable, idxDefDeferrable
	default:
		return "", false
	}
	if own == "" {
		own = s.current.fixed[i]
	}
	return own, true
}

// begin makes sure that a transaction is under way.
func (x *session) begin() Txn {
	t := &x.txn
	if !t.started {
		t.started = true
		t.start = x.now
		t.before = x.settings.mark()
	}
	if t.engine == nil {
		t.engine = x.server.opts.Engine.Begin()
	}
	return t.engine
}

// commit ends the transaction, block or not, with everything it did.
func (x *session) commit(ctx context.Context) error {
	t := &x.txn
	if err := x.holdPortals(ctx); err != nil {
		return err
	}
	x.dropPortals(func(p *portal) bool { return !p.held })
	err := x.decide(ctx, t.engine)
	if t.engine != nil {
		x.notices(t.engine.Notices())
	}
	if err != nil {
		return err
	}
	x.announced.rollbackTo(announced{})
	x.endAdvisory(0)
	x.settings.commit()
	*t = transaction{saves: t.saves[:0]}
	return nil
}

// rollback ends the transaction with nothing of it done.
func (x *session) rollback() {
	t := &x.txn
	x.dropPortals(func(p *portal) bool { return !p.held })
	if t.engine != nil {
		t.engine.Rollback()
	}
	x.announced.rollbackTo(announced{})
	x.endAdvisory(0)
	if t.started {
		x.settings.rollback(t.before)
	}
	*t = transaction{saves: t.saves[:0]}
}

// abort is what an error does: outside a block the transaction is gone, inside
// it has failed, and what was done since the last savepoint with it.
func (x *session) abort() {
	t := &x.txn
	if !t.block {
		x.rollback()
		return
	}
	if t.failed {
		return
	}
	t.failed = true
	level := len(t.saves)
	x.server.advisory.endTxn(&x.advisory, level)
	if level == 0 {
		x.dropPortals(func(p *portal) bool { return !p.held })
		if t.engine != nil {
			t.engine.Rollback()
			t.engine = nil
		}
		x.settings.rollback(t.before)
		return
	}
	x.dropPortals(func(p *portal) bool { return !p.held && p.level >= level })
	x.settings.rollback(t.saves[level-1].settings)
}

func errAborted() error {
	return sqlerr.Errorf(sqlerr.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")
}

// transactionStatement runs BEGIN, COMMIT and their like and returns the tag.
func (x *session) transactionStatement(ctx context.Context, s *plan.Transaction) (string, error) {
	switch s.Kind {
	case plan.TxnBegin:
		return x.beginBlock(s)
	case plan.TxnCommit:
		return x.commitBlock(ctx, s)
	case plan.TxnRollback:
		return x.rollbackBlock(s)
	case plan.TxnSavepoint:
		return "SAVEPOINT", x.savepoint(s.Name)
	case plan.TxnRelease:
		return "RELEASE", x.release(s.Name)
	default:
		return "ROLLBACK", x.rollbackTo(s.Name)
	}
}

func (x *session) beginBlock(s *plan.Transaction) (string, error) {
	tag := "BEGIN"
	if strings.HasPrefix(strings.ToUpper(s.Word), "START") {
		tag = "START TRANSACTION"
	}
	if x.txn.block {
		x.warn(sqlerr.ActiveSQLTransaction, "there is already a transaction in progress")
		return tag, nil
	}
	x.begin()
	if err := x.setModes(s.Modes); err != nil {
		return "", err
	}
	x.txn.block = true
	return tag, nil
}

func (x *session) setModes(modes map[string]string) error {
	for _, key := range []string{"transaction_isolation", "transaction_read_only", "transaction_deferrable"} {
		if v, ok := modes[key]; ok {
			if err := x.setTransactionMode(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// setTransactionMode is SET TRANSACTION, one mode of it. Reads see committed
// data at every level, each statement its own snapshot of it.
func (x *session) setTransactionMode(key, value string) error {
	i, err := find(key)
	if err != nil {
		return err
	}
	v, err := settingsTable[i].canonical(value)
	if err != nil {
		return err
	}
	if x.txn.queried {
		was, _ := x.txn.mode(&x.settings, key)
		switch {
		case i == idxIsolation && v != was:
			return sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
		case i == idxReadOnly && v == "off" && was == "on":
			return sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "transaction read-write mode must be set before any query")
		case i == idxDeferrable && v != was:
			return sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
		}
	}
	switch i {
	case idxIsolation:
		x.txn.isolation = v
	case idxReadOnly:
		x.txn.readOnly = v
	default:
		x.txn.deferrable = v
	}
	return nil
}

func (x *session) commitBlock(ctx context.Context, s *plan.Transaction) (string, error) {
	if x.txn.failed {
		return "ROLLBACK", x.endBlock(s, x.rollback)
	}
	if !x.txn.block {
		if s.Chain {
			return "", sqlerr.Errorf(sqlerr.NoActiveSQLTransaction, "COMMIT AND CHAIN can only be used in transaction blocks")
		}
		x.warn(sqlerr.NoActiveSQLTransaction, "there is no transaction in progress")
	}
	var err error
	chained := x.endBlock(s, func() { err = x.commit(ctx) })
	if err != nil {
		// A commit that fails leaves no block behind.
		x.txn.block = false
		return "", err
	}
	return "COMMIT", chained
}

func (x *session) rollbackBlock(s *plan.Transaction) (string, error) {
	if !x.txn.block {
		if s.Chain {
			return "", sqlerr.Errorf(sqlerr.NoActiveSQLTransaction, "ROLLBACK AND CHAIN can only be used in transaction blocks")
		}
		x.warn(sqlerr.NoActiveSQLTransaction, "there is no transaction in progress")
	}
	return "ROLLBACK", x.endBlock(s, x.rollback)
}

// endBlock ends the block and, for AND CHAIN, begins one with the same modes.
func (x *session) endBlock(s *plan.Transaction, end func()) error {
	was := x.txn
	end()
	if !s.Chain || x.txn.block {
		return nil
	}
	x.begin()
	x.txn.block = true
	x.txn.isolation, x.txn.readOnly, x.txn.deferrable = was.isolation, was.readOnly, was.deferrable
	return nil
}

func (x *session) savepoint(name string) error {
	if !x.txn.block {
		return errNeedsBlock("SAVEPOINT")
	}
	engine := x.begin()
	x.txn.saves = append(x.txn.saves, savepoint{name: name, mark: engine.Mark(), settings: x.settings.mark(), announced: x.announced.mark()})
	x.server.advisory.setLevel(&x.advisory, len(x.txn.saves))
	return nil
}

func errNeedsBlock(what string) error {
	return sqlerr.Errorf(sqlerr.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
}

// findSave returns the innermost savepoint of that name.
func (x *session) findSave(name string) (int, error) {
	for i := len(x.txn.saves) - 1; i >= 0; i-- {
		if x.txn.saves[i].name == name {
			return i, nil
		}
	}
	return 0, sqlerr.Errorf(sqlerr.InvalidSavepointSpecification, "savepoint %q does not exist", name)
}

func (x *session) release(name string) error {
	if !x.txn.block {
		return errNeedsBlock("RELEASE SAVEPOINT")
	}
	i, err := x.findSave(name)
	if err != nil {
		return err
	}
	x.txn.saves = x.txn.saves[:i]
	x.server.advisory.setLevel(&x.advisory, i)
	for _, p := range x.portals {
		p.level = min(p.level, i)
	}
	return nil
}

func (x *session) rollbackTo(name string) error {
	if !x.txn.block {
		return errNeedsBlock("ROLLBACK TO SAVEPOINT")
	}
	i, err := x.findSave(name)
	if err != nil {
		return err
	}
	s := x.txn.saves[i]
	x.dropPortals(func(p *portal) bool { return !p.held && p.level > i })
	x.txn.engine.RollbackTo(s.mark)
	x.settings.rollback(s.settings)
	x.announced.rollbackTo(s.announced)
	x.endAdvisory(i + 1)
	// The savepoint itself stays.
	x.txn.saves = x.txn.saves[:i+1]
	x.txn.failed = false
	return nil
}
