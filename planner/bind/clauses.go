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
	if w := c.Window; w != nil {
		b.unsupportedAt(w.Pos, "Group by a truncated time instead: GROUP BY date_trunc('minute', _timestamp).", "WINDOW %s is not supported", w.Kind)
	}
	if len(c.Within) > 0 {
		b.unsupportedAt(c.Within[0].Pos,
			"Put the bound into the join condition of a bounded SELECT: a.ts BETWEEN b.ts - INTERVAL '5 minutes' AND b.ts + INTERVAL '5 minutes'.",
			"WITHIN is not supported")
	}
	if c.Emit == "FINAL" {
		b.unsupportedAt(0, "Leave EMIT out for the final answer of what the stream holds, or write EMIT CHANGES.", "EMIT FINAL is not supported without a window")
	}
	if c.Emit == "CHANGES" && sel != b.top {
		b.unsupportedAt(0, "Write EMIT CHANGES at the end of the whole statement.", "EMIT CHANGES inside a query is not supported")
	}
}
