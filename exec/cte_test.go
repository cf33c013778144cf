package exec

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// begin plans a query and begins to run it.
func (f *fixture) begin(sql string, env *function.Env) *Cursor {
	f.Helper()
	b, err := f.bound(sql, env)
	if err != nil {
		f.Fatal(err)
	}
	txn := f.Begin()
	f.Cleanup(func() { txn.Rollback() })
	c, err := txn.Query(f.context(), b.Statement.(*plan.Query), env)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	return c
}

const endless = `WITH RECURSIVE r(n) AS (SELECT 1::int8 UNION ALL SELECT n + 1 FROM r) `

// TestEndlessRecursionMeetsTheMemoryLimit, and gives all of it back.
func TestEndlessRecursionMeetsTheMemoryLimit(t *testing.T) {
	f := newFixture(t)
	for _, sql := range []string{
		`WITH RECURSIVE r(n) AS (SELECT repeat('x', 1000) UNION ALL SELECT n FROM r) SELECT count(*) FROM r`,
		`WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r) SELECT count(*) FROM r`,
		`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + x FROM r, generate_series(1, 10) x) SELECT count(*) FROM r`,
	} {
		env := testEnv()
		env.MemoryLimit = 1 << 20
		_, err := f.begin(sql, env).Next(f.context())
		if sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
			t.Errorf("%s: %v, want 53200", sql, err)
			continue
		}
		e := sqlerr.From(err)
		if said := e.Message + e.Detail + e.Hint; !strings.Contains(said, "sql.query_memory_limit_mb") || !strings.ContainsAny(said, "123456789") {
			t.Errorf("%s: %s (%s, %s), want the figure and the setting", sql, e.Message, e.Detail, e.Hint)
		}
	}
}

// TestEndlessRecursionStops at a LIMIT, at a timeout and at a cancel.
func TestEndlessRecursionStops(t *testing.T) {
	f := newFixture(t)
	if lines, err := f.sql(endless+`SELECT sum(n) FROM (SELECT n FROM r LIMIT 1000) s`, -1); err != nil {
		t.Error(err)
	} else {
		equal(t, "limit", lines, []string{"500500"})
	}
	why := errors.New("the time is over")
	least := time.Hour // a busy machine may hold one try up
	for try := 0; try < 8 && least > 100*time.Millisecond; try++ {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, why)
		_, err := f.begin(endless+`SELECT count(*) FROM r`, testEnv()).Next(ctx)
		least = min(least, time.Since(deadline(ctx)))
		cancel()
		if !errors.Is(err, why) {
			t.Errorf("Next = %v, want the cause", err)
		}
	}
	if least > 100*time.Millisecond {
		t.Errorf("the query went on for %v", least)
	}
}

func deadline(ctx context.Context) time.Time {
	d, _ := ctx.Deadline()
	return d
}

// TestRecursionReadsStreamsOnce: every turn joins the rows that the first one saw.
func TestRecursionReadsStreamsOnce(t *testing.T) {
	f := newFixture(t)
	f.stream("s")
	f.topics.topic("s").add(0, row(1, "a"), row(2, "b"), row(3, "c"))
	const sql = `WITH RECURSIVE r(n) AS (SELECT 1::int8 UNION ALL SELECT s.id + 1 FROM r JOIN s ON s.id = n) SELECT n FROM r`
	lines, err := f.sql(sql, -1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rows", lines, []string{"1", "2", "3", "4"})
	if n := f.topics.topic("s").opens; n != 1 {
		t.Errorf("the stream was opened %d times, want once", n)
	}
}
