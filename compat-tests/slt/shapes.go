package slt

import (
	"fmt"
	"strings"
)

// alias gives the columns of a table an entry's name.
func alias(t randomTable, name string) []column {
	out := make([]column, len(t.cols))
	for i, c := range t.cols {
		out[i] = column{name + "." + c.name, c.typ}
	}
	return out
}

// correlated makes an expression with a query inside that reads the columns of
// the query around it.
func (g *generator) correlated(typ string, outer []column) *expr {
	t := pick(g.Rand, g.tables)
	both := append(alias(t, "k"), outer...)
	form := func(text string, kids ...*expr) *expr {
		return &expr{typ: typ, form: fmt.Sprintf(text, t.name), kids: kids}
	}
	where := g.expr("bool", 2, both)
	equal := &expr{typ: "bool", form: "($int4 = $int4 AND $bool)", kids: []*expr{g.leaf("int4", alias(t, "k")), g.leaf("int4", outer), g.expr("bool", 1, both)}}
	if g.IntN(2) == 0 { // what can become a join
		where = equal
	}
	value := func(typ string) *expr { return g.expr(typ, 2, both) }
	if typ == "int4" {
		switch g.IntN(5) {
		case 0:
			return form("(SELECT max($int4) FROM %s k WHERE $bool)", value("int4"), where)
		case 1:
			return form("(SELECT count(*)::int4 FROM %s k WHERE $bool)", where)
		case 2:
			return form("(SELECT count(DISTINCT $int4)::int4 FROM %s k WHERE $bool)", value("int4"), where)
		case 3:
			return form("(SELECT k.id FROM %s k WHERE $bool ORDER BY k.id LIMIT 1)", where)
		default:
			return form("cardinality(ARRAY(SELECT $int4 FROM %s k WHERE $bool))", value("int4"), where)
		}
	}
	in := pick(g.Rand, []string{"IN", "NOT IN", "IN", "NOT IN", "= ANY", "<> ALL", "< ANY", ">= ALL", "<> ANY"})
	switch g.IntN(6) {
	case 0:
		return form("EXISTS (SELECT 1 FROM %s k WHERE $bool)", where)
	case 1:
		return form("(NOT EXISTS (SELECT $int4 FROM %s k WHERE $bool))", value("int4"), where)
	case 2:
		return form("($int4 "+in+" (SELECT $int4 FROM %s k WHERE $bool))", g.expr("int4", 1, outer), value("int4"), where)
	case 3:
		return form("($text "+in+" (SELECT $text FROM %s k WHERE $bool))", g.expr("text", 1, outer), value("text"), where)
	case 4:
		in = pick(g.Rand, []string{"IN", "NOT IN", "= ANY", "<> ALL", "= ALL", "< ANY", ">= ALL"})
		return form("(($int4, $text) "+in+" (SELECT $int4, $text FROM %s k WHERE $bool))", g.expr("int4", 1, outer), g.expr("text", 1, outer), value("int4"), value("text"), where)
	default:
		return form("(($int4, $bool) = (SELECT max($int4), bool_or($bool) FROM %s k WHERE $bool))", g.expr("int4", 1, outer), g.expr("bool", 1, outer), value("int4"), value("bool"), where)
	}
}

// dependent is a query with correlated subqueries in its list and condition.
func (g *generator) dependent() *randomQuery {
	q := g.plain()
	q.limit, q.distinct = 0, false
	from, cols := g.source()
	q = &randomQuery{from: from}
	q.items = append(q.items, g.leaf("int4", cols))
	if g.IntN(2) == 0 {
		q.items = append(q.items, g.correlated(pick(g.Rand, []string{"int4", "bool"}), cols))
	}
	for range 1 + g.IntN(2) {
		q.where = append(q.where, g.correlated("bool", cols))
	}
	return q
}

// lateral makes entries of FROM that read the ones before them.
func (g *generator) lateral() (string, []column) {
	a, b := pick(g.Rand, g.tables), pick(g.Rand, g.tables)
	ca, cb := alias(a, "a"), alias(b, "b")
	both := append(append([]column{}, ca...), cb...)
	typ := pick(g.Rand, ordered)
	body := fmt.Sprintf("SELECT %s AS x, b.id AS i FROM %s b WHERE %s", g.expr(typ, 2, both), b.name, g.expr("bool", 2, both))
	switch g.IntN(5) {
	case 0:
		body += fmt.Sprintf(" ORDER BY b.id LIMIT %d", 1+g.IntN(3))
	case 1:
		body = fmt.Sprintf("SELECT max(%s) AS x, count(*)::int4 AS i FROM %s b WHERE %s", g.expr("int4", 2, both), b.name, g.expr("bool", 2, both))
		typ = "int4"
	case 2:
		body = fmt.Sprintf("SELECT %s AS x, %s AS i %s (%s)", g.expr(typ, 1, ca), g.expr("int4", 1, ca), pick(g.Rand, setOperations), body)
	case 3:
		body = fmt.Sprintf("SELECT %s AS x, count(*)::int4 AS i FROM %s b GROUP BY 1", g.expr(typ, 2, append(both, both...)), b.name)
		if typ == "bool" { // a constant true would be no key
			body = fmt.Sprintf("SELECT b.id AS x, count(*)::int4 AS i FROM %s b WHERE %s GROUP BY b.id", b.name, g.expr("bool", 2, both))
			typ = "int4"
		}
	}
	join := pick(g.Rand, []string{"CROSS JOIN LATERAL (%s) l", "LEFT JOIN LATERAL (%s) l ON true", "JOIN LATERAL (%s) l ON l.i > 2", "LEFT JOIN LATERAL (%s) l ON l.i % 2 = 0"})
	return a.name + " a " + strings.Replace(join, "%s", body, 1), append(ca, column{"l.x", typ}, column{"l.i", "int4"})
}

// joined makes trees of joins, of all kinds and with all forms of conditions.
func (g *generator) joined() (string, []column) {
	a, b, c := pick(g.Rand, g.tables), pick(g.Rand, g.tables), pick(g.Rand, g.tables)
	ca, cb, cc := alias(a, "a"), alias(b, "b"), alias(c, "c")
	all := append(append(append([]column{}, ca...), cb...), cc...)
	kind := func() string { return pick(g.Rand, []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"}) }
	on := func(left, right string, l, r []column) string {
		cond := fmt.Sprintf("%s.id = %s.id", left, right)
		if g.IntN(3) == 0 {
			cond += fmt.Sprintf(" AND %s = %s", g.leaf("bool", l), g.leaf("bool", r))
		}
		return cond
	}
	switch g.IntN(5) {
	case 0:
		return fmt.Sprintf("%s a %s (%s b %s %s c ON %s) ON %s", a.name, kind(), b.name, kind(), c.name, on("b", "c", cb, cc), on("a", "b", ca, cb)), all
	case 1:
		return fmt.Sprintf("%s a %s %s b ON %s %s %s c ON %s", a.name, kind(), b.name, on("a", "b", ca, cb), kind(), c.name, on("b", "c", cb, cc)), all
	case 2:
		return fmt.Sprintf("%s a %s %s b USING (id) %s (SELECT id FROM %s) c USING (id)", a.name, kind(), b.name, kind(), c.name), append(append(append([]column{}, ca...), cb...), column{"id", "int4"}, column{"c.id", "int4"})
	case 3:
		return fmt.Sprintf("(SELECT id, %s AS x FROM %s a) a NATURAL %s (SELECT id, %s AS y FROM %s b) b", g.expr("text", 2, ca), a.name, kind(), g.expr("text", 2, cb), b.name),
			[]column{{"id", "int4"}, {"a.x", "text"}, {"b.y", "text"}, {"a.id", "int4"}, {"b.id", "int4"}}
	default:
		kinds := []string{"JOIN", "LEFT JOIN", "RIGHT JOIN"}
		return fmt.Sprintf("%s a %s %s b ON %s %s %s c ON %s", a.name, pick(g.Rand, kinds), b.name, on("a", "b", ca, cb), pick(g.Rand, kinds), c.name, g.expr("bool", 2, all)), all
	}
}

// framed is a query of calls over windows. Where a frame or a function depends on
// the order of rows, the order is complete.
func (g *generator) framed() *randomQuery {
	t := pick(g.Rand, g.tables)
	cols := alias(t, "a")
	q := &randomQuery{from: t.name + " a", items: []*expr{{typ: "int4", form: "a.id"}}}
	for range 1 + g.IntN(3) {
		q.items = append(q.items, g.overWindow(cols))
	}
	if g.IntN(2) == 0 {
		q.where = append(q.where, g.expr("bool", 2, cols))
	}
	return q
}

func (g *generator) overWindow(cols []column) *expr {
	calls := []rule{{"int8", "sum($int4)"}, {"int8", "count($text)"}, {"int8", "count(*)"}, {"text", "max($text)"}, {"date", "min($date)"}, {"numeric", "sum($numeric)"},
		{"numeric", "avg($int4)"}, {"bool", "bool_and($bool)"}, {"int8", "count(*) FILTER (WHERE $bool)"}, {"interval", "sum($interval)"}}
	inOrder := []rule{{"int8", "row_number()"}, {"int8", "rank()"}, {"int8", "dense_rank()"}, {"int4", "ntile(3)"}, {"int4", "lag($int4)"}, {"text", "lead($text, 2)"}, {"int4", "lag($int4, 1, $int4)"},
		{"text", "first_value($text)"}, {"int4", "last_value($int4)"}, {"int4", "nth_value($int4, 2)"}, {"text", "string_agg($text, '-')"}, {"ints", "array_agg($int4)"}}
	offset := func(units string) string {
		if units == "RANGE" {
			return pick(g.Rand, []string{"0", "1", "5", "50"})
		}
		return pick(g.Rand, []string{"0", "1", "2", "7"})
	}
	frame := func(units string) string {
		starts := []string{"UNBOUNDED PRECEDING", offset(units) + " PRECEDING", "CURRENT ROW", offset(units) + " FOLLOWING"}
		ends := []string{offset(units) + " PRECEDING", "CURRENT ROW", offset(units) + " FOLLOWING", "UNBOUNDED FOLLOWING"}
		i := g.IntN(4)
		low := max(i-1, 0) // an end before the start is refused
		return fmt.Sprintf(" %s BETWEEN %s AND %s", units, starts[i], ends[low+g.IntN(4-low)]) +
			pick(g.Rand, []string{"", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"})
	}
	partition, kids := "", []*expr(nil)
	if g.IntN(2) == 0 {
		typ := pick(g.Rand, ordered)
		partition, kids = "PARTITION BY $"+typ+" ", []*expr{g.expr(typ, 2, cols)}
	}
	direction := pick(g.Rand, []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"})
	build := func(r rule, over string, more ...*expr) *expr {
		call := g.apply(r, 2, cols)
		return &expr{typ: r.typ, form: r.form + " OVER (" + partition + over + ")", kids: append(append(call.kids, kids...), more...)}
	}
	switch g.IntN(5) {
	case 0: // peers have one value
		return build(pick(g.Rand, calls), "ORDER BY $int4"+direction+frame("RANGE"), g.leaf("int4", cols))
	case 1:
		typ := pick(g.Rand, ordered)
		return build(pick(g.Rand, calls), "ORDER BY $"+typ+direction+frame("GROUPS"), g.expr(typ, 2, cols))
	case 2:
		return build(pick(g.Rand, calls), "")
	case 3:
		typ := pick(g.Rand, ordered)
		return build(pick(g.Rand, append(inOrder, calls...)), "ORDER BY $"+typ+direction+", a.id"+frame("ROWS"), g.expr(typ, 2, cols))
	default:
		return build(pick(g.Rand, append(inOrder, calls...)), "ORDER BY a.id"+direction+frame(pick(g.Rand, []string{"ROWS", "GROUPS", "RANGE"})))
	}
}

// first is a query of the first rows: DISTINCT ON, or FETCH WITH TIES.
func (g *generator) first() *randomQuery {
	t := pick(g.Rand, g.tables)
	cols := alias(t, "a")
	q := &randomQuery{from: t.name + " a"}
	for range 1 + g.IntN(3) {
		q.items = append(q.items, g.expr(pick(g.Rand, ordered), 2, cols))
	}
	if g.IntN(2) == 0 {
		q.where = append(q.where, g.expr("bool", 2, cols))
	}
	if g.IntN(2) == 0 {
		q.ties = 1 + g.IntN(5)
	} else {
		q.on = true
	}
	return q
}

// walked is a recursive query with SEARCH or CYCLE, or both.
func (g *generator) walked() *randomQuery {
	t, u := pick(g.Rand, g.tables), pick(g.Rand, g.tables)
	clauses := pick(g.Rand, []string{" SEARCH DEPTH FIRST BY i, t SET o", " SEARCH BREADTH FIRST BY t SET o", " SEARCH DEPTH FIRST BY i SET o CYCLE i, t SET c USING p", " CYCLE i SET c TO 'y' DEFAULT 'n' USING p"})
	step := append(alias(u, "u"), column{"r.i", "int4"}, column{"r.t", "text"})
	with := fmt.Sprintf("WITH RECURSIVE r(i, t) AS (SELECT a.id %% 3, left(%s, 2) FROM %s a WHERE a.id < 4 UNION%s SELECT (r.i + 1) %% 5, left(%s, 2) FROM r JOIN %s u ON u.id = r.i WHERE %s",
		g.expr("text", 1, alias(t, "a")), t.name, pick(g.Rand, []string{"", " ALL"}), g.leaf("text", step), u.name, g.expr("bool", 1, step))
	if !strings.Contains(clauses, "CYCLE") {
		with += " AND r.i < 4 AND (r.i + 1) % 5 > r.i"
	}
	return &randomQuery{from: "(" + with + ")" + clauses + " SELECT * FROM r) r", items: []*expr{{typ: "text", form: "r::text"}}}
}
