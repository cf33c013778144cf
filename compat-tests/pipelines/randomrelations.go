package pipelines

import (
	"fmt"
	"strings"
)

func condition(g *growing) string {
	return one(g.Rand, "v > 1", "NOT (v > 1)", "k <> 'a'", "k IS NOT NULL", "x < 2.5 OR v IS NULL", "id % 3 > 0", "d > 0", "k IN ('a', 'é', 'ß')",
		"v IS DISTINCT FROM 2", "x BETWEEN -2 AND 2", "v <> ALL (ARRAY[1, 2])", "d = d", "d < 'Infinity'", "length(k) = 1 AND v IS NOT NULL")
}

func filterTree(g *growing) *relation {
	return same(fmt.Sprintf("(SELECT %s FROM $0 r WHERE %s)", columnsOf("r"), condition(g)), passes)
}

func projectTree(g *growing) *relation {
	k := one(g.Rand, "COALESCE(k, 'z')", "upper(k)", "NULLIF(k, 'a')", "k || 'é'", "CASE WHEN v > 1 THEN k END", "substr(k, 1, 1)")
	v := one(g.Rand, "(v * 2 - 1) % 50", "COALESCE(v, -1)", "NULLIF(v, 2)", "abs(v)", "(id % 4)::int")
	x := one(g.Rand, "x * 1.50", "x + v", "COALESCE(x, 0.0)", "-x", "x")
	d := one(g.Rand, "-d", "d * 0.5", "COALESCE(d, 0)", "v::float8", "d")
	return same(fmt.Sprintf("(SELECT id, %s AS k, %s AS v, %s AS x, %s AS d, ts FROM $0 r)", k, v, x, d), passes)
}

// wholes, numbers and floats are aggregates of each type. Those of numbers come in
// two lots: whose digits are told by the rows, and the others.
var (
	wholes = []string{"count(*)::int", "count(v)::int", "(sum(v) % 100)::int", "min(v)", "max(v)", "count(DISTINCT v)::int", "(sum(v) FILTER (WHERE v > 1) % 100)::int", "count(DISTINCT k) FILTER (WHERE x > 1)::int",
		"bit_xor(v)", "bit_and(v)", "mode() WITHIN GROUP (ORDER BY v)", "mode() WITHIN GROUP (ORDER BY v DESC)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY v)", "(percentile_disc(0.3) WITHIN GROUP (ORDER BY v DESC)) % 7", "(array_agg(v ORDER BY v DESC, id))[1]",
		"length(string_agg(k, ',' ORDER BY k))", "array_length(array_agg(DISTINCT v), 1)", "regr_count(v, x)::int", "(sum(DISTINCT v) % 100)::int", "bool_or(v > 2)::int", "bool_and(d > 0)::int", "count(*) FILTER (WHERE d = 'NaN')::int",
		"length(string_agg(DISTINCT k, '' ORDER BY k))", "round(avg(v))::int", "length(max(k))", "(SELECT 1) + count(k)::int"}
	numbersTold = []string{"sum(x)", "avg(x)", "avg(v)", "var_pop(v)", "sum(x) FILTER (WHERE v > 0)", "count(x)", "sum(v)"}
	numbersLike = []string{"min(x)", "max(x)", "max(x) FILTER (WHERE k <> 'b')", "sum(DISTINCT x)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY x)", "mode() WITHIN GROUP (ORDER BY x)"}
	floats      = []string{"sum(d)", "min(d)", "max(d)", "count(d)::float8", "floor(avg(d) * 4) / 4", "sum(d) FILTER (WHERE v > 0)", "max(d) FILTER (WHERE k IS NOT NULL)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY d)",
		"sum(DISTINCT d)", "percentile_cont(0.5) WITHIN GROUP (ORDER BY v::float8)"}
	texts = []string{"max(k)", "min(k)", "string_agg(k, ',' ORDER BY k)", "string_agg(DISTINCT k, '')", "array_agg(v ORDER BY v)::text", "mode() WITHIN GROUP (ORDER BY k)", "array_agg(DISTINCT k)::text", "json_agg(v ORDER BY v DESC NULLS LAST)::text",
		"string_agg(k, '') FILTER (WHERE v > 1 AND k = 'b')"}
)

// calls are random aggregates as v, x and d, and whether x's digits are told.
func calls(g *growing) (text string, told bool) {
	told = g.IntN(2) == 0
	x := one(g.Rand, numbersLike...)
	if told {
		x = one(g.Rand, numbersTold...)
	}
	return fmt.Sprintf("%s AS v, %s AS x, %s AS d", one(g.Rand, wholes...), x, one(g.Rand, floats...)), told
}

// groupKeys are one of the groups' keys.
func groupKeys(g *growing) string {
	return one(g.Rand, "k", "k", "(v % 2)::text", "COALESCE(k, v::text)", "(d + 0)::text", "trim_scale(x)::text", "left(k, 1)")
}

// typedKeys are keys of many types, whose equal values print alike.
var typedKeys = []string{"ARRAY[v, id::int % 3]", "ROW(k, v)", "v > 2", "make_interval(days => v)", "k::char(3)", "ts::date", "convert_to(k, 'UTF8')", "jsonb_build_object('v', v, 'k', k)", "v::numeric", "ts - timestamptz '2026-01-01Z'", "v::smallint",
	"md5(k)::uuid", "(v % 2)::bit(3)", "int4range(v, v + 2)", "ts::time", "ARRAY[k, NULL, 'z']", "k::varchar(1)", "ROW(v, ARRAY[k])", "k::\"char\"", "(ts AT TIME ZONE 'UTC')", "k::name", "make_interval(secs => v) * 1.5"}

func groupTree(g *growing) *relation {
	text, told := calls(g)
	key := groupKeys(g)
	by := " GROUP BY " + key
	switch g.IntN(7) {
	case 0:
		key, by = "'all'", ""
	case 1:
		typed := one(g.Rand, typedKeys...)
		key, by = "("+typed+")::text", " GROUP BY "+typed
	case 2:
		key = one(g.Rand, texts...)
		by = " GROUP BY v"
	}
	if g.IntN(3) == 0 {
		by += one(g.Rand, " HAVING count(*) > 1", " HAVING sum(v) BETWEEN 2 AND 6", " HAVING min(v) IS NOT NULL", " HAVING bool_or(k = 'a')")
	}
	return same(fmt.Sprintf("(SELECT min(id) AS id, %s AS k, %s, max(ts) AS ts FROM $0 r%s)", key, text, by), func(in []traits) (traits, bool) {
		t, ok := changes(in)
		t.exact = t.exact && told
		return t, ok
	})
}

// keyTree has groups of a key that is not NULL.
func keyTree(g *growing) *relation {
	text, told := calls(g)
	return &relation{kind: "group", ours: "(SELECT min(id) AS id, k, " + text + ", max(ts) AS ts FROM $0 r WHERE k IS NOT NULL GROUP BY k)", theirs: "(SELECT min(id) AS id, k, " + text + ", max(ts) AS ts FROM $0 r WHERE k IS NOT NULL GROUP BY k)", takes: func(in []traits) (traits, bool) {
		t, ok := changes(in)
		t.exact = t.exact && told
		return t, ok && len(in) == 1
	}}
}

func groupingSetsTree(g *growing) *relation {
	text, told := calls(g)
	sets := one(g.Rand, "ROLLUP (k, v % 2)", "CUBE (k, v % 2)", "GROUPING SETS ((k), (v % 2), ())", "GROUPING SETS ((k, v % 2), (k))")
	return same(fmt.Sprintf("(SELECT COALESCE(v %% 2, GROUPING(k))::bigint AS id, k, %s, max(ts) AS ts FROM $0 r GROUP BY %s)", text, sets), func(in []traits) (traits, bool) {
		t, ok := changes(in)
		t.exact = t.exact && told
		return t, ok
	})
}

// alike are columns of which there are equal rows.
func alike(g *growing) string {
	return one(g.Rand, "v::bigint AS id, k, v, x, d + 0 AS d, NULL::timestamptz AS ts", "0::bigint AS id, k, NULL::int AS v, x, 1::float8 AS d, date_trunc('minute', ts) AS ts", "id % 3 AS id, NULL::text AS k, v, 0.0 AS x, d + 0 AS d, NULL::timestamptz AS ts")
}

func distinctTree(g *growing) *relation {
	return same(fmt.Sprintf("(SELECT DISTINCT %s FROM $0 r)", alike(g)), picks)
}

func setTree(g *growing) *relation {
	columns := alike(g)
	return same(fmt.Sprintf("(SELECT %s FROM $0 r %s SELECT %s FROM $1 r)", columns, one(g.Rand, "UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"), columns), picks)
}

func unionAllTree(g *growing) *relation {
	return same(fmt.Sprintf("(SELECT %s FROM $0 r UNION ALL SELECT %s FROM $1 r)", columnsOf("r"), columnsOf("r")), func(in []traits) (traits, bool) { return in[0].or(in[1]), true })
}

func distinctOnTree(g *growing) *relation {
	by := one(g.Rand, "k", "k, v", "v % 2")
	return same(fmt.Sprintf("(SELECT DISTINCT ON (%[1]s) %[2]s FROM $0 r ORDER BY %[1]s, %[3]s%[4]s)", by, columnsOf("r"), one(g.Rand, "", "v DESC, ", "x NULLS FIRST, ", "ts DESC NULLS LAST, ", "d DESC, ", "k DESC, "), total), picks)
}

func topTree(g *growing) *relation {
	order := one(g.Rand, "v", "v DESC NULLS LAST", "x DESC", "d NULLS FIRST", "k, v", "ts DESC", "id % 3")
	place := one(g.Rand, "rank()", "dense_rank()", "row_number()", "row_number()")
	if place == "row_number()" {
		order += ", " + total
	}
	by := one(g.Rand, "PARTITION BY k ", "PARTITION BY v % 2 ", "PARTITION BY x ", "")
	v := one(g.Rand, "v", "n::int AS v")
	return same(fmt.Sprintf("(SELECT id, k, %s, x, d, ts FROM (SELECT *, %s OVER (%sORDER BY %s) AS n FROM $0 r) r WHERE n %s)", v, place, by, order, one(g.Rand, "<= 1", "<= 2", "< 4", "= 1", "<= 5")), picks)
}

func limitTree(g *growing) *relation {
	text := fmt.Sprintf("(SELECT %s FROM $0 r ORDER BY %s%s LIMIT %d%s)", columnsOf("r"), one(g.Rand, "", "v DESC, ", "x, ", "d DESC NULLS LAST, ", "k DESC NULLS LAST, "), total, 1+g.IntN(9), one(g.Rand, "", "", " OFFSET 1", " OFFSET 3"))
	if g.IntN(4) == 0 {
		text = fmt.Sprintf("(SELECT %s FROM $0 r ORDER BY %s FETCH FIRST %d ROWS WITH TIES)", columnsOf("r"), one(g.Rand, "v", "x DESC", "k", "d"), 1+g.IntN(4))
	}
	return same(text, picks)
}

// joined are the columns of a join.
const joined = "(COALESCE(a.id, 7) * 31 + COALESCE(b.id, 3)) % 1000003 AS id, "

func joinTree(g *growing) *relation {
	kind := outerKind(g.Rand)
	on := one(g.Rand, "a.k = b.k", "a.k = b.k", "a.k = b.k AND a.v = b.v", "a.v = b.v AND a.x > b.x", "a.x = b.x", "a.d = b.d AND a.v <> b.v", "a.k = b.k AND a.ts = b.ts", "a.v + 1 = b.v", "a.k = b.k AND a.id <> b.id", "a.k = b.k AND a.v > 1", "a.k = b.k AND b.v IS NULL",
		"a.x = b.v", "a.d = b.v AND a.k = b.k", "ARRAY[a.v, 1] = ARRAY[b.v, 1] AND a.k = b.k", "ROW(a.k, a.v) = ROW(b.k, b.v)", "a.ts::date = b.ts::date AND a.v = b.v", "jsonb_build_array(a.v) = jsonb_build_array(b.v)", "make_interval(days => a.v) = make_interval(days => b.v) AND a.k = b.k",
		"lower(a.k) = lower(b.k)", "a.v::smallint = b.id % 5")
	if kind != "FULL " && g.IntN(6) == 0 {
		on = one(g.Rand, "a.v < b.v", "a.k IS NOT DISTINCT FROM b.k", "a.id = b.id OR a.v = b.v", "true")
	}
	text := fmt.Sprintf("(SELECT %s%s, %s, a.x, b.d, %s FROM $0 a %sJOIN $1 b ON %s%s)", joined, one(g.Rand, "a.k", "b.k", "COALESCE(a.k, b.k) AS k"), one(g.Rand, "b.v", "COALESCE(a.v, b.v) AS v"), one(g.Rand, "a.ts", "b.ts"), kind, on,
		one(g.Rand, "", "", "", " WHERE a.id IS NULL OR b.id IS NULL", " WHERE b.v > 0", " WHERE a.v IS DISTINCT FROM b.v"))
	return same(text, func(in []traits) (traits, bool) {
		t, ok := changes(in)
		if strings.Contains(on, "a.ts = b.ts") { // a bound of time, where rows have one that is infinite
			t.waits, ok = true, ok && !t.wide
		}
		return t, ok
	})
}

// intervalTree has the bounds in ON, as WITHIN, or as one is written for the other.
func intervalTree(g *growing) *relation {
	kind := outerKind(g.Rand)
	before, after := g.IntN(7), g.IntN(7)
	on := one(g.Rand, "a.k = b.k", "a.k = b.k AND a.v = b.v", "a.k = b.k AND a.v < b.v", "a.v = b.v", "a.x = b.x", "a.k = b.k AND a.v > 0")
	theirs := fmt.Sprintf("%s AND b.ts BETWEEN a.ts - %s AND a.ts + %s", on, seconds(before), seconds(after))
	ours := theirs
	switch g.IntN(4) {
	case 0:
		ours = fmt.Sprintf("%s WITHIN (%s, %s)", on, seconds(before), seconds(after))
	case 1:
		after = max(before, 1)
		theirs = fmt.Sprintf("%s AND b.ts BETWEEN a.ts - %s AND a.ts + %s", on, seconds(after), seconds(after))
		ours = fmt.Sprintf("%s WITHIN %s", on, seconds(after))
	case 2:
		theirs = fmt.Sprintf("%s AND a.ts %s b.ts AND b.ts %s a.ts + %s", on, one(g.Rand, "<", "<="), one(g.Rand, "<", "<="), seconds(after+1))
		ours = theirs
	}
	left := kind == "" || kind == "LEFT "
	ts := "a.ts"
	if !left {
		ts = "b.ts"
	}
	text := "(SELECT " + joined + one(g.Rand, "a.k", "b.k", "COALESCE(a.k, b.k) AS k") + ", " + one(g.Rand, "b.v", "COALESCE(a.v, b.v) AS v") + ", a.x, b.d, " + ts + " FROM $0 a " + kind + "JOIN $1 b ON "
	return &relation{ours: text + ours + ")", theirs: text + theirs + ")", takes: func(in []traits) (traits, bool) {
		t := in[0].or(in[1])
		ok := t.timed && t.grows && (t.within || !strings.Contains(ours, "WITHIN"))
		t.waits, t.timed, t.within = true, kind != "FULL ", false
		return t, ok
	}}
}

func existsTree(g *growing) *relation {
	within := ""
	if g.IntN(2) == 0 {
		within = fmt.Sprintf(" AND b.ts BETWEEN a.ts - %s AND a.ts + %s", seconds(g.IntN(6)), seconds(g.IntN(6)))
	}
	not := one(g.Rand, "", "NOT ")
	where := fmt.Sprintf("%sEXISTS (SELECT 1 FROM $1 b WHERE %s%s)", not, one(g.Rand, "b.k = a.k", "b.k = a.k AND b.v > a.v", "b.v = a.v AND b.x > 1", "b.d = a.d", "b.v = a.v AND b.id <> a.id"), within)
	if g.IntN(3) == 0 {
		within = ""
		where = one(g.Rand, "a.v IN (SELECT v FROM $1 b WHERE x > 1)", "(a.k, a.v) IN (SELECT k, v FROM $1 b)", "a.x IN (SELECT x FROM $1 b)")
	}
	return same(fmt.Sprintf("(SELECT %s FROM $0 a WHERE %s%s)", columnsOf("a"), where, one(g.Rand, "", "", " AND a.v > 0")), func(in []traits) (traits, bool) {
		t := in[0].or(in[1])
		if within != "" {
			// Of rows that change a bound of time is a condition as another.
			ok := t.timed && t.grows
			t.waits = true
			return t, ok
		}
		t.grows, t.timed, t.ended = false, false, false
		return t, true
	})
}

// scalarTree has one row of the right beside every row of the left.
func scalarTree(g *growing) *relation {
	return same(fmt.Sprintf("(SELECT %s, COALESCE(a.v, s.m) AS v, a.x, a.d, a.ts FROM $0 a CROSS JOIN (SELECT %s AS m FROM $1 b) s%s)", "a.id, a.k", one(g.Rand, "max(v)", "count(*)::int", "min(v)"), one(g.Rand, "", " WHERE a.v = s.m", " WHERE s.m > 2 OR a.v < s.m")), changes)
}

// withTree names a query that is read twice.
func withTree(g *growing) *relation {
	c := columnsOf("p")
	return same("(WITH w AS (SELECT * FROM $0 r) "+one(g.Rand,
		fmt.Sprintf("SELECT %s FROM w p WHERE v > 0 UNION ALL SELECT %s FROM w p WHERE k = 'a'", c, c),
		fmt.Sprintf("SELECT %s FROM w p JOIN (SELECT k, max(v) AS m FROM w GROUP BY k) q ON p.k = q.k AND p.v = q.m", c),
		fmt.Sprintf("SELECT %s FROM w p LEFT JOIN (SELECT v, count(*) AS n FROM w GROUP BY v) q ON p.v = q.v WHERE q.n IS NULL OR q.n > 1", c),
		fmt.Sprintf("SELECT %s FROM w p WHERE NOT EXISTS (SELECT 1 FROM w q WHERE q.k = p.k AND q.v < p.v)", c))+")", changes)
}

// typed has rows of many types told apart.
func typedTree(g *growing) *relation {
	typed := one(g.Rand, typedKeys...)
	text := one(g.Rand,
		"(SELECT 0::bigint AS id, y::text AS k, 1 AS v, 0.0 AS x, 0::float8 AS d, NULL::timestamptz AS ts FROM (SELECT DISTINCT "+typed+" AS y FROM $0 r) r)",
		"(SELECT n AS id, y::text AS k, 1 AS v, 0.0 AS x, 0::float8 AS d, NULL::timestamptz AS ts FROM (SELECT y, count(*) AS n FROM (SELECT "+typed+" AS y FROM $0 r) r GROUP BY y) r)",
		"(SELECT 0::bigint AS id, array_agg(y ORDER BY y)::text AS k, count(DISTINCT y)::int AS v, 0.0 AS x, 0::float8 AS d, NULL::timestamptz AS ts FROM (SELECT v, "+typed+" AS y FROM $0 r) r GROUP BY v)",
		"(SELECT id, y::text AS k, v, x, d, ts FROM (SELECT *, row_number() OVER (PARTITION BY v ORDER BY y DESC, "+total+") AS n FROM (SELECT *, "+typed+" AS y FROM $0 r) r) r WHERE n < 3)",
		"(SELECT a.id, a.y::text AS k, b.v, b.x, b.d, b.ts FROM (SELECT *, "+typed+" AS y FROM $0 r) a JOIN (SELECT *, "+typed+" AS y FROM $0 r) b ON a.y = b.y AND a.v = b.v)",
		"(SELECT 0::bigint AS id, y::text AS k, 1 AS v, 0.0 AS x, 0::float8 AS d, NULL::timestamptz AS ts FROM (SELECT "+typed+" AS y FROM $0 r EXCEPT SELECT "+typed+" AS y FROM $0 r WHERE v > 1) r)",
		"(SELECT id, lag(y) OVER (PARTITION BY v ORDER BY "+total+")::text AS k, v, x, d, ts FROM (SELECT r.*, "+typed+" AS y FROM (SELECT DISTINCT id, k, v, x, d + 0 AS d, ts FROM $0 r) r) r)")
	return same(text, picks)
}

// windowed is a relation of groups by windows: bounds are of the oracle.
func windowed(g *growing, ours, rows string, by bool) *relation {
	text, told := calls(g)
	key, keys := "'all'", ""
	if by {
		key = "k"
		keys = "k, "
	}
	having := ""
	if g.IntN(4) == 0 {
		having = one(g.Rand, " HAVING count(*) > 1", " HAVING min(v) IS NOT NULL")
	}
	ts := one(g.Rand, "window_end", "window_start")
	of := "(SELECT min(id) AS id, " + key + " AS k, " + text + ", " + ts + " AS ts FROM #rows r GROUP BY " + keys + "window_start, window_end" + having + ")"
	return &relation{ours: strings.Replace(of, "#rows", ours, 1), theirs: strings.Replace(of, "#rows", rows, 1), takes: func(in []traits) (traits, bool) {
		t := in[0]
		ok := (t.timed || t.ended) && !t.wide
		t.waits, t.grows, t.timed, t.ended = true, false, false, ts == "window_end"
		t.exact = t.exact && told
		return t, ok
	}}
}

// berlin is PostgreSQL's expression of the time at which Berlin's clock shows one, with
// what is done to it: the first or the last of two, and of one that the clock leaves out
// the time at which it changes.
func berlin(local, then string, first bool) string {
	at := fmt.Sprintf("((%s) AT TIME ZONE 'Europe/Berlin')", local)
	back := ""
	if first {
		back = fmt.Sprintf(" WHEN (%[1]s - INTERVAL '1 hour') AT TIME ZONE 'Europe/Berlin' = (%[2]s) THEN %[1]s - INTERVAL '1 hour'%[3]s", at, local, then)
	}
	return fmt.Sprintf("CASE WHEN %[1]s AT TIME ZONE 'Europe/Berlin' <> (%[2]s) THEN date_trunc('hour', %[1]s)%[3]s ELSE %[1]s%[4]s END", at, local, back, then)
}

func berlinStart(local string) string { return berlin(local, "", true) }

func berlinEnd(local string) string {
	return berlin(local+" - INTERVAL '1 microsecond'", " + INTERVAL '1 microsecond'", false)
}

func windowTree(g *growing) *relation {
	unit := []int{1, 1, 60, 600}[g.IntN(4)]
	size := (1 + g.IntN(20)) * unit
	slide := (1 + g.IntN(6)) * unit
	offset := ""
	shift := 0
	if g.IntN(3) == 0 {
		shift = g.IntN(40) * unit / 3
		offset = ", window_offset => " + seconds(shift)
	}
	zoned := g.IntN(3) == 0
	zone, local, origin := "", "ts", fmt.Sprintf("timestamptz '1970-01-01Z' + %s", seconds(shift))
	start, end := func(s string) string { return s }, func(s string) string { return s }
	if zoned {
		zone, local, origin = ", time_zone => 'Europe/Berlin'", "(ts AT TIME ZONE 'Europe/Berlin')", fmt.Sprintf("timestamp '1970-01-01' + %s", seconds(shift))
		start, end = berlinStart, berlinEnd
	}
	named := offset + zone + one(g.Rand, "", "", ", grace => INTERVAL '3 seconds'")
	rows := func(bin int, first, last, more string) string {
		return fmt.Sprintf("(SELECT r.id, r.k, r.v, r.x, r.d, r.ts, %s AS window_start, %s AS window_end FROM (SELECT r.*, date_bin(%s, %s, %s) AS bin, %s AS local FROM $0 r WHERE isfinite(ts)) r%s)",
			start(first), end(last), seconds(bin), local, origin, local, more)
	}
	var ours, theirs string
	switch g.IntN(3) {
	case 0:
		ours = fmt.Sprintf("tumble($0, ts, %s%s)", seconds(size), named)
		theirs = rows(size, "bin", "bin + "+seconds(size), "")
	case 1:
		size = max(size, slide)
		ours = fmt.Sprintf("hop($0, ts, %s, %s%s)", seconds(size), seconds(slide), named)
		theirs = rows(slide, "w", "w + "+seconds(size), fmt.Sprintf(", generate_series(bin - %s, bin, %s) w WHERE w + %s > local", seconds(size/slide*slide), seconds(slide), seconds(size)))
	default:
		size = slide * (1 + g.IntN(5))
		ours = fmt.Sprintf("cumulate($0, ts, %s, %s%s)", seconds(slide), seconds(size), named)
		theirs = rows(size, "bin", "w", fmt.Sprintf(", generate_series(bin + %s, bin + %s, %s) w WHERE w > local", seconds(slide), seconds(size), seconds(slide)))
	}
	return windowed(g, ours, theirs, g.IntN(2) == 0)
}

func sessionTree(g *growing) *relation {
	gap := seconds(1 + g.IntN(6))
	by := g.IntN(2) == 0
	key, part, of := "", "", "PARTITION BY session"
	if by {
		key, part, of = ", k", "PARTITION BY k ", "PARTITION BY k, session"
	}
	ours := fmt.Sprintf("session($0, ts, %s%s%s)", gap, key, one(g.Rand, "", "", ", grace => INTERVAL '3 seconds'"))
	theirs := strings.NewReplacer("#gap", gap, "#part", part, "#of", of).Replace(`(SELECT *, min(ts) OVER (#of) AS window_start, max(ts) OVER (#of) + #gap AS window_end FROM (
		SELECT *, count(*) FILTER (WHERE begins) OVER (#partORDER BY ts) AS session FROM (
		SELECT *, ts - lag(ts) OVER (#partORDER BY ts) > #gap AS begins FROM $0 r WHERE isfinite(ts)) r) r)`)
	return windowed(g, ours, theirs, by)
}

// overTimeTree has OVER in the order of time, in which ties are told apart by all
// columns, or are equal in what the function sees.
func overTimeTree(g *growing) *relation {
	by := one(g.Rand, "PARTITION BY k ", "PARTITION BY v % 2 ", "")
	order, call := "ts, id, k, v, x, d", one(g.Rand, "row_number()", "lag(v)", "lead(v)", "lead(v, 2, -7)", "lag(v, 3, 9)", "first_value(v)", "last_value(v)", "nth_value(v, 2)", "sum(v)", "count(v) FILTER (WHERE v > 1)", "max(v)", "min(v)")
	frame := ""
	if !strings.HasPrefix(call, "row") && !strings.HasPrefix(call, "lag") && !strings.HasPrefix(call, "lead") {
		frame = one(g.Rand, "", " ROWS 2 PRECEDING", " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING", " ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING", " ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING", " ROWS UNBOUNDED PRECEDING",
			" GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW")
	}
	if g.IntN(3) == 0 {
		order = "ts"
		call = one(g.Rand, "rank()", "dense_rank()", "count(*)", "sum(v)", "min(v)", "max(v)", "count(v) FILTER (WHERE x > 1)", "bit_xor(v)")
		frame = ""
		if !strings.Contains(call, "rank") {
			frame = one(g.Rand, "", " RANGE BETWEEN INTERVAL '4 seconds' PRECEDING AND CURRENT ROW", " RANGE BETWEEN INTERVAL '3 seconds' PRECEDING AND INTERVAL '2 seconds' FOLLOWING", " GROUPS 1 PRECEDING", " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
				" RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING", " RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '4 seconds' FOLLOWING")
		}
	}
	return same(fmt.Sprintf("(SELECT id, k, (%s OVER (%sORDER BY %s%s))::int AS v, x, d, ts FROM $0 r)", call, by, order, frame), func(in []traits) (traits, bool) {
		t := in[0]
		t.waits = true
		return t, t.timed && t.grows
	})
}

// overChangesTree has OVER in any order, over rows that change.
func overChangesTree(g *growing) *relation {
	by := one(g.Rand, "PARTITION BY k", "PARTITION BY v % 2", "")
	call := one(g.Rand, "row_number() OVER (# ORDER BY v, !)", "rank() OVER (# ORDER BY v)", "dense_rank() OVER (# ORDER BY x DESC)", "sum(v) OVER (#)", "count(*) OVER (# ORDER BY v)", "lag(v) OVER (# ORDER BY !)", "lead(v, 2) OVER (# ORDER BY d, !)",
		"ntile(3) OVER (# ORDER BY !)", "(percent_rank() OVER (# ORDER BY v) * 8)", "(cume_dist() OVER (# ORDER BY v) * 8)", "first_value(v) OVER (# ORDER BY x, !)", "last_value(v) OVER (# ORDER BY ! ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
		"nth_value(v, 2) OVER (# ORDER BY !)", "max(v) OVER (# ORDER BY v, ! ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)", "sum(v) OVER (# ORDER BY v RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)", "count(*) OVER (# ORDER BY v GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES)",
		"min(v) FILTER (WHERE v > 0) OVER (#)")
	call = strings.NewReplacer("#", by, "!", total).Replace(call)
	return same(fmt.Sprintf("(SELECT id, k, (%s)::int AS v, x, d, ts FROM $0 r)", call), func(in []traits) (traits, bool) {
		t, ok := picks(in)
		return t, ok && !in[0].grows
	})
}

// firstByTimeTree has the first row of each key by time.
func firstByTimeTree(g *growing) *relation {
	return same(fmt.Sprintf("(SELECT id, k, v, x, d, ts FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY ts%s, id, k, v, x, d) AS n FROM $0 r) r WHERE n = 1)", one(g.Rand, "k", "v", "k, v % 2"), one(g.Rand, "", " DESC")), func(in []traits) (traits, bool) {
		t, _ := picks(in)
		t.waits = true
		return t, in[0].timed
	})
}

// asOfTree has the version of u of a row's time, of its records u_all.
func asOfTree(g *growing) *relation {
	kind, by, on := one(g.Rand, "", "LEFT "), one(g.Rand, "a.v", "a.id % 9", "abs(a.v)"), one(g.Rand, "", "", " AND u.v < a.v")
	text := "(SELECT a.id, COALESCE(u.k, a.k) AS k, u.v, u.x, a.d, a.ts FROM $1 a " + kind + "JOIN %s)"
	r := &relation{
		ours:   fmt.Sprintf(text, fmt.Sprintf("$0 FOR SYSTEM_TIME AS OF a.ts ON u.id = %s%s", by, on)),
		theirs: fmt.Sprintf(text, fmt.Sprintf("LATERAL (SELECT * FROM $0_all u WHERE u.id = %s AND u.ts <= a.ts ORDER BY u.ts DESC, u.n DESC LIMIT 1) u ON true%s", by, on)),
		takes: func(in []traits) (traits, bool) {
			t := in[1]
			t.waits = true
			return t, t.timed && t.grows && in[0].timed
		},
	}
	r.in = []*relation{g.named("u")}
	return r
}
