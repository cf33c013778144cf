package exec

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestDistribute: rows meet where operators need them to.
func TestDistribute(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	for _, c := range []struct{ query, want string }{
		{"SELECT id FROM e WHERE id > 1", "Filter < Stream Scan"},
		{"SELECT name, count(*) FROM e GROUP BY name", "Final Changelog Aggregate < Exchange name < Partial Changelog Aggregate < Stream Scan"},
		{"SELECT count(*) FROM e", "Final Changelog Aggregate < Exchange to one task < Partial Changelog Aggregate < Stream Scan"},
		{"SELECT name, count(DISTINCT id) FROM e GROUP BY name", "Changelog Aggregate < Exchange name < Stream Scan"},
		{"SELECT name, string_agg(name, ',' ORDER BY id) FROM e GROUP BY name", "Changelog Aggregate < Exchange name < Stream Scan"},
		{"SELECT name, count(*) FROM e WINDOW TUMBLING (INTERVAL '1 minute') GROUP BY name, window_end",
			"Final Window Aggregate < Exchange name < Partial Window Aggregate < Time Window < Stream Scan"},
		{"SELECT name, count(*) FROM e WINDOW HOPPING (INTERVAL '1 minute', INTERVAL '10 seconds') GROUP BY name", "Window Aggregate < Time Window < Exchange e.name < Stream Scan"},
		{"SELECT name, count(*) FROM e WINDOW SESSION (INTERVAL '1 minute') GROUP BY name", "Window Aggregate < Time Window < Exchange e.name < Stream Scan"},
		{"SELECT n, count(*) FROM (SELECT name, count(*) AS n FROM e GROUP BY name) x GROUP BY n",
			"Final Changelog Aggregate < Exchange n < Partial Changelog Aggregate < Final Changelog Aggregate < Exchange name < Partial Changelog Aggregate < Stream Scan"},
		{"SELECT count(*) FROM (SELECT count(*) AS n FROM e) x", "Changelog Aggregate < Final Changelog Aggregate < Exchange to one task < Partial Changelog Aggregate < Stream Scan"},
		{"SELECT random() AS r, count(*) FROM e GROUP BY random()", "Final Changelog Aggregate < Exchange random < Partial Changelog Aggregate < Stream Scan"},
		{"SELECT DISTINCT name, id % 5 FROM e", "Unique < Exchange name \"?column?\" < Stream Scan"},
	} {
		b, err := f.bound("START JOB j AS "+c.query+" INTO o WITH ('o.type' = 'topic')", testEnv())
		if err != nil {
			t.Fatal(err)
		}
		d, err := distribute(b.Statement.(*plan.StartJob).Root, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := path(d.root); !likePath(got, c.want) {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
	}
}

// path is a plan of one input each, the root first, projections that rename alone
// with it.
func path(n plan.Node) string {
	var all []string
	for n != nil {
		text := n.String()
		if x, ok := n.(*plan.Exchange); ok {
			for _, k := range x.Keys {
				text += " " + k.String()
			}
		}
		all = append(all, text)
		in := n.Inputs()
		if len(in) == 0 {
			break
		}
		n = in[0]
	}
	return strings.Join(all, " < ")
}

// likePath reports whether the nodes of a path begin as those wanted do, some that
// only project left out.
func likePath(got, want string) bool {
	g, w := strings.Split(got, " < "), strings.Split(want, " < ")
	for len(g) > 0 {
		if len(w) > 0 && strings.HasPrefix(g[0], w[0]) {
			w = w[1:]
		} else if g[0] != "Project" {
			return false
		}
		g = g[1:]
	}
	return len(w) == 0
}

// TestParallelismRefused: what cannot be divided says so.
func TestParallelismRefused(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	for _, c := range []struct {
		value string
		want  sqlerr.Code
	}{{"0", sqlerr.InvalidParameterValue}, {"many", sqlerr.InvalidParameterValue}, {"129", sqlerr.InvalidParameterValue}, {"128", ""}} {
		b, err := f.bound("START JOB j AS SELECT id FROM e INTO o WITH ('o.type' = 'topic', 'parallelism' = '"+c.value+"')", testEnv())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.try(b.Statement); err != nil && sqlerr.CodeOf(err) != c.want || err == nil && c.want != "" {
			t.Errorf("parallelism %s: %v, want %s", c.value, err, c.want)
		}
	}
}
