package gateway

import (
	"context"
	"errors"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// outcome is what is left to send when a statement has run, or has begun to
// return rows.
type outcome struct {
	fields  []plan.Field
	rows    *cursorRows // nil: none
	word    string      // of the tag, where rows are counted: SELECT
	counted int64       // rows counted already
	tag     string      // the whole tag, where they are not
	copy    *plan.Copy  // rows go out as COPY data
	enc     *rowEncoder // for rows; nil: to be made
	empty   bool        // EmptyQueryResponse
}

// plan binds a statement in the session's transaction. params are the types
// that the client gave; nil: there can be no parameters.
func (x *session) plan(ctx context.Context, st parse.Statement, params []types.OID) (*plan.Bound, error) {
	if x.txn.failed {
		return x.planFailed(ctx, st)
	}
	b, err := x.planOnce(ctx, st, params)
	for seen := map[string]bool{}; err != nil; {
		var missing *bind.Undiscovered
		if !errors.As(err, &missing) {
			break
		}
		at := strings.Join(missing.Schemas, "\x00") + "\x00" + missing.Name // one name may be of several schemas
		if seen[at] {
			break
		}
		seen[at] = true
		if err = x.discover(ctx, missing, err); err == nil {
			b, err = x.planOnce(ctx, st, params)
		}
	}
	if err == nil && ctx.Err() != nil {
		// What the planner computes ahead it gives up where that fails, and the
		// plan is none the worse; but whoever cancelled it means the statement.
		return nil, context.Cause(ctx)
	}
	return b, err
}

func (x *session) planOnce(ctx context.Context, st parse.Statement, params []types.OID) (*plan.Bound, error) {
	c := x.bindContext(ctx, x.begin().Snapshot(), params)
	c.NoParams = params == nil
	return x.server.opts.Planner.Plan(ctx, c, st)
}

// planFailed binds in a failed transaction, where only its end is accepted: any
// other statement is 25P02, even one that could not be bound.
func (x *session) planFailed(ctx context.Context, st parse.Statement) (*plan.Bound, error) {
	engine := x.server.opts.Engine.Begin()
	defer engine.Rollback()
	c := x.bindContext(ctx, engine.Snapshot(), nil)
	c.Infer = func(context.Context, *catalog.Relation) ([]catalog.Column, error) { return nil, errAborted() }
	b, err := x.server.opts.Planner.Plan(ctx, c, st)
	if err != nil || !b.Ends && !isEmpty(b) {
		return nil, errAborted()
	}
	return b, nil
}

func isEmpty(b *plan.Bound) bool {
	_, ok := b.Statement.(*plan.Empty)
	return ok
}

func (x *session) bindContext(ctx context.Context, snapshot *catalog.Snapshot, params []types.OID) *bind.Context {
	env := x.env(ctx, snapshot, nil)
	c := x.server.opts.Bind
	c.Catalog, c.SearchPath, c.User, c.Database = snapshot, env.SearchPath, env.User, x.database
	c.SessionUser = env.SessionUser
	c.TempSchema = catalog.TempSchema(x.pid)
	c.Settings, c.Format, c.ParamTypes = x.show, env.Format, params
	if engine := x.txn.engine; engine != nil {
		c.Sees = engine.Sees
	}
	c.CursorFields = func(name string) ([]plan.Field, bool) {
		p := x.portals[name]
		if p == nil {
			return nil, false
		}
		return p.fields(), true
	}
	c.Prepared = func(name string) *plan.Bound {
		p := x.prepared[name]
		if p == nil {
			return nil
		}
		if err := x.refresh(ctx, p); err != nil {
			// What it is now bound to is what EXECUTE will say is wrong.
			return p.bound
		}
		return p.bound
	}
	if eval := x.server.opts.Eval; eval != nil {
		c.Eval = func(e plan.Expr) (types.Value, error) { return eval(e, env) }
	}
	return &c
}

// env is what a statement's expressions may know.
func (x *session) env(ctx context.Context, snapshot *catalog.Snapshot, params []types.Value) *function.Env {
	f := *x.format()
	if x.txn.started {
		f.Now = pgMicros(x.txn.start)
	} else {
		f.Now = pgMicros(x.now)
	}
	var sequences function.Sequences
	if x.txn.engine != nil {
		sequences = x.txn.engine.Sequences()
	}
	return &function.Env{
		Sequences: sequences, Taken: &x.taken,
		Context: ctx, Catalog: snapshot, Format: &f, SearchPath: x.searchPath(snapshot),
		User: x.settings.current.currentUser(), SessionUser: x.settings.current.sessionUser(), Database: x.database, Params: params,
		Show: func(r *catalog.Relation, text string, pretty bool) string {
			return bind.Deparse(ctx, x.bindContext(ctx, snapshot, nil), text, r, pretty)
		},
		Updatable:       func(r *catalog.Relation) []bool { return bind.Updatable(ctx, x.bindContext(ctx, snapshot, nil), r) },
		Statements:      bind.Stated(func() (context.Context, *bind.Context) { return ctx, x.bindContext(ctx, snapshot, nil) }),
		TransactionTime: f.Now, StatementTime: pgMicros(x.now), Session: x, Random: &x.random, MemoryLimit: x.server.opts.QueryMemory,
	}
}

// mostReplans bounds how often a statement is planned anew: each time it has the lock
// of one more table that others alter.
const mostReplans = 16

// runAsAltered runs a bound statement. One that waited for a table which another
// transaction has altered goes on with the table as it is then, by a plan of again.
func (x *session) runAsAltered(ctx context.Context, b *plan.Bound, params []types.Value, ready *exec.Ready, again func(context.Context) (*plan.Bound, error)) (*outcome, error) {
	o, err := x.runStatement(ctx, b, params, ready)
	for range mostReplans {
		var altered *exec.Altered
		if !errors.As(err, &altered) {
			break
		}
		next, perr := again(ctx)
		if perr != nil {
			return nil, perr
		}
		o, err = x.runStatement(ctx, next, params, nil)
	}
	return o, err
}

// planText plans a text of one statement, whose parameters have the types given.
func (x *session) planText(ctx context.Context, text string, params []types.Type) (*plan.Bound, error) {
	statements, err := x.server.opts.Planner.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(statements) != 1 {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "a statement's text holds %d", len(statements))
	}
	oids := make([]types.OID, len(params))
	for i, t := range params {
		oids[i] = t.OID
	}
	return x.plan(ctx, statements[0], oids)
}

// runStatement runs a bound statement up to where its rows begin. ready keeps it
// compiled; nil: it is compiled for this run alone.
func (x *session) runStatement(ctx context.Context, b *plan.Bound, params []types.Value, ready *exec.Ready) (*outcome, error) {
	if x.txn.failed && !b.Ends && !isEmpty(b) {
		return nil, errAborted()
	}
	x.server.counters.Queries.Add(1)
	if len(b.Views) > 0 {
		x.notices(x.begin().Stale(x.settings.current.currentUser(), b.Views))
	}
	switch s := b.Statement.(type) {
	case *plan.Empty:
		return &outcome{empty: true}, nil
	case *plan.LockTables:
		if !x.txn.inBlock() {
			return nil, errNeedsBlock("LOCK TABLE")
		}
	case *plan.Nothing:
		return &outcome{tag: s.Tag}, x.blockRule(s)
	case *plan.Modification:
		return x.modify(ctx, b, s, params, ready)
	case *plan.CopyFrom:
		return x.copyIn(ctx, s, params)
	case *plan.Query:
		rows, err := x.query(ctx, s, params, ready)
		return &outcome{fields: b.Fields, rows: rows, word: "SELECT"}, err
	case *plan.Transaction:
		tag, err := x.transactionStatement(ctx, s)
		return &outcome{tag: tag}, err
	case *plan.SetVariable:
		return &outcome{tag: "SET"}, x.setStatement(s)
	case *plan.ResetVariable:
		return &outcome{tag: "RESET"}, x.resetVariable(s.Name, false)
	case *plan.ShowVariable:
		return x.showStatement(s)
	case *plan.ShowTopics:
		return x.showTopics(ctx, s)
	case *plan.Listen:
		tag, err := x.listenStatement(s)
		return &outcome{tag: tag}, err
	case *plan.Notify:
		x.begin()
		return &outcome{tag: "NOTIFY"}, x.Notify(s.Channel, s.Payload)
	case *plan.Discard:
		return x.discard(ctx, s)
	case *plan.Explain:
		return x.explainStatement(ctx, s, params)
	case *plan.Prepare:
		return &outcome{tag: "PREPARE"}, x.prepareStatement(s)
	case *plan.Execute:
		return x.executeStatement(ctx, s, params)
	case *plan.Deallocate:
		return x.deallocate(s)
	case *plan.DeclareCursor:
		return &outcome{tag: "DECLARE CURSOR"}, x.declare(ctx, s, params)
	case *plan.Fetch:
		return x.fetch(ctx, s)
	case *plan.ClosePortal:
		return x.closeCursor(s)
	case *plan.Copy:
		return x.copyStatement(ctx, s, params)
	}
	return x.execStatement(ctx, b, params)
}

// query starts a query.
func (x *session) query(ctx context.Context, q *plan.Query, params []types.Value, ready *exec.Ready) (*cursorRows, error) {
	engine := x.begin()
	if s := x.txn.readOnly; s == "on" || s == "" && x.settings.current.fixed[idxDefReadOnly] == "on" {
		if word := locksRows(q.Root); word != "" {
			return nil, x.mayWrite(word, nil)
		}
	}
	x.prepareEngine(engine)
	x.txn.queried = true
	if rows := x.literal.rows(q); rows != nil {
		return rows, nil
	}
	cursor, err := engine.Query(ctx, q, x.env(ctx, engine.Snapshot(), params), ready)
	if err != nil {
		return nil, err
	}
	if ready.Has(q) {
		return &cursorRows{cursor: cursor, instant: true}, nil
	}
	limit, limited := q.Root.(*plan.Limit)
	return &cursorRows{cursor: cursor, live: q.Live, endless: q.Live && !(limited && limit.Count != nil)}, nil
}

// execStatement runs a statement that is the engine's: DDL, INSERT, jobs.
func (x *session) execStatement(ctx context.Context, b *plan.Bound, params []types.Value) (*outcome, error) {
	_, locks := b.Statement.(*plan.LockTables)
	if on, _ := x.txn.mode(&x.settings, "transaction_read_only"); on == "on" && !locks {
		return nil, sqlerr.Errorf(sqlerr.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", statementWord(b))
	}
	if b.Alone != "" && x.txn.inBlock() {
		return nil, sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "%s cannot run inside a transaction block", b.Alone)
	}
	engine := x.begin()
	x.prepareEngine(engine)
	x.txn.queried = true
	r, err := engine.Exec(ctx, b, x.env(ctx, engine.Snapshot(), params))
	x.notices(r.Notices)
	if err != nil {
		return nil, err
	}
	return &outcome{tag: r.Tag}, nil
}

// statementWord names a statement as its tag does.
func statementWord(b *plan.Bound) string {
	switch s := b.Statement.(type) {
	case *plan.Insert:
		return "INSERT"
	case *plan.SelectInto:
		return "SELECT INTO"
	case *plan.CreateStream:
		return "CREATE STREAM"
	case *plan.CreateSink:
		return "CREATE SINK"
	case *plan.CreateSchema:
		return "CREATE SCHEMA"
	case *plan.CreateTable:
		return "CREATE TABLE"
	case *plan.CreateTableAs:
		return "CREATE TABLE AS"
	case *plan.CreateSequence:
		return "CREATE SEQUENCE"
	case *plan.StartJob:
		return s.Tag()
	case *plan.AlterJob:
		return string(s.Action) + " JOB"
	case *plan.StateFile:
		if s.Import {
			return "IMPORT STATE"
		}
		return "EXPORT STATE"
	case *plan.Drop:
		return "DROP " + s.What
	}
	word, _, _ := strings.Cut(strings.TrimSpace(b.Text), " ")
	return strings.ToUpper(word)
}

func (x *session) showStatement(s *plan.ShowVariable) (*outcome, error) {
	rows := &lines{}
	if strings.EqualFold(s.Name, "all") {
		rows.rows, rows.width = x.showRows(), 3
	} else {
		v, ok := x.show(s.Name)
		if !ok {
			return nil, unknownShown(s.Name)
		}
		rows.rows, rows.width = [][]string{{v}}, 1
	}
	return &outcome{fields: showFields(s), rows: &cursorRows{cursor: rows}, tag: "SHOW"}, nil
}

func showFields(s *plan.ShowVariable) []plan.Field {
	if strings.EqualFold(s.Name, "all") {
		return textFields("name", "setting", "description")
	}
	if i, ok := settingIndex[settingName(s.Name)]; ok {
		return textFields(settingsTable[i].name)
	}
	return textFields(strings.ToLower(s.Name))
}

func (x *session) explainStatement(ctx context.Context, s *plan.Explain, params []types.Value) (*outcome, error) {
	if e, ok := s.Target.Statement.(*plan.Execute); ok {
		bound, args, err := x.executed(ctx, e, params)
		if err != nil {
			return nil, err
		}
		of := *s
		of.Target = bound
		s, params = &of, args
	}
	engine := x.begin()
	x.txn.queried = true
	if m, ok := s.Target.Statement.(*plan.Modification); ok && s.Analyze {
		if err := x.mayWrite(m.Word, m.Target()); err != nil {
			return nil, err
		}
	}
	x.prepareEngine(engine)
	text, err := engine.Explain(ctx, s, x.env(ctx, engine.Snapshot(), params))
	if err != nil {
		return nil, err
	}
	rows := &lines{width: 1}
	for _, l := range text {
		rows.rows = append(rows.rows, []string{l})
	}
	return &outcome{fields: explainFields(s), rows: &cursorRows{cursor: rows}, tag: "EXPLAIN"}, nil
}

func explainFields(s *plan.Explain) []plan.Field {
	return []plan.Field{s.Field()}
}

// blockRule holds a statement to where it may stand.
func (x *session) blockRule(s *plan.Nothing) error {
	name := s.Tag
	if s.Name != "" {
		name = s.Name
	}
	switch {
	case s.Block == plan.BlockRefused && x.txn.inBlock():
		return sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "%s cannot run inside a transaction block", name)
	case s.Block == plan.BlockNeeded && !x.txn.inBlock():
		return errNeedsBlock(s.Tag)
	case s.Block == plan.BlockWanted && !x.txn.inBlock():
		x.warn(sqlerr.NoActiveSQLTransaction, "%s can only be used in transaction blocks", s.Tag)
	}
	return nil
}

func (x *session) discard(ctx context.Context, s *plan.Discard) (*outcome, error) {
	what := strings.ToUpper(s.What)
	if what == "ALL" {
		if x.txn.inBlock() {
			return nil, sqlerr.Errorf(sqlerr.ActiveSQLTransaction, "DISCARD ALL cannot run inside a transaction block")
		}
		x.dropPortals(func(p *portal) bool { return p.sql })
		clear(x.prepared)
		x.listenTo(plan.Listen{Stop: true})
		x.UnlockAllAdvisory()
		if err := x.setAuthorization(x.user, false); err != nil {
			return nil, err
		}
		if err := x.resetVariable("all", false); err != nil {
			return nil, err
		}
	}
	if what == "ALL" || strings.HasPrefix(what, "TEMP") {
		if err := x.dropTemp(ctx); err != nil {
			return nil, err
		}
	}
	if what == "ALL" || what == "SEQUENCES" {
		x.taken.Forget()
	}
	if what == "ALL" || what == "PLANS" {
		x.plans.clear()
		x.templates.all = nil
	}
	return &outcome{tag: "DISCARD " + what}, nil
}

// fieldsOf are the columns that a statement will return, nil for none.
func (x *session) fieldsOf(b *plan.Bound) []plan.Field {
	switch s := b.Statement.(type) {
	case *plan.Copy, *plan.DeclareCursor, *plan.Prepare:
		return nil
	case *plan.ShowVariable:
		return showFields(s)
	case *plan.Explain:
		return explainFields(s)
	case *plan.Fetch:
		if p := x.portals[s.Name]; p != nil && !s.Move {
			return p.fields()
		}
		return nil
	case *plan.Execute:
		if p := x.prepared[s.Name]; p != nil {
			return x.fieldsOf(p.bound)
		}
		return nil
	}
	return b.Fields
}
