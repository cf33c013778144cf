package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// statement binds the binder's statement.
func (b *binder) statement() *plan.Bound {
	switch {
	case b.stmt.Stream != nil:
		return b.streamStatement(b.stmt.Stream)
	case b.stmt.Node == nil:
		return &plan.Bound{Statement: &plan.Empty{}}
	}
	if sel := b.stmt.Node.GetSelectStmt(); sel != nil {
		return b.selectStatement(sel)
	}
	return b.plainStatement(b.stmt.Node)
}

// unsupportedAt is unsupported with a position in characters.
func (b *binder) unsupportedAt(pos int, hint, format string, args ...any) {
	b.fail(sqlerr.Unsupported(hint, format, args...).At(pos))
}

// selectStatement is a SELECT by itself: rows for the client, or INTO sinks.
func (b *binder) selectStatement(sel *pg.SelectStmt) *plan.Bound {
	if len(b.stmt.Into) > 0 || firstSelect(sel).IntoClause != nil {
		return b.selectInto(sel)
	}
	b.inlineSources(b.stmt, sel)
	b.topWith = sel.WithClause
	q := b.boundQuery(sel)
	bound := b.rows(q)
	if b.modifies {
		return b.modification(q.Root, "SELECT", bound.Fields)
	}
	return bound
}

// firstSelect is the leftmost query of set operations, whose INTO is the
// statement's.
func firstSelect(sel *pg.SelectStmt) *pg.SelectStmt {
	for isSetOperation(sel) {
		sel = sel.Larg
	}
	return sel
}

// rows is the Bound of a query for the client.
func (b *binder) rows(q *plan.Query) *plan.Bound {
	fields := q.Root.Schema()
	if q.Ops {
		fields = append([]plan.Field{{Name: "_op", Type: types.Of(types.Text)}}, fields...)
	}
	if fields == nil {
		fields = []plan.Field{}
	}
	return &plan.Bound{Statement: q, Fields: fields}
}

// boundQuery binds a whole SELECT, live where it says EMIT CHANGES.
func (b *binder) boundQuery(sel *pg.SelectStmt) *plan.Query {
	q := &plan.Query{}
	if last := lastLeaf(sel); last != nil {
		if c := b.stmt.BySelect[last]; c != nil && c.Emit != "" {
			b.live, b.top, q.Live = true, last, true
			b.final = c.Emit == "FINAL"
		}
	}
	q.Root = b.query(sel, nil, nil)
	if q.Live {
		if l, ok := q.Root.(*plan.Limit); ok && l.Ties == nil && l.Count != nil {
			l.Changes = true // unless its rows stay, or are the first in an order
		}
		follow(q.Root, false)
		b.oneCut(q.Root)
		q.Root = b.continuous(q.Root, false)
		b.checkLive(q)
		q.Root = b.withWatermarks(q.Root)
	}
	return q
}

// lastLeaf is the SELECT that a clause at the end of a text belongs to.
func lastLeaf(sel *pg.SelectStmt) *pg.SelectStmt {
	for sel != nil && sel.Rarg != nil {
		sel = sel.Rarg
	}
	return sel
}
