package pipelines

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A scenario is a random query over two streams of random rows, in two spellings.
type scenario struct {
	rows   map[string][]string // of the streams, as CSV; of b each behind its op
	source source
	where  string
	keys   []string
	aggs   []string // nil: the rows themselves
	having string
	nested bool // groups of the groups' counts
	limit  int  // the first rows, in the order of all columns; 0: all
	view   bool // a materialized view, which the job follows
	emit   string
	late   string // GRACE for whatever is late
	update bool   // late rows correct what went out
}

func one(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

func newScenario(r *rand.Rand) *scenario {
	s := &scenario{source: randomSource(r)}
	s.rows = randomStreams(r, s.source)
	s.view = r.IntN(5) == 0
	if r.IntN(8) == 0 {
		s.limit = 1 + r.IntN(6)
	}
	if r.IntN(3) == 0 && s.source.model == nil {
		s.where = one(r, "e.v > 1", "e.k <> 'a'", "e.k IS NOT NULL", "e.x < 2.5 OR e.v IS NULL", "e.id % 3 > 0")
	}
	if s.source.tree != nil {
		s.emit = one(r, "", "", " EMIT CHANGES")
		return s
	}
	grouped := s.source.windowed || len(s.source.columns) == 0 || r.IntN(3) == 0
	// Nothing is late for an OVER whose column nobody reads: it is left out.
	if !grouped || s.source.late && !s.source.windowed {
		return s
	}
	if s.source.windowed {
		s.emit = one(r, "", " EMIT CHANGES", " EMIT FINAL")
		switch n := r.IntN(6); {
		case s.source.late:
		case n == 0:
			s.late = " GRACE INTERVAL '1 hour'"
		case n == 1:
			s.update = !s.view
		}
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
	if s.source.tree != nil {
		kinds := map[string]bool{}
		s.source.tree.walk(func(r *relation) { kinds[r.kind] = true })
		for k := range kinds {
			note(true, "relation: "+k)
		}
	}
	note(s.late != "", "GRACE")
	note(s.update, "late_policy update")
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
	all := []string{"EMIT CHANGES", "EMIT FINAL", "view", "where", "having", "groups of groups", "limit", "GRACE", "late_policy update"}
	for _, g := range growths {
		all = append(all, "relation: "+g.name)
	}
	for _, leaf := range []string{"stream e", "stream f", "stream u", "stream b", "stream t", "view", "table", "keyed table"} {
		all = append(all, "relation: "+leaf)
	}
	for _, k := range sourceKinds {
		all = append(all, "source: "+k.name)
	}
	for _, a := range aggregates {
		all = append(all, "aggregate: "+a)
	}
	slices.Sort(all)
	return slices.Compact(all)
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

func (s *scenario) ours() string { return s.query(s.source.ours, s.source.clause+s.late, false) }
func (s *scenario) theirs() string {
	if s.source.model != nil {
		return s.query(s.source.model(s.rows["e"]), "", true)
	}
	return s.query(s.source.theirs, "", true)
}

// bounded is the query with nothing stored between.
func (s *scenario) bounded() string {
	if t := s.source.tree; t != nil {
		return s.query(t.text(true)+" e", "", false)
	}
	return s.ours()
}

// smaller are scenarios a step smaller.
func (s *scenario) smaller() []*scenario {
	var all []*scenario
	with := func(change func(*scenario)) {
		c := *s
		c.rows = maps.Clone(s.rows)
		change(&c)
		all = append(all, &c)
	}
	if t := s.source.tree; t != nil {
		for _, r := range t.smaller() {
			with(func(c *scenario) { c.source = r.source() })
		}
	}
	for name, rows := range s.rows {
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
	if s.late != "" {
		with(func(c *scenario) { c.late = "" })
	}
	if s.update {
		with(func(c *scenario) { c.update = false })
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
	g := &golden{name: "random", expected: []expected{{"out", "csv", nil}}}
	if s.source.late {
		g.partitions, g.single = 1, true
	}
	for _, st := range s.streams() {
		g.sql += st.declaration("$"+st.name) + ";\n"
		in := st.input(s.rows[st.name])
		if s.source.late { // each row moves the watermark before the next one comes
			in.stages = slices.Collect(slices.Chunk(in.stages[0], 1))
		}
		g.inputs = append(g.inputs, in)
	}
	if s.source.tree != nil {
		g.sql += s.source.tree.declarations()
	}
	options := ""
	if s.update {
		options = ", late_policy = 'update', allowed_lateness = '1 hour'"
	}
	if s.source.next {
		options = ", late_policy = 'next_window'"
	}
	job := "START JOB j AS\n" + s.ours() + s.emit + "\nINTO out WITH ($out" + options + ");"
	if s.view {
		job = "CREATE MATERIALIZED VIEW m WITH ($view" + options + ") AS\n" + s.ours() + s.emit + ";\nSTART JOB j AS SELECT * FROM m INTO out WITH ($out);"
	}
	g.sql += job
	return g
}

// records are those of each stream, to be read.
func (s *scenario) records() string {
	var b strings.Builder
	for _, st := range s.streams() {
		fmt.Fprintf(&b, "%s:\n%s\n", st.name, strings.Join(s.rows[st.name], "\n"))
	}
	return b.String()
}

// streams are those that the query reads.
func (s *scenario) streams() []randomStream {
	var all []randomStream
	for _, st := range randomStreamsOf(s.source) {
		if _, ok := s.rows[st.name]; ok {
			all = append(all, st)
		}
	}
	return all
}
