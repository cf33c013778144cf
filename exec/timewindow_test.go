package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// events declares a stream of (id, name, ts) whose watermark is 5 seconds behind.
func (f *fixture) events(name string, options ...catalog.Option) *topic {
	f.Helper()
	f.exec(&plan.CreateStream{Relation: &catalog.Relation{
		Schema: "public", Name: name, Kind: catalog.Stream, Connector: "topic", Options: options,
		Columns:   []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Text)}, {Name: "ts", Type: types.Of(types.Timestamptz)}},
		Watermark: &catalog.Watermark{Column: "ts", Expr: "ts - INTERVAL '5 seconds'"},
	}})
	return f.topics.topic(name)
}

// event is a row so many seconds after 2000-01-01.
func event(id int64, name string, seconds float64) []types.Value {
	return append(row(id, name), types.NewInt(types.Timestamptz, int64(seconds*1e6)))
}

var windowQueries = []string{
	"SELECT name, window_start, window_end, count(*), sum(id), min(id) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name",
	"SELECT window_end, count(*), max(name) FROM e WINDOW TUMBLING (ts, INTERVAL '1 minute', OFFSET INTERVAL '7 seconds') WHERE id > 3",
	"SELECT name, window_start, sum(id) FROM hop(e, ts, INTERVAL '30 seconds', INTERVAL '10 seconds') GROUP BY name, window_start",
	"SELECT name, window_start, window_end, count(DISTINCT id % 4) FROM e WINDOW HOPPING (INTERVAL '25 seconds', INTERVAL '10 seconds') GROUP BY name",
	"SELECT name, window_start, window_end, sum(id) FROM e WINDOW CUMULATE (INTERVAL '10 seconds', INTERVAL '1 minute') GROUP BY name",
	"SELECT name, window_start, window_end, count(*), sum(id) FROM e WINDOW SESSION (INTERVAL '4 seconds') GROUP BY name",
	"SELECT window_start, window_end, count(*), min(name) FROM session(e, ts, INTERVAL '2 seconds') GROUP BY window_start, window_end",
	"SELECT name, window_start, window_end, avg(id) FROM tumble(e, ts, INTERVAL '1 hour', time_zone => 'Asia/Kolkata', grace => INTERVAL '1 second') GROUP BY name, window_start, window_end HAVING count(*) > 1",
}

// TestWindows: over rows in any order that the watermark allows, in several
// splits, what is final and what the changes come to is what the bounded query
// says.
func TestWindows(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			rng := rand.New(rand.NewPCG(seed, 1))
			e.batch = 1 + rng.IntN(40)
			for i := range int64(400) {
				// At most 5 seconds out of order: what the watermark allows for.
				e.add(rng.IntN(2), event(i, string(rune('a'+rng.IntN(3))), float64(i)*0.7+rng.Float64()*4.9))
			}
			e.end()
			for _, q := range windowQueries {
				want, err := f.sql(q, -1)
				if err != nil {
					t.Fatalf("%s: %v", q, err)
				}
				slices.Sort(want)
				final, err := f.sql(q+" EMIT FINAL", -1)
				if err != nil {
					t.Fatalf("%s EMIT FINAL: %v", q, err)
				}
				slices.Sort(final)
				if !slices.Equal(final, want) {
					t.Errorf("%s EMIT FINAL gives %d rows\n%s\nthe bounded query %d\n%s", q, len(final), strings.Join(final, "\n"), len(want), strings.Join(want, "\n"))
				}
				changes, err := f.sql(q+" EMIT CHANGES", -1)
				if err != nil {
					t.Fatalf("%s EMIT CHANGES: %v", q, err)
				}
				if got := accumulated(t, changes); !slices.Equal(got, want) {
					t.Errorf("%s EMIT CHANGES comes to %d rows\n%s\nthe bounded query to %d\n%s", q, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// netRows is what the rows that a job has given come to: a changelog, or rows that stay.
func netRows(t *testing.T, rows []string) []string {
	t.Helper()
	if len(rows) > 0 && (strings.HasPrefix(rows[0], "+|") || strings.HasPrefix(rows[0], "-|")) {
		return accumulated(t, rows)
	}
	return rows
}

// accumulated is what a changelog comes to, sorted.
func accumulated(t *testing.T, changes []string) []string {
	t.Helper()
	count := map[string]int{}
	for _, c := range changes {
		op, line, _ := strings.Cut(c, "|")
		if op == "-" {
			count[line]--
		} else {
			count[line]++
		}
	}
	var all []string
	for line, n := range count {
		if n < 0 {
			t.Errorf("%q was taken back %d times more than it was given", line, -n)
		}
		for range n {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

// TestWindowCloses: a window's rows come when every split has passed its end; a
// row that comes later is left out, and so is one from the far future, which
// does not close anything.
func TestWindowCloses(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	env := testEnv()
	b, err := f.bound("SELECT window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') EMIT FINAL", env)
	if err != nil {
		t.Fatal(err)
	}
	q := b.Statement.(*plan.Query)
	e.add(0, event(1, "a", 1), event(2, "a", 2))
	e.add(1, event(3, "b", 3))
	c := f.query(q, env)
	e.add(0, event(4, "a", 40)) // split 1 is still at 3 - 5 seconds
	e.add(1, event(5, "b", 4), event(6, "b", 3e9))
	e.add(1, event(7, "b", 15)) // the watermark is 10: the first window is complete
	equal(t, "first window", f.rows(c, q.Root, 1), []string{"2000-01-01 00:00:00+00|4"})
	e.add(1, event(8, "b", 9), event(9, "b", 25)) // 8 is late
	equal(t, "second window", f.rows(c, q.Root, 1), []string{"2000-01-01 00:00:10+00|1"})
	e.end()
	equal(t, "the rest", f.rows(c, q.Root, -1), []string{"2000-01-01 00:00:20+00|1", "2000-01-01 00:00:40+00|1"})
}

// TestIdleSplit: a split that is caught up and silent holds nothing back for
// longer than its idle timeout, and silence itself closes the last window.
func TestIdleSplit(t *testing.T) {
	f := newFixture(t)
	e := f.events("e", catalog.Option{Key: "watermark.idle_timeout", Value: "20ms"}, catalog.Option{Key: "watermark.max_silence", Value: "1h"})
	env := testEnv()
	b, err := f.bound("SELECT window_start, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 milliseconds') EMIT FINAL", env)
	if err != nil {
		t.Fatal(err)
	}
	q := b.Statement.(*plan.Query)
	e.add(0, event(1, "a", 1))
	e.add(1, event(2, "a", 6.005))
	c := f.query(q, env)
	equal(t, "windows", f.rows(c, q.Root, 1), []string{"2000-01-01 00:00:01+00|1"})
	e.end()
	f.rows(c, q.Root, -1)
}
