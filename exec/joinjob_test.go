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
	goleakAfter(t)
	for i, q := range slices.Concat(intervalQueries, changeQueries, windowJoinQueries) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel() // it mostly waits for epochs
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

// disturbed is a job over the topics e and g, whose rows come at random while it is
// disturbed.
type disturbed struct {
	*fixture
	rng    *rand.Rand
	inputs []*topic
	next   int64 // the id of the next rows
	job    string
}

// disturb starts the job j. The test that t is part of looks for goroutines that are left.
func disturb(t *testing.T, query string, rng *rand.Rand, options ...string) *disturbed {
	t.Helper()
	d := &disturbed{fixture: fixtureBeside(t), rng: rng, job: query}
	for _, name := range []string{"e", "g"} {
		s := d.events(name)
		s.add(1) // a split that is found later may hold rows that are late by then
		d.inputs = append(d.inputs, s)
	}
	if err := d.sqlJob("j", query, options...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return d
}

// come gives each topic rows, fewer than most.
func (d *disturbed) come(most int) {
	for range d.rng.IntN(most) {
		for i, s := range d.inputs {
			// At most 5 seconds out of order: what the watermark allows for.
			r := event(d.next, string(rune('a'+d.rng.IntN(4))), float64(d.next)*(0.5+float64(i)*0.1)+d.rng.Float64()*4.9)
			if d.rng.IntN(20) == 0 {
				r[1] = types.NullOf(types.Of(types.Text))
			}
			s.add(d.rng.IntN(2), r)
		}
		d.next++
	}
}

// goOn lets the job read on by batches of another size, and mostly commit some epochs.
func (d *disturbed) goOn() {
	d.Helper()
	for _, s := range d.inputs {
		s.mu.Lock()
		s.batch = 1 + d.rng.IntN(30)
		s.mu.Unlock()
	}
	if d.rng.IntN(3) > 0 {
		d.committedMore("j", 1+d.rng.IntN(3))
	}
}

// comesTo ends the topics: the job has given what the bounded query oracle gives. Where
// what it gives is final, it has written no change.
func (d *disturbed) comesTo(oracle string, final bool) {
	d.Helper()
	for _, s := range d.inputs {
		s.end()
	}
	d.waitState("j", catalog.JobFinished)
	got := d.topics.file("j_out").read()
	want, err := d.sql(oracle, -1)
	if err != nil {
		d.Fatal(err)
	}
	if len(got) > 0 && (strings.HasPrefix(got[0], "+|") || strings.HasPrefix(got[0], "-|")) {
		if final {
			d.Fatalf("%s: what is final was written with an op", d.job)
		}
		got = accumulated(d.T, got)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		d.Errorf("%s: the job gives %d rows\n%s\nthe bounded query %d\n%s", d.job, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

// killJoin kills a job with the query q, which must come to what the bounded query
// oracle gives.
func killJoin(t *testing.T, q, oracle, emit string, tasks int, seed uint64, options ...string) {
	t.Helper()
	d := disturb(t, distinctly(q)+emit, rand.New(rand.NewPCG(seed, 7)), options...)
	for range 10 {
		d.come(30)
		d.goOn()
		d.kill()
		if tasks > 1 {
			d.parallel("j", 1+d.rng.IntN(tasks))
		}
		d.start()
	}
	d.comesTo(oracle, emit == "" && (slices.Contains(intervalQueries, q) || slices.Contains(windowJoinQueries, q)))
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
