package exec

import (
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// shareFilter is the condition of live queries over what a share reads. The share
// asks it once of each batch, however many members have it, and wakes none of whom it
// keeps no row. A member asks it again of the rows that it is given: the share's
// answer saves work, and decides nothing.
type shareFilter struct {
	cond    plan.Expr
	columns []int // of the relation, that cond's columns are numbered by
	program *expr.Program

	members int // that have it
	// Of the batch at hand: whether it was asked, and the rows that it keeps.
	asked bool
	sel   []int32
}

// newShareFilter prepares a condition over a live scan; nil where it is not one that
// gives every query the same.
func newShareFilter(cond plan.Expr, n *plan.Scan, env *function.Env) *shareFilter {
	if cond == nil || !shareable(cond) {
		return nil
	}
	// What it is asked in outlives the query that brought it.
	own := *env
	own.Context, own.Session, own.Taken = nil, nil, nil
	p, err := expr.Compile(cond, &own)
	if err != nil {
		return nil // the query finds out for itself
	}
	return &shareFilter{cond: cond, columns: n.Columns, program: p}
}

// shareFilterTerms is how many expressions a condition may have that a share asks.
const shareFilterTerms = 100

// shareable reports whether a condition depends on the row alone, and on nothing that a
// session can set, and takes no longer than it takes to look at the row. Everyone waits
// while a share asks it, and neither the end of its query nor that query's limit of
// memory reaches it there.
func shareable(e plan.Expr) bool {
	terms := 0
	return !plan.Any(e, func(e plan.Expr) bool {
		if terms++; terms > shareFilterTerms {
			return true
		}
		switch e := e.(type) {
		case *plan.Column, *plan.Const, *plan.And, *plan.Or, *plan.Not, *plan.IsNull, *plan.IsBool, *plan.In, *plan.Distinct:
			return false
		case *plan.Call:
			return e.Func.Volatility != 'i' || !quick(e)
		}
		return true
	})
}

// quick reports whether a call is a comparison, or arithmetic or a cast of numbers of a
// fixed size.
func quick(c *plan.Call) bool {
	switch c.Op {
	case "=", "<>", "<", "<=", ">", ">=":
		return true
	case "+", "-", "*", "/", "%":
	default:
		if c.Cast == plan.NoCast {
			return false
		}
	}
	return fixedNumber(c.Typ) && !slices.ContainsFunc(c.Args, func(a plan.Expr) bool { return !fixedNumber(a.Type()) })
}

func fixedNumber(t types.Type) bool {
	switch t.OID {
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8:
		return true
	}
	return false
}

func (f *shareFilter) same(other *shareFilter) bool {
	return slices.Equal(f.columns, other.columns) && plan.Equal(f.cond, other.cond)
}

// filter finds the member's condition among those that the share asks, or adds it. mu
// is held.
func (x *share) filter(f *shareFilter) *shareFilter {
	if f == nil {
		return nil
	}
	at := slices.IndexFunc(x.filters, f.same)
	if at < 0 {
		at = len(x.filters)
		x.filters = append(x.filters, f)
	}
	x.filters[at].members++
	return x.filters[at]
}

// forget takes a member out. mu is held.
func (x *share) forget(m *member) {
	if !x.members[m] {
		return
	}
	delete(x.members, m)
	if f := m.filter; f != nil {
		if f.members--; f.members == 0 {
			x.filters = slices.DeleteFunc(x.filters, func(other *shareFilter) bool { return other == f })
		}
	}
}

// kept are the rows of a batch of the share that its members are to see; nil: all. b
// has the columns that cond's are numbered by.
func (f *shareFilter) kept(b *vec.Batch) []int32 {
	if !f.asked {
		f.asked = true
		sel, errs := f.program.Filter(b, b.Sel)
		if errs.Any() {
			f.sel = b.Sel // each member raises it for itself
		} else {
			f.sel = append(make([]int32, 0, len(sel)), sel...)
		}
	}
	return f.sel
}

// memberPatience is how long a share waits for a member whose queue is full, and that
// has taken memberAlive items since it was last waited for. It is met where many members
// wake at once: who is let go then decodes what the others have decoded. One that takes
// an item now and then is not waited for: all would be as slow as it is.
const (
	memberPatience = 50 * time.Millisecond
	memberAlive    = memberQueue / 2
	// sharePatience is how long a share waits for all of its members with a batch.
	sharePatience = 10 * memberPatience
)

// give puts a batch into a member's queue; false: there is no room. It waits no longer
// than what is left of the share's patience. mu is held.
func (m *member) give(it item, left *time.Duration) bool {
	select {
	case m.in <- it:
	default:
		taken := m.given - len(m.in)
		if taken-m.taken < memberAlive || *left <= 0 {
			return false
		}
		m.taken = taken
		began := time.Now()
		patience := time.NewTimer(min(memberPatience, *left))
		defer patience.Stop()
		select {
		case m.in <- it:
		case <-patience.C:
			*left -= time.Since(began)
			return false
		}
		*left -= time.Since(began)
	}
	m.given++
	m.due = !it.read.CaughtUp
	return true
}

// skips reports whether a member need not be told of a read of which it sees no row:
// it is told that it has caught up where it has rows that it was not told so of.
func (m *member) skips(r stream.Read) bool { return !m.due || !r.CaughtUp }
