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
	sets     string  // ROLLUP, CUBE, GROUPING SETS or "" of them
	having   *expr
	setop    string       // UNION, INTERSECT or EXCEPT, [ALL]
	other    *randomQuery // the right side of setop
	limit    int          // with ORDER BY every item; 0: none
	ties     int          // FETCH FIRST so many WITH TIES, by the first item; 0: none
	on       bool         // DISTINCT ON the first item, the least a.id of each
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
	if q.ties > 0 {
		fmt.Fprintf(&b, " ORDER BY 1 FETCH FIRST %d ROWS WITH TIES", q.ties)
	}
	if q.on {
		b.WriteString(" ORDER BY 1, a.id")
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
	if q.on {
		b.WriteString("DISTINCT ON (1) ")
	}
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
		b.WriteString(" GROUP BY " + groupingSets(q.sets, keys))
	}
	if q.having != nil {
		b.WriteString(" HAVING " + q.having.String())
	}
}

// groupingSets writes the keys of GROUP BY as sets of a kind.
func groupingSets(kind string, keys []string) string {
	list := strings.Join(keys, ", ")
	switch kind {
	case "":
		return list
	case "GROUPING SETS":
		return "GROUPING SETS ((" + list + "), " + list + ", ())"
	}
	return kind + " (" + list + ")"
}

// query makes a random query. Most are safe: neither side may fail.
func (g *generator) query() *randomQuery {
	t := pick(g.Rand, g.tables)
	switch n := g.IntN(36); {
	case n >= 34:
		return g.walked()
	case n >= 32:
		return g.first()
	case n >= 28:
		return g.framed()
	case n >= 23:
		return g.dependent()
	case n >= 20:
		q := g.plain()
		from, cols := g.joined()
		if g.IntN(2) == 0 {
			from, cols = g.lateral()
		}
		items := q.items
		q = &randomQuery{from: from, limit: q.limit}
		for _, e := range items {
			q.items = append(q.items, g.expr(e.typ, 2, cols))
		}
		for range g.IntN(3) {
			q.where = append(q.where, g.expr("bool", 2, cols))
		}
		return q
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
	switch g.IntN(10) {
	case 0, 1, 2:
		return a.name + " a", ca
	case 8:
		return g.recursion(a, ca), []column{{"r.i", "int4"}, {"r.t", "text"}}
	case 9:
		typ := pick(g.Rand, ordered)
		return fmt.Sprintf("(SELECT %s, id FROM %s a %s SELECT %s, id FROM %s b) s(x, i)", g.expr(typ, 2, ca), a.name, pick(g.Rand, setOperations), g.expr(typ, 2, cb), b.name),
			[]column{{"s.x", typ}, {"s.i", "int4"}}
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

var setOperations = []string{"UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"}

// recursion makes a recursive query that ends: its number only grows.
func (g *generator) recursion(t randomTable, cols []column) string {
	more, where := "", ""
	if g.IntN(2) == 0 {
		u := pick(g.Rand, g.tables)
		more = fmt.Sprintf(" JOIN %s u ON u.id = i", u.name)
		where = fmt.Sprintf(" AND %s", g.expr("bool", 2, []column{{"u.id", "int4"}, {"i", "int4"}, {"t", "text"}}))
	}
	step := []column{{"i", "int4"}, {"t", "text"}}
	return fmt.Sprintf("(WITH RECURSIVE r(i, t) AS (SELECT abs(%s %% 5), left(%s, 4) FROM %s a UNION%s SELECT i + 1, left(t || %s, 4) FROM r%s WHERE i < 7%s) SELECT * FROM r) r",
		g.expr("int4", 2, cols), g.expr("text", 2, cols), t.name, pick(g.Rand, []string{"", " ALL"}), g.expr("text", 1, step), more, where)
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
	if q.group > 0 && g.IntN(2) == 0 {
		q.sets = pick(g.Rand, []string{"ROLLUP", "CUBE", "GROUPING SETS"})
		q.items = append(q.items, &expr{typ: "int4", form: "grouping(" + q.items[0].String() + ")"})
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
	q.setop = pick(g.Rand, setOperations)
	return q
}

// subquery makes a condition with a query inside. It names no column outside.
func (g *generator) subquery() *expr {
	t := pick(g.Rand, g.tables)
	inner := &expr{form: g.expr("bool", 2, t.cols).String()}
	other := pick(g.Rand, g.tables)
	switch g.IntN(8) {
	case 4:
		return &expr{typ: "bool", form: fmt.Sprintf("(%s IN (SELECT id FROM %s WHERE %s %s SELECT %s FROM %s))",
			g.leaf("int4", nil), t.name, inner, pick(g.Rand, setOperations), g.expr("int4", 2, other.cols), other.name)}
	case 5:
		return &expr{typ: "bool", form: fmt.Sprintf("((%s, %s) %s %s (SELECT %s, %s FROM %s WHERE %s))", g.leaf("int4", nil), g.leaf("text", nil),
			pick(g.Rand, []string{"=", "<>", "<", "<=", ">", ">="}), pick(g.Rand, []string{"ANY", "ALL"}), g.expr("int4", 1, t.cols), g.expr("text", 1, t.cols), t.name, inner)}
	case 6:
		return &expr{typ: "bool", form: fmt.Sprintf("((SELECT count(*) FROM (SELECT id FROM %s WHERE %s %s SELECT %s FROM %s) s) > 2)",
			t.name, inner, pick(g.Rand, setOperations), g.expr("int4", 1, other.cols), other.name)}
	case 7:
		return &expr{typ: "bool", form: fmt.Sprintf("((SELECT sum(n) FROM (SELECT count(*) AS n FROM %s WHERE %s GROUP BY ROLLUP (id %% 3)) s) > 4)", t.name, inner)}
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
