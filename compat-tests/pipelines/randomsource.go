package pipelines

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// source is what a query reads: a stream, in windows perhaps, or a join.
type source struct {
	kind         string // of sourceKinds
	ours, theirs string // the FROM of each
	clause       string // the WINDOW clause
	windowed     bool
	columns      []string // that rows have, in place of groups
	where        string   // a condition that it is of
	versions     bool     // no two rows of f are of one key and time
	tree         *relation
	late         bool                       // rows are out of order for more than the watermark allows for
	next         bool                       // and go to the next window
	model        func(rows []string) string // theirs, of the rows of e
}

// sourceKinds are what a random query may read, each as often as its share says.
var sourceKinds = []struct {
	name  string
	share int
	make  func(r *rand.Rand) source
}{
	{"rows", 2, func(*rand.Rand) source {
		return source{ours: "e", theirs: "e", columns: []string{"e.id", "e.k", "e.v", "e.x"}}
	}},
	{"groups", 2, func(*rand.Rand) source { return source{ours: "e", theirs: "e"} }},
	{"tumbling", 1, tumblingSource},
	{"hopping", 1, hoppingSource},
	{"cumulate", 1, cumulateSource},
	{"session", 1, sessionSource},
	{"interval join", 2, intervalSource},
	{"regular join", 1, joinSource},
	{"join of three", 1, threeSource},
	{"over", 3, overSource},
	{"set", 2, setSource},
	{"distinct", 1, func(*rand.Rand) source {
		return source{ours: distinct, theirs: distinct, columns: []string{"e.k", "e.v", "e.x"}}
	}},
	{"distinct on", 1, distinctOnSource},
	{"exists", 2, existsSource},
	{"as of", 1, asOfSource},
	{"top", 1, topSource},
	{"late windows", 2, lateSource},
	{"late sessions", 1, lateSessionSource},
	{"late over", 1, lateOverSource},
	{"tree", 12, treeSource},
}

func randomSource(r *rand.Rand) source {
	all := 0
	for _, k := range sourceKinds {
		all += k.share
	}
	n := r.IntN(all)
	for _, k := range sourceKinds {
		if n -= k.share; n < 0 {
			s := k.make(r)
			s.kind = k.name
			return s
		}
	}
	panic("the shares do not add up")
}

func seconds(n int) string { return fmt.Sprintf("INTERVAL '%d seconds'", n) }

func tumblingSource(r *rand.Rand) source {
	size, offset := 1+r.IntN(20), r.IntN(7)
	bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z' + %s)", seconds(size), seconds(offset))
	return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW TUMBLING (%s, OFFSET %s)", seconds(size), seconds(offset)),
		theirs: fmt.Sprintf("(SELECT *, %s AS window_start, %s + %s AS window_end FROM e WHERE ts IS NOT NULL) e", bin, bin, seconds(size))}
}

func hoppingSource(r *rand.Rand) source {
	slide := 1 + r.IntN(8)
	size := slide + r.IntN(20)
	bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z')", seconds(slide))
	return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW HOPPING (%s, %s)", seconds(size), seconds(slide)),
		theirs: fmt.Sprintf("(SELECT e.*, w AS window_start, w + %[1]s AS window_end FROM e, generate_series(%[2]s - %[3]s, %[2]s, %[4]s) w WHERE w + %[1]s > ts) e",
			seconds(size), bin, seconds(size/slide*slide), seconds(slide))}
}

func cumulateSource(r *rand.Rand) source {
	step := 1 + r.IntN(6)
	size := step * (1 + r.IntN(5))
	bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z')", seconds(size))
	return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW CUMULATE (%s, %s)", seconds(step), seconds(size)),
		theirs: fmt.Sprintf("(SELECT e.*, %[1]s AS window_start, w AS window_end FROM e, generate_series(%[1]s + %[2]s, %[1]s + %[3]s, %[2]s) w WHERE w > ts) e", bin, seconds(step), seconds(size))}
}

func sessionSource(r *rand.Rand) source {
	gap, by := 1+r.IntN(6), one(r, "e.k ", "")
	part := ""
	if by != "" {
		part = "PARTITION BY " + by
	}
	// The rows that begin a session are counted; WHERE comes before.
	return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW SESSION (%s)", seconds(gap)),
		theirs: fmt.Sprintf(`(SELECT *, min(ts) OVER (%[2]s) AS window_start, max(ts) OVER (%[2]s) + %[1]s AS window_end FROM (
			SELECT *, count(*) FILTER (WHERE begins) OVER (%[3]sORDER BY ts) AS session FROM (
			SELECT *, ts - lag(ts) OVER (%[3]sORDER BY ts) > %[1]s AS begins FROM e WHERE ts IS NOT NULL $where) e) e) e`,
			seconds(gap), strings.TrimSuffix("PARTITION BY "+by, " ")+comma(by)+"session", part)}
}

func comma(by string) string {
	if by == "" {
		return " "
	}
	return ", "
}

func intervalSource(r *rand.Rand) source {
	kind, bound := outerKind(r), 1+r.IntN(6)
	on := one(r, "e.k = f.k", "e.k = f.k AND e.v = f.v", "e.k = f.k AND e.v < f.v")
	return source{ours: fmt.Sprintf("e %sJOIN f ON %s WITHIN %s", kind, on, seconds(bound)), columns: []string{"e.id", "e.k", "f.id AS other", "f.x"},
		theirs: fmt.Sprintf("e %sJOIN f ON %s AND f.ts BETWEEN e.ts - %[3]s AND e.ts + %[3]s", kind, on, seconds(bound))}
}

func outerKind(r *rand.Rand) string { return one(r, "", "LEFT ", "RIGHT ", "FULL ") }

func joinSource(r *rand.Rand) source {
	join := fmt.Sprintf("e %sJOIN f ON %s", outerKind(r), one(r, "e.k = f.k", "e.k = f.k AND e.v = f.v", "e.v = f.v AND e.x > f.x"))
	return source{ours: join, theirs: join, columns: []string{"e.id", "f.id AS other", "f.k"}}
}

// threeSource has two joins, of which the second is over what the first takes back.
func threeSource(r *rand.Rand) source {
	join := fmt.Sprintf("e %sJOIN f ON e.k = f.k AND e.v = f.v %sJOIN (SELECT v, count(*) AS n FROM e GROUP BY v) g ON g.v = %s", outerKind(r), outerKind(r), one(r, "e.v", "f.v"))
	return source{ours: join, theirs: join, columns: []string{"e.id", "f.id AS other", "g.n"}}
}

func topSource(r *rand.Rand) source {
	top := fmt.Sprintf("(SELECT *, %s OVER (PARTITION BY k ORDER BY v DESC NULLS LAST, id) AS place FROM e) e", one(r, "row_number()", "rank()"))
	top = fmt.Sprintf("(SELECT * FROM %s WHERE place <= %d) e", top, 1+r.IntN(3))
	return source{ours: top, theirs: top, columns: []string{"e.k", "e.id", "e.v", "e.place"}}
}

// distinctOnSource has the first row of each key, in an order without ties.
func distinctOnSource(r *rand.Rand) source {
	by := one(r, "k", "k, v", "v % 2")
	from := fmt.Sprintf("(SELECT DISTINCT ON (%[1]s) * FROM e ORDER BY %[1]s, %[2]s) e", by, one(r, "id", "id DESC", "x NULLS FIRST, id", "ts DESC NULLS LAST, id"))
	return source{ours: from, theirs: from, columns: []string{"e.id", "e.k", "e.v"}}
}

// setColumns are what the sides of a set, and rows that are distinct, have of a
// stream's: no id and no time, so that there are equal ones.
const setColumns = "k, v, x, v AS id, timestamptz '2026-01-01Z' + v * INTERVAL '1 second' AS ts"

const distinct = "(SELECT DISTINCT " + setColumns + " FROM e) e"

// overSource has OVER in the order of time. Rows of one time are told apart by id,
// or are equal in what the function sees.
func overSource(r *rand.Rand) source {
	by := one(r, "PARTITION BY k ", "PARTITION BY v % 2 ", "")
	call := one(r, "row_number()", "lag(v)", "lead(v, 2, -7)", "lag(k, 2)", "first_value(x)", "sum(x)", "count(v) FILTER (WHERE v > 1)", "avg(v)")
	frame := ""
	if strings.Contains(call, "(x)") || strings.Contains(call, "(v)") && !strings.HasPrefix(call, "l") {
		frame = one(r, "", " ROWS 2 PRECEDING", " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING", " ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING")
	}
	order := "ts, id"
	if r.IntN(3) == 0 {
		order = "ts"
		call = one(r, "rank()", "dense_rank()", "count(*)", "sum(x)", "min(v)", "max(k)", "avg(x)", "count(DISTINCT id)")
		frame = ""
		if !strings.Contains(call, "rank") && !strings.Contains(call, "DISTINCT") {
			frame = one(r, "", " RANGE BETWEEN INTERVAL '4 seconds' PRECEDING AND CURRENT ROW", " RANGE BETWEEN INTERVAL '3 seconds' PRECEDING AND INTERVAL '2 seconds' FOLLOWING", " GROUPS 1 PRECEDING")
		} else if strings.Contains(call, "DISTINCT") {
			call = "count(id)"
		}
	}
	from := fmt.Sprintf("(SELECT *, %s OVER (%sORDER BY %s%s) AS w FROM e) e", call, by, order, frame)
	return source{ours: from, theirs: from, columns: []string{"e.id", "e.k", "e.w"}}
}

// setSource has UNION and its like of the streams, or of their groups.
func setSource(r *rand.Rand) source {
	side := func(stream string) string {
		if r.IntN(4) == 0 {
			return fmt.Sprintf("SELECT k, count(*)::int AS v, max(x) AS x, count(*)::int AS id, max(ts) AS ts FROM %s GROUP BY k", stream)
		}
		return fmt.Sprintf("SELECT %s FROM %s%s", setColumns, stream, one(r, "", "", " WHERE v > 0"))
	}
	from := fmt.Sprintf("(%s %s %s) e", side("e"), one(r, "UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"), side("f"))
	return source{ours: from, theirs: from, columns: []string{"e.k", "e.v", "e.x"}}
}

// existsSource has rows of e that meet some of f, or none, within a time perhaps.
func existsSource(r *rand.Rand) source {
	within := ""
	if n := r.IntN(9); n < 5 {
		within = fmt.Sprintf(" AND f.ts BETWEEN e.ts - INTERVAL '%[1]d seconds' AND e.ts + INTERVAL '%[1]d seconds'", n+1)
	}
	where := fmt.Sprintf("%sEXISTS (SELECT 1 FROM f WHERE %s%s)", one(r, "", "NOT "), one(r, "f.k = e.k", "f.k = e.k AND f.v > e.v", "f.v = e.v AND f.x > 1"), within)
	if r.IntN(4) == 0 {
		where = "e.v IN (SELECT f.v FROM f WHERE f.x > 1)"
	}
	return source{ours: "e", theirs: "e", columns: []string{"e.id", "e.k", "e.v"}, where: where}
}

// asOfSource has rows of e with the version of f at their time.
func asOfSource(r *rand.Rand) source {
	kind, on := one(r, "", "LEFT "), one(r, "", " AND f.v < e.v")
	versions := one(r, "f", "(SELECT * FROM f WHERE v > 0) f")
	return source{columns: []string{"e.id", "e.k", "f.id AS other", "f.x"}, versions: true,
		ours:   fmt.Sprintf("e %sJOIN %s FOR SYSTEM_TIME AS OF e.ts ON f.k = e.k%s", kind, versions, on),
		theirs: fmt.Sprintf("e %sJOIN LATERAL (SELECT * FROM %s WHERE f.k = e.k AND f.ts <= e.ts ORDER BY f.ts DESC LIMIT 1) f ON true%s", kind, versions, on)}
}
