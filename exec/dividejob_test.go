package exec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
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
				divideJob(t, q[0], q[1], uint64(i), options...)
			})
		}
	}
}

// divideJob runs a job that must come to what the bounded query oracle gives.
func divideJob(t *testing.T, query, oracle string, seed uint64, options ...string) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(seed, 17))
	var topics []*topic
	for _, name := range []string{"e", "g"} {
		s := f.events(name)
		s.add(1) // a split that is found later may hold rows that are late by then
		topics = append(topics, s)
	}
	if err := f.sqlJob("j", query, options...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	next := int64(0)
	rows := func() {
		for range rng.IntN(20) {
			for i, s := range topics {
				// At most 5 seconds out of order: what the watermark allows for.
				r := event(next, string(rune('a'+rng.IntN(4))), float64(next)*(0.5+float64(i)*0.1)+rng.Float64()*4.9)
				if rng.IntN(20) == 0 {
					r[1] = types.NullOf(types.Of(types.Text))
				}
				s.add(rng.IntN(2), r)
			}
			next++
		}
	}
	for _, tasks := range []int{4, 2, 3, 1, 4, 1, 2, 3, 1} {
		rows()
		for _, s := range topics {
			s.mu.Lock()
			s.batch = 1 + rng.IntN(30)
			s.mu.Unlock()
		}
		if rng.IntN(3) > 0 {
			f.committedMore("j", 1+rng.IntN(3))
		}
		rows() // which are on their way
		f.run(fmt.Sprintf("ALTER JOB j SET (parallelism = %d)", tasks))
		switch rng.IntN(3) {
		case 0:
			f.kill()
			f.start()
		case 1:
			rows()
		}
	}
	for _, s := range topics {
		s.end()
	}
	f.waitState("j", catalog.JobFinished)
	got := f.topics.file("j_out").read()
	want, err := f.sql(oracle, -1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 && (strings.HasPrefix(got[0], "+|") || strings.HasPrefix(got[0], "-|")) {
		got = accumulated(t, got)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: the job gives %d rows\n%s\nthe bounded query %d\n%s", query, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}
