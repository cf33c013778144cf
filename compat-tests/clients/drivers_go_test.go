package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lib/pq"
)

// goServer is a gateway with a certificate, the drivers' objects and the user ann.
func goServer(t *testing.T) securedGateway {
	t.Helper()
	g, _ := secureGateway(t)
	if _, err := connect(t, g.secureURL("ferris", "top secret")).Exec(t.Context(), "CREATE USER ann PASSWORD 'pw';"+driverObjects+setup+"GRANT SELECT ON numbers, ticks TO ann"); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPgxSecure takes pgx over TLS, by SCRAM: its type loading, pages of a live query,
// COPY and a cancel.
func TestPgxSecure(t *testing.T) {
	g := goServer(t)
	ctx := t.Context()
	conn := connect(t, g.secureURL("ann", "pw"))
	var secure bool
	if err := conn.QueryRow(ctx, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&secure); err != nil || !secure {
		t.Errorf("pg_stat_ssl says %v, %v", secure, err)
	}
	types, err := conn.LoadTypes(ctx, []string{"mood", "_mood", "items"})
	if err != nil || len(types) < 3 {
		t.Fatalf("%d types, %v", len(types), err)
	}
	conn.TypeMap().RegisterTypes(types)
	var moods []string
	if err := conn.QueryRow(ctx, "SELECT array_agg(mood ORDER BY id) FROM items WHERE mood = $1 AND id < 5", "ok").Scan(&moods); err != nil || fmt.Sprint(moods) != "[ok ok]" {
		t.Errorf("moods %v, %v", moods, err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "DECLARE live CURSOR FOR SELECT id FROM ticks EMIT CHANGES"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{5, 3} {
		rows, err := tx.Query(ctx, fmt.Sprintf("FETCH %d FROM live", n))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(got) != n {
			t.Errorf("a page has %d rows (%v), want %d", len(got), err, n)
		}
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(ctx, "CREATE TEMP TABLE copied (a int, m mood)"); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"a", "m"}, pgx.CopyFromRows([][]any{{1, "ok"}, {2, nil}})); n != 2 || err != nil {
		t.Errorf("copied %d, %v", n, err)
	}
	if _, err := pgx.Connect(ctx, g.secureURL("ann", "no")); err == nil {
		t.Error("a wrong password is taken")
	}
}

// TestLibPqSecure takes lib/pq through the same, and notifications.
func TestLibPqSecure(t *testing.T) {
	g := goServer(t)
	ctx := t.Context()
	open := func(password string) *sql.DB {
		db, err := sql.Open("postgres", g.secureURL("ann", password))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	code := func(err error) string {
		if e := (*pq.Error)(nil); errors.As(err, &e) {
			return string(e.Code)
		}
		return fmt.Sprint(err)
	}
	db := open("pw")
	var secure bool
	if err := db.QueryRowContext(ctx, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&secure); err != nil || !secure {
		t.Errorf("pg_stat_ssl says %v, %v", secure, err)
	}
	if got := code(open("no").PingContext(ctx)); got != "28P01" {
		t.Errorf("a wrong password: %s", got)
	}
	prepared, err := db.PrepareContext(ctx, "SELECT name, price, tags FROM items WHERE id = $1")
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close()
	for id := range 3 {
		var name, price string
		var tags []string
		err := prepared.QueryRowContext(ctx, id).Scan(&name, &price, pq.Array(&tags))
		if want := fmt.Sprintf("n%d %d.25 [a b%d]", id, id, id); id == 0 && !errors.Is(err, sql.ErrNoRows) || id > 0 && (err != nil || fmt.Sprint(name, " ", price, " ", tags) != want) {
			t.Errorf("item %d: %s %s %v, %v", id, name, price, tags, err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "CREATE TEMP TABLE copied (a int, b text) ON COMMIT DROP"); err != nil {
		t.Fatal(err)
	}
	in, err := tx.PrepareContext(ctx, "COPY copied (a, b) FROM STDIN")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for i, b := range []any{"x", nil, "tab\there"} {
		if _, err := in.ExecContext(ctx, i, b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.ExecContext(ctx); err != nil {
		t.Fatal(err)
	}
	var copied int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM copied").Scan(&copied); err != nil || copied != 3 {
		t.Errorf("copied %d, %v", copied, err)
	}
	if _, err := tx.ExecContext(ctx, "DECLARE live CURSOR FOR SELECT id FROM ticks EMIT CHANGES"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{5, 3} {
		rows, err := tx.QueryContext(ctx, fmt.Sprintf("FETCH %d FROM live", n))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := 0
		for rows.Next() {
			got++
		}
		if err := rows.Err(); err != nil || got != n {
			t.Errorf("a page has %d rows (%v), want %d", got, err, n)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}

	// Rows as they come; the context ends them.
	short, cancel := context.WithCancel(ctx)
	rows, err := db.QueryContext(short, "SELECT id FROM ticks WHERE id >= $1 EMIT CHANGES", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for i := range 5 {
		if !rows.Next() {
			t.Fatalf("row %d: %v", i, rows.Err())
		}
	}
	cancel()
	slow, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(slow, "SELECT pg_sleep(600)"); err == nil {
		t.Error("a statement of ten minutes ended within a tenth of a second")
	}

	u, err := url.Parse(g.secureURL("ann", "pw"))
	if err != nil {
		t.Fatal(err)
	}
	l := pq.NewListener(u.String(), time.Second, time.Minute, nil)
	defer l.Close()
	if err := l.Listen("news"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, "SELECT pg_notify($1, $2)", "news", "hello"); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-l.Notify:
		if n == nil || n.Channel != "news" || n.Extra != "hello" {
			t.Errorf("notified %v", n)
		}
	case <-time.After(time.Minute):
		t.Error("no notification within a minute")
	}
}
