// Package tables runs several sessions against the gateway's tables and against
// PostgreSQL at once: schedules of transactions that meet, step by step alike on
// both, random ones, and counters that many increment.
package tables

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// start starts both servers and returns their addresses, PostgreSQL's first.
func start(t *testing.T) [2]string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL and a gateway")
	}
	g := gateway.Start(t, gateway.Options{})
	return [2]string{net.JoinHostPort("127.0.0.1", strconv.Itoa(postgres.Start(t).Port())), g.Listen}
}

func connect(t *testing.T, addr string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), "postgres://postgres@"+addr+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// run runs SQL and returns rows and tags, or the error's SQLSTATE.
func run(c *pgconn.PgConn, sql string) string {
	results, err := c.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return "ERROR " + e.Code
		}
		return "lost: " + err.Error()
	}
	var out []string
	for _, r := range results {
		for _, row := range r.Rows {
			var cells []string
			for _, v := range row {
				if v == nil {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, string(v))
				}
			}
			out = append(out, strings.Join(cells, ","))
		}
		out = append(out, r.CommandTag.String())
	}
	return strings.Join(out, " ")
}

// must runs SQL that has to pass.
func must(t *testing.T, c *pgconn.PgConn, sql string) {
	t.Helper()
	if got := run(c, sql); strings.HasPrefix(got, "ERROR") || strings.HasPrefix(got, "lost") {
		t.Fatalf("%s: %s", sql, got)
	}
}

// TestCounter has eight sessions add one, a thousand times each, to the same row.
func TestCounter(t *testing.T) {
	addr := start(t)[1]
	c := connect(t, addr)
	must(t, c, "CREATE TABLE counter (id int PRIMARY KEY, x int); INSERT INTO counter VALUES (1, 0)")
	const sessions, times = 8, 1000
	failed := make(chan string, sessions)
	for range sessions {
		s := connect(t, addr)
		go func() {
			for range times {
				if got := run(s, "UPDATE counter SET x = x + 1 WHERE id = 1"); got != "UPDATE 1" {
					failed <- got
					return
				}
			}
			failed <- ""
		}()
	}
	for range sessions {
		if got := <-failed; got != "" {
			t.Errorf("an increment answers %s", got)
		}
	}
	want := fmt.Sprintf("%d SELECT 1", sessions*times)
	if got := run(c, "SELECT x FROM counter"); got != want {
		t.Errorf("the counter is %s, want %s", got, want)
	}
}
