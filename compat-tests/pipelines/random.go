package pipelines

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A scenario is a random query over two streams of random rows, in two spellings.
type scenario struct {
	rows   map[string][]string // of e and f, as CSV
	source source
	where  string
	keys   []string
	aggs   []string // nil: the rows themselves
	having string
	nested bool // groups of the groups' counts
	emit   string
}

// source is what a query reads: a stream, in windows perhaps, or a join.
type source struct {
	ours, theirs string // the FROM of each
	clause       string // the WINDOW clause
	windowed     bool
	columns      []string // that rows have, in place of groups
}

// streamColumns are the columns of e and f. An id is of one row.
const streamColumns = "id int, k text, v int, x numeric, ts timestamptz"

// delay is how far rows may be out of order, in seconds.
const delay = 5

func one(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

func newScenario(r *rand.Rand) *scenario {
	s := &scenario{rows: map[string][]string{"e": randomRows(r), "f": randomRows(r)}}
	s.source = randomSource(r)
	if r.IntN(3) == 0 {
		s.where = one(r, "e.v > 1", "e.k <> 'a'", "e.k IS NOT NULL", "e.x < 2.5 OR e.v IS NULL", "e.id % 3 > 0")
	}
	grouped := s.source.windowed || len(s.source.columns) == 0 || r.IntN(3) == 0
	if !grouped {
		return s
	}
	if s.source.windowed {
		s.emit = one(r, "", " EMIT CHANGES")
	}
	switch {
	case strings.Contains(s.source.clause, "SESSION") && strings.Contains(s.source.theirs, "PARTITION BY e.k "):
		s.keys = []string{"e.k"}
	case strings.Contains(s.source.clause, "SESSION"):
	default:
		for _, k := range []string{"e.k", "e.v % 2"} {
			if r.IntN(2) == 0 {
				s.keys = append(s.keys, k)
			}
		}
	}
	aggs := []string{"count(*)", "count(e.v)", "sum(e.v)", "sum(e.x)", "min(e.v)", "max(e.k)", "avg(e.v)", "avg(e.x)", "count(DISTINCT e.v)", "sum(e.v) FILTER (WHERE e.v > 1)", "bool_or(e.v > 2)", "max(e.ts)", "count(DISTINCT e.k) FILTER (WHERE e.x > 1)"}
	r.Shuffle(len(aggs), func(i, j int) { aggs[i], aggs[j] = aggs[j], aggs[i] })
	s.aggs = aggs[:1+r.IntN(4)]
	if r.IntN(4) == 0 {
		s.having = one(r, "count(*) > 1", "sum(e.v) BETWEEN 2 AND 6", "min(e.v) IS NOT NULL")
	}
	s.nested = !s.source.windowed && s.aggs[0] != "bool_or(e.v > 2)" && r.IntN(3) == 0
	return s
}

// randomRows are in an order that the watermark allows for.
func randomRows(r *rand.Rand) []string {
	var all []string
	step := []float64{0.3, 1, 4}[r.IntN(3)]
	for i := range r.IntN(50) {
		field := func(value string) string {
			if r.IntN(8) == 0 {
				return ""
			}
			return value
		}
		tenths := int((float64(i)*step + r.Float64()*(delay-0.2)) * 2) // ties at half seconds
		ts := fmt.Sprintf("2026-01-01 00:%02d:%02d.%d", tenths/120, tenths/2%60, tenths%2*5)
		if r.IntN(25) == 0 {
			ts = ""
		}
		all = append(all, fmt.Sprintf("%d,%s,%s,%s,%s", i, field(one(r, "a", "b", "c", "d")), field(fmt.Sprint(r.IntN(6)-1)), field(one(r, "0.5", "1.25", "2", "3.000", "-1.1")), ts))
	}
	return all
}

func randomSource(r *rand.Rand) source {
	seconds := func(n int) string { return fmt.Sprintf("INTERVAL '%d seconds'", n) }
	switch n := r.IntN(12); {
	case n < 2:
		return source{ours: "e", theirs: "e", columns: []string{"e.id", "e.k", "e.v", "e.x"}}
	case n < 4:
		return source{ours: "e", theirs: "e"} // groups
	case n < 5:
		size, offset := 1+r.IntN(20), r.IntN(7)
		bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z' + %s)", seconds(size), seconds(offset))
		return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW TUMBLING (%s, OFFSET %s)", seconds(size), seconds(offset)),
			theirs: fmt.Sprintf("(SELECT *, %s AS window_start, %s + %s AS window_end FROM e WHERE ts IS NOT NULL) e", bin, bin, seconds(size))}
	case n < 6:
		slide := 1 + r.IntN(8)
		size := slide + r.IntN(20)
		bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z')", seconds(slide))
		return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW HOPPING (%s, %s)", seconds(size), seconds(slide)),
			theirs: fmt.Sprintf("(SELECT e.*, w AS window_start, w + %[1]s AS window_end FROM e, generate_series(%[2]s - %[3]s, %[2]s, %[4]s) w WHERE w + %[1]s > ts) e",
				seconds(size), bin, seconds(size/slide*slide), seconds(slide))}
	case n < 7:
		step := 1 + r.IntN(6)
		size := step * (1 + r.IntN(5))
		bin := fmt.Sprintf("date_bin(%s, ts, timestamptz '1970-01-01Z')", seconds(size))
		return source{ours: "e", windowed: true, clause: fmt.Sprintf("WINDOW CUMULATE (%s, %s)", seconds(step), seconds(size)),
			theirs: fmt.Sprintf("(SELECT e.*, %[1]s AS window_start, w AS window_end FROM e, generate_series(%[1]s + %[2]s, %[1]s + %[3]s, %[2]s) w WHERE w > ts) e", bin, seconds(step), seconds(size))}
	case n < 8:
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
	case n < 10:
		kind, bound := one(r, "", "LEFT ", "RIGHT ", "FULL "), 1+r.IntN(6)
		on := one(r, "e.k = f.k", "e.k = f.k AND e.v = f.v", "e.k = f.k AND e.v < f.v")
		return source{ours: fmt.Sprintf("e %sJOIN f ON %s WITHIN %s", kind, on, seconds(bound)), columns: []string{"e.id", "e.k", "f.id AS other", "f.x"},
			theirs: fmt.Sprintf("e %sJOIN f ON %s AND f.ts BETWEEN e.ts - %[3]s AND e.ts + %[3]s", kind, on, seconds(bound))}
	case n < 11:
		join := fmt.Sprintf("e %sJOIN f ON %s", one(r, "", "LEFT ", "RIGHT ", "FULL "), one(r, "e.k = f.k", "e.k = f.k AND e.v = f.v", "e.v = f.v AND e.x > f.x"))
		return source{ours: join, theirs: join, columns: []string{"e.id", "f.id AS other", "f.k"}}
	}
	top := fmt.Sprintf("(SELECT *, %s OVER (PARTITION BY k ORDER BY v DESC NULLS LAST, id) AS place FROM e) e", one(r, "row_number()", "rank()"))
	top = fmt.Sprintf("(SELECT * FROM %s WHERE place <= %d) e", top, 1+r.IntN(3))
	return source{ours: top, theirs: top, columns: []string{"e.k", "e.id", "e.v", "e.place"}}
}

func comma(by string) string {
	if by == "" {
		return " "
	}
	return ", "
}

// items are the columns of the answer, by name.
func (s *scenario) items() []string {
	if s.aggs == nil {
		return s.source.columns
	}
	var all []string
	for i, k := range s.keys {
		all = append(all, fmt.Sprintf("%s AS k%d", k, i))
	}
	if s.source.windowed {
		all = append(all, "window_start", "window_end")
	}
	for i, a := range s.aggs {
		all = append(all, fmt.Sprintf("%s AS a%d", a, i))
	}
	return all
}

// query is the text over a FROM. bounds: the windows' bounds are keys to be named.
func (s *scenario) query(from, clause string, bounds bool) string {
	var b strings.Builder
	items := strings.Join(s.items(), ", ")
	fmt.Fprintf(&b, "SELECT %s FROM %s", items, from)
	if clause != "" {
		b.WriteString(" " + clause)
	}
	if s.where != "" && !strings.Contains(from, "$where") {
		b.WriteString(" WHERE " + s.where)
	}
	keys := s.keys
	if bounds && s.source.windowed {
		keys = append(slices.Clone(keys), "window_start", "window_end")
	}
	if s.aggs != nil && len(keys) > 0 {
		b.WriteString(" GROUP BY " + strings.Join(keys, ", "))
	}
	if s.aggs != nil && s.having != "" {
		b.WriteString(" HAVING " + s.having)
	}
	text := b.String()
	if s.nested && s.aggs != nil {
		text = fmt.Sprintf("SELECT a0 AS g, count(*) AS n, min(a0) AS lo, max(a0) AS hi, count(DISTINCT a0) AS d FROM (%s) x GROUP BY a0", text)
	}
	where := ""
	if s.where != "" {
		where = "AND (" + s.where + ")"
	}
	return strings.ReplaceAll(text, "$where", where)
}

func (s *scenario) ours() string   { return s.query(s.source.ours, s.source.clause, false) }
func (s *scenario) theirs() string { return s.query(s.source.theirs, "", true) }

// smaller are scenarios a step smaller.
func (s *scenario) smaller() []*scenario {
	var all []*scenario
	with := func(change func(*scenario)) {
		c := *s
		c.rows = map[string][]string{"e": s.rows["e"], "f": s.rows["f"]}
		change(&c)
		all = append(all, &c)
	}
	for _, name := range []string{"e", "f"} {
		rows := s.rows[name]
		for size := (len(rows) + 1) / 2; size > 0; size /= 2 {
			for from := 0; from < len(rows); from += size {
				with(func(c *scenario) { c.rows[name] = slices.Concat(rows[:from], rows[min(from+size, len(rows)):]) })
			}
			if size == 1 {
				break
			}
		}
	}
	if s.where != "" {
		with(func(c *scenario) { c.where = "" })
	}
	if s.having != "" {
		with(func(c *scenario) { c.having = "" })
	}
	if s.nested {
		with(func(c *scenario) { c.nested = false })
	}
	for i := range s.aggs {
		if len(s.aggs) > 1 && !(s.nested && i == 0) {
			with(func(c *scenario) { c.aggs = slices.Concat(s.aggs[:i], s.aggs[i+1:]) })
		}
	}
	if len(s.keys) > 0 && !strings.Contains(s.source.clause, "SESSION") {
		with(func(c *scenario) { c.keys = s.keys[1:] })
	}
	return all
}

// golden is the scenario as one.
func (s *scenario) golden() *golden {
	declare := func(name string) string {
		return fmt.Sprintf("CREATE STREAM %[1]s (%s, WATERMARK FOR ts AS ts - INTERVAL '%d seconds') WITH ($%[1]s);\n", name, streamColumns, delay)
	}
	g := &golden{name: "random", sql: declare("e") + declare("f") + "START JOB j AS\n" + s.ours() + s.emit + "\nINTO out WITH ($out);"}
	for _, name := range []string{"e", "f"} {
		g.inputs = append(g.inputs, input{name, "csv", [][]string{s.rows[name]}})
	}
	g.expected = []expected{{"out", "csv", nil}}
	return g
}
