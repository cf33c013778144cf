package main

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/config"
)

// TestDrainPastSilentClient: a client that does not read does not take the jobs
// the time to finish their epochs.
func TestDrainPastSilentClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	c := config.Default()
	p, err := startProcess(ctx, c, true, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.servePipe()
	connect := func() *pgconn.PgConn {
		cfg, err := pgconn.ParseConfig("postgres://ferris@embedded/ferris?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		useEmbedded(cfg, p)
		conn, err := pgconn.ConnectConfig(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := connect()
	if _, err := conn.Exec(ctx, "CREATE STREAM g (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator');"+
		"CREATE STREAM j AS SELECT n FROM g INTO o WITH ('o.type' = 'blackhole')").ReadAll(); err != nil {
		t.Fatal(err)
	}
	silent := connect().Exec(ctx, "SELECT n FROM g")
	if !silent.NextResult() || !silent.ResultReader().NextRow() {
		t.Fatal(silent.Close())
	}
	err = p.drain(ctx)
	if err == nil || !strings.Contains(err.Error(), "ending sessions") || strings.Contains(err.Error(), "stopping job") {
		t.Errorf("drain = %v, want that the session alone was cut short", err)
	}
}
