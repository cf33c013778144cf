package exec

import (
	"context"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestSubplansReadTheirStreamOnce: a correlated subquery that stays one opens
// its stream for the first outer row and for all others together, and runs once
// for each value that it depends on.
func TestSubplansReadTheirStreamOnce(t *testing.T) {
	f := newFixture(t)
	f.stream("s")
	f.stream("t")
	for i := range 50 {
		f.topics.topic("s").add(i%2, row(int64(i%10), "a"))
		f.topics.topic("t").add(0, row(int64(i), "x"))
	}
	for _, c := range []struct {
		sql   string
		opens int // of t
		runs  int // of the subquery
	}{
		{"SELECT id, (SELECT max(t.name) FROM t WHERE t.id < s.id) FROM s", 2, 10},
		{"SELECT id, (SELECT count(*) FROM t WHERE t.id > 3 AND t.id < s.id) FROM s", 2, 10},
		{"SELECT id FROM s WHERE id > 3 OR EXISTS (SELECT 1 FROM t WHERE t.id = s.id * 10)", 2, 4},
		{"SELECT s.id, l.name FROM s, LATERAL (SELECT name FROM t WHERE t.id < s.id LIMIT 2) l", 2, 10},
		{"SELECT id, (SELECT max(t.name) FROM t) FROM s", 1, 1},
		{"SELECT id, (SELECT max(t.id) FROM t WHERE t.id < s.id + random() * 0) FROM s", 2, 50},
	} {
		env := testEnv()
		bound, err := f.bound(c.sql, env)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		b := f.builder(env)
		*b.scope.ctx = context.Background()
		opens := 0
		b.scanned = func(s *scan) {
			if s.plan.Relation.Name == "t" {
				opens++
			}
		}
		runs := 0
		b.ran = func(*tree) { runs++ }
		rows := 0
		err = b.collect(f.context(), bound.Statement.(*plan.Query).Root, outputFunc(func(_ context.Context, x *vec.Batch) error {
			rows += x.Len()
			return nil
		}))
		b.account.Close()
		if err != nil || rows == 0 {
			t.Errorf("%s: %d rows, %v", c.sql, rows, err)
		}
		// Of the trees that ran one was the query's, and one what is kept from the
		// subquery's second run on.
		runs--
		if opens == 2 {
			runs--
		}
		if opens != c.opens || runs != c.runs {
			t.Errorf("%s: %d scans of t and %d runs, want %d and %d", c.sql, opens, runs, c.opens, c.runs)
		}
	}
}
