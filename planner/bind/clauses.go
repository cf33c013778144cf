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
		b.unsupportedAt(0, "Write EMIT "+c.Emit+" at the end of the whole statement.", "EMIT %s inside a query is not supported", c.Emit)
	}
}
