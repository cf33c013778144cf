package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// withinOf is what is written of the k-th join; nil: nothing.
func (s *scope) withinOf(k int) *parse.Within {
	for i := range s.within {
		if s.within[i].Join == k {
			return &s.within[i]
		}
	}
	return nil
}

// joinsIn counts the joins of an entry of FROM.
func joinsIn(n *pg.Node) int {
	x := n.GetJoinExpr()
	if x == nil {
		return 0
	}
	return 1 + joinsIn(x.Larg) + joinsIn(x.Rarg)
}

// keepsComing reports whether rows are a stream's, in time: a WITHIN at the end of a
// chain of joins is for every join of two such.
func keepsComing(n plan.Node) bool {
	p := plan.Derive(n)
	return !p.Bounded && p.EventTime(n.Schema()) != nil
}

// timeless reports whether a side of a join is a table, or one of which no time is
// known but that of its file: WITHIN, at the end of a chain of joins, does not bound
// that one.
func (b *binder) timeless(left, right plan.Node) bool {
	for _, n := range []plan.Node{left, right} {
		p := plan.Derive(n)
		if !p.Bounded {
			continue
		}
		s := plan.Scanned(n)
		if t, ok := p.EventTime(n.Schema()).(*plan.Column); ok {
			at := 0
			if s, at = plan.ScanColumn(n, t.Index); s != nil && (s.Relation.Watermark != nil || at < len(s.Relation.Columns)) {
				continue
			}
		} else if s != nil && !s.Relation.Stored() {
			continue
		}
		if s != nil {
			b.notice("WITHIN does not bound the join with \"%s\", whose rows have no time of their own", s.Relation.Name)
			return true
		}
	}
	return false
}

// within adds to a join's condition what WITHIN says: that the right row's event
// time is from before the left one's to after it.
func (b *binder) within(w parse.Within, left, right plan.Node, cond plan.Expr, s *scope) plan.Expr {
	l, r := b.sideTime(left, "left", w.Pos), b.sideTime(right, "right", w.Pos)
	if lt, rt := l.Type().OID, r.Type().OID; lt != rt {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "WITHIN compares event times of one type, not %s and %s", b.formatType(lt), b.formatType(rt)).
			WithHint("Declare both as timestamp with time zone.").At(w.Pos))
	}
	r = plan.Shift(r, len(left.Schema()))
	bound := func(op, sum string, span types.IntervalValue) plan.Expr {
		at := b.operator([]string{sum}, operand{l, -1}, operand{plan.NewConst(types.Value{Type: types.Of(types.Interval), Span: span}), -1}, -1)
		return b.operator([]string{op}, operand{r, -1}, operand{at, -1}, -1)
	}
	before, after := b.withinSpan(w.Before, s, w.Pos), b.withinSpan(w.After, s, w.Pos)
	conds := []plan.Expr{bound(">=", "-", before), bound("<=", "+", after)}
	if cond != nil {
		conds = append([]plan.Expr{cond}, conds...)
	}
	return conjunction(conds)
}

func (b *binder) sideTime(n plan.Node, side string, pos int) plan.Expr {
	if e := plan.Derive(n).EventTime(n.Schema()); e != nil {
		return e
	}
	b.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "WITHIN needs to know which column is the time of the rows on its %s", side).
		WithHint("Declare it: CREATE STREAM ... (..., WATERMARK FOR column AS column); or compare columns: a.ts BETWEEN b.ts - INTERVAL '5 minutes' AND b.ts + INTERVAL '5 minutes'.").At(pos))
	return nil
}

// withinSpan is one of the two lengths of WITHIN, with days of 24 hours.
func (b *binder) withinSpan(n *pg.Node, s *scope, pos int) types.IntervalValue {
	micros := plan.Micros(b.span(b.operand(n, s, exprJoinOn), "length of WITHIN"))
	if micros < 0 {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "the length of WITHIN must not be negative").At(pos))
	}
	return types.IntervalValue{Micros: micros}
}

// checkJoin refuses the joins that a continuous query cannot keep up to date, and
// warns of those that keep all rows.
func (b *binder) checkJoin(n *plan.Join) {
	l, r := plan.Derive(n.Left), plan.Derive(n.Right)
	switch {
	case n.Lateral:
		if n.Kind != plan.JoinInner && n.Kind != plan.JoinLeft || hasStream(n.Right) {
			b.fail(sqlerr.Unsupported("Join it with ON in place of LATERAL: an aggregate grouped by the key, JOIN (SELECT k, max(v) AS m FROM t GROUP BY k) x ON x.k = ...; of first rows, "+
				"JOIN (SELECT * FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v) AS n FROM t) y WHERE n <= 2) x ON x.k = ...",
				"a LATERAL join that reads a stream for each row is not supported in a continuous query"))
		}
	case n.Kind == plan.JoinNotIn && !r.Bounded:
		b.fail(sqlerr.Unsupported("Write NOT EXISTS (SELECT 1 FROM ... WHERE ... = ...), which no NULL makes unknown.",
			"NOT IN over a stream is not supported in a continuous query"))
	case n.Bounds == nil && !l.Bounded && !r.Bounded && !(onlyTables(n.Left) || onlyTables(n.Right)):
		switch {
		case n.Forgets[0] == nil && n.Forgets[1] == nil:
			b.warn(sqlerr.Warning, "a join of two streams without WITHIN keeps all their rows: its state grows without end")
		case n.Forgets[0] == nil:
			b.warn(sqlerr.Warning, "a join of a stream with groups of windows keeps all rows of its left side: its state grows without end")
		case n.Forgets[1] == nil:
			b.warn(sqlerr.Warning, "a join of a stream with groups of windows keeps all rows of its right side: its state grows without end")
		}
	}
}

// onlyTables reports whether a side of a join follows tables alone, which are as
// large as they are anyhow.
func onlyTables(n plan.Node) bool {
	streams := false
	plan.WalkNode(n, func(n plan.Node) bool {
		s, ok := n.(*plan.Scan)
		streams = streams || ok && !s.Relation.Stored()
		return !streams
	})
	return !streams
}
