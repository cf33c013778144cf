// Package systems runs the gateway beside the systems that it reads and writes: a
// real PostgreSQL, a real MariaDB, a real S3 store.
package systems

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

func TestMain(m *testing.M) { os.Exit(mariadb.StopShared(postgres.Main(m))) }

// limit is how long a test may take.
const limit = 100 * time.Second

// pair is a gateway, and the PostgreSQL that it reads and writes.
type pair struct {
	*testing.T
	ctx     context.Context
	server  *postgres.Server
	gateway *gateway.Process
	options gateway.Options
	ours    *pgconn.PgConn
	theirs  *pgconn.PgConn
	schema  string
	words   []string // what else SQL is expanded with, in pairs
}

var schemas int

// alone runs a gateway without a PostgreSQL. config is more of its configuration.
func alone(t *testing.T, config string, words ...string) *pair {
	t.Helper()
	p := &pair{T: t, words: words}
	p.begin(config)
	return p
}

// begin starts the gateway.
func (p *pair) begin(more string) {
	p.Helper()
	dir := p.TempDir()
	config := filepath.Join(dir, "ferris.yaml")
	if err := os.WriteFile(config, []byte("file:\n  roots: ["+dir+"]\nstorage: {checkpoint_interval_ms: 30}\n"+more), 0o600); err != nil {
		p.Fatal(err)
	}
	p.options = gateway.Options{DataDir: filepath.Join(dir, "data"), Listen: gateway.FreeAddr(), Args: []string{"--config", config}}
	p.gateway = gateway.Start(p.T, p.options)
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(p.Context(), limit) // building it is not counted
	p.Cleanup(cancel)
	p.ours = p.connect(p.gateway.URL())
}

// again starts the gateway after it was killed.
func (p *pair) again() {
	p.Helper()
	p.gateway = gateway.Start(p.T, p.options)
	p.ours = p.connect(p.gateway.URL())
}

// start runs both; the schema is the test's own.
func start(t *testing.T) *pair {
	return with(t, postgres.Start(t))
}

func with(t *testing.T, server *postgres.Server) *pair {
	t.Helper()
	schemas++
	p := &pair{T: t, server: server, schema: fmt.Sprintf("s%d", schemas)}
	p.begin("")
	p.theirs = p.connect(server.DSN())
	p.there("CREATE SCHEMA " + p.schema)
	return p
}

func (p *pair) connect(url string) *pgconn.PgConn {
	p.Helper()
	for {
		conn, err := pgconn.Connect(p.ctx, url)
		if err == nil {
			p.Cleanup(func() { _ = conn.Close(context.Background()) })
			return conn
		}
		if p.ctx.Err() != nil {
			p.Fatal(err)
		}
		p.pause()
	}
}

// pause is between two looks at a condition.
func (p *pair) pause() {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-p.ctx.Done():
	}
}

// expand writes a test's schema and server into its SQL.
func (p *pair) expand(sql string) string {
	words := p.words
	if p.server != nil {
		words = append([]string{"$schema", p.schema, "$db", p.server.DSN()}, words...)
	}
	return strings.NewReplacer(words...).Replace(sql)
}

func run(ctx context.Context, conn *pgconn.PgConn, sql string) ([]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	var rows []string
	if len(results) > 0 {
		for _, r := range results[len(results)-1].Rows {
			var parts []string
			for _, v := range r {
				text := string(v)
				if v == nil {
					text = "NULL"
				}
				parts = append(parts, text)
			}
			rows = append(rows, strings.Join(parts, "|"))
		}
	}
	return rows, err
}

// here runs SQL in the gateway, there in PostgreSQL.
func (p *pair) here(sql string) []string  { p.Helper(); return p.must(p.ours, sql) }
func (p *pair) there(sql string) []string { p.Helper(); return p.must(p.theirs, sql) }

func (p *pair) must(conn *pgconn.PgConn, sql string) []string {
	p.Helper()
	rows, err := run(p.ctx, conn, p.expand(sql))
	if err != nil {
		p.Fatalf("%s: %v", p.expand(sql), err)
	}
	return rows
}

// fails runs SQL in the gateway that must fail with a SQLSTATE and a message.
func (p *pair) fails(sql, code, text string) {
	p.Helper()
	_, err := run(p.ctx, p.ours, p.expand(sql))
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message+" "+e.Hint, p.expand(text)) {
		p.Errorf("%s: %v, want %s with %q", p.expand(sql), err, code, p.expand(text))
	}
}

// eventually waits until a query gives rows.
func (p *pair) eventually(query func() []string, want ...string) {
	p.Helper()
	for try := 1; ; try++ {
		got := query()
		if equal(got, want) {
			return
		}
		if try%50 == 0 && !strings.Contains(strings.Join(want, ""), "failed") {
			if failed, err := run(p.ctx, p.ours, "SELECT job_name, error FROM ferris.jobs WHERE state = 'failed'"); err == nil && len(failed) > 0 {
				p.Fatalf("%q, want %q: a job has failed: %q", got, want, failed)
			}
		}
		if p.ctx.Err() != nil {
			p.dump()
			p.Fatalf("%q, want %q", got, want)
		}
		p.pause()
	}
}

// fetched are rows of the live cursor c, at least as many as are wanted, sorted.
func (p *pair) fetched(live *pgconn.PgConn, want int) string {
	p.Helper()
	var rows []string
	for len(rows) < want && p.ctx.Err() == nil {
		rows = append(rows, p.must(live, "FETCH 1 FROM c")...)
	}
	slices.Sort(rows)
	return strings.Join(rows, "; ")
}

// dump has the gateway end and write into its log what each goroutine waits for.
func (p *pair) dump() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if conn, err := pgconn.Connect(ctx, p.gateway.URL()); err == nil {
		jobs, err := run(ctx, conn, "SELECT job_name, state, error FROM ferris.jobs")
		p.Logf("jobs: %q %v", jobs, err)
		_ = conn.Close(ctx)
	}
	_ = syscall.Kill(p.gateway.PID(), syscall.SIGQUIT)
	select {
	case <-p.gateway.Ended():
	case <-time.After(10 * time.Second):
	}
}

// soon waits until a query of one of both gives rows.
func (p *pair) soon(conn **pgconn.PgConn, sql string, want ...string) {
	p.Helper()
	p.eventually(func() []string {
		rows, err := run(p.ctx, *conn, p.expand(sql))
		if err != nil {
			return []string{err.Error()}
		}
		return rows
	}, want...)
}

func equal(got, want []string) bool {
	return strings.Join(got, "\n") == strings.Join(want, "\n") && len(got) == len(want)
}

func (p *pair) same(got []string, want ...string) {
	p.Helper()
	if !equal(got, want) {
		p.Errorf("%q, want %q", got, want)
	}
}
