package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Txn is one transaction. DDL, START JOB and INSERT take effect at Commit, whole
// or not at all; until then only the transaction itself sees the catalog's
// change. It belongs to one goroutine.
type Txn struct {
	around  func(decide func() error) error // nil: nothing
	e       *Engine
	tx      *catalog.Tx         // nil: nothing has been changed
	writes  []*write            // rows for sinks
	changed bool                // jobs may have to start or stop
	jobs    []string            // those that the statements were about
	notices []*sqlerr.Error     // of COMMIT
	views   []*catalog.Relation // that COMMIT waits for
	started []string            // jobs that COMMIT waits for until they are open
	mixed   bool                // more was done than to make views
	passing bool                // all that tx has are streams found for reading, which do not stay
	done    bool

	tab         *table.Txn // nil: no table was read or changed
	isolation   table.Isolation
	pid         int32
	lockTimeout time.Duration
}

// Mark is a point of a transaction to go back to.
type Mark struct {
	catalog, writes int
	tables          table.Mark
}

// Result is what a statement without rows answers.
type Result struct {
	Tag     string // CREATE STREAM, INSERT 0 3, ...
	Notices []*sqlerr.Error
}

// Begin starts a transaction.
func (e *Engine) Begin() *Txn { return &Txn{e: e} }

// Snapshot is the catalog as this transaction sees it: as last committed, with
// its own changes.
func (t *Txn) Snapshot() *catalog.Snapshot {
	if t.tx == nil {
		return t.e.o.Catalog.Snapshot()
	}
	return t.tx.Snapshot()
}

// change returns the catalog's transaction, which the first change begins.
func (t *Txn) change() *catalog.Tx {
	if t.tx == nil {
		t.tx = t.e.o.Catalog.Begin()
	}
	t.passing = false
	return t.tx
}

// Mark names the present point, for RollbackTo.
func (t *Txn) Mark() Mark {
	m := Mark{writes: len(t.writes)}
	if t.tx != nil {
		m.catalog = t.tx.Mark()
	}
	if t.tab != nil {
		m.tables = t.tab.Mark()
	}
	return m
}

// RollbackTo takes back what was done since the mark.
func (t *Txn) RollbackTo(m Mark) {
	if t.tx != nil {
		t.tx.RollbackTo(m.catalog)
	}
	if t.tab != nil {
		t.tab.RollbackTo(m.tables)
	}
	for _, w := range t.writes[m.writes:] {
		w.rollback(t.e.ctx)
	}
	t.writes = t.writes[:m.writes]
}

// Exec runs a statement that returns no rows.
func (t *Txn) Exec(ctx context.Context, b *plan.Bound, env *function.Env) (Result, error) {
	if _, ok := b.Statement.(*plan.CreateMatView); !ok {
		t.mixed = true
	}
	switch s := b.Statement.(type) {
	case *plan.CreateStream:
		return t.createStream(ctx, s, b.Text, env)
	case *plan.CreateSink:
		return t.createSink(s)
	case *plan.CreateSchema:
		return t.createSchema(s)
	case *plan.CreateTable:
		return t.createTable(ctx, s)
	case *plan.CreateTableAs:
		return t.createTableAs(ctx, s, env)
	case *plan.CreateMatView:
		return t.createMatView(ctx, s, env)
	case *plan.RefreshMatView:
		return Result{Tag: "REFRESH MATERIALIZED VIEW"}, t.refresh(ctx, s, env)
	case *plan.CreateSequence:
		return t.createSequence(s)
	case *plan.AlterSequence:
		return t.alterSequence(s)
	case *plan.AlterTable:
		return t.alterTable(ctx, s, env)
	case *plan.Rename:
		return Result{Tag: s.Tag}, t.change().Rename(s.Relation, s.Index, catalog.Renaming{Schema: s.Schema, Name: s.Name, Query: s.Query, Views: s.Views})
	case *plan.CreateRole:
		return t.createRole(s, env)
	case *plan.AlterRole:
		return t.alterRole(s, env)
	case *plan.DropRoles:
		return t.dropRoles(s, env)
	case *plan.Grant:
		return t.grant(s, env)
	case *plan.GrantDefaults:
		return t.grantDefaults(s)
	case *plan.SchemaOwner:
		return Result{Tag: "ALTER SCHEMA"}, t.change().SetSchemaOwner(s.Schema, s.To)
	case *plan.ReassignOwned:
		return Result{Tag: "REASSIGN OWNED"}, t.change().ReassignOwned(s.Roles, s.To)
	case *plan.DropOwned:
		return t.dropOwned(ctx, s, env)
	case *plan.GrantRoles:
		return t.grantRoles(s, env)
	case *plan.CreateEnum:
		return t.createEnum(s, env)
	case *plan.AlterEnum:
		return t.alterEnum(s)
	case *plan.DropType:
		return t.dropType(ctx, s, env)
	case *plan.Truncate:
		return t.truncate(ctx, s, env)
	case *plan.Comment:
		return Result{Tag: "COMMENT"}, t.change().Comment(s.On, s.Text)
	case *plan.StartJob:
		notices, err := t.startJob(ctx, s, env)
		return Result{s.Tag(), notices}, err
	case *plan.AlterJob:
		return t.alterJob(ctx, s, env)
	case *plan.StateFile:
		return t.stateFile(ctx, s)
	case *plan.Drop:
		return t.drop(ctx, s, env)
	case *plan.Insert:
		return t.insert(ctx, s, env)
	case *plan.SelectInto:
		return t.selectInto(ctx, s, env)
	case *plan.LockTables:
		return t.lockTables(ctx, s)
	case *plan.Nothing:
		return Result{Tag: s.Tag}, nil
	}
	return Result{}, sqlerr.Errorf(sqlerr.InternalError, "%T is not a statement that the engine runs", b.Statement)
}

// Around has Commit take its decision within f, which calls it once, or returns an
// error without: then nothing has changed. What comes of the decision, such as jobs
// that start, is not within.
func (t *Txn) Around(f func(decide func() error) error) { t.around = f }

// Commit makes everything take effect: rows are prepared, the catalog changes,
// rows are delivered, jobs start and stop. Where it fails before the catalog has
// changed, nothing has.
func (t *Txn) Commit(ctx context.Context) error {
	if t.done {
		return nil
	}
	t.done = true
	if t.passing {
		t.tx = nil
	}
	if err := t.prepareWrites(ctx); err != nil {
		err = leftBehind(t.writes, err)
		t.undo()
		return err
	}
	if err := t.endTemporary(); err != nil {
		err = leftBehind(t.writes, err)
		t.undo()
		return err
	}
	decide := func() error { return t.commitTables(ctx) }
	if t.around != nil {
		inner := decide
		decide = func() error { return t.around(inner) }
	}
	if err := decide(); err != nil {
		err = leftBehind(t.writes, err)
		t.undo()
		return err
	}
	err := t.deliver(ctx)
	if t.changed {
		notices, rerr := t.e.reconcile(ctx, t.jobs...)
		t.notices = notices
		if rerr != nil && ctx.Err() != nil {
			// Whoever gave up waiting for a job's last epoch has cut the job
			// short. What was decided stays decided.
			t.e.log.Warn("a statement was cancelled while its jobs stopped", "error", rerr)
			rerr = nil
		}
		err = errors.Join(err, rerr)
	}
	if err != nil {
		return err
	}
	t.awaitOpened(ctx)
	return t.awaitViews(ctx)
}

// Notices are what is to be said of what Commit did: of jobs that have not ended as they
// should.
func (t *Txn) Notices() []*sqlerr.Error { return t.notices }

// changes notes jobs that may have to start or stop.
func (t *Txn) changes(jobs ...string) {
	t.changed = true
	t.jobs = append(t.jobs, jobs...)
}

func jobNames(jobs []*catalog.Job) []string {
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name)
	}
	return names
}

// Rollback leaves nothing. After Commit it does nothing.
func (t *Txn) Rollback() {
	if t.done {
		return
	}
	t.done = true
	t.undo()
}

func (t *Txn) undo() {
	if t.tab != nil {
		t.tab.Rollback()
	}
	for _, w := range t.writes {
		w.rollback(t.e.ctx)
	}
}

// Query starts a query; its plan runs as rows are asked for, and ends with the
// cursor's Close.
func (t *Txn) Query(ctx context.Context, q *plan.Query, env *function.Env) (*Cursor, error) {
	if err := t.lockTargets(ctx, q.Root); err != nil {
		return nil, err
	}
	b := t.builder(env)
	b.live = q.Live
	if !q.Live {
		if err := t.atOneCut(ctx, b, q.Root); err != nil {
			b.done()
			return nil, err
		}
	}
	if q.Live {
		latest, err := startsAtLatest(env)
		if err != nil {
			return nil, err
		}
		b.latest = latest
	}
	return t.e.query(b, q)
}

// startsAtLatest reads the setting ferris.start.
func startsAtLatest(env *function.Env) (bool, error) {
	if env.Session == nil {
		return false, nil
	}
	v, ok := env.Session.Setting("ferris.start")
	if !ok {
		return false, nil
	}
	switch fold(v) {
	case "", "earliest":
		return false, nil
	case "latest":
		return true, nil
	}
	return false, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"ferris.start\": %q", v).
		WithHint("Use earliest or latest.")
}

// failed names what went wrong after the point of no return.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
