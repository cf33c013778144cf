package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// intervalQueries give each row once: nothing is taken back.
var intervalQueries = []string{
	"SELECT a.id, b.id FROM e a JOIN g b ON a.name = b.name WITHIN INTERVAL '3 seconds'",
	"SELECT a.id, b.id FROM e a JOIN g b ON a.name = b.name AND (a.id + b.id) % 3 <> 0 WITHIN (INTERVAL '1 second', INTERVAL '6 seconds')",
	"SELECT a.id, b.id, b.ts - a.ts FROM e a LEFT JOIN g b ON a.name = b.name AND b.ts BETWEEN a.ts - INTERVAL '1 second' AND a.ts + INTERVAL '1 second'",
	"SELECT a.id, b.id FROM e a RIGHT JOIN g b ON a.name = b.name AND a.id % 2 = b.id % 2 WITHIN INTERVAL '2 seconds'",
	"SELECT a.id, b.id FROM e a FULL JOIN g b ON a.name = b.name AND a.id % 4 = b.id % 4 AND b.ts > a.ts AND b.ts - a.ts < INTERVAL '5 seconds'",
	"SELECT a.id, b.id FROM e a FULL JOIN g b ON a.name = b.name AND b.ts >= a.ts + INTERVAL '2 seconds' AND b.ts <= a.ts + INTERVAL '4 seconds'",
	"SELECT a.id, b.id FROM e a, g b WHERE a.ts - b.ts BETWEEN INTERVAL '0' AND INTERVAL '1 second'",
	"SELECT a.id FROM e a WHERE EXISTS (SELECT 1 FROM g b WHERE b.name = a.name AND b.id > 20 AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '2 seconds')",
	"SELECT a.id FROM e a WHERE NOT EXISTS (SELECT 1 FROM g b WHERE b.name = a.name AND b.ts BETWEEN a.ts - INTERVAL '2 seconds' AND a.ts)",
	"SELECT a.id FROM e a WHERE a.name IN (SELECT b.name FROM g b WHERE b.ts >= a.ts AND b.ts < a.ts + INTERVAL '1 second')",
	"SELECT a.id, b.id FROM e a JOIN e b ON a.name = b.name AND a.id < b.id WITHIN INTERVAL '2 seconds'",
	"SELECT a.id, b.id, c.id FROM e a JOIN g b ON a.name = b.name WITHIN INTERVAL '1 second' LEFT JOIN e c ON c.id % 7 = b.id % 7 WITHIN INTERVAL '1 second'",
	"SELECT a.id, b.id, c.id FROM e a LEFT JOIN g b ON a.id % 5 = b.id % 5 WITHIN INTERVAL '1 second' LEFT JOIN g c ON c.name = a.name AND c.id % 5 = 1 AND c.ts BETWEEN a.ts AND a.ts + INTERVAL '3 seconds'",
	"SELECT a.id, t.owner, b.id FROM e a JOIN (VALUES ('a', 'x'), ('b', 'y')) t (name, owner) ON t.name = a.name JOIN g b ON b.name = a.name WITHIN INTERVAL '1 second'",
}

// changeQueries take rows back, or keep all rows.
var changeQueries = []string{
	"SELECT a.id, b.id FROM e a JOIN g b ON a.id = b.id",
	"SELECT a.id, b.id FROM e a LEFT JOIN g b ON a.id = b.id + 7",
	"SELECT a.id, b.id FROM e a RIGHT JOIN g b ON a.id = b.id + 7 AND a.name <> b.name",
	"SELECT a.id, b.id, b.name FROM e a FULL JOIN g b ON a.id * 2 = b.id",
	"SELECT a.name, a.n, b.n, b.s FROM (SELECT name, count(*) AS n FROM e GROUP BY name) a LEFT JOIN (SELECT name, count(*) AS n, sum(id) AS s FROM g WHERE id % 3 > 0 GROUP BY name) b ON a.name = b.name AND b.s > 1000",
	"SELECT a.n, b.name FROM (SELECT id % 9 AS k, count(*) AS n FROM e GROUP BY id % 9) a FULL JOIN (SELECT id % 13 AS k, max(name) AS name FROM g GROUP BY id % 13) b ON a.k = b.k",
	"SELECT a.id FROM e a WHERE EXISTS (SELECT 1 FROM g b WHERE b.id = a.id * 3)",
	"SELECT a.id FROM e a WHERE NOT EXISTS (SELECT 1 FROM g b WHERE b.id = a.id * 3 AND b.name <> a.name)",
	"SELECT a.id FROM e a WHERE a.id IN (SELECT sum(id) FROM g GROUP BY id / 2)",
	"SELECT a.id, t.owner FROM e a RIGHT JOIN (VALUES ('a', 'x'), ('z', 'y'), (NULL, 'n')) t (name, owner) ON t.name = a.name AND a.id < 9",
	"SELECT a.id, t.owner FROM e a FULL JOIN (VALUES ('a', 'x'), ('z', 'y')) t (name, owner) ON t.name = a.name",
	"SELECT a.id, t.owner FROM (VALUES ('a', 'x'), ('z', 'y')) t (name, owner) LEFT JOIN e a ON t.name = a.name AND a.id < 9",
	"SELECT t.owner FROM (VALUES ('a', 'x'), ('z', 'y')) t (name, owner) WHERE EXISTS (SELECT 1 FROM e a WHERE a.name = t.name)",
	"SELECT t.owner FROM (VALUES ('a', 'x'), ('z', 'y')) t (name, owner) WHERE NOT EXISTS (SELECT 1 FROM e a WHERE a.name = t.name)",
	"SELECT a.id FROM e a WHERE a.name NOT IN (SELECT x FROM (VALUES ('a'), ('q')) t (x))",
	"SELECT a.name, count(b.id), sum(b.id) FROM e a LEFT JOIN g b ON a.id = b.id + 7 GROUP BY a.name",
	"SELECT a.id, b.id, c.n FROM e a JOIN g b ON a.id = b.id + 5 LEFT JOIN (SELECT name, count(*) AS n FROM e GROUP BY name) c ON c.name = b.name",
}

// windowJoinQueries have windows over joins.
var windowJoinQueries = []string{
	"SELECT a.name, window_start, count(*), sum(b.id) FROM e a JOIN g b ON a.name = b.name WITHIN INTERVAL '2 seconds' WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY a.name",
	"SELECT window_start, count(*), count(b.id) FROM e a LEFT JOIN g b ON a.name = b.name AND b.id % 3 = 0 WITHIN INTERVAL '1 second' WINDOW TUMBLING (INTERVAL '7 seconds')",
	"SELECT window_start, count(*) FROM e a FULL JOIN g b ON a.id % 10 = b.id % 10 WITHIN (INTERVAL '1 second', INTERVAL '3 seconds') WINDOW HOPPING (INTERVAL '20 seconds', INTERVAL '10 seconds')",
	"SELECT window_start, count(*) FROM e a JOIN g b ON a.name = b.name WITHIN INTERVAL '2 seconds' WINDOW TUMBLING (b.ts, INTERVAL '10 seconds')",
	"SELECT window_start, count(*) FROM e a WHERE NOT EXISTS (SELECT 1 FROM g b WHERE b.name = a.name AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1 second') WINDOW TUMBLING (INTERVAL '10 seconds')",
	"SELECT a.name, window_start, count(*) FROM e a JOIN g b ON a.name = b.name WITHIN INTERVAL '1 second' LEFT JOIN e c ON c.id = b.id WITHIN INTERVAL '4 seconds' WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY a.name",
}

// TestJoins: over rows in any order that the watermark allows, in several splits
// and batches of any size, what the changes of a live join come to is what the
// bounded query says; bounds make sure that nothing is taken back.
func TestJoins(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			rng := rand.New(rand.NewPCG(seed, 3))
			for i, name := range []string{"e", "g"} {
				s := f.events(name)
				s.batch = 1 + rng.IntN(30)
				for id := range int64(150) {
					// At most 5 seconds out of order: what the watermark allows for.
					r := event(id, string(rune('a'+rng.IntN(4))), float64(id)*(0.5+float64(i)*0.1)+rng.Float64()*4.9)
					if rng.IntN(20) == 0 {
						r[1] = types.NullOf(types.Of(types.Text))
					}
					s.add(rng.IntN(3), r)
				}
				s.end()
			}
			for _, q := range slices.Concat(intervalQueries, changeQueries, windowJoinQueries) {
				want, err := f.sql(q, -1)
				if err != nil {
					t.Fatalf("%s: %v", q, err)
				}
				slices.Sort(want)
				changes, err := f.sql(q+" EMIT CHANGES", -1)
				if err != nil {
					t.Fatalf("%s EMIT CHANGES: %v", q, err)
				}
				grows := slices.Contains(intervalQueries, q)
				got := slices.Clone(changes)
				slices.Sort(got)
				if !grows && strings.Contains(strings.Join(changes, " "), "+|") {
					got = accumulated(t, changes)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s EMIT CHANGES comes to %d rows\n%s\nthe bounded query to %d\n%s", q, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
				}
				if !slices.Contains(windowJoinQueries, q) {
					continue
				}
				final, err := f.sql(q+" EMIT FINAL", -1)
				if err != nil {
					t.Fatalf("%s EMIT FINAL: %v", q, err)
				}
				slices.Sort(final)
				if !slices.Equal(final, want) {
					t.Errorf("%s EMIT FINAL gives %d rows\n%s\nthe bounded query %d\n%s", q, len(final), strings.Join(final, "\n"), len(want), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// TestIntervalJoinAnswers: a match goes out at once; a row that has none when the
// watermark of both streams has passed its bounds goes out then, before the
// streams end.
func TestIntervalJoinAnswers(t *testing.T) {
	f := newFixture(t)
	e, g := f.events("e"), f.events("g")
	env := testEnv()
	b, err := f.bound("SELECT a.id, b.id FROM e a LEFT JOIN g b ON a.name = b.name WITHIN INTERVAL '10 seconds' EMIT CHANGES", env)
	if err != nil {
		t.Fatal(err)
	}
	q := b.Statement.(*plan.Query)
	if q.Ops {
		t.Error("the query says that it takes rows back")
	}
	e.add(0, event(1, "a", 1), event(2, "b", 2))
	c := f.query(q, env)
	g.add(0, event(3, "a", 5))
	equal(t, "a match", f.rows(c, q.Root, 1), []string{"1|3"})
	e.add(0, event(4, "c", 30))
	g.add(0, event(5, "d", 18))
	g.add(0, event(6, "d", 40)) // both watermarks are past 2 + 10
	equal(t, "what has none", f.rows(c, q.Root, 1), []string{"2|NULL"})
	e.end()
	g.end()
	equal(t, "the rest", f.rows(c, q.Root, -1), []string{"4|NULL"})
}

// TestWindowWaitsForJoin: a window over a join closes when the rows that the join
// still holds back have come.
func TestWindowWaitsForJoin(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"e", "g"} {
		s := f.events(name)
		s.batch = 1
		first := event(1, "a", 9.5)
		if name == "g" {
			first = event(1, "z", 1)
		}
		// The second row's watermark is past the window's end, but not past 9.5 + 1.
		s.add(0, first, event(2, "z"+name, 15.2), event(3, "z"+name, 26))
		s.end()
	}
	got, err := f.sql("SELECT window_end, count(*) FROM e a LEFT JOIN g b ON a.name = b.name WITHIN INTERVAL '1 second' WINDOW TUMBLING (INTERVAL '10 seconds') EMIT FINAL", -1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "windows", got, []string{"2000-01-01 00:00:10+00|1", "2000-01-01 00:00:20+00|1", "2000-01-01 00:00:30+00|1"})
}

// TestWithinIsAPredicate: WITHIN says of a query that ends what the comparison of
// the times does, whatever the columns are called and in whatever order joins are
// written.
func TestWithinIsAPredicate(t *testing.T) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(9, 9))
	for _, name := range []string{"e", "g"} {
		s := f.events(name)
		for id := range int64(60) {
			s.add(0, event(id, string(rune('a'+rng.IntN(4))), float64(rng.IntN(40))))
		}
		s.end()
	}
	for _, c := range [][2]string{
		{"e a JOIN g b ON a.name = b.name WITHIN INTERVAL '2 seconds'", "e a JOIN g b ON a.name = b.name AND b.ts - a.ts BETWEEN INTERVAL '-2 seconds' AND INTERVAL '2 seconds'"},
		{"e a LEFT JOIN g b USING (name) WITHIN (INTERVAL '1 second', INTERVAL '0')", "e a LEFT JOIN g b ON a.name = b.name AND b.ts >= a.ts - INTERVAL '1 second' AND b.ts <= a.ts"},
		{"e a FULL JOIN g b ON a.id = b.id WITHIN (INTERVAL '4 seconds', INTERVAL '9 seconds')",
			"e a FULL JOIN g b ON a.id = b.id AND b.ts >= a.ts - INTERVAL '4 seconds' AND b.ts <= a.ts + INTERVAL '9 seconds'"},
		{"e a JOIN (g b JOIN g c ON b.name = c.name WITHIN INTERVAL '1 second') ON a.id = c.id WITHIN INTERVAL '5 seconds'",
			"e a JOIN (g b JOIN g c ON b.name = c.name AND c.ts - b.ts BETWEEN INTERVAL '-1 second' AND INTERVAL '1 second') ON a.id = c.id AND GREATEST(b.ts, c.ts) - a.ts BETWEEN INTERVAL '-5 seconds' AND INTERVAL '5 seconds'"},
		{"e a CROSS JOIN (VALUES (1)) v JOIN g b ON a.id = b.id WITHIN INTERVAL '3 seconds'",
			"e a CROSS JOIN (VALUES (1)) v JOIN g b ON a.id = b.id AND b.ts - a.ts BETWEEN INTERVAL '-3 seconds' AND INTERVAL '3 seconds'"},
	} {
		var rows [2][]string
		for i, from := range c {
			for _, suffix := range []string{"", " EMIT CHANGES"} {
				got, err := f.sql("SELECT a.id, a.ts, b.id, b.ts FROM "+from+suffix, -1)
				if err != nil {
					t.Fatalf("%s%s: %v", from, suffix, err)
				}
				slices.Sort(got)
				if rows[i] == nil {
					rows[i] = got
				} else {
					equal(t, from+suffix, got, rows[i])
				}
			}
		}
		if len(rows[0]) == 0 {
			t.Errorf("%s has no row", c[0])
		}
		equal(t, c[0], rows[0], rows[1])
	}
}

// TestJoinWithLimit: a live join of which nobody wants more rows ends, and does not
// wait for its other stream.
func TestJoinWithLimit(t *testing.T) {
	f := newFixture(t)
	l, r := f.events("l"), f.events("r")
	l.add(0, event(1, "a", 1), event(2, "a", 2))
	r.add(0, event(3, "a", 1), event(4, "a", 2))
	rows, err := f.sql("SELECT l.id, r.id FROM l JOIN r ON l.name = r.name WITHIN INTERVAL '10 seconds' EMIT CHANGES LIMIT 3", -1)
	if err != nil || len(rows) != 3 {
		t.Errorf("%q, %v, want 3 rows", rows, err)
	}
}
