package exec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// collectedQueries have aggregates that keep the values of their rows.
var collectedQueries = []string{
	"SELECT name, array_agg(id ORDER BY id), string_agg(id::text, ',' ORDER BY id DESC), percentile_cont(0.5) WITHIN GROUP (ORDER BY id), mode() WITHIN GROUP (ORDER BY id % 4) FROM e GROUP BY name",
	"SELECT m, array_agg(id ORDER BY id), count(DISTINCT id % 7), sum(DISTINCT id % 5), min(id), max(id) FROM (SELECT name, id % 4 AS m, max(id) AS id FROM e GROUP BY name, id % 4) x GROUP BY m",
	"SELECT name, window_end, array_agg(id ORDER BY id), count(DISTINCT id % 4), sum(id) FILTER (WHERE id % 2 = 0) FROM e WINDOW HOPPING (INTERVAL '20 seconds', INTERVAL '10 seconds') GROUP BY name",
	"SELECT name, window_end, string_agg(id::text, ',' ORDER BY id), count(DISTINCT id % 3) FROM e WINDOW SESSION (INTERVAL '3 seconds') GROUP BY name",
	"SELECT name, window_end, max(id), count(DISTINCT id) FROM e WINDOW CUMULATE (INTERVAL '10 seconds', INTERVAL '30 seconds') GROUP BY name",
}

// TestJobsDivided: a job that gets other numbers of tasks while it runs and rows come, up
// and down, and is killed right after some of the changes, gives in all what the bounded
// query gives; half of them with as little of their state in memory as they can. In CI's tier it plays a
// seventh.
func TestJobsDivided(t *testing.T) {
	goleakAfter(t)
	var all [][2]string // each with the query that says what it comes to
	for _, q := range slices.Concat(statefulJobs, collectedQueries) {
		all = append(all, [2]string{q, q}, [2]string{q + " EMIT CHANGES", q})
	}
	for _, q := range slices.Concat(intervalQueries, changeQueries, windowJoinQueries) {
		all = append(all, [2]string{distinctly(q), q})
	}
	for _, q := range asOfQueries {
		all = append(all, [2]string{distinctly(q[0]), q[1]})
	}
	for i, q := range all {
		for n, options := range [][]string{nil, {"'state.memory_limit_mb' = '0'"}} {
			if (i+3*n)%7 > 0 && os.Getenv("FERRIS_TIER") != "long" {
				continue
			}
			t.Run(fmt.Sprintf("%d/%d", i, n), func(t *testing.T) {
				t.Parallel() // it mostly waits for epochs
				divideJob(t, q[0], q[1], uint64(i), options...)
			})
		}
	}
}

// divideJob runs a job that must come to what the bounded query oracle gives.
func divideJob(t *testing.T, query, oracle string, seed uint64, options ...string) {
	t.Helper()
	d := disturb(t, query, rand.New(rand.NewPCG(seed, 17)), options...)
	for _, tasks := range []int{4, 2, 3, 1, 4, 1, 2, 3, 1} {
		d.come(20)
		d.goOn()
		d.come(20) // which are on their way
		d.run(fmt.Sprintf("ALTER JOB j SET (parallelism = %d)", tasks))
		switch d.rng.IntN(3) {
		case 0:
			d.kill()
			d.start()
		case 1:
			d.come(20)
		}
	}
	d.comesTo(oracle, false)
}
