package planner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/planner"
)

// TestLarge plans statements of sizes that machines write. None may take more
// than linear time; the bound is generous for a slow machine.
func TestLarge(t *testing.T) {
	s := newSession(t, signatures(t))
	s.exec(`CREATE STREAM orders (id bigint, amount numeric(10,2), status text) WITH (type = 'kafka', topic = 'o')`)
	repeat := func(n int, f func(i int) string, sep string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return strings.Join(parts, sep)
	}
	for name, sql := range map[string]string{
		"sum of 2000 terms":     "SELECT " + repeat(2000, func(i int) string { return "id" }, " + ") + " FROM orders",
		"grouped sum":           "SELECT " + repeat(2000, func(i int) string { return "id" }, " + ") + " FROM orders GROUP BY id",
		"2000 conditions":       "SELECT id FROM orders WHERE " + repeat(2000, func(i int) string { return fmt.Sprintf("id <> %d", i) }, " AND "),
		"IN of 20000":           "SELECT id FROM orders WHERE id IN (" + repeat(20000, func(i int) string { return fmt.Sprint(i) }, ",") + ")",
		"VALUES of 20000":       "VALUES " + repeat(20000, func(i int) string { return fmt.Sprintf("(%d, 'x', 1.5)", i) }, ","),
		"INSERT of 20000":       "INSERT INTO orders VALUES " + repeat(20000, func(i int) string { return fmt.Sprintf("(%d, 1.5, 'x')", i) }, ","),
		"1000 columns":          "SELECT " + repeat(1000, func(i int) string { return fmt.Sprintf("id + %d AS c%d", i, i) }, ",") + " FROM orders ORDER BY 1, 2",
		"100 unions":            repeat(100, func(int) string { return "SELECT id, status FROM orders" }, " UNION ALL "),
		"40 nested subqueries":  strings.Repeat("SELECT * FROM (", 40) + "SELECT id FROM orders" + strings.Repeat(") s", 40),
		"20 nested conditions":  strings.Repeat("SELECT id FROM orders WHERE id IN (", 20) + "1" + strings.Repeat(")", 20),
		"12 joins":              "SELECT o0.id FROM orders o0 " + repeat(12, func(i int) string { return fmt.Sprintf("JOIN orders o%d ON o%d.id = o%d.id", i+1, i, i+1) }, " "),
		"CASE of 2000 branches": "SELECT CASE id " + repeat(2000, func(i int) string { return fmt.Sprintf("WHEN %d THEN 'x%d'", i, i) }, " ") + " END FROM orders",
	} {
		start := time.Now()
		stmts, err := planner.Parse(sql)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parsed := time.Now()
		if _, err := planner.Plan(context.Background(), s.context(), stmts[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(parsed); d > 5*time.Second {
			t.Errorf("%s: planned in %v", name, d)
		}
		t.Logf("%s: parsed in %v, planned in %v", name, parsed.Sub(start).Round(time.Millisecond), time.Since(parsed).Round(time.Millisecond))
	}
}
