package tpch

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// TestQueries runs the 22 queries on both sides: scale factor 0.01 in the short
// tier, 0.1 in the long one.
func TestQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL and a gateway")
	}
	scale := 0.01
	if os.Getenv("FERRIS_TIER") == "long" {
		scale = 0.1
	}
	dir := t.TempDir()
	if err := Generate(dir, scale); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	theirs, err := Connect(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(postgres.Start(t).Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close(ctx)
	if err := Load(ctx, theirs, dir); err != nil {
		t.Fatal(err)
	}
	// Without them PostgreSQL takes minutes for the correlated ones.
	if _, err := theirs.Exec(ctx, "CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON lineitem (l_orderkey); ANALYZE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	g := gateway.Start(t, gateway.Options{DataDir: dir})
	ours, err := Connect(ctx, g.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close(ctx)
	if err := Declare(ctx, ours, dir); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= Queries; n++ {
		t.Run(fmt.Sprintf("q%02d", n), func(t *testing.T) {
			sql, err := Query(n, scale)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			want, err := Rows(ctx, theirs, sql)
			if err != nil {
				t.Fatalf("PostgreSQL: %v", err)
			}
			between := time.Now()
			got, err := Rows(ctx, ours, sql)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d rows; PostgreSQL %v, here %v", len(want), between.Sub(start).Round(time.Millisecond), time.Since(between).Round(time.Millisecond))
			if len(want) == 0 || want[0] == "NULL" {
				t.Errorf("the data answer the query with nothing: %q", want)
			}
			if w, g := strings.Join(want, "\n"), strings.Join(got, "\n"); w != g {
				t.Errorf("%d rows, want %d\nwant\n%s\ngot\n%s", len(got), len(want), first(want), first(got))
			}
		})
	}
}

func first(lines []string) string { return strings.Join(lines[:min(10, len(lines))], "\n") }

// TestGenerateIsDeterministic: two runs write the same bytes.
func TestGenerateIsDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := Generate(dir, 0.001); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range Tables {
		x, err := os.ReadFile(filepath.Join(a, table.Name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(b, table.Name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		if len(x) == 0 || string(x) != string(y) {
			t.Errorf("table %s: %d and %d bytes that differ", table.Name, len(x), len(y))
		}
		columns := strings.Count(strings.SplitN(string(x), "\n", 2)[0], ",")
		if want := strings.Count(strings.ReplaceAll(table.Columns, "(15,2)", ""), ","); columns != want {
			t.Errorf("table %s: %d commas in a line, %d between the columns", table.Name, columns, want)
		}
	}
}
