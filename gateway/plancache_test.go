package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// countingPlanner counts how often a session has it plan.
type countingPlanner struct {
	realPlanner
	plans *atomic.Int64
}

func (c countingPlanner) Plan(ctx context.Context, b *bind.Context, s parse.Statement) (*plan.Bound, error) {
	c.plans.Add(1)
	return c.realPlanner.Plan(ctx, b, s)
}

// TestParseKeepsPlans: a Parse of a text that the session knows plans nothing,
// unless what it was planned with has changed since.
func TestParseKeepsPlans(t *testing.T) {
	var plans atomic.Int64
	s := startReal(t, func(o *Options) { o.Planner = countingPlanner{plans: &plans} })
	conn, err := pgx.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable", s.addr))
	if err != nil {
		t.Fatal(err)
	}
	c := conn.PgConn()
	run := func(sql string) {
		t.Helper()
		if err := c.Exec(testContext(t), sql).Close(); err != nil {
			t.Fatal(err)
		}
	}
	parsed := func(sql string, given ...uint32) (*pgconn.StatementDescription, int64) {
		t.Helper()
		before := plans.Load()
		d, err := c.Prepare(testContext(t), "", sql, given)
		if err != nil {
			t.Fatal(err)
		}
		return d, plans.Load() - before
	}
	for _, step := range []struct {
		before string
		sql    string
		given  []uint32
		plans  int64
		result types.OID
	}{
		{sql: "SELECT $1 AS v", plans: 1, result: types.Text},
		{sql: "SELECT $1 AS v", plans: 0, result: types.Text},
		{sql: "SELECT $1 AS v", given: []uint32{uint32(types.Int4)}, plans: 1, result: types.Int4},
		{sql: "SELECT $1 AS v", given: []uint32{uint32(types.Int4)}, plans: 0, result: types.Int4},
		{sql: "SELECT $1 AS v", plans: 0, result: types.Text},
		{before: "SET timezone = 'Europe/Berlin'", sql: "SELECT $1 AS v", plans: 1, result: types.Text},
		{sql: "SELECT 'now'::timestamptz", plans: 1, result: types.Timestamptz},
		{sql: "SELECT 'now'::timestamptz", plans: 1, result: types.Timestamptz},
		{before: "CREATE SCHEMA one; CREATE SCHEMA two; CREATE VIEW one.v AS SELECT 1 AS a; CREATE VIEW two.v AS SELECT 'x'::text AS a; SET search_path = one", sql: "SELECT a FROM v", plans: 1, result: types.Int4},
		{sql: "SELECT a FROM v", plans: 0, result: types.Int4},
		{before: "SET search_path = two", sql: "SELECT a FROM v", plans: 1, result: types.Text},
		{before: "DROP VIEW two.v; CREATE VIEW two.v AS SELECT 1.5::float8 AS a", sql: "SELECT a FROM v", plans: 1, result: types.Float8},
		{sql: "SHOW search_path", plans: 1, result: types.Text},
		{sql: "SHOW search_path", plans: 1, result: types.Text},
	} {
		if step.before != "" {
			run(step.before)
		}
		d, n := parsed(step.sql, step.given...)
		if n != step.plans || len(d.Fields) != 1 || types.OID(d.Fields[0].DataTypeOID) != step.result {
			t.Errorf("Parse %q of %v after %q: planned %d times, fields %v; want %d, type %d", step.sql, step.given, step.before, n, d.Fields, step.plans, step.result)
		}
	}
	// A text with parameters is not one that a Query may have.
	if _, err := c.Exec(testContext(t), "SELECT $1 AS v").ReadAll(); err == nil {
		t.Error("a Query of SELECT $1 took the plan of a Parse")
	}
	if err := conn.Close(testContext(t)); err != nil {
		t.Error(err)
	}
	s.waitForEnd(t)
}

// TestParseInFailedTransaction: a known text is refused there as any other.
func TestParseInFailedTransaction(t *testing.T) {
	s := startReal(t)
	conn, err := pgx.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable", s.addr))
	if err != nil {
		t.Fatal(err)
	}
	c := conn.PgConn()
	if _, err := c.Prepare(testContext(t), "", "SELECT 7", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(testContext(t), "BEGIN; SELECT 1/0").Close(); err == nil {
		t.Fatal("division by zero answered")
	}
	var e *pgconn.PgError
	if _, err := c.Prepare(testContext(t), "", "SELECT 7", nil); !errors.As(err, &e) || e.Code != "25P02" {
		t.Errorf("Parse in a failed transaction = %v, want 25P02", err)
	}
	if err := conn.Close(testContext(t)); err != nil {
		t.Error(err)
	}
	s.waitForEnd(t)
}
