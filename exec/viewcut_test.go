package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// flowing has rows come to a topic until stop, which returns how many there are.
func (f *fixture) flowing(e *topic, from int64) (stop func() int64) {
	ctx, cancel := context.WithCancel(f.context())
	var wait sync.WaitGroup
	n := from
	wait.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				fill(e, n, n+23)
				n += 23
			}
		}
	})
	return sync.OnceValue(func() int64 {
		cancel()
		wait.Wait()
		return n
	})
}

// flows makes views of one stream, whose jobs have epochs and tasks of their own, and views
// of those.
func (f *fixture) flows() *topic {
	f.Helper()
	e := f.events("e")
	e.batch = 7
	fill(e, 0, 100)
	for _, v := range [][3]string{
		{"va", "1ms", "SELECT count(*) AS n, sum(id) AS s FROM e"},
		{"vb", "7ms", "SELECT name, count(*) AS n, sum(id) AS s FROM e GROUP BY name"},
		{"vp", "3ms', parallelism = '3", "SELECT id % 5 AS k, count(*) AS n, sum(id) AS s FROM e GROUP BY id % 5"},
		{"wb", "2ms", "SELECT sum(n) AS n, sum(s) AS s FROM vb"},
		{"ww", "1ms', parallelism = '2", "SELECT s AS s, count(*) AS one FROM wb GROUP BY s"},
	} {
		if err := f.createView(f.context(), fmt.Sprintf("CREATE MATERIALIZED VIEW %s WITH (checkpoint.interval = '%s') AS %s", v[0], v[1], v[2])); err != nil {
			f.Fatalf("%s: %v", v[0], err)
		}
	}
	return e
}

// flowing queries are of views of one stream: d is 0 at every moment.
var flowingQueries = []string{
	"SELECT va.n - x.n + va.s - x.s AS d FROM va, (SELECT sum(n) AS n, sum(s) AS s FROM vb) x",
	"SELECT va.n - wb.n + va.s - wb.s AS d FROM va, wb",
	"SELECT wb.n - (SELECT sum(n) FROM vb) AS d FROM wb",
	"SELECT va.s - ww.s AS d FROM va, ww",
	"SELECT sum(n) AS d FROM (SELECT n FROM vp UNION ALL SELECT -n FROM vb) x",
	"SELECT va.s - x.s + wb.n - va.n AS d FROM va, (SELECT sum(s) AS s FROM vp) x, wb",
}

// TestViewsAtOneCut: what a SELECT reads of several views of one stream, and of views of
// those, follows from the same rows of it, while rows flow, whatever epochs and tasks their
// jobs have, over crashes, and for many at a time.
func TestViewsAtOneCut(t *testing.T) {
	f := newFixture(t)
	e := f.flows()
	next := int64(100)
	for range 3 {
		stop := f.flowing(e, next)
		var wait sync.WaitGroup
		for reader := range 3 {
			wait.Go(func() {
				for i := range 4 * len(flowingQueries) {
					query := flowingQueries[(i+reader)%len(flowingQueries)]
					rows, err := f.sql(query, -1)
					if err != nil || !slices.Equal(rows, []string{"0"}) {
						t.Errorf("%s: %v, %v", query, rows, err)
						return
					}
				}
			})
		}
		wait.Wait()
		f.kill()
		next = stop()
		f.start()
	}
	for _, v := range []string{"va", "vp", "ww"} {
		f.refresh(v)
	}
	equal(t, "all rows", f.selected("SELECT va.n, wb.n, sum(vp.n) FROM va, wb, vp GROUP BY va.n, wb.n"), []string{strings.Repeat(fmt.Sprintf("|%d", next), 3)[1:]})
}

// TestTableViewsAtOneCut: what a SELECT reads of several views of tables that commits change
// together follows from the same commits, and so it is for INSERT ... SELECT, CREATE TABLE
// AS and a REPEATABLE READ transaction that begins with them.
func TestTableViewsAtOneCut(t *testing.T) {
	f := newFixture(t)
	f.ledger()
	f.run("CREATE TABLE seen (d bigint)")
	stop := f.meanwhile(func(i int) string { return transferring(i%7, i) })
	queries := []string{
		"SELECT va.s - vb.s AS d FROM va, vb",
		"SELECT va.s - gga.s AS d FROM va, gga",
		"SELECT sum(s) AS d FROM (SELECT s FROM ga UNION ALL SELECT -s FROM gga) x",
		"SELECT vb.s - sum(x) AS d FROM vb, pairs GROUP BY vb.s",
	}
	for i := range 24 {
		query := queries[i%len(queries)]
		equal(t, query, f.selected(query), []string{"0"})
		f.run("INSERT INTO seen " + query)
	}
	equal(t, "INSERT ... SELECT", f.selected("SELECT DISTINCT d FROM seen"), []string{"0"})
	rr := f.Begin()
	defer rr.Rollback()
	rr.SetIsolation("repeatable read")
	for range 3 {
		for _, query := range queries {
			equal(t, "REPEATABLE READ: "+query, f.within(rr, "SELECT x.d FROM ("+query+") x, va, vb, gga WHERE gga.s IS NOT NULL AND va.s IS NOT NULL AND vb.s IS NOT NULL"), []string{"0"})
		}
	}
	stop()
}

// TestCutsFollowed: what follows several views of one stream, a live query, a job or a view,
// goes from one cut of them to the next: no state is seen in which a row of the stream is in
// one of them and not in another, nor is after a crash.
func TestCutsFollowed(t *testing.T) {
	f := newFixture(t)
	e := f.flows()
	for i, query := range flowingQueries {
		if strings.Contains(query, "(SELECT sum(n) FROM vb)") {
			continue // no subquery of this kind in a continuous query
		}
		if err := f.sqlJob(fmt.Sprintf("j%d", i), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if err := f.matView(fmt.Sprintf("d%d", i), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	next := int64(100)
	for range 2 {
		stop := f.flowing(e, next)
		c, q := f.follow("SELECT va.n - x.n AS d, va.n AS n FROM va, (SELECT sum(n) AS n FROM vb) x EMIT CHANGES")
		for _, row := range f.rows(c, q.Root, 40) {
			if !strings.HasPrefix(row[1:], "|0|") {
				t.Errorf("a live query shows %s", row)
			}
		}
		c.Close()
		for i := range flowingQueries {
			if v := fmt.Sprintf("d%d", i); f.catalog.Snapshot().Relation("public", v) != nil {
				equal(t, v+" beside what it is made from", f.selected(fmt.Sprintf("SELECT d, va.n - x.n FROM %s, va, (SELECT sum(n) AS n FROM vb) x", v)), []string{"0|0"})
			}
		}
		f.kill()
		next = stop()
		f.start()
	}
	f.refresh("ww")
	for i, query := range flowingQueries {
		name := fmt.Sprintf("j%d", i)
		if f.catalog.Snapshot().Job(name) == nil {
			continue
		}
		f.stop(name)
		rows := f.topics.file(name + "_out").read()
		for _, row := range rows {
			if row != "+|0" && row != "-|0" {
				t.Errorf("%s: row %s", query, row)
			}
		}
		equal(t, query, accumulated(t, rows), []string{"0"})
	}
}

// TestCutOfStopped: where a view's job does not run, its rows are the last that it has, the
// others' are their own, and nobody waits.
func TestCutOfStopped(t *testing.T) {
	f := newFixture(t)
	e := f.flows()
	f.exec(&plan.AlterJob{Name: "va", Action: plan.JobStop})
	fill(e, 100, 200)
	f.refresh("vb")
	began := time.Now()
	equal(t, "one that was stopped", f.selected("SELECT va.n, x.n FROM va, (SELECT sum(n) AS n FROM vb) x"), []string{"100|200"})
	if took := time.Since(began); took > cutPatience {
		t.Errorf("that took %v", took)
	}
	f.exec(&plan.AlterJob{Name: "va", Action: plan.JobStart})
	f.refresh("va")
	equal(t, "started again", f.selected("SELECT va.n, x.n FROM va, (SELECT sum(n) AS n FROM vb) x"), []string{"200|200"})
}

// TestCutOfInexact: views of a stream whose readers cannot stop at a place are at one cut when
// the readers have caught up; while rows flow nobody waits for that for long.
func TestCutOfInexact(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.batch, e.inexact = 7, true
	fill(e, 0, 100)
	for name, query := range map[string]string{"va": "SELECT count(*) AS n FROM e", "vb": "SELECT name, count(*) AS n FROM e GROUP BY name"} {
		if err := f.matView(name, query); err != nil {
			t.Fatal(err)
		}
	}
	const query = "SELECT va.n - x.n FROM va, (SELECT sum(n) AS n FROM vb) x"
	stop := f.flowing(e, 100)
	began := time.Now()
	for range 5 {
		if rows := f.selected(query); len(rows) != 1 {
			t.Errorf("while rows flow: %v", rows)
		}
	}
	if took := time.Since(began); took > 5*cutPatience {
		t.Errorf("five queries took %v", took)
	}
	next := stop()
	f.refresh("va")
	f.refresh("vb")
	equal(t, "at rest", f.selected("SELECT va.n, va.n - x.n FROM va, (SELECT sum(n) AS n FROM vb) x"), []string{fmt.Sprintf("%d|0", next)})
}

// TestCutThatIsNotMade: a view whose job's reader does not stop in time holds up those that it
// is read with once in a while, and not whenever somebody reads them.
func TestCutThatIsNotMade(t *testing.T) {
	f := newFixture(t)
	e, g := f.events("e"), f.events("g")
	e.batch, g.tells = 7, make(chan struct{})
	for name, query := range map[string]string{"va": "SELECT count(*) AS n FROM e", "vb": "SELECT count(*) AS n FROM (SELECT id FROM e UNION ALL SELECT id FROM g) x"} {
		if err := f.matView(name, query); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if rows, err := f.sql("SELECT va.n, vb.n FROM va, vb", -1); err != nil || len(rows) != 1 {
					select {
					case <-stop: // the engine ends
					default:
						t.Errorf("%v, %v", rows, err)
					}
					return
				}
			}
		})
	}
	fill(e, 0, 5000)
	began, seen := time.Now(), ""
	for seen != "5000" && time.Since(began) < 8*cutPatience {
		time.Sleep(10 * time.Millisecond) // between looks, so that the jobs have the processor
		seen = f.selected("SELECT n FROM va")[0]
	}
	equal(t, fmt.Sprintf("rows read within %v", time.Since(began)), []string{seen}, []string{"5000"})
	close(stop)
	killed := make(chan struct{})
	wait.Go(func() {
		for {
			select {
			case <-g.tells:
			case <-killed:
				return
			}
		}
	})
	f.kill()
	close(killed)
	wait.Wait()
	g.tells = nil
	f.start()
}
