package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestFollowOwnTable: what is followed is what has been committed, so a table that the
// transaction itself has made is not.
func TestFollowOwnTable(t *testing.T) {
	conn := gatewayOf(t, "")
	_, err := ask(t, conn, "BEGIN; CREATE TABLE mine (n int); INSERT INTO mine VALUES (1); SELECT * FROM mine EMIT CHANGES LIMIT 1")
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "55000" || !strings.Contains(pg.Hint, "COMMIT first") {
		t.Errorf("in the transaction that makes it: %v", err)
	}
	if got, err := ask(t, conn, "ROLLBACK; CREATE TABLE mine (n int); INSERT INTO mine VALUES (1)"); err != nil {
		t.Fatal(got, err)
	}
	if got, err := ask(t, conn, "SELECT * FROM mine EMIT CHANGES LIMIT 1"); err != nil || strings.Join(got, " ") != "+|1" {
		t.Errorf("once it is committed: %q, %v", got, err)
	}
}
