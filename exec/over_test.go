package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// overQueries give each row once, when the watermark has passed it.
var overQueries = []string{
	"SELECT id, row_number() OVER (PARTITION BY name ORDER BY ts, id) AS x1, rank() OVER (PARTITION BY name ORDER BY ts) AS x2, dense_rank() OVER (ORDER BY ts) AS x3 FROM e",
	"SELECT id, sum(id) OVER (PARTITION BY name ORDER BY ts) AS x1, count(*) OVER (PARTITION BY name ORDER BY ts) AS x2, avg(id) OVER (ORDER BY ts, id) AS x3 FROM e",
	"SELECT id, sum(id) OVER w AS x1, min(id) OVER w AS x2, max(id) OVER w AS x3, count(id) FILTER (WHERE id % 2 = 0) OVER w AS x4 FROM e WINDOW w AS (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)",
	"SELECT id, sum(id) OVER w AS x1, max(id % 7) OVER w AS x2, min(name) OVER w AS x3, sum(id::float8 / 3) OVER w AS x4, string_agg(id::text, ',') OVER w AS x5 FROM e WINDOW w AS (PARTITION BY id % 3 ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW)",
	"SELECT id, count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '3 seconds' FOLLOWING) AS x1, max(id) OVER (PARTITION BY name ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '1 minute' FOLLOWING) AS x2 FROM e",
	"SELECT id, sum(id) OVER (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 2 PRECEDING AND 3 FOLLOWING) AS x1, array_agg(id) OVER (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING) AS x2 FROM e",
	"SELECT id, lag(id) OVER w AS x1, lag(id, 3, -1) OVER w AS x2, lead(id) OVER w AS x3, lead(name, 2, 'none') OVER w AS x4, lag(id, -1) OVER w AS x5 FROM e WINDOW w AS (PARTITION BY name ORDER BY ts, id)",
	"SELECT id, first_value(id) OVER w AS x1, last_value(id) OVER w AS x2, nth_value(id, 3) OVER w AS x3 FROM e WINDOW w AS (PARTITION BY name ORDER BY ts, id)",
	"SELECT id, first_value(id) OVER w AS x1, last_value(id) OVER w AS x2, nth_value(id, 2) OVER w AS x3 FROM e WINDOW w AS (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING)",
	"SELECT id, count(*) OVER (PARTITION BY name ORDER BY ts GROUPS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS x1, sum(id) OVER (ORDER BY ts GROUPS 3 PRECEDING) AS x2 FROM e",
	"SELECT id, sum(id) OVER (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS x1, sum(id) OVER (PARTITION BY name ORDER BY ts ROWS BETWEEN 6 PRECEDING AND 2 PRECEDING EXCLUDE TIES) AS x2 FROM (SELECT id, name, ts FROM e) x",
	"SELECT id, n FROM (SELECT id, row_number() OVER (PARTITION BY name ORDER BY ts, id) AS n FROM e) x WHERE n <= 2",
	"SELECT id FROM (SELECT id, rank() OVER (PARTITION BY id % 20 ORDER BY ts) AS n FROM e) x WHERE n = 1",
	"SELECT DISTINCT ON (id % 20) id, ts FROM e ORDER BY id % 20, ts, id",
	"SELECT id, s, lag(s) OVER (PARTITION BY name ORDER BY ts, id) AS x2 FROM (SELECT id, name, ts, sum(id) OVER (PARTITION BY name ORDER BY ts, id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS s FROM e) x",
	"SELECT id, ts, row_number() OVER (ORDER BY ts, id RANGE UNBOUNDED PRECEDING) AS x2 FROM e WHERE name <> 'b'",
}

// overWindowQueries are over groups of windows, final ones where the windows are.
var overWindowQueries = []string{
	"SELECT name, window_start, s, s - lag(s) OVER (PARTITION BY name ORDER BY window_start) AS more FROM (SELECT name, window_start, window_end, sum(id) AS s FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name) x",
}

// overJoinQueries are over joins.
var overJoinQueries = []string{
	"SELECT a.id, b.id AS bid, count(*) OVER (PARTITION BY a.name ORDER BY b.ts) AS x2 FROM e a JOIN e b ON a.id = b.id WITHIN INTERVAL '1 second'",
}

// closingQueries are over partitions that end with a window.
var closingQueries = []string{
	"SELECT id, window_end, ntile(3) OVER w AS t, percent_rank() OVER w AS p, cume_dist() OVER w AS c, sum(id) OVER (PARTITION BY window_start, window_end) AS s FROM tumble(e, ts, INTERVAL '10 seconds') WINDOW w AS (PARTITION BY window_start, window_end, name ORDER BY id DESC)",
	"SELECT id, window_start, window_end, n FROM (SELECT *, row_number() OVER (PARTITION BY window_start, window_end, name ORDER BY id DESC) AS n FROM hop(e, ts, INTERVAL '20 seconds', INTERVAL '10 seconds')) x WHERE n <= 2",
	"SELECT name, window_start, s, r FROM (SELECT *, rank() OVER (PARTITION BY window_end ORDER BY s DESC) AS r FROM (SELECT name, window_start, window_end, sum(id) AS s FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name) y) x WHERE r = 1",
	"SELECT id, window_end, lead(id) OVER (PARTITION BY window_start, window_end, name ORDER BY ts, id) AS l FROM session(e, ts, INTERVAL '2 seconds', name)",
}

// firstQueries are the first rows of partitions, and what else takes rows back.
var firstQueries = []string{
	"SELECT id, n FROM (SELECT id, row_number() OVER (PARTITION BY name ORDER BY id DESC) AS n FROM e) x WHERE n <= 3",
	"SELECT id, name FROM (SELECT *, row_number() OVER (PARTITION BY name ORDER BY ts DESC, id) AS n FROM e) x WHERE n = 1",
	"SELECT id FROM (SELECT id, rank() OVER (PARTITION BY name ORDER BY id % 50 DESC) AS n FROM e) x WHERE n < 4",
	"SELECT id, n FROM (SELECT id, dense_rank() OVER (PARTITION BY name ORDER BY id / 10) AS n FROM e) x WHERE n <= 2 AND id % 2 = 0",
	"SELECT id, n FROM (SELECT id, row_number() OVER (PARTITION BY name ORDER BY id DESC) AS n FROM e) x WHERE n = 2",
	"SELECT DISTINCT ON (name) name, id FROM e ORDER BY name, id % 40 DESC, id",
	"SELECT DISTINCT ON (k) k, c FROM (SELECT id % 10 AS k, name, count(*) AS c FROM e GROUP BY id % 10, name) x ORDER BY k, c DESC, name",
	"SELECT id, ts FROM e ORDER BY ts DESC, id LIMIT 7",
	"SELECT id, ts FROM e ORDER BY id % 30, id LIMIT 5 OFFSET 3",
	"SELECT name, count(*) AS c FROM e GROUP BY name ORDER BY c DESC, name LIMIT 2",
	"SELECT id % 25 AS k, sum(id) AS s FROM e GROUP BY id % 25 ORDER BY s DESC, k OFFSET 2 FETCH FIRST 4 ROWS ONLY",
	"SELECT id % 25 AS k, count(*) AS c FROM e GROUP BY id % 25 ORDER BY c FETCH FIRST 2 ROWS WITH TIES",
	"SELECT k, name, s, n FROM (SELECT *, row_number() OVER (PARTITION BY name ORDER BY s DESC, k) AS n FROM (SELECT id % 12 AS k, name, sum(id) AS s FROM e GROUP BY id % 12, name) y) x WHERE n <= 3",
	"SELECT k, s, rank() OVER (ORDER BY s DESC) AS r, s - lag(s) OVER (ORDER BY s, k) AS d, ntile(2) OVER (ORDER BY k) AS t FROM (SELECT id % 12 AS k, sum(id) AS s FROM e GROUP BY id % 12) y",
	"SELECT DISTINCT c FROM (SELECT id % 12 AS k, count(*) AS c FROM e GROUP BY id % 12) y",
	"SELECT name FROM e UNION SELECT id::text FROM e WHERE id % 9 = 0",
	"SELECT c FROM (SELECT id % 12 AS k, count(*) AS c FROM e GROUP BY id % 12) y UNION SELECT id FROM e WHERE id < 30",
	"SELECT id % 40 AS k FROM e EXCEPT SELECT id FROM e WHERE id % 3 = 0",
	"SELECT id % 40 AS k FROM e EXCEPT ALL SELECT id % 50 FROM e WHERE id % 3 = 0",
	"SELECT id % 40 AS k FROM e INTERSECT SELECT id % 30 + 20 FROM e",
	"SELECT c FROM (SELECT id % 12 AS k, count(*) AS c FROM e GROUP BY id % 12) y INTERSECT ALL SELECT id FROM e",
	"WITH s AS (SELECT name, sum(id) AS v FROM e GROUP BY name) SELECT name, v FROM s UNION ALL SELECT 'all', sum(v) FROM s",
	"WITH s AS (SELECT id, name FROM e WHERE id % 2 = 0) SELECT a.name, count(*) AS c FROM (SELECT * FROM s UNION ALL SELECT id, 'x' FROM s) a GROUP BY a.name",
	"SELECT count(*) AS c, max(n) AS m FROM (SELECT name, count(*) AS n FROM e GROUP BY name ORDER BY n DESC, name LIMIT 2) x",
}

// earlyQueries are over windows before they are complete, whose ends are not asked
// for.
var earlyQueries = []string{
	"SELECT name, window_start, s, s - lag(s) OVER (PARTITION BY name ORDER BY window_start) AS more FROM (SELECT name, window_start, sum(id) AS s FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name) x",
}

// fillEvents gives a stream rows at most 5 seconds out of order, what its watermark
// allows for, in several splits.
func fillEvents(e *topic, rng *rand.Rand, rows int64) {
	e.batch = 1 + rng.IntN(40)
	for i := range rows {
		// Whole seconds, so that times are equal often.
		e.add(rng.IntN(2), event(i, string(rune('a'+rng.IntN(3))), float64(int64(float64(i)*0.7+rng.Float64()*4))))
	}
	e.end()
}

// TestOver: over rows in any order that the watermark allows, in several splits and
// batches of any size, OVER in the order of time gives what the bounded query does,
// each row once.
func TestOver(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			fillEvents(f.events("e"), rand.New(rand.NewPCG(seed, 1)), 300)
			for _, q := range slices.Concat(overQueries, overWindowQueries, overJoinQueries) {
				want, err := f.sql(q, -1)
				if err != nil {
					t.Fatalf("%s: %v", q, err)
				}
				slices.Sort(want)
				for _, emit := range []string{" EMIT CHANGES", " EMIT FINAL"} {
					if slices.Contains(overWindowQueries, q) && emit == " EMIT CHANGES" {
						continue // a window's changes are taken back
					}
					got, err := f.sql(q+emit, -1)
					if err != nil {
						t.Errorf("%s%s: %v", q, emit, err)
						continue
					}
					slices.Sort(got)
					if !slices.Equal(got, want) {
						t.Errorf("%s%s: %s", q, emit, differences(got, want))
					}
				}
			}
		})
	}
}

// differences are the lines that one list has and the other has not.
func differences(got, want []string) string {
	count := map[string]int{}
	for _, l := range want {
		count[l]--
	}
	for _, l := range got {
		count[l]++
	}
	var out []string
	for l, n := range count {
		if n != 0 {
			out = append(out, fmt.Sprintf("%s %+d", l, n))
		}
	}
	slices.Sort(out)
	return fmt.Sprintf("%d rows, want %d; more or less often than wanted:\n%s", len(got), len(want), strings.Join(out[:min(len(out), 20)], "\n"))
}

// TestFirst: what the changes of first rows, of sets and of windows over changes come
// to is what the bounded query says; windows of time give each row once.
func TestFirst(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			fillEvents(f.events("e"), rand.New(rand.NewPCG(seed, 2)), 300)
			for _, q := range slices.Concat(firstQueries, earlyQueries, overWindowQueries, closingQueries) {
				want, err := f.sql(q, -1)
				if err != nil {
					t.Fatalf("%s: %v", q, err)
				}
				slices.Sort(want)
				got, err := f.sql(q+" EMIT CHANGES", -1)
				if err != nil {
					t.Errorf("%s: %v", q, err)
					continue
				}
				if len(got) > 0 && (strings.HasPrefix(got[0], "+|") || strings.HasPrefix(got[0], "-|")) {
					got = accumulated(t, got)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %s", q, differences(got, want))
				}
				if !slices.Contains(closingQueries, q) {
					continue
				}
				if got, err = f.sql(q+" EMIT FINAL", -1); err != nil {
					t.Errorf("%s: %v", q, err)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s EMIT FINAL: %s", q, differences(got, want))
				}
			}
		})
	}
}
