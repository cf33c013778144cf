package slt

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A rule makes an expression of a type from expressions of others: each $type
// in it stands for one. Rules of the safe grammar never fail on the rows that
// randomTables makes, so that the order of evaluation cannot show.
type rule struct{ typ, form string }

var safe = []rule{
	{"bool", "($bool AND $bool)"}, {"bool", "($bool OR $bool)"}, {"bool", "(NOT $bool)"},
	{"bool", "($bool IS TRUE)"}, {"bool", "($bool IS NOT FALSE)"}, {"bool", "($bool IS UNKNOWN)"},
	{"bool", "($int4 < $int8)"}, {"bool", "($int4 = $int4)"}, {"bool", "($int8 <> $numeric)"}, {"bool", "($numeric >= $float8)"},
	{"bool", "($float8 <= $int4)"}, {"bool", "($text < $text)"}, {"bool", "($text = $text)"}, {"bool", "($date > $timestamp)"},
	{"bool", "($timestamp <= $timestamptz)"}, {"bool", "($interval < $interval)"}, {"bool", "($jsonb = $jsonb)"}, {"bool", "($ints = $ints)"},
	{"bool", "($uuid < $uuid)"}, {"bool", "($bytea >= $bytea)"}, {"bool", "($time < $time)"},
	{"bool", "($int4 IN ($int4, $int4, 3))"}, {"bool", "($text NOT IN ($text, 'a'))"}, {"bool", "($numeric BETWEEN $int4 AND $numeric)"},
	{"bool", "($text NOT BETWEEN SYMMETRIC $text AND $text)"}, {"bool", "($text LIKE 'a%')"}, {"bool", "($text ILIKE '%B_')"},
	{"bool", "($text LIKE '%' || $text)"}, {"bool", "($text ~ '^[a-m]')"}, {"bool", "($text !~* 'b+c?')"},
	{"bool", "($int4 IS DISTINCT FROM $int8)"}, {"bool", "($text IS NOT DISTINCT FROM $text)"}, {"bool", "($numeric IS NULL)"},
	{"bool", "($date IS NOT NULL)"}, {"bool", "($int4 = ANY ($ints))"}, {"bool", "($int4 <> ALL ($ints))"},
	{"bool", "(($int4, $text) < ($int4, $text))"}, {"bool", "(($int8, $bool) >= ($int4, $bool))"}, {"bool", "(($int4, $date) <> ($int4, $date))"},
	{"bool", "(($int4, $text) IN (($int4, $text), (1, 'a')))"}, {"bool", "(($text, $int4) IS DISTINCT FROM ($text, $int4))"}, {"bool", "($bool = $bool)"}, {"bool", "starts_with($text, $text)"},
	{"bool", "CASE WHEN $bool THEN $bool ELSE $bool END"}, {"bool", "coalesce($bool, $bool)"}, {"bool", "isfinite($date)"},

	{"int4", "($int4 + $int4)"}, {"int4", "($int4 - $int4)"}, {"int4", "(($int4 % 100) * ($int4 % 100))"}, {"int4", "(- $int4)"},
	{"int4", "($int4 / nullif($int4, 0))"}, {"int4", "($int4 % nullif($int4, 0))"}, {"int4", "abs($int4)"}, {"int4", "mod($int4, 7)"},
	{"int4", "($int4 & $int4)"}, {"int4", "($int4 | $int4)"}, {"int4", "($int4 # $int4)"}, {"int4", "(~ $int4)"},
	{"int4", "length($text)"}, {"int4", "octet_length($text)"}, {"int4", "position($text IN $text)"}, {"int4", "strpos($text, 'b')"},
	{"int4", "ascii($text)"}, {"int4", "coalesce($int4, $int4)"}, {"int4", "nullif($int4, $int4)"}, {"int4", "greatest($int4, $int4, 5)"},
	{"int4", "least($int4, $int4)"}, {"int4", "CASE WHEN $bool THEN $int4 WHEN $bool THEN $int4 END"}, {"int4", "CASE $text WHEN $text THEN $int4 ELSE $int4 END"},
	{"int4", "($date - $date)"}, {"int4", "($bool)::int4"}, {"int4", "cardinality($ints)"}, {"int4", "extract(dow FROM $date)::int4"}, {"int4", "sign($float8)::int4"},
	{"int4", "round($numeric % 1000)::int4"}, {"int4", "($ints)[1]"}, {"int4", "octet_length($bytea)"},

	{"int8", "($int4)::int8"}, {"int8", "($int8 + $int4)"}, {"int8", "($int8 - $int8)"}, {"int8", "(($int8 % 1000) * ($int4 % 1000))"},
	{"int8", "($int8 / nullif($int8, 0))"}, {"int8", "coalesce($int8, $int4)"}, {"int8", "abs($int8)"}, {"int8", "greatest($int8, $int4)"},
	{"int8", "($int8 % 13)"}, {"int8", "CASE WHEN $bool THEN $int8 ELSE $int4 END"}, {"int8", "floor($numeric % 100000)::int8"}, {"int8", "($int8 << 2)"},

	{"numeric", "($int8)::numeric"}, {"numeric", "($numeric + $numeric)"}, {"numeric", "($numeric - $int4)"}, {"numeric", "(($numeric % 1000) * ($numeric % 1000))"},
	{"numeric", "($numeric / nullif($numeric, 0))"}, {"numeric", "($numeric % nullif($numeric, 0))"}, {"numeric", "(- $numeric)"}, {"numeric", "abs($numeric)"},
	{"numeric", "round($numeric)"}, {"numeric", "round($numeric, 2)"}, {"numeric", "trunc($numeric, 1)"}, {"numeric", "ceil($numeric)"}, {"numeric", "floor($numeric)"},
	{"numeric", "sqrt(abs($numeric))"}, {"numeric", "sign($numeric)"}, {"numeric", "power($numeric % 10, 3)"}, {"numeric", "exp($numeric % 5)"}, {"numeric", "ln(abs($numeric) + 1)"},
	{"numeric", "coalesce($numeric, $int4)"}, {"numeric", "greatest($numeric, $int8, 1.5)"}, {"numeric", "CASE WHEN $bool THEN $numeric ELSE $int4 END"},
	{"numeric", "extract(epoch FROM $timestamp)"}, {"numeric", "extract(day FROM $interval)"}, {"numeric", "($numeric % 100000)::numeric(12,3)"}, {"numeric", "nullif($numeric, $int4)"}, {"numeric", "round($numeric % 1000, -1)"},

	{"float8", "($int4)::float8"}, {"float8", "($float8 + $float8)"}, {"float8", "($float8 - $numeric)"}, {"float8", "(($float8 / 100.0) * $float8)"},
	{"float8", "($float8 / nullif($int4, 0))"}, {"float8", "(- $float8)"}, {"float8", "abs($float8)"}, {"float8", "sqrt(abs($float8))"}, {"float8", "round($float8)"},
	{"float8", "trunc($float8)"}, {"float8", "ceil($float8)"}, {"float8", "floor($float8)"}, {"float8", "coalesce($float8, $int4)"}, {"float8", "($numeric)::float8"},
	{"float8", "CASE WHEN $bool THEN $float8 ELSE $numeric END"}, {"float8", "greatest($float8, $int4)"}, {"float8", "date_part('hour', $timestamp)"},
	{"float8", "exp($int4 / 40.0::float8)"}, {"float8", "ln(abs($float8) + 1)"}, {"float8", "log(abs($float8) + 1)"}, {"float8", "power(abs($float8) + 0.5, $int4 % 5)"},

	{"text", "($text || $text)"}, {"text", "($text || $int4)"}, {"text", "lower($text)"}, {"text", "upper($text)"}, {"text", "trim($text)"}, {"text", "ltrim($text, 'ab')"},
	{"text", "rtrim($text, 'c ')"}, {"text", "substring($text, 2)"}, {"text", "substring($text, $int4 % 10, 3)"}, {"text", "left($text, $int4 % 10)"}, {"text", "right($text, $int4 % 10)"},
	{"text", "replace($text, $text, 'x')"}, {"text", "replace($text, 'a', $text)"}, {"text", "split_part($text, 'b', 1)"}, {"text", "split_part($text, ' ', -1)"}, {"text", "concat($text, $int4, $bool)"},
	{"text", "concat_ws('-', $text, $date, $text)"}, {"text", "lpad($text, 6)"}, {"text", "rpad($text, 5, 'xy')"}, {"text", "reverse($text)"}, {"text", "md5($text)"}, {"text", "repeat($text, 2)"},
	{"text", "initcap($text)"}, {"text", "coalesce($text, 'none')"}, {"text", "nullif($text, $text)"}, {"text", "greatest($text, $text)"}, {"text", "CASE WHEN $bool THEN $text END"},
	{"text", "($int4)::text"}, {"text", "($numeric)::text"}, {"text", "($float8)::text"}, {"text", "($bool)::text"}, {"text", "($timestamp)::text"}, {"text", "($timestamptz)::text"}, {"text", "($interval)::text"}, {"text", "($date)::text"},
	{"text", "($jsonb ->> 'a')"}, {"text", "($jsonb ->> 0)"}, {"text", "($jsonb)::text"}, {"text", "($ints)::text"}, {"text", "($uuid)::text"}, {"text", "($bytea)::text"}, {"text", "($text)::varchar(3)::text"}, {"text", "($text)::char(4)::text"},
	{"text", "translate($text, 'abc', 'xy')"}, {"text", "regexp_replace($text, '[aeiou]', '*', 'g')"}, {"text", "encode($bytea, 'hex')"}, {"text", "quote_literal($text)"}, {"text", "format('%s/%s', $text, $int4)"},

	{"date", "($date + ($int4 % 1000))"}, {"date", "($date - ($int4 % 1000))"}, {"date", "($timestamp)::date"}, {"date", "($timestamptz)::date"}, {"date", "coalesce($date, date '2020-02-29')"}, {"date", "greatest($date, $date)"}, {"date", "CASE WHEN $bool THEN $date ELSE $date END"},
	{"timestamp", "($date)::timestamp"}, {"timestamp", "($timestamp + $interval)"}, {"timestamp", "($date - $interval)"}, {"timestamp", "date_trunc('month', $timestamp)"}, {"timestamp", "date_trunc('hour', $timestamp)"}, {"timestamp", "date_trunc('week', $timestamp)"},
	{"timestamp", "($timestamptz)::timestamp"}, {"timestamp", "($timestamptz AT TIME ZONE 'America/New_York')"}, {"timestamp", "least($timestamp, $date)"}, {"timestamp", "($date + $time)"}, {"timestamp", "($timestamp)::timestamp(1)"},
	{"timestamptz", "($timestamp)::timestamptz"}, {"timestamptz", "($timestamptz + $interval)"}, {"timestamptz", "date_trunc('day', $timestamptz)"}, {"timestamptz", "to_timestamp($int4)"}, {"timestamptz", "($timestamp AT TIME ZONE 'Europe/Berlin')"}, {"timestamptz", "coalesce($timestamptz, $date)"},
	{"interval", "($timestamp - $timestamp)"}, {"interval", "($timestamptz - $timestamptz)"}, {"interval", "($interval + $interval)"}, {"interval", "(- $interval)"}, {"interval", "($interval * ($int4 % 5))"}, {"interval", "($interval / 3)"}, {"interval", "age($timestamp, $timestamp)"}, {"interval", "justify_hours($interval)"}, {"interval", "date_trunc('hour', $interval)"}, {"interval", "($time - $time)"},
	{"time", "($timestamp)::time"}, {"time", "($time + $interval)"}, {"time", "coalesce($time, time '12:00')"},
	{"jsonb", "($jsonb -> 'a')"}, {"jsonb", "($jsonb -> 0)"}, {"jsonb", "($jsonb #> '{b,c}')"}, {"jsonb", "coalesce($jsonb, '{}')"}, {"jsonb", "to_jsonb($numeric)"}, {"jsonb", "to_jsonb($text)"},
	{"ints", "ARRAY[$int4, $int4]"}, {"ints", "array_append($ints, $int4)"}, {"ints", "($ints || $int4)"}, {"ints", "array_remove($ints, $int4)"}, {"ints", "coalesce($ints, '{}')"}, {"ints", "($ints)[2:3]"},
	{"uuid", "coalesce($uuid, $uuid)"}, {"uuid", "greatest($uuid, $uuid)"}, {"bytea", "($bytea || $bytea)"}, {"bytea", "substring($bytea, 2)"}, {"bytea", "sha256($bytea)"},
}

// risky rules may fail; a query has one of them at most, evaluated for every
// row.
var risky = []rule{
	{"int4", "($int4 / $int4)"}, {"int4", "($int4 % $int4)"}, {"int4", "($int4 * 100000000)"}, {"int4", "($text)::int4"}, {"int4", "($float8 * 1e7)::int4"}, {"int4", "($int8 * 1000000)::int4"}, {"int4", "($int4)::int2::int4"},
	{"int8", "($int8 * 1000000000000000)"}, {"int8", "($numeric * 1e16)::int8"}, {"numeric", "($numeric / $numeric)"}, {"numeric", "sqrt($numeric)"}, {"numeric", "ln($numeric)"}, {"numeric", "($text)::numeric"}, {"numeric", "($numeric)::numeric(4,2)"}, {"numeric", "power($numeric, 0.5)"},
	{"float8", "($float8 / $int4)"}, {"float8", "sqrt($float8)"}, {"float8", "($float8 * 1e306)"}, {"float8", "($text)::float8"},
	{"text", "split_part($text, 'a', $int4)"}, {"text", "substring($text, 1, $int4)"}, {"text", "chr($int4)"}, {"text", "repeat($text, $int4)"},
	{"date", "(left($text, 12))::date"}, {"date", "make_date($int4, 2, 29)"}, {"bool", "($text)::bool"}, {"jsonb", "($text)::jsonb"}, {"ints", "($text)::int4[]"}, {"timestamp", "(left($text, 12))::timestamp"}, {"interval", "(left($text, 12))::interval"}, {"uuid", "($text)::uuid"}, {"bytea", "decode($text, 'hex')"}, {"timestamp", "date_trunc($text, $timestamp)"},
	{"bool", "($text ~ $text)"}, {"int4", "($jsonb)::int4"}, {"interval", "($interval / $int4)"}, {"time", "make_time($int4, 0, 0)"},
}

// typeNames are PostgreSQL's names of the grammar's types.
var typeNames = map[string]string{"ints": "int4[]"}

func sqlType(typ string) string {
	if n, ok := typeNames[typ]; ok {
		return n
	}
	return typ
}

// literals of each type; the first is what a minimised query has.
var literals = map[string][]string{
	"bool": {"true", "false"}, "int4": {"1", "0", "7", "-3", "42"}, "int8": {"5::int8", "3000000000", "-1::int8"}, "numeric": {"1.5", "0.0", "-2.50", "100.000", "0.001"},
	"float8": {"0.5::float8", "0::float8", "-1e3::float8", "2.5e-3::float8"}, "text": {"'a'", "''", "'abc'", "' b c '", "'É'", "'%'", "'12'"},
	"date": {"date '2024-01-31'", "date '1999-12-31'"}, "timestamp": {"timestamp '2024-02-29 12:34:56.789'", "timestamp '1960-01-01'"}, "timestamptz": {"timestamptz '2024-03-10 07:30+00'", "timestamptz '2000-06-01 00:00+02'"},
	"interval": {"interval '1 day'", "interval '1 mon -2 days 03:04:05.6'", "interval '-90 min'"}, "time": {"time '12:34:56'", "time '00:00'"},
	"jsonb": {`'{"a": 1}'::jsonb`, `'[1, "x"]'::jsonb`, `'null'::jsonb`, `'{"b": {"c": 2.50}}'::jsonb`}, "ints": {"ARRAY[1,2,3]", "'{}'::int4[]", "ARRAY[NULL, 5]"},
	"uuid": {"uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}, "bytea": {`'\x0102'::bytea`, `''::bytea`},
}

var allTypes = []string{"bool", "int4", "int8", "numeric", "float8", "text", "date", "timestamp", "timestamptz", "interval", "time", "jsonb", "ints", "uuid", "bytea"}

// expr is a tree of rules; a leaf has no kids.
type expr struct {
	typ  string
	form string // kids stand for the $types, in order
	kids []*expr
}

// split cuts a form at its $types: one more text than types.
func split(form string) (texts, types []string) {
	for {
		i := strings.IndexByte(form, '$')
		if i < 0 {
			return append(texts, form), types
		}
		j := i + 1
		for j < len(form) && (form[j] >= 'a' && form[j] <= 'z' || form[j] >= '0' && form[j] <= '9') {
			j++
		}
		texts, types, form = append(texts, form[:i]), append(types, form[i+1:j]), form[j:]
	}
}

func (e *expr) String() string {
	if len(e.kids) == 0 {
		return e.form
	}
	texts, _ := split(e.form)
	var b strings.Builder
	for i, k := range e.kids {
		b.WriteString(texts[i])
		b.WriteString(k.String())
	}
	b.WriteString(texts[len(e.kids)])
	return b.String()
}

// column is what an expression may name.
type column struct{ name, typ string }

// generator makes random expressions and queries.
type generator struct {
	*rand.Rand
	tables []randomTable
	rules  map[string][]rule
	risk   map[string][]rule
}

func newGenerator(r *rand.Rand, tables []randomTable) *generator {
	g := &generator{Rand: r, tables: tables, rules: map[string][]rule{}, risk: map[string][]rule{}}
	for _, rule := range safe {
		g.rules[rule.typ] = append(g.rules[rule.typ], rule)
	}
	for _, rule := range risky {
		g.risk[rule.typ] = append(g.risk[rule.typ], rule)
	}
	return g
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (g *generator) leaf(typ string, cols []column) *expr {
	var fit []string
	for _, c := range cols {
		if c.typ == typ {
			fit = append(fit, c.name)
		}
	}
	switch n := g.IntN(20); {
	case len(fit) > 0 && n < 15:
		return &expr{typ: typ, form: pick(g.Rand, fit)}
	case n == 19:
		return &expr{typ: typ, form: fmt.Sprintf("NULL::%s", sqlType(typ))}
	default:
		return &expr{typ: typ, form: pick(g.Rand, literals[typ])}
	}
}

func (g *generator) apply(r rule, depth int, cols []column) *expr {
	_, types := split(r.form)
	e := &expr{typ: r.typ, form: r.form}
	for _, t := range types {
		e.kids = append(e.kids, g.expr(t, depth-1, cols))
	}
	return e
}

// expr makes an expression that does not fail.
func (g *generator) expr(typ string, depth int, cols []column) *expr {
	if depth <= 0 || g.IntN(5) == 0 {
		return g.leaf(typ, cols)
	}
	return g.apply(pick(g.Rand, g.rules[typ]), depth, cols)
}

// riskyExpr makes an expression that may fail in one place.
func (g *generator) riskyExpr(cols []column) *expr {
	for {
		if typ := pick(g.Rand, allTypes); len(g.risk[typ]) > 0 {
			return g.apply(pick(g.Rand, g.risk[typ]), 1+g.IntN(2), cols)
		}
	}
}

// mixedExpr is a rule with an operand of a type that it may not take: it tests
// how operators and functions are chosen, and what is said when there is none.
func (g *generator) mixedExpr(cols []column) *expr {
	e := g.apply(pick(g.Rand, g.rules[pick(g.Rand, allTypes)]), 1, cols)
	if len(e.kids) > 0 {
		wrong := pick(g.Rand, allTypes)
		kid := g.leaf(wrong, cols)
		if g.IntN(4) == 0 {
			kid = &expr{typ: wrong, form: pick(g.Rand, []string{"'a'", "'1'", "NULL", "1.5", "'2024-01-01'", "'{}'", "3000000000"})}
		}
		e.kids[g.IntN(len(e.kids))] = kid
	}
	return e
}
