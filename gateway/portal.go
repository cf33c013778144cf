package gateway

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// portal is a statement with its parameters, ready to run or partly run. SQL
// cursors are portals that have begun.
type portal struct {
	name    string
	text    string
	bound   *plan.Bound
	params  []types.Value
	formats []int16
	out     *outcome // nil: not run yet
	done    bool     // its CommandComplete was sent, and it returns no rows
	level   int      // savepoints there were when it was made
	created time.Time

	columns []plan.Field
	enc     *encoderCache // of the prepared statement; nil: none
	ready   *exec.Ready   // likewise
	sql     bool          // made by DECLARE
	// declared is the Query string, or the text of the statement, with the DECLARE.
	declared string
	scroll   bool
	hold     bool
	held     bool // its transaction has ended
	used     time.Time
	stale    error // it was ended, because nobody read it
}

// fields are the columns of the portal's rows, nil for none.
func (p *portal) fields() []plan.Field { return p.columns }

// errCannotRun is what a portal says that has run, or has failed.
func errCannotRun(name string) error {
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "portal %q cannot be run", name)
}

func (x *session) addPortal(p *portal) error {
	if p.name == "" {
		x.dropPortal("")
	} else if x.portals[p.name] != nil {
		return sqlerr.Errorf(sqlerr.DuplicateCursor, "cursor %q already exists", p.name)
	}
	if len(x.portals) >= x.server.opts.MaxPortals {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a session may have at most %d open cursors", x.server.opts.MaxPortals).
			WithHint("Close those that are not used.")
	}
	p.level = len(x.txn.saves)
	p.created = x.now
	p.used = time.Now()
	x.portals[p.name] = p
	return nil
}

// close ends the portal's query.
func (p *portal) close() {
	if p.out != nil && p.out.rows != nil {
		p.out.rows.drop()
	}
}

func (x *session) dropPortal(name string) {
	if p := x.portals[name]; p != nil {
		delete(x.portals, name)
		p.close()
	}
}

// dropPortals drops those that match.
func (x *session) dropPortals(match func(*portal) bool) {
	for name, p := range x.portals {
		if match(p) {
			x.dropPortal(name)
		}
	}
}

// holdPortals reads what WITH HOLD cursors have not given out yet into memory,
// since their queries end with the transaction. A live query's rows never end: it
// goes on, over the version of the tables that its statement saw.
func (x *session) holdPortals(ctx context.Context) error {
	for _, p := range x.portals {
		if !p.hold || p.held {
			continue
		}
		if !p.out.rows.live {
			if err := p.out.rows.hold(ctx, p.columns, x.cursorMemory()); err != nil {
				return err
			}
		}
		p.held = true
		p.level = 0
	}
	return nil
}

// declare is DECLARE: the query starts, and its portal is a cursor.
func (x *session) declare(ctx context.Context, s *plan.DeclareCursor, params []types.Value) error {
	switch {
	case s.Name == "":
		return sqlerr.Errorf(sqlerr.InvalidCursorName, "invalid cursor name: must not be empty")
	case !s.Hold && !x.txn.inBlock():
		return errNeedsBlock("DECLARE CURSOR")
	case x.portals[s.Name] != nil:
		return sqlerr.Errorf(sqlerr.DuplicateCursor, "cursor %q already exists", s.Name)
	}
	q, ok := s.Query.Statement.(*plan.Query)
	if !ok {
		return sqlerr.Unsupported("Declare the cursor for a SELECT or VALUES.", "a cursor over %s is not supported", statementWord(s.Query))
	}
	scroll := s.Scroll != nil && *s.Scroll
	if q.Live && scroll {
		return sqlerr.Unsupported("Declare it NO SCROLL.", "a cursor over a live query cannot be SCROLL: its rows never end")
	}
	x.notices(s.Query.Notices)
	rows, err := x.query(ctx, q, params, nil)
	if err != nil {
		return err
	}
	rows.binary, rows.current.tables = s.Binary, s.Rows
	if scroll {
		rows.kept = newRowBuffer(q.Root.Schema(), x.cursorMemory())
	}
	p := &portal{
		name: s.Name, text: s.Query.Text, declared: x.text, bound: s.Query, sql: true, scroll: scroll, hold: s.Hold, columns: s.Query.Fields,
		out: &outcome{fields: s.Query.Fields, rows: rows, word: "SELECT"},
	}
	if s.Binary {
		p.formats = []int16{1}
	}
	if err := x.addPortal(p); err != nil {
		rows.drop()
		return err
	}
	return nil
}

// cursorMemory returns an account for the rows that a cursor keeps.
func (x *session) cursorMemory() *memory.Account {
	return x.server.opts.Memory.Child("a cursor", x.server.opts.QueryMemory, memory.QuerySetting)
}

func (x *session) findPortal(name string) (*portal, error) {
	p := x.portals[name]
	if p == nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidCursorName, "cursor %q does not exist", name)
	}
	return p, nil
}

// closeCursor is CLOSE.
func (x *session) closeCursor(s *plan.ClosePortal) (*outcome, error) {
	if s.Name == "" {
		x.dropPortals(func(p *portal) bool { return p.name != "" })
		return &outcome{tag: "CLOSE CURSOR ALL"}, nil
	}
	if _, err := x.findPortal(s.Name); err != nil {
		return nil, err
	}
	x.dropPortal(s.Name)
	return &outcome{tag: "CLOSE CURSOR"}, nil
}
