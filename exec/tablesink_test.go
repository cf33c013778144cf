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
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// tableJob starts a job whose rows go to a table.
func (f *fixture) tableJob(name, query, options string) error {
	if !strings.Contains(options, "checkpoint.interval") {
		options += ", 'checkpoint.interval' = '1ms'"
	}
	sql := fmt.Sprintf("START JOB %s WITH (%s) AS %s", name, strings.TrimPrefix(options, ", "), query)
	b, err := f.bound(sql, testEnv())
	if err != nil {
		return err
	}
	s := b.Statement.(*plan.StartJob)
	// A job is planned anew whenever it starts, for the table as it is then.
	f.replan(s.Text, sql)
	_, err = f.try(s)
	return err
}

// replan has a job's text planned at each start.
func (f *fixture) replan(text, sql string) {
	f.plans.Store(text, func() (*plan.StartJob, error) {
		b, err := f.bound(sql, testEnv())
		if err != nil {
			return nil, err
		}
		return b.Statement.(*plan.StartJob), nil
	})
}

// selected are the rows of a query, sorted.
func (f *fixture) selected(sql string) []string {
	f.Helper()
	rows, err := f.sql(sql, -1)
	if err != nil {
		f.Fatalf("%s: %v", sql, err)
	}
	slices.Sort(rows)
	return rows
}

// TestTableSinkKilled: what a job writes to a table is, after any number of kills,
// what its query gives: rows that come are inserted, rows that change replace the
// one of their key, and none is there twice.
func TestTableSinkKilled(t *testing.T) {
	for i, c := range []struct{ table, indexed, query, want, options string }{
		{"CREATE TABLE o (id bigint, name text)", "name", "INSERT INTO o SELECT id, name FROM e WHERE id % 3 > 0", "SELECT id, name FROM e WHERE id % 3 > 0", ""},
		{"CREATE TABLE o (id bigint, name text)", "name", "SELECT id, name FROM e INTO o", "SELECT id, name FROM e", ", 'use_transactions' = 'true'"},
		{"CREATE TABLE o (name text PRIMARY KEY, n bigint, s numeric)", "name", "INSERT INTO o SELECT name, count(*), sum(id) FROM e GROUP BY name", "SELECT name, count(*), sum(id) FROM e GROUP BY name", ""},
		{"CREATE TABLE o (n bigint, name text UNIQUE, at int DEFAULT 7)", "n::text", "INSERT INTO o (name, n) SELECT name, count(*) FROM e GROUP BY name", "SELECT count(*), name, 7 FROM e GROUP BY name", ", 'use_transactions' = 'true'"},
		{"CREATE TABLE o (m bigint, n bigint, UNIQUE (n, m))", "m::text", "INSERT INTO o (m, n) SELECT n, count(*) FROM (SELECT name, count(*) AS n FROM e GROUP BY name) x GROUP BY n", "SELECT n, count(*) FROM (SELECT name, count(*) AS n FROM e GROUP BY name) x GROUP BY n", ""},
		// A window's end follows from its start, and of CUMULATE its start from its end.
		{"CREATE TABLE o (at timestamptz, name text, n bigint, PRIMARY KEY (name, at))", "n::text", "INSERT INTO o SELECT window_start, name, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 minutes') GROUP BY name EMIT CHANGES", "SELECT window_start, name, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 minutes') GROUP BY name", ""},
		{"CREATE TABLE o (at timestamptz, name text, n bigint, PRIMARY KEY (name, at))", "n::text", "INSERT INTO o SELECT window_end, name, count(*) FROM e WINDOW CUMULATE (INTERVAL '5 minutes', INTERVAL '10 minutes') GROUP BY name EMIT CHANGES", "SELECT window_end, name, count(*) FROM e WINDOW CUMULATE (INTERVAL '5 minutes', INTERVAL '10 minutes') GROUP BY name", ""},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(1)
			rng := rand.New(rand.NewPCG(uint64(i), 9))
			f.run(c.table)
			if err := f.tableJob("j", c.query, c.options); err != nil {
				t.Fatal(err)
			}
			next := int64(0)
			for round := range 12 {
				for range rng.IntN(60) {
					e.add(rng.IntN(2), event(next, string(rune('a'+rng.IntN(4))), float64(next)))
					next++
				}
				if rng.IntN(3) > 0 {
					f.committedMore("j", 1+rng.IntN(3))
				}
				if round == 6 {
					f.run("CREATE INDEX i ON o ((" + c.indexed + " || 'x'))")
				}
				f.kill()
				f.start()
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			equal(t, c.query, f.selected("SELECT * FROM o"), f.selected(c.want))
		})
	}
}

// TestTableSinkFaults: a row that breaks a rule of the table follows the job's
// strategy, and the others are written.
func TestTableSinkFaults(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.run("CREATE TABLE o (id bigint PRIMARY KEY CHECK (id <> 3), name varchar(3) NOT NULL, u bigint UNIQUE)", "INSERT INTO o VALUES (1, 'x', 40)")
	e.add(0, event(1, "a", 1), event(2, "b", 2), event(3, "c", 3), event(4, "d", 4), event(5, "e", 5))
	e.end()
	if err := f.tableJob("j", "INSERT INTO o SELECT id, CASE WHEN id = 5 THEN NULL ELSE name END, id * 10 FROM e", ""); err != nil {
		t.Fatal(err)
	}
	f.waitState("j", catalog.JobFinished)
	// 1 has its key already, 3 fails the check, 4 has 40 already, 5 is NULL.
	equal(t, "rows", f.selected("SELECT * FROM o"), []string{"1|x|40", "2|b|20"})
	if got := (jobsProvider{f.Engine}).Jobs()[0]; got.Rejected != 4 || got.RowsOut != 1 {
		t.Errorf("%d rows were skipped and %d went out, want 4 and 1", got.Rejected, got.RowsOut)
	}
	if err := f.tableJob("k", "INSERT INTO o SELECT id + 10, name, id * 10 + 1 FROM e WHERE id <> 3 UNION ALL SELECT id, name, -id FROM e WHERE id = 3", ", 'failure_strategy' = 'FailBatch', 'checkpoint.interval' = '1h'"); err != nil {
		t.Fatal(err)
	}
	def := f.waitState("k", catalog.JobFailed)
	if !strings.Contains(def.Failure.Message, "o_id_check") {
		t.Errorf("the job says %q", def.Failure.Message)
	}
	equal(t, "rows after a batch that failed", f.selected("SELECT * FROM o"), []string{"1|x|40", "2|b|20"})
}

// TestTableSinkNullKey: a group of NULL has one row, although NULLs are distinct to
// UNIQUE, and goes as others do.
func TestTableSinkNullKey(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.run("CREATE TABLE o (k text, m bigint, n bigint, UNIQUE (k, m))")
	if err := f.tableJob("j", "INSERT INTO o SELECT k, m, count(*) FROM (SELECT nullif(name, 'a') AS k, max(id) % 2 AS m FROM e GROUP BY name, id / 10) x GROUP BY k, m", ""); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"NULL|1|1"}, {"NULL|0|1", "NULL|1|1"}, {"NULL|0|1", "NULL|1|1", "b|1|1"}, {"NULL|0|2", "b|1|1"}} {
		e.add(0, event([]int64{1, 12, 31, 4}[i], []string{"a", "a", "b", "a"}[i], float64(i)))
		f.eventually(func() bool { return slices.Equal(f.selected("SELECT k, m, n FROM o"), want) }, "the table is not what the groups are")
	}
}

// TestTableSinkUniqueTraded: rows that have each other's values of a UNIQUE column in
// one epoch violate nothing.
func TestTableSinkUniqueTraded(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE scores (name text PRIMARY KEY, score int)", "INSERT INTO scores VALUES ('a', 10), ('b', 20), ('c', 30)",
		"CREATE TABLE o (name text PRIMARY KEY, place bigint UNIQUE)")
	query := "SELECT name, row_number() OVER (ORDER BY score DESC, name) AS place FROM scores"
	if err := f.tableJob("j", "INSERT INTO o SELECT name, place FROM ("+query+") x WHERE place <= 3", ""); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"UPDATE scores SET score = 40 WHERE name = 'a'", "UPDATE scores SET score = 50 - score", "INSERT INTO scores VALUES ('d', 25)"} {
		f.run(change)
		want := f.selected("SELECT * FROM (" + query + ") x WHERE place <= 3")
		f.eventually(func() bool { return slices.Equal(f.selected("SELECT * FROM o"), want) }, "the table is not what the query's rows are after "+change)
	}
	if n := (jobsProvider{f.Engine}).Jobs()[0].Rejected; n != 0 {
		t.Errorf("%d rows were rejected, want none", n)
	}
}

// TestTableSinkAltered: a table that is altered is no failure of the job that writes to
// it, which goes on whatever its restart policy.
func TestTableSinkAltered(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.run("CREATE TABLE o (id bigint PRIMARY KEY, name text)")
	if err := f.tableJob("j", "INSERT INTO o (id, name) SELECT id, name FROM e", ", 'restart_policy' = 'never'"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1))
	f.eventually(func() bool { return len(f.selected("SELECT * FROM o")) == 1 }, "the row does not come")
	for i, alter := range []string{"CREATE INDEX ON o (name)", "ALTER TABLE o ADD COLUMN more int DEFAULT 7"} {
		f.run(alter)
		e.add(0, event(int64(i)+2, "b", 2))
		f.eventually(func() bool {
			j := (jobsProvider{f.Engine}).Jobs()[0]
			if j.State != "running" || j.Failure.Message != "" {
				t.Fatalf("after %s the job is %s: %s", alter, j.State, j.Failure.Message)
			}
			return len(f.selected("SELECT * FROM o")) == i+2
		}, "the job does not go on")
	}
}

// TestTableSinkAllAtFault: epochs of which the table takes no row leave no lock on it.
func TestTableSinkAllAtFault(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.run("CREATE TABLE o (id bigint PRIMARY KEY, name text)", "INSERT INTO o VALUES (1, 'x')")
	if err := f.tableJob("j", "INSERT INTO o SELECT id, name FROM e", ", 'checkpoint.interval' = '10ms'"); err != nil {
		t.Fatal(err)
	}
	for n := range int64(3) {
		e.add(0, event(1, "a", float64(n)))
		f.eventually(func() bool { return (jobsProvider{f.Engine}).Jobs()[0].Rejected == n+1 }, "the row has not been refused")
	}
	altered := make(chan error, 1)
	go func() {
		_, err := f.sql("ALTER TABLE o ADD COLUMN more int", -1)
		altered <- err
	}()
	select {
	case err := <-altered:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the table is locked")
	}
}

// TestTableSinkRepeated: of an epoch that was decided, and not in the table when the process
// died, the start writes what was staged. A row that breaks a rule by then, as another has
// come with its key, is at fault as any is: the others are written, once, and the table is
// not locked, also where none is left.
func TestTableSinkRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		staged []int64
		want   []string
	}{
		"some": {[]int64{3, 4, 5}, []string{"1|a", "2|b", "3|s", "4|x", "5|s", "6|f"}},
		"all":  {[]int64{4}, []string{"1|a", "2|b", "4|x", "6|f"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			f.run("CREATE TABLE o (id bigint PRIMARY KEY, name text)")
			if err := f.tableJob("j", "INSERT INTO o SELECT id, name FROM e", ", 'checkpoint.interval' = '10ms'"); err != nil {
				t.Fatal(err)
			}
			e.add(0, event(1, "a", 1), event(2, "b", 2))
			f.eventually(func() bool { return len(f.selected("SELECT * FROM o")) == 2 }, "the rows do not come")
			f.run("INSERT INTO o VALUES (4, 'x')")
			f.kill()
			f.decide("j", "o", c.staged)
			f.start()
			e.add(0, event(6, "f", 6))
			f.eventually(func() bool { return len(f.selected("SELECT * FROM o WHERE id = 6")) == 1 }, "the job does not go on")
			if n := (jobsProvider{f.Engine}).Jobs()[0].Rejected; n != 1 {
				t.Errorf("%d rows were refused, want 1", n)
			}
			f.kill()
			f.start()
			equal(t, "rows", f.selected("SELECT * FROM o"), c.want)
			f.run("ALTER TABLE o ADD COLUMN more int")
		})
	}
}

// decide gives a job that does not run one more epoch, which is decided and of which
// nothing is in its table: rows of these ids.
func (f *fixture) decide(job, into string, ids []int64) {
	f.Helper()
	def := f.catalog.Snapshot().Job(job)
	desc := table.Describe(f.catalog.Snapshot().Relation("public", into))
	handle := f.store.Job(def.UUID)
	rec, err := handle.Recover()
	if err == nil && (rec.Dirty || rec.Prepared != nil) {
		_, err = handle.Rollback()
	}
	var stage tableStage
	if err == nil {
		err = stage.open(f.store, def.UUID, 0)
	}
	var list changeList
	for _, id := range ids {
		b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
		vec.Append(b.Cols[0], types.NewInt(types.Int8, id))
		vec.Append(b.Cols[1], types.NewText("s"))
		list.append(vec.Insert, desc.AppendRow(nil, b.Cols, 0))
	}
	table := slices.IndexFunc(rec.Sinks, func(s state.SinkRecovery) bool { return strings.HasPrefix(s.Sink, "sink_") })
	tokens := []state.Token{{Sink: rec.Sinks[table].Sink, Bytes: stage.prepare(list)}}
	var pages state.Batch
	epoch := handle.Next()
	stage.write(&pages, stream.Epoch(epoch))
	if err == nil {
		_, err = handle.Prepare(epoch, &pages, state.Progress{Tokens: tokens})
	}
	if err == nil {
		err = handle.Commit(epoch)
	}
	if err != nil {
		f.Fatal(err)
	}
}

// TestTableSinkRefused: what cannot be kept up is refused with a reason.
func TestTableSinkRefused(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	f.run("CREATE TABLE o (name text, n bigint)", "CREATE TABLE p (n bigint PRIMARY KEY, name text)", "CREATE TABLE q (id bigint GENERATED ALWAYS AS IDENTITY, g bigint GENERATED ALWAYS AS (id * 2) STORED, name text)",
		"CREATE TABLE w (name text, at timestamptz, n bigint, PRIMARY KEY (name, at))")
	if err := f.matView("m", "SELECT * FROM o"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query string
		code  sqlerr.Code
		says  string
	}{
		{"INSERT INTO o SELECT name, count(*) FROM e GROUP BY name", sqlerr.InvalidColumnReference, "unique by (name)"},
		{"INSERT INTO p SELECT count(*), name FROM e GROUP BY name", sqlerr.InvalidColumnReference, "unique by (name)"},
		{"INSERT INTO p SELECT count(*), name FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name EMIT CHANGES", sqlerr.InvalidColumnReference, "Select window_start or window_end too"},
		{"INSERT INTO p SELECT count(*), name FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name, window_start EMIT CHANGES", sqlerr.InvalidColumnReference, "Select window_start or window_end too"},
		{"INSERT INTO w SELECT name, window_start, count(*) FROM e WINDOW CUMULATE (INTERVAL '10 seconds', INTERVAL '1 minute') GROUP BY name EMIT CHANGES", sqlerr.InvalidColumnReference, "Select window_start or window_end too"},
		{"INSERT INTO w (name, at, n) SELECT name, window_start + INTERVAL '1 second', count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY name EMIT CHANGES", sqlerr.InvalidColumnReference, "Select window_start or window_end too"},
		{"INSERT INTO p (name) SELECT count(*)::text FROM e GROUP BY name", sqlerr.InvalidColumnReference, "No columns"},
		{"INSERT INTO o SELECT name, 1, 2 FROM e", sqlerr.SyntaxError, "2 columns"},
		{"INSERT INTO o (nope) SELECT name FROM e", sqlerr.UndefinedColumn, "nope"},
		{"INSERT INTO o (n, name) SELECT id FROM e", sqlerr.SyntaxError, "more target columns"},
		{"INSERT INTO o SELECT name, name FROM e", sqlerr.DatatypeMismatch, "type bigint"},
		{"INSERT INTO o SELECT * FROM o", sqlerr.FeatureNotSupported, "reads table"},
		{"INSERT INTO o SELECT * FROM m", sqlerr.FeatureNotSupported, `reads materialized view "m", which follows table "o"`},
		{"INSERT INTO q SELECT id FROM e", "428C9", "non-DEFAULT"},
		{"INSERT INTO q (g) SELECT id FROM e", "428C9", "non-DEFAULT"},
	} {
		err := f.tableJob("j", c.query, "")
		if sqlerr.CodeOf(err) != c.code || !strings.Contains(err.Error()+sqlerr.From(err).Detail+sqlerr.From(err).Hint, c.says) {
			t.Errorf("%s: %v (%s), want %s %q", c.query, err, sqlerr.CodeOf(err), c.code, c.says)
		}
	}
	e := f.topics.topic("e")
	e.add(0, event(1, "a", 1), event(2, "b", 2))
	e.end()
	if err := f.tableJob("j", "INSERT INTO q (name) SELECT name FROM e", ""); err != nil {
		t.Fatal(err)
	}
	f.waitState("j", catalog.JobFinished)
	equal(t, "identity", f.selected("SELECT * FROM q"), []string{"1|2|a", "2|4|b"})
}

// TestTableSinkRepeatedLetters: a row that a table refuses of an epoch that a start writes
// anew is a dead letter once, though the process dies again before an epoch has it, or after
// the table has the others, and also where no other row comes.
func TestTableSinkRepeatedLetters(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	f.sinkNamed("dead")
	f.run("CREATE TABLE o (id bigint PRIMARY KEY, name text)")
	if err := f.tableJob("j", "INSERT INTO o SELECT id, name FROM e", ", 'failure_strategy' = 'DeadLetter', 'dead_letter' = 'dead', 'restart_policy' = 'always', 'max_restart_attempts' = '1000000', 'restart_delay' = '1ms'"); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "a", 1), event(2, "b", 2))
	f.eventually(func() bool { return len(f.selected("SELECT * FROM o")) == 2 }, "the rows do not come")
	f.run("INSERT INTO o VALUES (4, 'x')")
	f.kill()
	f.decide("j", "o", []int64{3, 4})
	for range 2 {
		// No epoch is committed, as the sink of letters does not prepare.
		f.topics.file("dead").failing("prepare", 1<<30)
		f.start()
		f.eventually(func() bool { return len(f.selected("SELECT * FROM o WHERE id = 3")) == 1 }, "the epoch is not repeated")
		f.kill()
	}
	f.topics.file("dead").failing("prepare", 0)
	f.start()
	if err := f.topics.file("dead").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	f.kill()
	f.start()
	e.end()
	f.waitState("j", catalog.JobFinished)
	equal(t, "letters", f.letters("dead"), []string{`j|NULL|NULL|NULL|duplicate key value violates unique constraint "o_pkey"|23505|now|NULL|NULL|{"id":4,"name":"s"}|NULL`})
	if n := (jobsProvider{f.Engine}).Jobs()[0].Rejected; n != 1 {
		t.Errorf("%d rows were refused, want 1", n)
	}
}
