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
	if len(c.Within) > 0 {
		b.unsupportedAt(c.Within[0].Pos,
			"Put the bound into the join condition of a bounded SELECT: a.ts BETWEEN b.ts - INTERVAL '5 minutes' AND b.ts + INTERVAL '5 minutes'.",
			"WITHIN is not supported")
	}
	if c.Emit != "" && sel != b.top {
		b.unsupportedAt(0, "Write EMIT "+c.Emit+" at the end of the whole statement.", "EMIT %s inside a query is not supported", c.Emit)
	}
}
