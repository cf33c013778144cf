package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// streamClauses refuses the clauses that one SELECT may not have here.
func (b *binder) streamClauses(sel *pg.SelectStmt) {
	c := b.stmt.BySelect[sel]
	if c == nil {
		return
	}
	if c.Emit != "" && sel != b.top {
		hint := "Write EMIT " + c.Emit + " at the end of the whole statement."
		switch n := b.stmt.Node; sel {
		case n.GetInsertStmt().GetSelectStmt().GetSelectStmt():
			hint = "Start a job, which goes on: START JOB name AS INSERT INTO ... SELECT ..."
		case n.GetViewStmt().GetQuery().GetSelectStmt():
			hint = "Leave it out, and write it where the view is read: SELECT ... FROM view EMIT " + c.Emit + "."
		}
		b.unsupportedAt(c.EmitPos, hint, "EMIT %s inside a query is not supported", c.Emit)
	}
}
