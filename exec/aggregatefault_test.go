package exec

import (
	"slices"
	"strings"
	"testing"
)

// TestAggregateRowsAtFault: a row of which one aggregate cannot be computed is left
// out of all, of the groups and sessions that it alone would make, and is counted once.
func TestAggregateRowsAtFault(t *testing.T) {
	for name, c := range map[string]struct{ columns, query, options string }{
		"groups":       {"k text UNIQUE, n bigint, s bigint, x bigint", "SELECT name, count(*), sum(10 / (id - 3)), max(7 / (id - 3)) FROM e GROUP BY name", ""},
		"two phases":   {"k text UNIQUE, n bigint, s bigint", "SELECT name, count(*), sum(10 / (id - 3)) FROM e GROUP BY name", ", 'parallelism' = '2'"},
		"filter":       {"k text UNIQUE, n bigint, s bigint, m bigint", "SELECT name, count(*), count(*) FILTER (WHERE 10 / (id - 3) > 0), max(id) FILTER (WHERE id > 1) FROM e GROUP BY name", ""},
		"guarded":      {"k text UNIQUE, n bigint, s bigint, m bigint", "SELECT name, count(*), sum(10 / (id - 4)) FILTER (WHERE id <> 4), min(10 / (id - 3)) FROM e GROUP BY name", ""},
		"distinct":     {"k text UNIQUE, n bigint, s bigint", "SELECT name, count(*), sum(DISTINCT 10 / (id - 3)) FROM e GROUP BY name", ""},
		"order inside": {"k text UNIQUE, n bigint, s text", "SELECT name, count(*), string_agg(id::text, ',' ORDER BY 10 / (id - 3)) FROM e GROUP BY name", ""},
		"windows":      {"k text, n bigint, s bigint", "SELECT name, count(*), sum(10 / (id - 3)) FROM e WINDOW TUMBLING (ts, INTERVAL '1 minute') GROUP BY name", ""},
		"sessions":     {"k text, n bigint, s bigint, w timestamptz", "SELECT name, count(*), sum(10 / (id - 3)), window_end FROM e WINDOW SESSION (ts, INTERVAL '10 seconds') GROUP BY name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(0, event(1, "a", 1), event(2, "b", 2), event(3, "a", 3), event(4, "b", 4), event(3, "c", 5), event(5, "a", 12), event(9, "end", 120), event(9, "end", 121))
			f.run("CREATE TABLE o (" + c.columns + ")")
			if err := f.tableJob("j", "INSERT INTO o "+c.query, c.options); err != nil {
				t.Fatal(err)
			}
			f.eventually(func() bool { j := (jobsProvider{f.Engine}).Jobs()[0]; return j.RowsIn == 8 }, "the rows are not read")
			want := f.selected(strings.Replace(c.query, "FROM e", "FROM (SELECT * FROM e WHERE id <> 3) e", 1))
			want = slices.DeleteFunc(want, func(r string) bool { return strings.Contains(c.query, "WINDOW") && strings.HasPrefix(r, "end") })
			f.eventually(func() bool { return slices.Equal(f.selected("SELECT * FROM o"), want) }, "the table is not what the other rows come to")
			if n := (jobsProvider{f.Engine}).Jobs()[0].Rejected; n != 2 {
				t.Errorf("%d rows were rejected, want 2", n)
			}
		})
	}
}
