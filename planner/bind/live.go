package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// checkLive refuses what has no answer over rows that keep coming, and says
// whether the answer takes rows back.
func (b *binder) checkLive(q *plan.Query) {
	defer b.noPlace()
	b.place = b.placeOf(nil)
	if !hasStream(q.Root) {
		b.fail(sqlerr.Unsupported("Leave EMIT CHANGES out, or read a stream or a table.", "EMIT CHANGES needs a stream or a table to read"))
	}
	b.checkLiveNode(q.Root)
	b.place = b.placeOf(nil)
	if b.final {
		b.checkFinal(q.Root)
	}
	q.Ops = !changesAppendOnly(q.Root)
}

// placeOf is where the clause stands that a node of a continuous query's plan was made of,
// where the query's own SELECT has it; else where its EMIT does; 0: neither is there.
func (b *binder) placeOf(n plan.Node) int {
	if b.top == nil {
		return 0
	}
	at := int32(-1)
	switch n.(type) {
	case *plan.Sort:
		if len(b.top.SortClause) > 0 {
			at = location(b.top.SortClause[0].GetSortBy().GetNode())
		}
	case *plan.Limit:
		at = location(b.top.LimitCount)
	case *plan.DistinctNode:
		if len(b.top.DistinctClause) > 0 {
			at = location(b.top.DistinctClause[0])
		}
	case *plan.CTE:
		if b.top.WithClause != nil {
			at = b.top.WithClause.Location
		}
	}
	if at >= 0 {
		return b.pos(at)
	}
	if c := b.stmt.BySelect[b.top]; c != nil {
		return c.EmitPos
	}
	return 0
}

// noPlace ends what was checked of a plan.
func (b *binder) noPlace() { b.place = 0 }

// continuous has the joins and windows of a continuous query know what their
// inputs' times and changes allow; kept: those of a job.
func (b *binder) continuous(n plan.Node, kept bool) plan.Node {
	if b.c.Continuous == nil {
		return n
	}
	asks := false
	plan.WalkAll(n, func(n plan.Node) {
		switch n.(type) {
		case *plan.Join, *plan.Window, *plan.Limit, *plan.DistinctNode, *plan.CTE:
			asks = true
		}
		plan.EachExpr(n, func(e plan.Expr) {
			plan.Walk(e, func(x plan.Expr) bool {
				_, ok := x.(*plan.Subquery)
				asks = asks || ok
				return !asks
			})
		})
	})
	if !asks {
		return n
	}
	return b.c.Continuous(n, kept)
}

// hasStream reports whether the tree reads what keeps coming: a stream, or a table
// whose changes are followed.
func hasStream(n plan.Node) bool {
	found := false
	plan.WalkNode(n, func(n plan.Node) bool {
		s, ok := n.(*plan.Scan)
		found = found || ok && (s.Follow || !s.Relation.Stored())
		return !found
	})
	return found
}

// follow has a continuous query follow the tables that it reads: all of them
// where it must be kept up with whatever changes, else where it reads no stream.
// A table beside a stream is looked up.
func follow(root plan.Node, all bool) {
	streams := false
	plan.WalkAll(root, func(n plan.Node) {
		s, ok := n.(*plan.Scan)
		streams = streams || ok && !s.Relation.Stored()
	})
	if streams && !all {
		return
	}
	plan.WalkAll(root, func(n plan.Node) {
		if s, ok := n.(*plan.Scan); ok && s.Relation.Stored() {
			s.Follow = true
		}
	})
	plan.WalkAll(root, func(n plan.Node) {
		if a, ok := n.(*plan.AggregateNode); ok && hasStream(a.Input) {
			a.EmitChanges = true
		}
	})
}

// changesAppendOnly reports whether a live tree never takes a row back.
func changesAppendOnly(n plan.Node) bool {
	ok := true
	plan.WalkNode(n, func(n plan.Node) bool {
		switch n := n.(type) {
		case *plan.Scan:
			ok = ok && !n.Follow && !n.Changes
		case *plan.AggregateNode:
			if n.EmitChanges && (n.Closing == nil || !n.Closing.Once()) && hasStream(n.Input) {
				ok = false
			}
		case *plan.TimeWindow:
			if n.Kind == plan.WindowSession && n.Changes && hasStream(n.Input) {
				ok = false
			}
		case *plan.Window:
			if n.Mode == plan.WindowFirst || n.Mode == plan.WindowChanges {
				ok = false
			}
		case *plan.SetOp:
			if n.Op == "except" && (n.Changes || hasStream(n)) {
				ok = false
			}
		case *plan.Join:
			l, r := plan.Derive(n.Left), plan.Derive(n.Right)
			if !n.Lateral && !(l.Bounded && r.Bounded) && !n.Grows(l, r) {
				ok = false
			}
		}
		return ok
	})
	return ok
}

// keepSets has a job's EXCEPT and INTERSECT kept up to date as rows come, also where
// those end, but for what a join reads to its end at each start.
func keepSets(n plan.Node) {
	if s, ok := n.(*plan.SetOp); ok {
		s.Changes = true
	}
	for _, in := range n.Inputs() {
		if !plan.IsJoin(n) || !plan.Derive(in).Bounded {
			keepSets(in)
		}
	}
}

// checkSubqueries refuses the subqueries of a node that are over what keeps coming:
// those that have not become joins.
func (b *binder) checkSubqueries(n plan.Node, keepsComing func(plan.Node) bool) {
	plan.EachExpr(n, func(e plan.Expr) {
		plan.Walk(e, func(x plan.Expr) bool {
			if s, ok := x.(*plan.Subquery); ok && keepsComing(s.Input) {
				b.fail(sqlerr.Unsupported(asJoin(s), "a subquery over a stream is not supported in a continuous query"))
			}
			return true
		})
	})
}

// asJoin is how a subquery is written as a join, which is kept up to date.
func asJoin(s *plan.Subquery) string {
	switch s.Kind {
	case plan.SubScalar:
		if s.Correlated {
			return "Group it by what it compares, and join it: LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) x ON x.k = ..., and use COALESCE(x.n, 0)."
		}
		return "Join it: CROSS JOIN (SELECT max(v) AS m FROM t) x, and use x.m."
	case plan.SubArray:
		return "Join its rows, or what is asked of them: CROSS JOIN (SELECT count(*) AS n FROM t) x, and use x.n."
	case plan.SubAll:
		return "Compare with the greatest or the least: CROSS JOIN (SELECT max(v) AS m FROM t) x, and use (x.m IS NULL OR ... > x.m)."
	}
	return "Join its distinct values: LEFT JOIN (SELECT DISTINCT k FROM t) x ON x.k = ..., and use x.k IS NOT NULL."
}

func (b *binder) checkLiveNode(n plan.Node) {
	b.place = b.placeOf(n)
	if !hasStream(n) {
		plan.WalkNode(n, func(n plan.Node) bool {
			b.checkSubqueries(n, func(in plan.Node) bool { return !plan.Derive(in).Bounded })
			return true
		})
		return
	}
	refuse := func(hint, format string, args ...any) {
		b.fail(sqlerr.Unsupported(hint, format, args...))
	}
	b.checkSubqueries(n, hasStream)
	switch n := n.(type) {
	case *plan.CTE:
		if n.Recursive != nil {
			refuse("Leave EMIT CHANGES out to follow what the stream holds now.", "WITH RECURSIVE is not supported in a continuous query")
		}
		refuse("Write the WITH query out where it is read.", "this WITH query is not supported in a continuous query")
	case *plan.Sort:
		switch {
		case !plan.Derive(n.Input).Bounded:
			refuse("Add LIMIT to keep the first rows up to date; or leave ORDER BY out; or sort what the stream holds now: a SELECT without EMIT.",
				"ORDER BY over a stream that has no end is not supported")
		case !changesAppendOnly(n.Input):
			refuse("Leave EMIT CHANGES out: the stream ends, and its answer is sorted.", "ORDER BY over rows that change is not supported")
		}
	case *plan.Join:
		b.checkJoin(n)
	case *plan.AsOfJoin:
		if !changesAppendOnly(n.Left) || !changesAppendOnly(n.Right) {
			refuse("Join the streams first, and group what comes of it.", "FOR SYSTEM_TIME AS OF between rows that change is not supported")
		}
	case *plan.TimeWindow:
		if !plan.Timely(n.Input) {
			refuse("Give the join bounds of time: JOIN ... ON ... WITHIN INTERVAL '5 minutes'.",
				"a window over an outer or semi join of streams without WITHIN is not supported, as a match may come at any time")
		}
	case *plan.DistinctNode:
		if _, sorted := n.Input.(*plan.Sort); sorted && n.On != nil {
			refuse("ORDER BY the columns of DISTINCT ON and then others.", "DISTINCT ON in this order is not supported in a continuous query")
		}
	case *plan.Window:
		if n.Mode == plan.WindowBounded && !plan.Derive(n.Input).Bounded {
			_, why, hint := n.Continuous()
			refuse(hint, "%s is not supported in a continuous query", why)
		}
	case *plan.Limit:
		if !n.Changes && !changesAppendOnly(n.Input) {
			refuse("Leave LIMIT out, or leave EMIT CHANGES out.", "LIMIT over rows that change is not supported")
		}
	}
	for _, in := range n.Inputs() {
		if plan.IsJoin(n) && plan.Derive(in).Bounded {
			continue // it is read to its end first
		}
		b.checkLiveNode(in)
	}
}

// checkFinal refuses EMIT FINAL where there is nothing that becomes final.
func (b *binder) checkFinal(n plan.Node) {
	windows := false
	plan.WalkNode(n, func(n plan.Node) bool {
		if w, ok := n.(*plan.Window); ok && hasStream(w.Input) {
			if w.Mode == plan.WindowFirst || w.Mode == plan.WindowChanges {
				b.fail(sqlerr.Unsupported("Write EMIT CHANGES; or add the bounds of a window of time to PARTITION BY, after which its first rows are final.",
					"EMIT FINAL needs rows that become final: the first rows of a stream never do"))
			}
			windows = true
		}
		a, ok := n.(*plan.AggregateNode)
		if !ok || !hasStream(a.Input) {
			return true
		}
		if a.Closing == nil {
			b.fail(sqlerr.Unsupported("Group by a window: WINDOW TUMBLING (INTERVAL '1 minute') GROUP BY ...; or write EMIT CHANGES, or leave EMIT out for the answer of what the stream holds.",
				"EMIT FINAL needs groups that end: an aggregate over a stream without a window has no final result"))
		}
		windows = true
		return true
	})
	if !windows {
		b.fail(sqlerr.Unsupported("Write EMIT CHANGES, or leave EMIT out.", "EMIT FINAL is not supported without a window"))
	}
}

// checkJob refuses what a job could not go on with after a restart, and what over rows
// that end has no answer until they have ended.
func (b *binder) checkJob(n plan.Node) {
	defer b.noPlace()
	what := ""
	hint := "Run it over what the stream holds now (SELECT ... INTO sink WITH (...)), or watch it with SELECT ... EMIT CHANGES."
	atEnd := "SELECT ... INTO sink WITH (...) answers it over what the stream holds now."
	if b.views {
		hint = "Its rows end, so make a table of them: CREATE TABLE name AS SELECT ...; a WITH query that is read twice is written twice, or made a view."
		atEnd = "CREATE TABLE name AS SELECT ... answers it over what there is now."
	}
	visit := func(n plan.Node) bool {
		if what != "" {
			return false
		}
		b.place = b.placeOf(n)
		switch n := n.(type) {
		case *plan.Window:
			if n.Mode == plan.WindowBounded && plan.Derive(n.Input).Bounded {
				_, why, hint := n.Continuous()
				b.fail(sqlerr.Unsupported(hint+" "+atEnd, "%s is not supported in a continuous query", why))
			}
		case *plan.Sort:
			if plan.Derive(n.Input).Bounded {
				b.fail(sqlerr.Unsupported("Add LIMIT to keep the first rows up to date; or leave ORDER BY out. "+atEnd,
					"ORDER BY without LIMIT is not supported in a continuous query, also over rows that end"))
			}
		case *plan.CTE:
			what = "a WITH query that is read more than once"
			if n.Recursive != nil {
				what = "WITH RECURSIVE"
			}
		}
		return true
	}
	eachKept(n, visit)
	if what == "" {
		return
	}
	if b.views {
		b.fail(sqlerr.Unsupported(hint, "a materialized view with %s is not supported, as its state would not survive a restart", what))
	}
	b.fail(sqlerr.Unsupported(hint, "a job with %s is not supported, as its state would not survive a restart", what))
}

// eachKept calls f for the nodes of a job whose rows go on for ever, and for those
// of subqueries: what a join reads to its end at each start has no state. f returns
// false where it need not see what is below.
func eachKept(n plan.Node, f func(plan.Node) bool) {
	if !f(n) {
		return
	}
	plan.EachExpr(n, func(e plan.Expr) {
		plan.Walk(e, func(x plan.Expr) bool {
			if s, ok := x.(*plan.Subquery); ok {
				eachKept(s.Input, f)
			}
			return true
		})
	})
	for _, in := range n.Inputs() {
		if plan.IsJoin(n) && plan.Derive(in).Bounded {
			continue
		}
		eachKept(in, f)
	}
}
