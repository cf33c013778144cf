package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/tpch"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// planningQuery is of 1 KB and what a report asks: joins of four streams, conditions,
// groups, an order.
const planningQuery = `SELECT customer.c_custkey, customer.c_name, nation.n_name, customer.c_acctbal, customer.c_phone,
  count(*) AS number_of_lines, sum(lineitem.l_extendedprice * (1 - lineitem.l_discount)) AS revenue,
  avg(lineitem.l_quantity) AS average_quantity, min(orders.o_orderdate) AS first_order, max(orders.o_orderdate) AS last_order,
  sum(CASE WHEN lineitem.l_returnflag = 'R' THEN lineitem.l_extendedprice ELSE 0 END) AS returned
FROM customer
  JOIN orders ON orders.o_custkey = customer.c_custkey
  JOIN lineitem ON lineitem.l_orderkey = orders.o_orderkey
  JOIN nation ON nation.n_nationkey = customer.c_nationkey
WHERE orders.o_orderdate >= date '1993-10-01' AND orders.o_orderdate < date '1994-01-01'
  AND lineitem.l_shipmode IN ('MAIL', 'SHIP', 'RAIL') AND customer.c_mktsegment <> 'BUILDING'
  AND (nation.n_name = 'FRANCE' OR nation.n_name = 'GERMANY' OR nation.n_name LIKE 'UNITED%')
GROUP BY customer.c_custkey, customer.c_name, nation.n_name, customer.c_acctbal, customer.c_phone
HAVING count(*) > 3
ORDER BY revenue DESC, customer.c_custkey
LIMIT 20`

// planning is a catalog of TPC-H's streams and what planning over it needs.
func planning(t testing.TB) *planner.Context {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	cat, err := catalog.Open(store, function.Builtins())
	if err != nil {
		t.Fatal(err)
	}
	env := &function.Env{Context: context.Background(), Format: types.DefaultFormat(), SearchPath: []string{"public"}, User: "ferris", Database: "ferris"}
	sizes := map[string]float64{"customer": 15000, "orders": 150000, "lineitem": 600000, "nation": 25}
	c := &planner.Context{
		SearchPath: env.SearchPath, User: "ferris", Database: "ferris", Format: env.Format,
		Eval: func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) },
		Rows: func(r *catalog.Relation) (float64, bool) { return sizes[r.Name], true },
	}
	for _, table := range tpch.Tables {
		c.Catalog = cat.Snapshot()
		b := planOnce(t, c, fmt.Sprintf("CREATE STREAM %s (%s) WITH (type = 'file', path = 'x', format = 'csv')", table.Name, table.Columns))
		txn := cat.Begin()
		if _, _, err := txn.CreateRelation(b.Statement.(*plan.CreateStream).Relation, false, false); err != nil {
			t.Fatal(err)
		}
		if err := txn.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	c.Catalog = cat.Snapshot()
	env.Catalog = c.Catalog
	return c
}

func planOnce(t testing.TB, c *planner.Context, sql string) *plan.Bound {
	statements, err := planner.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	b, err := planner.Plan(context.Background(), c, statements[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// processTime is the processor time of this process, its collector's included.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	d, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// planningBars time parse, bind and optimize of a query of 1 KB that nobody has
// asked before, and over the wire what a known one takes longer than SELECT 1:
// its plan is kept by text.
func planningBars(t *testing.T, _ time.Duration) []bar {
	c := planning(t)
	const texts = 4000
	planOnce(t, c, planningQuery)
	before := processTime(t)
	for i := range texts {
		planOnce(t, c, fmt.Sprintf("%s -- %d", planningQuery, i))
	}
	fresh := processTime(t) - before
	before = processTime(t)
	for range texts {
		planOnce(t, c, planningQuery)
	}
	parsed := processTime(t) - before

	dir := t.TempDir()
	if err := tpch.Generate(dir, 0.001); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	declared, err := tpch.Connect(t.Context(), p.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer declared.Close(t.Context())
	if err := tpch.Declare(t.Context(), declared, dir); err != nil {
		t.Fatal(err)
	}
	client, err := Dial(p.Listen, "postgres", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// Without a row that could come no stream is opened: what is left is the plan.
	known := strings.Replace(planningQuery, "LIMIT 20", "LIMIT 0", 1)
	fastest := func(sql string) time.Duration {
		least := time.Hour
		for range 2000 {
			start := time.Now()
			if _, err := client.Query(sql); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	one := fastest("SELECT 1")
	kept := fastest(known)
	return []bar{
		{name: "planning a 1 KB query, us", limit: 1000, value: float64(fresh.Microseconds()) / texts,
			note: fmt.Sprintf("of processor time; %.0f us where the parse is kept", float64(parsed.Microseconds())/texts)},
		{name: "a known 1 KB query - SELECT 1, us", limit: 50, value: float64((kept - one).Nanoseconds()) / 1000,
			note: fmt.Sprintf("%v against %v", kept, one)},
	}
}

// BenchmarkPlanning parses, binds and optimizes a text that is new each time.
func BenchmarkPlanning(b *testing.B) {
	c := planning(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		planOnce(b, c, fmt.Sprintf("%s -- %d", planningQuery, i))
	}
}

// BenchmarkPlanningParsed binds and optimizes a text whose parse is kept.
func BenchmarkPlanningParsed(b *testing.B) {
	c := planning(b)
	b.ReportAllocs()
	for b.Loop() {
		planOnce(b, c, planningQuery)
	}
}
