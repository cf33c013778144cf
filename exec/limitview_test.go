package exec

import (
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestLimitOverView: a live query with a LIMIT over a materialized view, or over
// groups, ends when it has given so many rows, whether they are there already or come
// later; of rows that change each change is one.
func TestLimitOverView(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	for i := range int64(5) {
		e.add(0, event(i, "a", float64(i)))
	}
	if err := f.matView("m", "SELECT id, name FROM e"); err != nil {
		t.Fatal(err)
	}
	if err := f.matView("g", "SELECT name, count(*) AS n FROM e GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	ask := func(query string, want ...string) {
		t.Helper()
		rows, err := f.sql(query, -1)
		if err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s = %q, %v, want %q", query, rows, err, want)
		}
	}
	ask("SELECT id FROM m EMIT CHANGES LIMIT 3", "+|0", "+|1", "+|2")
	ask("SELECT id FROM m EMIT CHANGES LIMIT 5", "+|0", "+|1", "+|2", "+|3", "+|4")
	ask("SELECT id FROM m WHERE id > 0 LIMIT 2 EMIT CHANGES", "+|1", "+|2")
	ask("SELECT name, n FROM g EMIT CHANGES LIMIT 1", "+|a|5")
	ask("SELECT name, count(*) FROM e GROUP BY name EMIT CHANGES LIMIT 1", "+|a|5")
	ask("SELECT name, sum(id) FROM m GROUP BY name EMIT CHANGES LIMIT 1", "+|a|10")
	ask("SELECT id FROM m EMIT CHANGES LIMIT 0")
	ask("SELECT id FROM m EMIT CHANGES LIMIT 2 OFFSET 3", "+|3", "+|4")
	ask("SELECT id FROM m LIMIT 1 OFFSET 1 EMIT CHANGES", "+|1")
	ask("SELECT id FROM m OFFSET 4 FETCH FIRST 1 ROW ONLY EMIT CHANGES", "+|4")

	c, q := f.follow("SELECT name, n FROM g EMIT CHANGES LIMIT 3")
	got := f.rows(c, q.Root, 1)
	e.add(0, event(9, "a", 9))
	got = append(got, f.rows(c, q.Root, -1)...)
	if want := []string{"+|a|5", "-|a|5", "+|a|6"}; !slices.Equal(got, want) {
		t.Errorf("with a row that came the changes are %q, want %q", got, want)
	}
	c, q = f.follow("SELECT name, n FROM g EMIT CHANGES LIMIT 2 OFFSET 1")
	e.add(0, event(10, "a", 10))
	if got, want := f.rows(c, q.Root, -1), []string{"-|a|6", "+|a|7"}; !slices.Equal(got, want) {
		t.Errorf("behind the first change they are %q, want %q", got, want)
	}
}

// TestOrderOfRowsThatEnd: a live query over rows that end is sorted when they have, also
// with a LIMIT; over rows that change until then, or that do not end, ORDER BY is refused.
func TestOrderOfRowsThatEnd(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	for i := range int64(5) {
		e.add(0, event(i, "a", float64(i)))
	}
	for query, want := range map[string][]string{
		"SELECT id FROM (SELECT id FROM e LIMIT 3) x ORDER BY id DESC EMIT CHANGES":                  {"2", "1", "0"},
		"SELECT id FROM (SELECT id FROM e LIMIT 3) x ORDER BY id DESC LIMIT 2 EMIT CHANGES":          {"2", "1"},
		"SELECT id FROM (SELECT id FROM e LIMIT 3) x ORDER BY id DESC LIMIT 1 OFFSET 1 EMIT CHANGES": {"1"},
	} {
		if rows, err := f.sql(query, -1); err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s = %q, %v, want %q", query, rows, err, want)
		}
	}
	for query, want := range map[string]string{
		"SELECT id FROM e ORDER BY id EMIT CHANGES":                                                          "ORDER BY over a stream that has no end is not supported",
		"SELECT name, count(*) FROM (SELECT name FROM e LIMIT 3) x GROUP BY name ORDER BY name EMIT CHANGES": "ORDER BY over rows that change is not supported",
	} {
		_, err := f.sql(query, -1)
		if e := sqlerr.From(err); e == nil || e.Code != sqlerr.FeatureNotSupported || e.Message != want {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
}
