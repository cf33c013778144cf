package pipelines

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A relation is a random query of the columns of a stream, over others: whatever is
// made of one can be made of another.
type relation struct {
	kind string
	in   []*relation
	// The texts are of a subquery, or a name. $0 and $1 stand for the inputs, as
	// something in FROM.
	ours, theirs string
	takes        func(in []traits) (traits, bool)
	stored       string // the name of the view or table that has its only input's rows
}

// traits are what a relation has its readers know.
type traits struct {
	grows  bool // no row is taken back
	timed  bool // ts is an event time
	within bool // and its only one
	ended  bool // ts is the end of its rows' windows
	waits  bool // for a watermark: its rows are to be in the order of time, as far as it says
	exact  bool // equal numbers print alike
	stored bool // tables and views are followed, and no stream is read
	wide   bool // it has times that no arithmetic is to be done with
}

func (t traits) or(u traits) traits {
	return traits{grows: t.grows && u.grows, timed: t.timed && u.timed, within: t.within && u.within, waits: t.waits || u.waits, exact: t.exact && u.exact, stored: t.stored && u.stored, wide: t.wide || u.wide}
}

// traits are the relation's; false: it is no query that both understand.
func (r *relation) traits() (traits, bool) {
	var in []traits
	for _, i := range r.in {
		t, ok := i.traits()
		if !ok {
			return traits{}, false
		}
		in = append(in, t)
	}
	for _, t := range in {
		if t.stored != in[0].stored {
			return traits{}, false
		}
	}
	return r.takes(in)
}

// text is the relation in FROM; whole: what is stored is written out.
func (r *relation) text(whole bool) string {
	if r.stored != "" {
		if whole {
			return r.in[0].text(true)
		}
		return r.stored
	}
	return r.fill(r.ours, func(i *relation) string { return i.text(whole) })
}

// oracle is the relation for PostgreSQL.
func (r *relation) oracle() string {
	if r.stored != "" {
		return r.in[0].oracle()
	}
	return r.fill(r.theirs, (*relation).oracle)
}

func (r *relation) fill(text string, of func(*relation) string) string {
	var pairs []string
	for i, in := range r.in {
		pairs = append(pairs, fmt.Sprintf("$%d", i), of(in))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// declarations make what is stored, each before who reads it.
func (r *relation) declarations() string {
	var b strings.Builder
	seen := map[string]bool{}
	r.walk(func(n *relation) {
		if n.stored == "" || seen[n.stored] {
			return
		}
		seen[n.stored] = true
		if key, ok := map[string]string{"table": "", "keyed table": " PRIMARY KEY"}[n.kind]; ok {
			fmt.Fprintf(&b, "CREATE TABLE %[1]s (id bigint, k text%[3]s, v int, x numeric, d float8, ts timestamptz);\nSTART JOB fill_%[1]s AS SELECT id, k, v, x, d, ts FROM %[2]s r INTO %[1]s;\n", n.stored, n.in[0].text(false), key)
			return
		}
		fmt.Fprintf(&b, "CREATE MATERIALIZED VIEW %s WITH ($view) AS SELECT id, k, v, x, d, ts FROM %s r;\n", n.stored, n.in[0].text(false))
	})
	return b.String()
}

// walk visits the relation's inputs and then itself.
func (r *relation) walk(visit func(*relation)) {
	for _, in := range r.in {
		in.walk(visit)
	}
	visit(r)
}

// depth is how many relations are above one another.
func (r *relation) depth() int {
	n := 0
	for _, in := range r.in {
		n = max(n, in.depth())
	}
	return n + 1
}

// streams are the names of those that are read.
func (r *relation) streams() []string {
	var all []string
	r.walk(func(n *relation) {
		if len(n.in) == 0 {
			all = append(all, n.ours)
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// smaller are relations with one of its inputs in the place of each.
func (r *relation) smaller() []*relation {
	all := slices.Clone(r.in)
	for i, in := range r.in {
		for _, s := range in.smaller() {
			c := *r
			c.in = slices.Clone(r.in)
			c.in[i] = s
			all = append(all, &c)
		}
	}
	return slices.DeleteFunc(all, func(s *relation) bool {
		_, ok := s.traits()
		return !ok
	})
}

// source is the relation as what a query reads.
func (r *relation) source() source {
	t, _ := r.traits()
	x := "e.x"
	if !t.exact {
		x = "trim_scale(e.x) AS x"
	}
	return source{
		kind: "tree", tree: r, ours: r.text(false) + " e", theirs: r.oracle() + " e",
		columns: []string{"e.id", "e.k", "e.v", x, "e.d + 0 AS d", "e.ts"},
	}
}

// growing makes relations, and numbers what they store.
type growing struct {
	*rand.Rand
	stored bool
	wide   bool
	steady bool // nothing but what has an event time and is never taken back
	names  int
}

func treeSource(r *rand.Rand) source {
	g := &growing{Rand: r, stored: r.IntN(4) == 0, wide: r.IntN(5) == 0}
	return g.relation(1 + r.IntN(4)).source()
}

// relation makes one of so many levels at most.
func (g *growing) relation(levels int) *relation {
	if levels == 0 {
		return g.leaf()
	}
	for range 20 {
		of := growths[g.IntN(len(growths))]
		if g.steady && !slices.Contains(steady, of.name) {
			continue
		}
		r := of.make(g)
		r.kind = of.name
		of.inputs += len(r.in)
		below := *g
		below.steady = g.steady || slices.Contains(timed, of.name) && !(of.name == "window" && g.IntN(3) == 0)
		for len(r.in) < of.inputs {
			n := levels - 1
			if len(r.in) > 0 {
				n = g.IntN(levels) // one branch is deep
			}
			r.in = append(r.in, below.relation(n))
		}
		g.names = below.names
		if of.inputs == 2 && g.IntN(2) == 0 && !of.fixed {
			slices.Reverse(r.in)
		}
		if of.inputs == 2 && g.IntN(6) == 0 && !of.fixed {
			r.in[1] = r.in[0]
		}
		if t, ok := r.traits(); ok && t.stored == g.stored && (!g.steady || t.grows && t.timed) {
			return r
		}
	}
	return g.leaf()
}

// timed are the growths of what has an event time, most of them of what is never taken
// back; steady are those of them, and others, that leave it so.
var (
	timed  = []string{"interval join", "window", "session", "over time", "first by time", "as of"}
	steady = []string{"filter", "project", "union all", "interval join", "over time", "exists", "as of"}
)

// leaf is a stream, or a view of one, or a table that a job fills.
func (g *growing) leaf() *relation {
	if g.stored && g.IntN(3) == 0 {
		return g.named("t")
	}
	stream := g.stream()
	if !g.stored {
		return stream
	}
	s := &growing{Rand: g.Rand, wide: g.wide}
	in := stream
	if g.IntN(2) == 0 {
		in = s.relation(1)
	}
	t, _ := in.traits()
	kind := "view"
	if t.grows && g.IntN(2) == 0 {
		kind = "table"
	}
	if g.IntN(4) == 0 {
		kind = "keyed table"
		in = keyTree(s)
		in.in = []*relation{stream}
	}
	g.names++
	return &relation{kind: kind, in: []*relation{in}, stored: fmt.Sprintf("m%d", g.names), takes: func(in []traits) (traits, bool) {
		t := in[0]
		ok := !t.stored && (kind != "table" || t.grows)
		return traits{waits: t.waits, exact: t.exact, stored: true, wide: t.wide}, ok
	}}
}

// stream is one of those that are no table. Times of u and b go back and forth, so that a long
// watermark holds everything for them.
func (g *growing) stream() *relation {
	name := one(g.Rand, "e", "e", "f", "u", "b")
	if g.steady {
		name = one(g.Rand, "e", "f")
	}
	return g.named(name)
}

func (g *growing) named(name string) *relation {
	t := traits{grows: name == "e" || name == "f", timed: !g.wide && name != "t", within: true, exact: true, wide: g.wide, stored: name == "t"}
	return &relation{kind: "stream " + name, ours: name, theirs: name, takes: func([]traits) (traits, bool) { return t, true }}
}

// total is an order in which rows that tie are alike.
const total = "id, k, v, x, d, ts"

// columnsOf are a relation's columns under an alias.
func columnsOf(alias string) string {
	return strings.ReplaceAll("$.id, $.k, $.v, $.x, $.d, $.ts", "$", alias)
}

// same is a relation of one text.
func same(text string, takes func(in []traits) (traits, bool)) *relation {
	return &relation{ours: text, theirs: text, takes: takes}
}

// passes is what a relation has that gives its input's rows.
func passes(in []traits) (traits, bool) { return in[0], true }

// changes is what a relation has whose rows are taken back.
func changes(in []traits) (traits, bool) {
	t := in[0]
	for _, u := range in[1:] {
		t = t.or(u)
	}
	t.grows, t.timed, t.ended = false, false, false
	return t, true
}

// picks is changes of one of several rows, or numbers, that are equal.
func picks(in []traits) (traits, bool) {
	t, ok := changes(in)
	t.exact = false
	return t, ok
}

// growths are what a relation may be over others.
var growths = []struct {
	name   string
	inputs int // that are made beside those that it comes with
	make   func(g *growing) *relation
	fixed  bool // the inputs stay where they are
}{
	{"filter", 1, filterTree, false},
	{"project", 1, projectTree, false},
	{"group", 1, groupTree, false},
	{"group", 1, groupTree, false},
	{"group", 1, groupTree, false},
	{"grouping sets", 1, groupingSetsTree, false},
	{"typed", 1, typedTree, false},
	{"distinct", 1, distinctTree, false},
	{"distinct on", 1, distinctOnTree, false},
	{"top", 1, topTree, false},
	{"top", 1, topTree, false},
	{"limit", 1, limitTree, false},
	{"union all", 2, unionAllTree, false},
	{"set", 2, setTree, false},
	{"set", 2, setTree, false},
	{"join", 2, joinTree, false},
	{"join", 2, joinTree, false},
	{"join", 2, joinTree, false},
	{"interval join", 2, intervalTree, false},
	{"interval join", 2, intervalTree, false},
	{"exists", 2, existsTree, false},
	{"exists", 2, existsTree, false},
	{"scalar", 2, scalarTree, false},
	{"with", 1, withTree, false},
	{"window", 1, windowTree, false},
	{"window", 1, windowTree, false},
	{"session", 1, sessionTree, false},
	{"over time", 1, overTimeTree, false},
	{"over changes", 1, overChangesTree, false},
	{"first by time", 1, firstByTimeTree, false},
	{"as of", 1, asOfTree, true},
}
