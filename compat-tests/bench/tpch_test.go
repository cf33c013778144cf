package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/tpch"
	"github.com/jackc/pgx/v5/pgconn"
)

const tpchScale = 0.1

// tpchPatience is how long PostgreSQL may take for a query before it is asked
// only once; it is stopped after tpchLimit, which then counts as its time.
const (
	tpchPatience = 3 * time.Second
	tpchLimit    = 30 * time.Second
)

// tpchBars compare the wall time of each query over CSV with PostgreSQL's over
// the loaded tables, which are analyzed and have no indexes.
func tpchBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	if err := tpch.Generate(dir, tpchScale); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	theirs, err := tpch.Connect(ctx, postgresAddr(postgres.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close(ctx)
	if err := tpch.Load(ctx, theirs, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Exec(ctx, fmt.Sprintf("SET statement_timeout = %d", tpchLimit.Milliseconds())).ReadAll(); err != nil {
		t.Fatal(err)
	}
	ours, err := tpch.Connect(ctx, gateway.Start(t, gateway.Options{DataDir: dir}).Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close(ctx)
	if err := tpch.Declare(ctx, ours, dir); err != nil {
		t.Fatal(err)
	}
	var all []bar
	for n := 1; n <= tpch.Queries; n++ {
		sql, err := tpch.Query(n, tpchScale)
		if err != nil {
			t.Fatal(err)
		}
		var mine, other []float64
		var want, got []string
		stopped := false
		for len(other) < 3 {
			start := time.Now()
			if want, err = tpch.Rows(ctx, theirs, sql); err != nil {
				var pg *pgconn.PgError
				if stopped = errors.As(err, &pg) && pg.Code == "57014"; !stopped {
					t.Fatalf("query %d, PostgreSQL: %v", n, err)
				}
			}
			took := time.Since(start)
			other = append(other, took.Seconds())
			start = time.Now()
			if got, err = tpch.Rows(ctx, ours, sql); err != nil {
				t.Fatalf("query %d: %v", n, err)
			}
			mine = append(mine, time.Since(start).Seconds())
			if took > tpchPatience {
				break
			}
		}
		if !stopped && !slices.Equal(got, want) {
			t.Errorf("query %d: the answers differ", n)
		}
		a, b := Median(mine), Median(other)
		all = append(all, bar{name: fmt.Sprintf("TPC-H query %d / PostgreSQL 16", n), value: a / b, limit: 5, note: fmt.Sprintf("%.0f ms against %.0f ms", a*1000, b*1000)})
	}
	return all
}
