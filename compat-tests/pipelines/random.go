package pipelines

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
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
	limit  int  // the first rows, in the order of all columns; 0: all
	view   bool // a materialized view, which the job follows
	emit   string
}

// streamColumns are the columns of e and f. An id is of one row.
const streamColumns = "id int, k text, v int, x numeric, ts timestamptz"

// delay is how far rows may be out of order, in seconds.
const delay = 5

func one(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

func newScenario(r *rand.Rand) *scenario {
	s := &scenario{rows: map[string][]string{"e": randomRows(r), "f": randomRows(r)}}
	s.source = randomSource(r)
	if s.source.versions {
		s.rows["f"] = oneVersion(s.rows["f"])
	}
	s.view = r.IntN(5) == 0
	if r.IntN(8) == 0 {
		s.limit = 1 + r.IntN(6)
	}
	if r.IntN(3) == 0 {
		s.where = one(r, "e.v > 1", "e.k <> 'a'", "e.k IS NOT NULL", "e.x < 2.5 OR e.v IS NULL", "e.id % 3 > 0")
	}
	grouped := s.source.windowed || len(s.source.columns) == 0 || r.IntN(3) == 0
	if !grouped {
		return s
	}
	if s.source.windowed {
		s.emit = one(r, "", " EMIT CHANGES", " EMIT FINAL")
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
	aggs := slices.Clone(aggregates)
	r.Shuffle(len(aggs), func(i, j int) { aggs[i], aggs[j] = aggs[j], aggs[i] })
	s.aggs = aggs[:1+r.IntN(4)]
	if r.IntN(4) == 0 {
		s.having = one(r, "count(*) > 1", "sum(e.v) BETWEEN 2 AND 6", "min(e.v) IS NOT NULL")
	}
	// Equal numerics may differ in their digits: which of them a group shows is not told.
	unfit := []string{"bool_or(e.v > 2)", "sum(e.x)", "avg(e.x)", "var_pop(e.v)", "array_agg(e.v ORDER BY e.v, e.id)::text", "json_agg(e.v ORDER BY e.v)::text", "bool_and(e.x > 1)"}
	s.nested = !s.source.windowed && !slices.Contains(unfit, s.aggs[0]) && r.IntN(3) == 0
	return s
}

// aggregates are what groups may have.
var aggregates = []string{"count(*)", "count(e.v)", "sum(e.v)", "sum(e.x)", "min(e.v)", "max(e.k)", "avg(e.v)", "avg(e.x)", "count(DISTINCT e.v)", "sum(e.v) FILTER (WHERE e.v > 1)", "bool_or(e.v > 2)", "max(e.ts)",
	"count(DISTINCT e.k) FILTER (WHERE e.x > 1)", "string_agg(e.k, ',' ORDER BY e.k, e.id)", "array_agg(e.v ORDER BY e.v, e.id)::text", "json_agg(e.v ORDER BY e.v)::text", "string_agg(DISTINCT e.k, '')",
	"var_pop(e.v)", "bit_and(e.v)", "bit_xor(e.v)", "bool_and(e.x > 1)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY e.v)", "mode() WITHIN GROUP (ORDER BY e.k)", "regr_count(e.v, e.x)"}

// features are what the scenario has of which another may have none.
func (s *scenario) features() []string {
	all := []string{"source: " + s.source.kind}
	note := func(has bool, name string) {
		if has {
			all = append(all, name)
		}
	}
	for _, a := range s.aggs {
		note(true, "aggregate: "+a)
	}
	note(s.emit != "", strings.TrimSpace(s.emit))
	note(s.view, "view")
	note(s.where != "", "where")
	note(s.having != "", "having")
	note(s.nested, "groups of groups")
	note(s.limit > 0, "limit")
	return all
}

// allFeatures are those that a long run is to have.
func allFeatures() []string {
	all := []string{"EMIT CHANGES", "EMIT FINAL", "view", "where", "having", "groups of groups", "limit"}
	for _, k := range sourceKinds {
		all = append(all, "source: "+k.name)
	}
	for _, a := range aggregates {
		all = append(all, "aggregate: "+a)
	}
	return all
}

// oneVersion leaves out rows of a key and time that are there before.
func oneVersion(rows []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, row := range rows {
		f := strings.Split(row, ",")
		if at := f[1] + "," + f[4]; !seen[at] {
			seen[at] = true
			all = append(all, row)
		}
	}
	return all
}

// permuted are rows in another order that the watermark allows for.
func permuted(r *rand.Rand, rows []string) []string {
	at := map[string]float64{}
	last := 0.0
	for _, row := range rows {
		var minute, second, tenth int
		if ts := row[strings.LastIndexByte(row, ',')+1:]; ts != "" {
			if _, err := fmt.Sscanf(ts, "2026-01-01 00:%d:%d.%d", &minute, &second, &tenth); err != nil {
				panic(err)
			}
			last = float64(minute*60+second) + float64(tenth)/10
		}
		at[row] = last + r.Float64()*(delay-0.2)
	}
	return slices.SortedStableFunc(slices.Values(rows), func(a, b string) int { return cmp.Compare(at[a], at[b]) })
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
	var conditions []string
	for _, c := range []string{s.source.where, s.where} {
		if c != "" && !strings.Contains(from, "$where") {
			conditions = append(conditions, "("+c+")")
		}
	}
	if len(conditions) > 0 {
		b.WriteString(" WHERE " + strings.Join(conditions, " AND "))
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
	if s.limit > 0 {
		width := len(s.items())
		if s.nested && s.aggs != nil {
			width = 5
		}
		var columns []string
		for i := range width {
			columns = append(columns, strconv.Itoa(i+1))
		}
		text += fmt.Sprintf(" ORDER BY %s LIMIT %d", strings.Join(columns, ", "), s.limit)
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
	if s.limit > 0 {
		with(func(c *scenario) { c.limit = 0 })
	}
	if s.view {
		with(func(c *scenario) { c.view = false })
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
	job := "START JOB j AS\n" + s.ours() + s.emit + "\nINTO out WITH ($out);"
	if s.view {
		job = "CREATE MATERIALIZED VIEW m WITH (checkpoint.interval = '1ms') AS\n" + s.ours() + s.emit + ";\nSTART JOB j AS SELECT * FROM m INTO out WITH ($out);"
	}
	g := &golden{name: "random", sql: declare("e") + declare("f") + job}
	for _, name := range []string{"e", "f"} {
		g.inputs = append(g.inputs, input{name, "csv", [][]string{s.rows[name]}})
	}
	g.expected = []expected{{"out", "csv", nil}}
	return g
}
