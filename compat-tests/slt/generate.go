package slt

import (
	"fmt"
	"strings"
)

// randomQuery is a SELECT in parts, so that it can be made smaller. Parts that
// are absent are empty.
type randomQuery struct {
	distinct bool
	items    []*expr
	from     string
	where    []*expr // joined with AND
	group    int     // GROUP BY the first items
	having   *expr
	setop    string       // UNION, INTERSECT or EXCEPT, [ALL]
	other    *randomQuery // the right side of setop
	limit    int          // with ORDER BY every item; 0: none
	// exact: errors must agree in everything; without it in that there is one.
	exact bool
}

func (q *randomQuery) String() string {
	var b strings.Builder
	q.core(&b)
	if q.setop != "" {
		b.WriteString(" " + q.setop + " ")
		q.other.core(&b)
	}
	if q.limit > 0 {
		order := make([]string, len(q.items))
		for i := range order {
			order[i] = fmt.Sprint(i + 1)
		}
		fmt.Fprintf(&b, " ORDER BY %s LIMIT %d", strings.Join(order, ", "), q.limit)
	}
	return b.String()
}

func (q *randomQuery) core(b *strings.Builder) {
	b.WriteString("SELECT ")
	if q.distinct {
		b.WriteString("DISTINCT ")
	}
	for i, e := range q.items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
	}
	if q.from != "" {
		b.WriteString(" FROM " + q.from)
	}
	for i, e := range q.where {
		b.WriteString([]string{" WHERE ", " AND "}[min(i, 1)] + e.String())
	}
	if q.group > 0 {
		var keys []string
		for i := range q.group {
			keys = append(keys, fmt.Sprint(i+1))
		}
		b.WriteString(" GROUP BY " + strings.Join(keys, ", "))
	}
	if q.having != nil {
		b.WriteString(" HAVING " + q.having.String())
	}
}

// query makes a random query. Most are safe: neither side may fail.
func (g *generator) query() *randomQuery {
	t := pick(g.Rand, g.tables)
	switch n := g.IntN(20); {
	case n < 5 && t.csv == "": // constants fail in PostgreSQL's planner, without a row
		return g.query()
	case n < 2:
		return &randomQuery{items: []*expr{g.riskyExpr(t.cols)}, from: t.name, exact: true}
	case n < 5:
		return &randomQuery{items: []*expr{g.mixedExpr(t.cols)}, from: t.name, exact: true}
	case n < 11:
		return g.plain()
	case n < 15:
		return g.grouped()
	case n < 17:
		return g.combined()
	default:
		q := g.plain()
		q.where = append(q.where, g.subquery())
		return q
	}
}

// source makes a FROM clause and the columns it offers.
func (g *generator) source() (string, []column) {
	named := func(t randomTable, alias string) []column {
		var out []column
		for _, c := range t.cols {
			out = append(out, column{alias + "." + c.name, c.typ})
		}
		return out
	}
	a, b := pick(g.Rand, g.tables), pick(g.Rand, g.tables)
	ca, cb := named(a, "a"), named(b, "b")
	both := append(append([]column{}, ca...), cb...)
	switch g.IntN(8) {
	case 0, 1, 2:
		return a.name + " a", ca
	case 3:
		kind := pick(g.Rand, []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"})
		typ := pick(g.Rand, []string{"int4", "int4", "text", "numeric", "bool"})
		left, right := g.leaf(typ, ca), g.expr(typ, 1, cb)
		if kind == "FULL JOIN" { // which PostgreSQL can only by hash or merge
			left, right = &expr{form: "a.id"}, &expr{form: "b.id"}
		}
		return fmt.Sprintf("%s a %s %s b ON %s = %s", a.name, kind, b.name, left, right), both
	case 4:
		kind := pick(g.Rand, []string{"JOIN", "LEFT JOIN", "RIGHT JOIN"})
		return fmt.Sprintf("%s a %s %s b ON %s", a.name, kind, b.name, g.expr("bool", 2, both)), both
	case 5:
		var items []string
		var cols []column
		for i := range 1 + g.IntN(3) {
			typ := pick(g.Rand, allTypes)
			items = append(items, fmt.Sprintf("%s AS x%d", g.expr(typ, 2, ca), i))
			cols = append(cols, column{fmt.Sprintf("s.x%d", i), typ})
		}
		return fmt.Sprintf("(SELECT %s FROM %s a WHERE %s) s", strings.Join(items, ", "), a.name, g.expr("bool", 1, ca)), cols
	case 6:
		return fmt.Sprintf("%s a, generate_series(1, 3) AS n(i)", a.name), append(ca, column{"n.i", "int4"})
	default:
		var rows []string
		for range 1 + g.IntN(4) {
			rows = append(rows, fmt.Sprintf("(%s, %s, %s)", g.leaf("int4", nil), g.leaf("text", nil), g.expr("numeric", 2, nil)))
		}
		return fmt.Sprintf("(VALUES %s) v(i, t, n)", strings.Join(rows, ", ")), []column{{"v.i", "int4"}, {"v.t", "text"}, {"v.n", "numeric"}}
	}
}

// ordered are the types whose equal values are one text: sorting by them leaves
// no choice.
var ordered = []string{"bool", "int4", "int8", "text", "date", "timestamp", "uuid"}

func (g *generator) plain() *randomQuery {
	from, cols := g.source()
	q := &randomQuery{from: from}
	types := allTypes
	if g.IntN(3) == 0 {
		types, q.limit = ordered, 1+g.IntN(10)
	}
	q.distinct = g.IntN(4) == 0 && q.limit > 0
	for range 1 + g.IntN(4) {
		q.items = append(q.items, g.expr(pick(g.Rand, types), 3, cols))
	}
	for range g.IntN(3) {
		q.where = append(q.where, g.expr("bool", 2, cols))
	}
	return q
}

// aggregates: $type of an argument, and of the result after HAVING compares it.
var aggregates = []rule{
	{"int8", "count(*)"}, {"int8", "count($text)"}, {"int8", "count(DISTINCT $int4)"}, {"int8", "count(DISTINCT $numeric)"}, {"int8", "sum($int4)"}, {"numeric", "sum($int8)"}, {"numeric", "avg($int4)"}, {"numeric", "avg($int8)"},
	{"numeric", "sum($numeric)"}, {"numeric", "avg($numeric)"}, {"float", "sum($float8)"}, {"float", "avg($float8)"}, {"int4", "min($int4)"}, {"numeric", "max($numeric % 7)"}, {"text", "min($text)"}, {"text", "max($text)"},
	{"date", "min($date)"}, {"timestamp", "max($timestamp)"}, {"float", "max($float8)"}, {"bool", "bool_and($bool)"}, {"bool", "bool_or($bool)"}, {"int8", "sum($int4) FILTER (WHERE $bool)"}, {"int8", "count(*) FILTER (WHERE $bool)"},
	{"text", "string_agg($text, ',' ORDER BY $text, id)"}, {"int8", "sum(DISTINCT $int4)"}, {"interval", "sum($interval)"}, {"time", "min($time)"},
}

func (g *generator) grouped() *randomQuery {
	t := pick(g.Rand, g.tables)
	q := &randomQuery{from: t.name}
	for range g.IntN(3) {
		q.items = append(q.items, g.expr(pick(g.Rand, ordered), 2, t.cols))
		q.group++
	}
	// A constant key would be read as a column's number: keys name a column.
	for i := range q.group {
		q.items[i] = &expr{typ: q.items[i].typ, form: "coalesce($" + q.items[i].typ + ", NULL)", kids: []*expr{q.items[i]}}
	}
	for range 1 + g.IntN(3) {
		q.items = append(q.items, g.aggregate(t.cols))
	}
	for range g.IntN(2) {
		q.where = append(q.where, g.expr("bool", 2, t.cols))
	}
	if g.IntN(3) == 0 {
		h := g.aggregate(t.cols)
		switch h.typ {
		case "int8", "numeric", "int4":
			q.having = &expr{typ: "bool", form: "($int8 > 2)", kids: []*expr{h}}
		case "bool":
			q.having = h
		default:
			q.having = &expr{typ: "bool", form: "($int8 IS NOT NULL)", kids: []*expr{h}}
		}
	}
	return q
}

func (g *generator) aggregate(cols []column) *expr {
	return g.apply(pick(g.Rand, aggregates), 2, cols)
}

func (g *generator) combined() *randomQuery {
	q := g.plain()
	q.limit, q.distinct = 0, false
	from, cols := g.source()
	q.other = &randomQuery{from: from}
	for i, e := range q.items {
		if e.typ == "numeric" || e.typ == "interval" || e.typ == "jsonb" || e.typ == "float8" || e.typ == "timestamptz" || e.typ == "ints" {
			// Of equal values with different texts either may stay.
			q.items[i] = &expr{typ: "text", form: "($" + e.typ + ")::text", kids: []*expr{e}}
		}
		q.other.items = append(q.other.items, g.expr(q.items[i].typ, 2, cols))
	}
	q.setop = pick(g.Rand, []string{"UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"})
	return q
}

// subquery makes a condition with a query inside. It names no column outside.
func (g *generator) subquery() *expr {
	t := pick(g.Rand, g.tables)
	inner := &expr{form: g.expr("bool", 2, t.cols).String()}
	switch g.IntN(4) {
	case 0:
		return &expr{typ: "bool", form: fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s)", t.name, inner)}
	case 1:
		return &expr{typ: "bool", form: fmt.Sprintf("(%s IN (SELECT id FROM %s WHERE %s))", g.leaf("int4", nil), t.name, inner)}
	case 2:
		return &expr{typ: "bool", form: fmt.Sprintf("((SELECT count(*) FROM %s WHERE %s) > 3)", t.name, inner)}
	default:
		return &expr{typ: "bool", form: fmt.Sprintf("(%s <= ALL (SELECT %s FROM %s WHERE %s))", g.leaf("int4", nil), g.expr("int4", 1, t.cols), t.name, inner)}
	}
}
