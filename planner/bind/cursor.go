package bind

import (
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// inner binds the statement inside another (EXPLAIN, PREPARE, DECLARE, COPY).
func (b *binder) inner(n *pg.Node, sh *shared) *plan.Bound {
	s := b.stmt
	s.Node = n
	if s.Inner != "" {
		s.Text = s.Inner
	}
	in := &binder{ctx: b.ctx, c: b.c, stmt: s, src: b.src, ascii: b.ascii, fmt: b.fmt, shared: sh}
	bound := in.statement()
	bound.Text = s.Text
	if sh != b.shared {
		bound.Params, bound.Views = sh.params.finish(in), sh.matviews
		b.shared.notices = append(b.shared.notices, sh.notices...)
	}
	return bound
}

// prepare is PREPARE name (types) AS statement.
func (b *binder) prepare(x *pg.PrepareStmt) *plan.Bound {
	given := make([]types.OID, len(x.Argtypes))
	for i, t := range x.Argtypes {
		given[i] = b.typeName(t.GetTypeName()).OID
	}
	own := &shared{params: newParams(given)}
	target := b.inner(x.Query, own)
	b.shared.needs = append(b.shared.needs, own.needs...)
	if !preparable(target.Statement) {
		b.failf(sqlerr.InvalidPreparedStatementDef, -1, "utility statements cannot be prepared")
	}
	return done(&plan.Prepare{Name: x.Name, Target: target, Text: target.Text})
}

func preparable(s plan.Statement) bool {
	switch s.(type) {
	case *plan.Query, *plan.Insert, *plan.Modification, *plan.SelectInto:
		return true
	}
	return false
}

// execute is EXECUTE name (args); its rows are those of the prepared statement.
func (b *binder) execute(x *pg.ExecuteStmt) *plan.Bound {
	var prepared *plan.Bound
	if b.c.Prepared != nil {
		prepared = b.c.Prepared(x.Name)
	}
	if prepared == nil {
		b.failf(sqlerr.InvalidSQLStatementName, -1, "prepared statement \"%s\" does not exist", x.Name)
	}
	if len(x.Params) != len(prepared.Params) {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "wrong number of parameters for prepared statement \"%s\"", x.Name).
			WithDetail("Expected %d parameters but got %d.", len(prepared.Params), len(x.Params)))
	}
	e := &plan.Execute{Name: x.Name, Prepared: prepared}
	for i, p := range x.Params {
		o := b.operand(p, &scope{}, exprExecute)
		want := prepared.Params[i]
		arg := b.coerceTo(o.e, want, assignment, o.loc)
		if arg == nil {
			b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "parameter $%d of type %s cannot be coerced to the expected type %s",
				i+1, b.formatType(o.e.Type().OID), b.formatType(want.OID)).
				WithHint("You will need to rewrite or cast the expression.").At(b.pos(o.loc)))
		}
		e.Args = append(e.Args, arg)
	}
	return &plan.Bound{Statement: e, Fields: prepared.Fields}
}

// Bits of DeclareCursorStmt.options (nodes/parsenodes.h).
const (
	cursorBinary   = 0x0001
	cursorScroll   = 0x0002
	cursorNoScroll = 0x0004
	cursorStable   = 0x0008 // INSENSITIVE
	cursorHold     = 0x0020
)

func (b *binder) declare(x *pg.DeclareCursorStmt) *plan.Bound {
	if x.Options&cursorScroll != 0 && x.Options&cursorNoScroll != 0 {
		b.failf(sqlerr.InvalidCursorDefinition, -1, "cannot specify both %s and %s", "SCROLL", "NO SCROLL")
	}
	query := b.inner(x.Query, b.shared)
	q, ok := query.Statement.(*plan.Query)
	if _, modifies := query.Statement.(*plan.Modification); modifies {
		b.failf(sqlerr.FeatureNotSupported, -1, "DECLARE CURSOR must not contain data-modifying statements in WITH")
	}
	if !ok {
		b.failf(sqlerr.InvalidCursorDefinition, -1, "DECLARE CURSOR must not contain %s", "SELECT INTO")
	}
	d := &plan.DeclareCursor{
		Name: x.Portalname, Query: query,
		Hold: x.Options&cursorHold != 0, Binary: x.Options&cursorBinary != 0,
	}
	switch {
	case x.Options&cursorScroll != 0:
		if q.Live {
			b.unsupported(-1, "Leave SCROLL out and fetch forward.", "a SCROLL cursor over a continuous query is not supported")
		}
		yes := true
		d.Scroll = &yes
	case x.Options&cursorNoScroll != 0:
		no := false
		d.Scroll = &no
	}
	if locks := cursorLocks(q.Root); len(locks) > 0 {
		refuseLocking(b, x, locks[0].Strength)
	}
	if !q.Live {
		q.Root, d.Rows = cursorRows(q.Root)
	}
	return done(d)
}

// refuseLocking is what DECLARE says of a query that locks its rows (PerformCursorOpen).
func refuseLocking(b *binder, x *pg.DeclareCursorStmt, by plan.RowLock) {
	switch {
	case x.Options&cursorHold != 0:
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "DECLARE CURSOR WITH HOLD ... %s is not supported", by).WithDetail("Holdable cursors must be READ ONLY."))
	case x.Options&cursorScroll != 0:
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "DECLARE SCROLL CURSOR ... %s is not supported", by).WithDetail("Scrollable cursors must be READ ONLY."))
	case x.Options&cursorStable != 0:
		b.fail(sqlerr.Errorf(sqlerr.InvalidCursorDefinition, "DECLARE INSENSITIVE CURSOR ... %s is not valid", by).WithDetail("Insensitive cursors must be READ ONLY."))
	}
}

func (b *binder) fetch(x *pg.FetchStmt) *plan.Bound {
	f := &plan.Fetch{Name: x.Portalname, Count: x.HowMany, Move: x.Ismove}
	switch x.Direction {
	case pg.FetchDirection_FETCH_BACKWARD:
		f.Direction = plan.FetchBackward
	case pg.FetchDirection_FETCH_ABSOLUTE:
		f.Direction = plan.FetchAbsolute
	case pg.FetchDirection_FETCH_RELATIVE:
		f.Direction = plan.FetchRelative
	}
	f.Timeout = b.fetchTimeout()
	bound := &plan.Bound{Statement: f}
	if b.c.CursorFields == nil || f.Move {
		return bound
	}
	// A cursor that is not there yet may be when the statement runs, which else
	// fails then.
	bound.Fields, _ = b.c.CursorFields(x.Portalname)
	return bound
}

// fetchTimeout is FETCH's WITH (timeout = '1s'), nil without one.
func (b *binder) fetchTimeout() *time.Duration {
	var timeout *time.Duration
	for _, p := range b.stmt.With {
		if !strings.EqualFold(p.Key, "timeout") {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "FETCH option \"%s\" not recognized", p.Key).WithHint("The option that there is is timeout.").At(p.Pos))
		}
		v, err := types.Parse(types.Of(types.Interval), p.Value, b.format())
		if err != nil {
			b.fail(sqlerr.From(err).At(p.Pos))
		}
		if v.Span.Months != 0 || v.Span.Days != 0 || v.Span.Micros < 0 {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid timeout \"%s\"", p.Value).WithHint("Write a time such as '1s' or '100ms'.").At(p.Pos))
		}
		d := time.Duration(v.Span.Micros) * time.Microsecond
		timeout = &d
	}
	return timeout
}
