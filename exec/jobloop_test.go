package exec

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestJobLoopRefused: a job whose rows or dead letters would come back to it, by the
// stream itself, by a view or by a materialized view, is refused.
func TestJobLoopRefused(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	e.add(0, event(1, "a", 1))
	f.events("g")
	f.run("CREATE VIEW v AS SELECT id, name, ts FROM e WHERE id > 0", "CREATE VIEW w AS SELECT * FROM v")
	if err := f.matView("m", "SELECT id, name, ts FROM e"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, options, says string }{
		{"SELECT * FROM e INTO e", "", `job "j" writes its rows to stream "e", which it reads`},
		{"INSERT INTO e SELECT id, name, ts FROM e WHERE id > 1", "", `to stream "e"`},
		{"SELECT * FROM w INTO e", "", `to stream "e"`},
		{"SELECT g.id, g.name, g.ts FROM g JOIN e ON g.id = e.id WITHIN INTERVAL '1 second' INTO g", "", `to stream "g"`},
		{"SELECT * FROM m INTO e", "", `to stream "e"`},
		{"SELECT * FROM e INTO g", ", 'failure_strategy' = 'DeadLetter', 'dead_letter' = 'e'", `job "j" writes its dead letters to stream "e", which it reads`},
	} {
		err := f.tableJob("j", c.query, c.options)
		if sqlerr.CodeOf(err) != sqlerr.InvalidObjectDefinition || !strings.Contains(err.Error(), c.says) || sqlerr.From(err).Hint == "" {
			t.Errorf("%s: %v (%s), want %q", c.query, err, sqlerr.CodeOf(err), c.says)
		}
	}
	if err := f.tableJob("j", "SELECT * FROM w INTO g", ""); err != nil {
		t.Errorf("into another stream: %v", err)
	}
}

// TestJobCircleRefused: a job whose rows would come back to it through other jobs, be
// it by streams, tables or materialized views, is refused, and named is what is on the
// way; one through a job that has finished, and one that is no circle, are not.
func TestJobCircleRefused(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		f.events(name)
	}
	start := func(job, query string) error { return f.tableJob(job, query, "") }
	for job, query := range map[string]string{"ab": "SELECT * FROM a INTO b", "bc": "SELECT * FROM b WHERE id > 1 INTO c"} {
		if err := start(job, query); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(job, query, message, detail string) {
		t.Helper()
		err := sqlerr.From(start(job, query))
		if err == nil || err.Code != sqlerr.InvalidObjectDefinition || !strings.Contains(err.Message, message) || !strings.Contains(err.Detail, detail) || err.Hint == "" {
			t.Errorf("%s: %+v, want %q, detail %q", query, err, message, detail)
		}
	}
	refused("ba", "SELECT * FROM b INTO a", `the rows of job "ba" come back to it through job "ab"`, `Job "ab" reads stream "a", and writes to stream "b", which job "ba" reads`)
	refused("ca", "SELECT * FROM c INTO a", `the rows of job "ca" come back to it through job "bc"`, `Job "bc" reads stream "b", and writes to stream "c"`)
	for job, query := range map[string]string{"ad": "SELECT * FROM a INTO d", "cd": "SELECT * FROM c INTO d"} {
		if err := start(job, query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	f.run("CREATE TABLE t (id bigint, name text, ts timestamptz)")
	if err := start("dt", "INSERT INTO t SELECT id, name, ts FROM d"); err != nil {
		t.Fatal(err)
	}
	refused("td", "SELECT id, name, ts FROM t INTO d", `through job "dt"`, `writes to "t", which job "td" reads`)
	if err := f.matView("m", "SELECT id, name, ts FROM t"); err != nil {
		t.Fatal(err)
	}
	refused("ma", "SELECT id, name, ts FROM m INTO a", `the rows of job "ma" come back to it through job`, `which job "ma" reads`)
	f.run("DROP JOB ab")
	if err := start("ba", "SELECT * FROM b INTO a"); err != nil {
		t.Errorf("without the other job: %v", err)
	}
}
