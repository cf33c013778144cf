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
