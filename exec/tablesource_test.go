package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// run runs statements of which none may fail.
func (f *fixture) run(statements ...string) {
	f.Helper()
	for _, s := range statements {
		if _, err := f.sql(s, -1); err != nil {
			f.Fatalf("%s: %v", s, err)
		}
	}
}

// follow starts a live query.
func (f *fixture) follow(sql string) (*Cursor, *plan.Query) {
	f.Helper()
	env := testEnv()
	b, err := f.bound(sql, env)
	if err != nil {
		f.Fatal(err)
	}
	q := b.Statement.(*plan.Query)
	return f.query(q, env), q
}

// TestFollowTable: EMIT CHANGES on a table gives the rows there, and then what
// commits change, each commit whole.
func TestFollowTable(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE t (id bigint PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
	c, q := f.follow("SELECT * FROM t EMIT CHANGES")
	equal(t, "the rows there", f.rows(c, q.Root, 2), []string{"+|1|a", "+|2|b"})
	f.run("UPDATE t SET name = 'c' WHERE id = 1")
	equal(t, "an update", f.rows(c, q.Root, 2), []string{"-|1|a", "+|1|c"})
	f.run("DELETE FROM t WHERE id = 2")
	equal(t, "a delete", f.rows(c, q.Root, 1), []string{"-|2|b"})
	n, q := f.follow("SELECT name, count(*) FROM t GROUP BY name EMIT CHANGES")
	equal(t, "groups", f.rows(n, q.Root, 1), []string{"+|c|1"})
	f.run("INSERT INTO t VALUES (3, 'c')")
	equal(t, "groups that change", f.rows(n, q.Root, 2), []string{"-|c|1", "+|c|2"})
	f.run("TRUNCATE t")
	equal(t, "groups of an emptied table", f.rows(n, q.Root, 1), []string{"-|c|2"})
	f.run("INSERT INTO t VALUES (4, 'd')")
	equal(t, "groups that come after", f.rows(n, q.Root, 1), []string{"+|d|1"})
	f.run("DROP TABLE t")
	if _, err := tryRows(f.context(), n, q.Root, 1); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("following a table that is dropped = %v, want 55000", err)
	}
}

// TestFollowTwoTables: what one commit changes in two tables is seen together.
func TestFollowTwoTables(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (n bigint)", "CREATE TABLE b (n bigint)")
	c, q := f.follow("SELECT sum(n) FROM (SELECT n FROM a UNION ALL SELECT -n FROM b) x EMIT CHANGES")
	equal(t, "no rows", f.rows(c, q.Root, 1), []string{"+|NULL"})
	want := []string{"-|NULL", "+|0"}
	for i := range 200 {
		f.run(fmt.Sprintf("WITH x AS (INSERT INTO a VALUES (%d) RETURNING n) INSERT INTO b SELECT n FROM x", i+1))
	}
	equal(t, "the first change", f.rows(c, q.Root, 2), want)
	f.run("INSERT INTO a VALUES (7)")
	equal(t, "a change of one alone", f.rows(c, q.Root, 2), []string{"-|0", "+|7"})
}

// reached returns when a job has committed an epoch with all that tables have.
func (f *fixture) reached(name string, tables ...string) {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	ctx := f.context()
	for ctx.Err() == nil {
		<-tick.C
		if f.reachedNow(name, tables) {
			return
		}
	}
	f.Fatalf("job %s does not get on: %s", name, f.catalog.Snapshot().Job(name).Failure)
}

func (f *fixture) reachedNow(name string, tables []string) bool {
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job(name).UUID]
	f.Engine.mu.Unlock()
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range tables {
		at := uint64(0)
		for p, offset := range j.positions {
			if j.streams[p.source] == t && p.split == tableSplit {
				at, _ = tableVersion(offset)
			}
		}
		if at < f.tables.ChangedAt(table.Describe(f.catalog.Snapshot().Relation("public", t))) {
			return false
		}
	}
	return true
}

// TestJobFollowsTablesKilled: a job over tables that change, killed again and
// again, gives in all what the query gives in the end.
func TestJobFollowsTablesKilled(t *testing.T) {
	for i, q := range []string{
		"SELECT id, name FROM a WHERE id % 2 = 0",
		"SELECT name, count(*), sum(id), max(id) FROM a GROUP BY name",
		"SELECT name, count(*) FROM (SELECT name FROM a UNION ALL SELECT name FROM b) x GROUP BY name",
		"SELECT window_start, count(*) FROM a WINDOW TUMBLING (ts, INTERVAL '10 seconds') GROUP BY window_start EMIT CHANGES",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			rng := rand.New(rand.NewPCG(uint64(i), 8))
			f.run("CREATE TABLE a (id bigint PRIMARY KEY, name text, ts timestamptz)", "CREATE TABLE b (id bigint, name text)")
			if err := f.sqlJob("j", q); err != nil {
				t.Fatal(err)
			}
			for round := range 10 {
				for range 1 + rng.IntN(4) {
					f.run(fmt.Sprintf("INSERT INTO a SELECT n, chr(97 + n %% 3), timestamptz '2000-01-01' + n * interval '1 second' FROM generate_series(%d, %d) g(n) ON CONFLICT DO NOTHING", rng.IntN(100), 60+rng.IntN(100)),
						fmt.Sprintf("UPDATE a SET name = name || 'x' WHERE id %% 7 = %d", rng.IntN(7)),
						fmt.Sprintf("DELETE FROM a WHERE id %% 11 = %d", rng.IntN(11)),
						fmt.Sprintf("INSERT INTO b VALUES (%d, 'a')", round))
				}
				if rng.IntN(3) > 0 {
					f.committedMore("j", 1+rng.IntN(2))
				}
				f.kill()
				f.start()
			}
			tables := []string{"a"}
			if strings.Contains(q, "FROM b") {
				tables = append(tables, "b")
			}
			f.reached("j", tables...)
			f.run("UPDATE a SET name = 'y' WHERE id = 61")
			f.reached("j", tables...)
			f.stop("j")
			got := accumulated(t, f.topics.file("j_out").read())
			want, err := f.sql(strings.TrimSuffix(q, " EMIT CHANGES"), -1)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: the killed job gives\n%s\nthe query\n%s", q, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// stop stops a job and waits for it.
func (f *fixture) stop(name string) {
	f.Helper()
	f.exec(&plan.AlterJob{Name: name, Action: plan.JobStop})
	f.waitState(name, catalog.JobStopped)
}

// TestTorn: an epoch does not end while tables that are followed together have got
// to different versions.
func TestTorn(t *testing.T) {
	at := func(version uint64, parted bool) *leaf {
		return &leaf{scan: &scan{table: &tableSource{}}, version: version, parted: parted}
	}
	for _, c := range []struct {
		leaves []*leaf
		want   bool
	}{
		{[]*leaf{at(3, false), {scan: &scan{}}}, false},
		{[]*leaf{at(3, false), at(3, false)}, false},
		{[]*leaf{at(3, false), at(4, false)}, true},
		{[]*leaf{at(3, true)}, true},
	} {
		if got := torn(c.leaves); got != c.want {
			t.Errorf("torn = %v, want %v", got, c.want)
		}
	}
	l := at(3, false)
	for _, step := range []struct {
		next   stream.Offset
		rows   int
		parted bool
	}{{nil, 0, false}, {nil, 5, true}, {nil, 0, true}, {tableOffset(9), 2, false}} {
		if err := l.arrived(stream.Read{Next: step.next}, step.rows); err != nil || l.parted != step.parted {
			t.Errorf("after %v: parted %v (%v), want %v", step, l.parted, err, step.parted)
		}
	}
	if l.version != 9 {
		t.Errorf("the version is %d, want 9", l.version)
	}
}
