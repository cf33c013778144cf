// Package expr proves the functions of exec/function against a real PostgreSQL:
// every example that is not our own has PostgreSQL's answer, and the tables of
// OIDs are PostgreSQL's.
package expr

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	_ "github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func connect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), postgres.Start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// answer runs one statement and returns its only column's rows, joined, or
// ERROR and the SQLSTATE.
func answer(t *testing.T, conn *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		pgErr, ok := err.(*pgconn.PgError)
		if !ok {
			t.Fatalf("%s: %v", sql, err)
		}
		return "ERROR " + pgErr.Code
	}
	var rows []string
	for _, row := range results[len(results)-1].Rows {
		s := "NULL"
		if row[0] != nil {
			s = string(row[0])
		}
		rows = append(rows, s)
	}
	return strings.Join(rows, ", ")
}

func TestExamplesAreTrueOfPostgres(t *testing.T) {
	conn := connect(t)
	answer(t, conn, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'")
	ran := 0
	for _, d := range function.All() {
		for _, ex := range d.Examples {
			if ex.Ours != "" {
				continue
			}
			sql := ex.SQL
			if d.Func.Kind != catalog.Aggregate || !strings.HasPrefix(sql, "SELECT") {
				sql = "SELECT " + sql
			}
			if got := answer(t, conn, sql); got != ex.Text {
				t.Errorf("%s: PostgreSQL says %q, the example %q", ex.SQL, got, ex.Text)
			}
			ran++
		}
	}
	if ran < 500 {
		t.Errorf("only %d examples ran", ran)
	}
}

// locksAdvisory are the functions about advisory locks, which sessions have.
func locksAdvisory(name string) bool { return strings.Contains(name, "advisory_") }

// needsSession are the functions whose examples need a session: its connection,
// its peers, its random numbers, or names as it prints them.
var needsSession = map[string]bool{
	"pg_notify": true, "pg_notification_queue_usage": true,
	"current_query": true, "inet_client_addr": true, "inet_client_port": true, "inet_server_addr": true, "inet_server_port": true,
	"pg_cancel_backend": true, "pg_terminate_backend": true, "setseed": true,
	"to_regclass": true, "to_regnamespace": true, "to_regrole": true, "to_regproc": true, "to_regprocedure": true,
	"nextval": true, "currval": true, "lastval": true, "setval": true,
	"to_regoper": true, "to_regoperator": true, "to_regcollation": true,
}

// TestExamplesServed runs the examples of the functions that the planner's own
// test leaves out, aggregates and sets, through a gateway.
func TestExamplesServed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a gateway")
	}
	g := gateway.Start(t, gateway.Options{})
	conn, err := pgconn.Connect(context.Background(), "postgres://ferris@"+g.Listen+"/ferris?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	for _, d := range function.All() {
		if d.Func.Kind != catalog.Aggregate && !d.Func.Set && !needsSession[d.Func.Name] && !locksAdvisory(d.Func.Name) {
			continue
		}
		for _, ex := range d.Examples {
			if got := answer(t, conn, "SELECT "+ex.SQL); got != ex.Text {
				t.Errorf("%s = %q, want %q", ex.SQL, got, ex.Text)
			}
		}
	}
}

func TestTablesAreThoseOfPostgres(t *testing.T) {
	conn := connect(t)
	for _, name := range []string{"pg_proc", "pg_operator", "pg_cast"} {
		file, err := os.ReadFile("../../exec/function/postgres/" + name + ".tsv")
		if err != nil {
			t.Fatal(err)
		}
		query, table, _ := strings.Cut(string(file), "\n")
		results, err := conn.Exec(context.Background(), strings.TrimPrefix(query, "# ")).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, row := range results[0].Rows {
			var cells []string
			for _, cell := range row {
				cells = append(cells, string(cell))
			}
			have[strings.Join(cells, "\t")] = true
		}
		for line := range strings.Lines(table) {
			if line = strings.TrimSuffix(line, "\n"); !have[line] {
				t.Errorf("%s: PostgreSQL has no row %q", name, line)
			}
		}
	}
}
