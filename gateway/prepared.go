package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// prepared is a prepared statement: of the wire's Parse or of PREPARE, in one
// name space.
type prepared struct {
	name      string
	text      string
	statement parse.Statement
	given     []types.OID // types that the client gave; 0: inferred
	bound     *plan.Bound
	snapshot  *catalog.Snapshot // what bound was bound with
	values    *values
	fields    []plan.Field
	sql       bool
	declared  string // the Query string, or the text of the statement, with the PREPARE
	created   time.Time
	enc       encoderCache
	ready     *exec.Ready
}

func (x *session) addPrepared(p *prepared) error {
	if p.name != "" && x.prepared[p.name] != nil {
		return sqlerr.Errorf(sqlerr.DuplicatePreparedStatement, "prepared statement %q already exists", p.name)
	}
	if len(x.prepared) >= x.server.opts.MaxPrepared {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a session may have at most %d prepared statements", x.server.opts.MaxPrepared).
			WithHint("DEALLOCATE what is not used, or lower the driver's statement cache.")
	}
	p.created = x.now
	x.prepared[p.name] = p
	return nil
}

func (x *session) findPrepared(name string) (*prepared, error) {
	p := x.prepared[name]
	switch {
	case p != nil:
		return p, nil
	case name == "":
		return nil, sqlerr.Errorf(sqlerr.InvalidSQLStatementName, "unnamed prepared statement does not exist")
	}
	return nil, sqlerr.Errorf(sqlerr.InvalidSQLStatementName, "prepared statement %q does not exist", name)
}

// isFresh reports whether the catalog and the settings are those that a
// statement was bound with.
func (x *session) isFresh(p *prepared) bool {
	if _, fetch := p.bound.Statement.(*plan.Fetch); fetch {
		return false // its cursor may be another, or new
	}
	return p.snapshot == x.begin().Snapshot() && p.values == x.settings.current
}

// refresh binds a statement again where the catalog or the settings are not
// those it was bound with. Its columns and parameters must come out the same.
func (x *session) refresh(ctx context.Context, p *prepared) error {
	switch {
	case p.bound.Ends || isEmpty(p.bound):
		return nil
	case x.txn.failed:
		return errAborted()
	case x.isFresh(p):
		return nil
	}
	snapshot := x.begin().Snapshot()
	params := make([]types.OID, len(p.bound.Params))
	for i, t := range p.bound.Params {
		params[i] = t.OID
	}
	b, err := x.plan(ctx, p.statement, params)
	if err != nil {
		return err
	}
	fields := x.fieldsOf(b)
	if _, fetch := b.Statement.(*plan.Fetch); fetch {
		// A FETCH has the columns that its cursor has now.
		p.fields, p.enc = fields, encoderCache{}
	} else if !sameColumns(fields, p.fields) {
		return errResultChanged()
	}
	p.bound, p.snapshot, p.values, p.ready = b, snapshot, x.settings.current, &exec.Ready{}
	return nil
}

func sameColumns(a, b []plan.Field) bool {
	return slices.EqualFunc(a, b, func(a, b plan.Field) bool { return a.Name == b.Name && a.Type == b.Type })
}

func errResultChanged() error {
	e := sqlerr.Errorf(sqlerr.FeatureNotSupported, "cached plan must not change result type").WithHint("Prepare the statement again.")
	e.Routine = "RevalidateCachedQuery" // pgjdbc prepares it again by this
	return e
}

// prepareStatement is PREPARE.
func (x *session) prepareStatement(s *plan.Prepare) error {
	statements, err := x.server.opts.Planner.Parse(s.Text)
	if err != nil {
		return err
	}
	if len(statements) != 1 {
		return sqlerr.Errorf(sqlerr.SyntaxError, "PREPARE takes one statement")
	}
	return x.addPrepared(&prepared{
		name: s.Name, text: s.Text, declared: x.text, statement: statements[0], bound: s.Target, fields: x.fieldsOf(s.Target), sql: true,
		snapshot: x.begin().Snapshot(), values: x.settings.current, ready: &exec.Ready{},
	})
}

// executeStatement is EXECUTE.
func (x *session) executeStatement(ctx context.Context, s *plan.Execute, params []types.Value) (*outcome, error) {
	bound, args, err := x.executed(ctx, s, params)
	if err != nil {
		return nil, err
	}
	x.notices(bound.Notices)
	return x.runAsAltered(ctx, bound, args, x.prepared[s.Name].ready, func(ctx context.Context) (*plan.Bound, error) {
		b, _, err := x.executed(ctx, s, params)
		return b, err
	})
}

// executed is what an EXECUTE runs, and the parameters that it gives.
func (x *session) executed(ctx context.Context, s *plan.Execute, params []types.Value) (*plan.Bound, []types.Value, error) {
	p, err := x.findPrepared(s.Name)
	if err != nil {
		return nil, nil, err
	}
	if err := x.refresh(ctx, p); err != nil {
		return nil, nil, err
	}
	if _, ok := p.bound.Statement.(*plan.Execute); ok {
		return nil, nil, sqlerr.Errorf(sqlerr.InvalidPreparedStatementDef, "utility statements cannot be prepared")
	}
	if len(s.Args) != len(p.bound.Params) {
		return nil, nil, sqlerr.Errorf(sqlerr.SyntaxError, "wrong number of parameters for prepared statement %q", s.Name).
			WithDetail("Expected %d parameters but got %d.", len(p.bound.Params), len(s.Args))
	}
	env := x.env(ctx, x.begin().Snapshot(), params)
	args := make([]types.Value, len(s.Args))
	for i, e := range s.Args {
		if args[i], err = x.server.opts.Eval(e, env); err != nil {
			return nil, nil, err
		}
	}
	return p.bound, args, nil
}

func (x *session) deallocate(s *plan.Deallocate) (*outcome, error) {
	if s.Name == "" {
		clear(x.prepared)
		return &outcome{tag: "DEALLOCATE ALL"}, nil
	}
	if _, err := x.findPrepared(s.Name); err != nil {
		return nil, err
	}
	delete(x.prepared, s.Name)
	return &outcome{tag: "DEALLOCATE"}, nil
}

// emptyBound is the statement of a text without one.
func emptyBound() *plan.Bound { return &plan.Bound{Statement: &plan.Empty{}} }
