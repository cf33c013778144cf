package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// realPlanner is package planner.
type realPlanner struct{}

func (realPlanner) Parse(text string) ([]parse.Statement, error) { return planner.Parse(text) }

func (realPlanner) Plan(ctx context.Context, c *bind.Context, s parse.Statement) (*plan.Bound, error) {
	return planner.Plan(ctx, c, s)
}

// startReal is a server over the real engine, without connectors.
func startReal(t testing.TB, changes ...func(*Options)) *started {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	cat, err := catalog.Open(store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		t.Fatal(err)
	}
	providers := &pgcatalog.Server{}
	engine, err := exec.New(exec.Options{Store: store, Catalog: cat, Server: providers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := start(t, func(o *Options) {
		o.Engine, o.Planner = FromExec(engine), realPlanner{}
		o.Eval = func(e plan.Expr, env *function.Env) (types.Value, error) { return expr.Eval(e, env) }
		for _, change := range changes {
			change(o)
		}
	})
	providers.Sessions = s.Server
	return s
}

// TestReal is the whole path, as pgx goes it: prepared, described, binary.
func TestReal(t *testing.T) {
	s := startReal(t)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		c, err := pgx.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable&default_query_exec_mode=%s", s.addr, mode))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			var n int64
			var text string
			var flag *bool
			err := c.QueryRow(testContext(t), "SELECT $1::bigint + 1, $2::text || 'x', NULL::boolean", int64(41), "it's").Scan(&n, &text, &flag)
			if err != nil || n != 42 || text != "it'sx" || flag != nil {
				t.Errorf("%s: QueryRow = %d, %q, %v, %v", mode, n, text, flag, err)
			}
		}
		rows, err := c.Query(testContext(t), "SELECT pid, usename, state FROM pg_stat_activity")
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowToMap)
		if err != nil || len(all) != 1 || all[0]["usename"] != "ana" || all[0]["state"] != "active" {
			t.Errorf("%s: pg_stat_activity = %v, %v", mode, all, err)
		}
		var setting string
		if err := c.QueryRow(testContext(t), "SELECT setting FROM pg_settings WHERE name = 'TimeZone'").Scan(&setting); err != nil || setting != "UTC" {
			t.Errorf("%s: pg_settings = %q, %v", mode, setting, err)
		}
		if err := c.Close(testContext(t)); err != nil {
			t.Error(err)
		}
		s.waitForEnd(t)
	}
}

func BenchmarkSelect1Engine(b *testing.B) {
	s := startReal(b)
	_, conn := s.dialRaw(b)
	roundTrips(b, conn, &pgproto3.Query{String: "SELECT 1"})
}

func BenchmarkSelect1Prepared(b *testing.B) {
	s := startReal(b)
	_, conn := s.dialRaw(b)
	prepare, err := (&pgproto3.Parse{Name: "p", Query: "SELECT 1"}).Encode(nil)
	if err != nil {
		b.Fatal(err)
	}
	if prepare, err = (&pgproto3.Sync{}).Encode(prepare); err != nil {
		b.Fatal(err)
	}
	readyAfter(b, conn, prepare)
	roundTrips(b, conn, &pgproto3.Bind{PreparedStatement: "p"}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{})
}

// roundTrips sends messages that are answered alike every time.
func roundTrips(b *testing.B, conn net.Conn, messages ...pgproto3.FrontendMessage) {
	var query []byte
	for _, m := range messages {
		var err error
		if query, err = m.Encode(query); err != nil {
			b.Fatal(err)
		}
	}
	answer := readyAfter(b, conn, query)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(query); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTemporary: what a session makes in pg_temp is its own, is found first, and
// goes with it.
func TestTemporary(t *testing.T) {
	s := startReal(t)
	connect := func() *pgx.Conn {
		c, err := pgx.Connect(testContext(t), fmt.Sprintf("postgres://ana@%s/ferris?sslmode=disable", s.addr))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	exec := func(c *pgx.Conn, text string) {
		t.Helper()
		if _, err := c.Exec(testContext(t), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	answer := func(c *pgx.Conn, text string) string {
		t.Helper()
		var v string
		if err := c.QueryRow(testContext(t), text).Scan(&v); err != nil {
			return sqlStateOf(err)
		}
		return v
	}
	one, other := connect(), connect()
	exec(one, "CREATE STREAM v AS SELECT 'permanent' AS a")
	exec(one, "CREATE STREAM pg_temp.v AS SELECT 'temporary' AS a")
	exec(one, "CREATE STREAM w AS SELECT 'public' AS a")
	for _, c := range []struct {
		conn       *pgx.Conn
		text, want string
	}{
		{one, "SELECT a FROM v", "temporary"},
		{one, "SELECT a FROM pg_temp.v", "temporary"},
		{one, "SELECT a FROM public.v", "permanent"},
		{one, "SELECT a FROM public.w", "public"},
		{one, "SELECT current_schema()::text", "public"},
		{one, "SELECT (pg_my_temp_schema() <> 0)::text", "true"},
		{other, "SELECT a FROM v", "permanent"},
		{other, "SELECT a FROM pg_temp.v", "42P01"},
		{other, "SELECT count(*)::text FROM pg_class WHERE relname = 'v'", "2"},
	} {
		if got := answer(c.conn, c.text); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	exec(one, "DISCARD TEMP")
	if got := answer(one, "SELECT a FROM v"); got != "permanent" {
		t.Errorf("after DISCARD TEMP v is %s, want permanent", got)
	}
	exec(one, "SET search_path = pg_temp, public")
	exec(one, "CREATE STREAM x AS SELECT 'temporary' AS a")
	if got := answer(one, "SELECT a FROM pg_temp.x"); got != "temporary" {
		t.Errorf("pg_temp.x is %s, want temporary", got)
	}
	exec(one, "DROP STREAM pg_temp.x")
	exec(one, "CREATE STREAM x AS SELECT 'temporary' AS a")
	if err := one.Close(testContext(t)); err != nil {
		t.Error(err)
	}
	for answer(other, "SELECT count(*)::text FROM pg_stat_activity") != "1" {
		runtime.Gosched()
	}
	if got := answer(other, "SELECT count(*)::text FROM pg_class WHERE relname = 'x'"); got != "0" {
		t.Errorf("%s relations x after the session, want 0", got)
	}
	if err := other.Close(testContext(t)); err != nil {
		t.Error(err)
	}
	s.waitForEnd(t)
}

func sqlStateOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return err.Error()
}
