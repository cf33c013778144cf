package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestJoinJobsKilled: a job that joins streams, killed again and again, gives in
// all what the bounded query gives; where nothing is taken back it gives each row
// once.
func TestJoinJobsKilled(t *testing.T) {
	for i, q := range slices.Concat(intervalQueries, changeQueries, windowJoinQueries) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			killJoin(t, q, q, "", 1, uint64(i))
			killJoin(t, q, q, "", 4, uint64(i))
			if slices.Contains(windowJoinQueries, q) {
				killJoin(t, q, q, " EMIT CHANGES", 1, uint64(i))
			}
			if slices.Contains(changeQueries, q) {
				killJoin(t, q, q, "", 1, uint64(i), "'state.memory_limit_mb' = '0'")
				killJoin(t, q, q, "", 4, uint64(i), "'state.memory_limit_mb' = '0'")
			}
		})
	}
}

// distinctly gives each column of a query a name of its own.
func distinctly(q string) string {
	list, from, _ := strings.Cut(strings.TrimPrefix(q, "SELECT "), " FROM ")
	columns := strings.Split(list, ", ")
	for i := range columns {
		columns[i] += fmt.Sprintf(" AS c%d", i)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + from
}

// killJoin kills a job with the query q, which must come to what the bounded query
// oracle gives.
func killJoin(t *testing.T, q, oracle, emit string, tasks int, seed uint64, options ...string) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	var topics []*topic
	for _, name := range []string{"e", "g"} {
		s := f.events(name)
		s.add(1) // a split that is found later may hold rows that are late by then
		topics = append(topics, s)
	}
	if err := f.sqlJob("j", distinctly(q)+emit, options...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	next := int64(0)
	for range 10 {
		for range rng.IntN(30) {
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
		for _, s := range topics {
			s.mu.Lock()
			s.batch = 1 + rng.IntN(30)
			s.mu.Unlock()
		}
		if rng.IntN(3) > 0 {
			f.committedMore("j", 1+rng.IntN(3))
		}
		f.kill()
		if tasks > 1 {
			f.parallel("j", 1+rng.IntN(tasks))
		}
		f.start()
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
	slices.Sort(want)
	if len(got) > 0 && (strings.HasPrefix(got[0], "+|") || strings.HasPrefix(got[0], "-|")) {
		if emit == "" && (slices.Contains(intervalQueries, q) || slices.Contains(windowJoinQueries, q)) {
			t.Fatalf("%s: what is final was written with an op", q)
		}
		got = accumulated(t, got)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s%s: the killed job gives %d rows\n%s\nthe bounded query %d\n%s", q, emit, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

// TestJoinIntoAppend: a join that takes rows back is refused where the sink takes
// only rows that stay, with a way to write it that does not; one with bounds is
// not.
func TestJoinIntoAppend(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	f.events("g")
	start := func(on string) error {
		b, err := f.bound("START JOB j AS SELECT a.id, b.id AS other FROM e a LEFT JOIN g b ON "+on+" INTO o WITH ('o.type' = 'topic', 'o.changelog' = 'append')", testEnv())
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.try(b.Statement)
		return err
	}
	if err := start("a.id = b.id"); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || !strings.Contains(sqlerr.From(err).Hint, "WITHIN") {
		t.Errorf("START JOB = %v, want 0A000 with a hint that names WITHIN", err)
	}
	if err := start("a.id = b.id WITHIN INTERVAL '1 second'"); err != nil {
		t.Errorf("START JOB ... WITHIN = %v", err)
	}
}

// TestTableIsReadAgain: what a job joins a stream with is read at each start.
func TestTableIsReadAgain(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", "SELECT a.id, t.owner FROM e a LEFT JOIN (SELECT name, max(owner) AS owner FROM (VALUES ('a', 'x'), ('a', 'y'), ('b', 'z')) v (name, owner) GROUP BY name) t ON t.name = a.name"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1), event(2, "c", 1))
	if err := f.topics.file("j_out").wait(f.context(), 2); err != nil {
		t.Fatal(err)
	}
	f.kill()
	f.start()
	e.add(0, event(3, "a", 2), event(4, "b", 2))
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "rows", f.topics.file("j_out").read(), []string{"1|y", "2|NULL", "3|y", "4|z"})
}
