package exec

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// rewritings are queries that a view, or a job, refuses, what the refusal says to write,
// and that written out: it answers as the query does when it is run once.
var rewritings = []struct{ query, hint, written string }{
	{"SELECT id FROM a WHERE id NOT IN (SELECT id FROM b WHERE id IS NOT NULL)", "NOT EXISTS (SELECT 1 FROM",
		"SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id)"},
	{"SELECT id, (SELECT count(*) FROM b) AS n FROM a", "CROSS JOIN (SELECT max(v) AS m FROM t) x",
		"SELECT a.id, x.n FROM a CROSS JOIN (SELECT count(*) AS n FROM b) x"},
	{"SELECT id FROM a WHERE id = (SELECT max(id) FROM b)", "CROSS JOIN (SELECT max(v) AS m FROM t) x",
		"SELECT a.id FROM a CROSS JOIN (SELECT max(id) AS m FROM b) x WHERE a.id = x.m"},
	{"SELECT id, (SELECT count(*) FROM b WHERE b.id = a.id) AS n FROM a", "LEFT JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) x",
		"SELECT a.id, COALESCE(x.n, 0) AS n FROM a LEFT JOIN (SELECT id, count(*) AS n FROM b GROUP BY id) x ON x.id = a.id"},
	{"SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id) OR id > 5", "LEFT JOIN (SELECT DISTINCT k FROM t) x",
		"SELECT a.id FROM a LEFT JOIN (SELECT DISTINCT id FROM b) x ON x.id = a.id WHERE x.id IS NOT NULL OR a.id > 5"},
	{"SELECT id, id IN (SELECT id FROM b WHERE id IS NOT NULL) AS there FROM a", "LEFT JOIN (SELECT DISTINCT k FROM t) x",
		"SELECT a.id, x.id IS NOT NULL AS there FROM a LEFT JOIN (SELECT DISTINCT id FROM b) x ON x.id = a.id"},
	{"SELECT id FROM a WHERE id > ALL (SELECT id FROM b)", "CROSS JOIN (SELECT max(v) AS m FROM t) x",
		"SELECT a.id FROM a CROSS JOIN (SELECT max(id) AS m FROM b) x WHERE x.m IS NULL OR a.id > x.m"},
	{"SELECT cardinality(ARRAY(SELECT id FROM b)) AS n", "CROSS JOIN (SELECT count(*) AS n FROM t) x",
		"SELECT x.n::int AS n FROM (SELECT count(*) AS n FROM b) x"},
	{"SELECT a.id, x.m FROM a, LATERAL (SELECT max(name) AS m FROM b WHERE b.id = a.id) x", "JOIN (SELECT k, max(v) AS m FROM t GROUP BY k) x",
		"SELECT a.id, x.m FROM a LEFT JOIN (SELECT id, max(name) AS m FROM b GROUP BY id) x ON x.id = a.id"},
	{"SELECT a.id, x.name FROM a, LATERAL (SELECT name FROM b WHERE b.id = a.id ORDER BY name LIMIT 2) x", "row_number() OVER (PARTITION BY k ORDER BY v)",
		"SELECT a.id, x.name FROM a JOIN (SELECT * FROM (SELECT id, name, row_number() OVER (PARTITION BY id ORDER BY name) AS n FROM b) y WHERE n <= 2) x ON x.id = a.id"},
}

// answered are queries with subqueries, WITH and several joins that are kept up to date
// as they are.
var answered = []string{
	"SELECT id FROM a WHERE id > ANY (SELECT id FROM b)",
	"SELECT id FROM a WHERE (id, name) IN (SELECT id, name FROM b)",
	"SELECT id FROM a WHERE name IN (SELECT name FROM b GROUP BY name HAVING count(*) > 1)",
	"SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id AND NOT EXISTS (SELECT 1 FROM a c WHERE c.id = b.id + 1))",
	"WITH x AS (SELECT name, count(*) AS n FROM a GROUP BY name), y AS (SELECT name, count(*) AS n FROM b GROUP BY name) SELECT x.name, x.n, y.n AS m FROM x JOIN y USING (name) JOIN x z USING (name)",
	"SELECT a.id, c.id AS other, d.n FROM a LEFT JOIN b ON b.id = a.id LEFT JOIN a c ON c.name = b.name FULL JOIN (SELECT name, count(*) AS n FROM b GROUP BY name) d ON d.name = a.name",
	"SELECT name FROM a EXCEPT SELECT name FROM b",
}

// TestViewsRefused: what a view refuses it refuses with a reason and a query to write
// instead, which is kept up to date and answers alike.
func TestViewsRefused(t *testing.T) {
	f := newFixture(t)
	f.run("CREATE TABLE a (id bigint PRIMARY KEY, name text)", "CREATE TABLE b (id bigint, name text)",
		"INSERT INTO a SELECT n, chr(97 + n % 3) FROM generate_series(1, 12) g(n)")
	type pair struct{ view, query string }
	var views []pair
	add := func(written, query string) {
		t.Helper()
		name := "v" + string(rune('a'+len(views)))
		if err := f.matView(name, written); err != nil {
			t.Errorf("%s: %v (%s)", written, err, sqlerr.From(err).Detail)
			return
		}
		views = append(views, pair{name, query})
	}
	for _, r := range rewritings {
		err := f.matView("refused", r.query)
		if sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || !strings.Contains(sqlerr.From(err).Hint, r.hint) {
			t.Errorf("%s: %v (%s), want 0A000 and %q", r.query, err, sqlerr.From(err).Hint, r.hint)
		}
		if _, err := f.bound("START JOB j AS "+r.query+" INTO o WITH ('o.type' = 'topic')", testEnv()); err == nil {
			t.Errorf("%s in a job is not refused", r.query)
		}
		add(r.written, r.query)
	}
	for _, q := range answered {
		add(q, q)
	}
	for _, change := range []string{"INSERT INTO b SELECT n, chr(97 + n % 4) FROM generate_series(3, 9) g(n)", "INSERT INTO b VALUES (4, 'z'), (11, 'a')",
		"DELETE FROM a WHERE id % 4 = 0", "UPDATE b SET id = id + 1 WHERE name = 'b'", "UPDATE a SET name = 'b' WHERE id < 3", "DELETE FROM b WHERE id > 6", "DELETE FROM b", "DELETE FROM a"} {
		f.run(change)
		for _, v := range views {
			f.refresh(v.view)
			equal(t, v.query+" after "+change, f.selected("SELECT * FROM "+v.view), f.selected(v.query))
		}
	}
}
