package exec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestAlterJobSet: a job that runs takes up its options after the epoch that runs,
// and nothing is lost or doubled.
func TestAlterJobSet(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	topic := f.topics.topic("in")
	topic.bad = map[int64]bool{2: true, 12: true}
	topic.addRows(0, 1, 10)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 8); err != nil {
		t.Fatal(err)
	}
	f.run("ALTER JOB j SET (failure_strategy = 'FailBatch', 'checkpoint.interval' = '2ms')")
	topic.addRows(0, 10, 12)
	if err := f.topics.file("x").wait(f.context(), 10); err != nil {
		t.Fatal(err)
	}
	topic.addRows(0, 12, 14)
	if def := f.waitState("j", catalog.JobFailed); def.Failure.Message != "row 12 is bad" {
		t.Errorf("error = %q", def.Failure.Message)
	}
	f.run("ALTER JOB j SET (failure_strategy = 'LogAndContinue')")
	topic.end()
	f.run("START JOB j")
	f.waitState("j", catalog.JobFinished)
	equal(t, "x", f.topics.file("x").read(), append(append(lines(1, 2), lines(3, 12)...), lines(13, 14)...))
	for sql, code := range map[string]sqlerr.Code{
		"ALTER JOB j SET (use_transactions = 'true')":        sqlerr.FeatureNotSupported,
		"ALTER JOB j SET (late_policy = 'update')":           sqlerr.FeatureNotSupported,
		"ALTER JOB j SET (max_retries = '-1')":               sqlerr.InvalidParameterValue,
		"ALTER JOB j SET (max_retrys = '1')":                 sqlerr.InvalidParameterValue,
		"ALTER JOB j SET (max_retries = 1, max_retries = 2)": sqlerr.SyntaxError,
		"ALTER JOB j SET ('sink.buffer' = '1MB')":            sqlerr.FeatureNotSupported,
		"ALTER JOB j SET ()":                                 sqlerr.SyntaxError,
		"ALTER JOB j":                                        sqlerr.SyntaxError,
		"ALTER JOB":                                          sqlerr.SyntaxError,
		"ALTER JOB j SET (max_retries = 1) x":                sqlerr.SyntaxError,
		"ALTER JOB nobody SET (max_retries = 1)":             sqlerr.UndefinedObject,
	} {
		if _, err := f.sql(sql, -1); sqlerr.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", sql, err, code)
		}
	}
	f.run("ALTER JOB IF EXISTS nobody SET (max_retries = 1)")
}

// TestAlterJobStartFrom: a stopped job begins anew where it is told to, and a kill
// before its first epoch changes nothing of that.
func TestAlterJobStartFrom(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in", catalog.Option{Key: "latest", Value: "true"})
	topic := f.topics.topic("in")
	topic.addRows(0, 1, 5)
	f.exec(f.copyJob("j", in, []string{"x"}))
	topic.wait()
	var want []string
	next := 5
	for _, c := range []struct {
		from  string
		again []string
	}{
		{"EARLIEST", lines(1, 5)},
		{`OFFSETS '{"in": {"0": 2}}'`, lines(3, 6)},
		{"LATEST", nil},
		{"EARLIEST", lines(1, 7)},
	} {
		if _, err := f.sql("ALTER JOB j START FROM "+c.from, -1); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
			t.Errorf("of a job that runs: %v, want 55000", err)
		}
		f.run("STOP JOB j")
		f.run("ALTER JOB j START FROM " + c.from)
		want = slices.Clone(c.again) // these files begin anew with a job
		if err := f.topics.file("x").wait(f.context(), len(want)); err != nil {
			t.Fatalf("%s: %v", c.from, err)
		}
		if c.again == nil {
			f.committedMore("j", 1)
		}
		f.kill()
		f.start()
		if next < 7 {
			topic.addRows(0, next, next+1)
			want = append(want, lines(next, next+1)...)
			next++
			if err := f.topics.file("x").wait(f.context(), len(want)); err != nil {
				t.Fatalf("%s: %v", c.from, err)
			}
		}
		equal(t, c.from, f.topics.file("x").read(), want)
	}
	f.run("STOP JOB j")
	for sql, code := range map[string]sqlerr.Code{
		"ALTER JOB j START FROM":                               sqlerr.SyntaxError,
		"ALTER JOB j START FROM THERE":                         sqlerr.SyntaxError,
		"ALTER JOB j START FROM TIMESTAMP":                     sqlerr.SyntaxError,
		"ALTER JOB j START FROM TIMESTAMP 'soon'":              sqlerr.InvalidDatetimeFormat,
		"ALTER JOB j START FROM TIMESTAMP 'infinity'":          sqlerr.InvalidParameterValue,
		"ALTER JOB j START FROM TIMESTAMP '2026-01-01'":        sqlerr.FeatureNotSupported, // these topics have no times
		"ALTER JOB j START FROM OFFSETS '{'":                   sqlerr.InvalidParameterValue,
		`ALTER JOB j START FROM OFFSETS '{"in": {"0": -1}}'`:   sqlerr.InvalidParameterValue,
		`ALTER JOB j START FROM OFFSETS '{"other": {"0": 1}}'`: sqlerr.UndefinedTable,
		`ALTER JOB j START FROM OFFSETS '{"in": {"7": 1}}'`:    sqlerr.InvalidParameterValue,
		`ALTER JOB j START FROM OFFSETS '{"in": {"x": 1}}'`:    sqlerr.InvalidParameterValue,
		`ALTER JOB j START FROM OFFSETS '{"in": {"0": 99}}'`:   sqlerr.InvalidParameterValue,
	} {
		_, err := f.sql(sql, -1)
		if sqlerr.CodeOf(err) != code {
			t.Errorf("%s: %v (%s), want %s", sql, err, sqlerr.CodeOf(err), code)
		}
		if code == sqlerr.SyntaxError && sqlerr.From(err).Hint == "" {
			t.Errorf("%s: no hint", sql)
		}
	}
	if state := f.catalog.Snapshot().Job("j").State; state != catalog.JobStopped {
		t.Errorf("what is refused leaves the job %s", state)
	}
}

// TestStartFromOfTables: a job over tables begins anew with the rows that are there, and
// at no time or offset; a materialized view's does not, since the view has
// rows of what was read before.
func TestStartFromOfTables(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE t (id bigint PRIMARY KEY, n bigint)", "INSERT INTO t VALUES (1, 1), (2, 1)")
	if err := f.sqlJob("j", "SELECT n, count(*) FROM t GROUP BY n"); err != nil {
		t.Fatal(err)
	}
	if err := f.matView("v", "SELECT n FROM t"); err != nil {
		t.Fatal(err)
	}
	f.settle()
	f.run("STOP JOB j", "STOP JOB v")
	for sql, code := range map[string]sqlerr.Code{
		"ALTER JOB j START FROM TIMESTAMP '2026-01-01'":    sqlerr.FeatureNotSupported,
		`ALTER JOB j START FROM OFFSETS '{"t": {"0": 1}}'`: sqlerr.FeatureNotSupported,
		"ALTER JOB v START FROM EARLIEST":                  sqlerr.FeatureNotSupported,
		"ALTER JOB v START FROM LATEST":                    sqlerr.FeatureNotSupported,
	} {
		_, err := f.sql(sql, -1)
		if sqlerr.CodeOf(err) != code || sqlerr.From(err).Hint == "" {
			t.Errorf("%s: %v (%s), want %s with a hint", sql, err, sqlerr.CodeOf(err), code)
		}
	}
	f.run("INSERT INTO t VALUES (3, 1)", "ALTER JOB j START FROM EARLIEST", "START JOB v")
	f.settle()
	f.run("STOP JOB j")
	equal(t, "from what is there", accumulated(t, f.topics.file("j_out").read()), []string{"1|3"})
	equal(t, "the view", f.selected("SELECT * FROM v"), []string{"1", "1", "1"})
}

// TestStartFromLatestOfTables: a job over two tables that begins with what comes from now
// on gets it of both, together.
func TestStartFromLatestOfTables(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint)", "CREATE TABLE b (id bigint)", "INSERT INTO a VALUES (1)")
	if err := f.sqlJob("j", "SELECT a.id FROM a JOIN b USING (id)"); err != nil {
		t.Fatal(err)
	}
	f.stop("j")
	f.run("ALTER JOB j START FROM LATEST")
	ctx, id := f.context(), 2
	for ; ctx.Err() == nil && len(f.topics.file("j_out").read()) == 0; id++ {
		f.run(fmt.Sprintf("INSERT INTO a VALUES (%d)", id), fmt.Sprintf("INSERT INTO b VALUES (%d)", id))
		f.committedMore("j", 1)
	}
	f.run("INSERT INTO b VALUES (1)", fmt.Sprintf("INSERT INTO a VALUES (%d)", id), fmt.Sprintf("INSERT INTO b VALUES (%d)", id))
	f.settle()
	f.stop("j")
	rows := f.topics.file("j_out").read()
	if slices.Contains(rows, "+|1") || !slices.Contains(rows, fmt.Sprintf("+|%d", id)) {
		t.Errorf("the job wrote %v, want %d among them and not 1", rows, id)
	}
}

// TestRenameJob: a job that runs gets another name, or two change theirs, and each
// goes on with its own state, sinks and positions, through kills.
func TestRenameJob(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	for _, job := range []string{"a", "b"} {
		if err := f.sqlJob(job, "SELECT name, count(*) AS "+job+" FROM e GROUP BY name"); err != nil {
			t.Fatal(err)
		}
	}
	both := func(n int) {
		t.Helper()
		for _, job := range []string{"a", "b"} {
			if err := f.topics.file(job+"_out").wait(f.context(), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.add(0, event(1, "x", 1))
	both(1)
	ids := map[string][16]byte{}
	for _, j := range f.catalog.Snapshot().Jobs() {
		ids[j.Name] = j.UUID
	}
	f.run("ALTER JOB a RENAME TO c")
	e.add(0, event(2, "x", 2))
	both(3)
	f.kill()
	f.start()
	f.run("ALTER JOB c SWAP WITH b")
	e.add(0, event(3, "x", 3))
	both(5)
	f.kill()
	f.start()
	e.end()
	f.waitState("b", catalog.JobFinished)
	f.waitState("c", catalog.JobFinished)
	want := []string{"+|x|1", "-|x|1", "+|x|2", "-|x|2", "+|x|3"}
	equal(t, "a_out", f.topics.file("a_out").read(), want)
	equal(t, "b_out", f.topics.file("b_out").read(), want)
	s := f.catalog.Snapshot()
	if s.Job("b").UUID != ids["a"] || s.Job("c").UUID != ids["b"] || s.Job("a") != nil {
		t.Error("the jobs are not those that the names were given to")
	}
	if r := s.Relation("public", "a_out"); r.Job != "b" {
		t.Errorf("sink a_out is of job %q, want b", r.Job)
	}
	for sql, code := range map[string]sqlerr.Code{
		"ALTER JOB b RENAME TO c":        sqlerr.DuplicateObject,
		"ALTER JOB nobody RENAME TO d":   sqlerr.UndefinedObject,
		"ALTER JOB b SWAP WITH nobody":   sqlerr.UndefinedObject,
		"ALTER JOB b SWAP WITH b":        sqlerr.InvalidParameterValue,
		"ALTER JOB b RENAME TO":          sqlerr.SyntaxError,
		"ALTER JOB b SWAP WITH c d":      sqlerr.SyntaxError,
		"ALTER JOB b RENAME TO public.d": sqlerr.SyntaxError,
		"ALTER JOB b SWAP WITH public.c": sqlerr.SyntaxError,
	} {
		if _, err := f.sql(sql, -1); sqlerr.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", sql, err, code)
		}
	}
	f.run("ALTER JOB IF EXISTS nobody RENAME TO d", "DROP JOB b")
	if f.catalog.Snapshot().Relation("public", "a_out") != nil {
		t.Error("DROP JOB left the job's own sink")
	}
}
