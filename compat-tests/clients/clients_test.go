// Package clients runs real Postgres clients against a running gateway.
package clients

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
	"github.com/lib/pq"
)

// setup declares what every client asks for: ten numbered rows, and a stream
// that ticks for ever.
const setup = `
CREATE STREAM numbers (
	id bigint GENERATED ALWAYS AS (_offset) STORED,
	name text GENERATED ALWAYS AS ('n' || _offset::text) STORED
) WITH (type = 'generator', rows = '10');
CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '200');`

func start(t *testing.T) *gateway.Process {
	t.Helper()
	p := gateway.Start(t, gateway.Options{})
	conn := connect(t, p.URL())
	if _, err := conn.Exec(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	return p
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestPgx(t *testing.T) {
	p := start(t)
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			conn := connect(t, p.URL())
			ctx := t.Context()
			rows, err := conn.Query(ctx, "SELECT id, name FROM numbers WHERE id >= $1 AND name <> $2 ORDER BY id LIMIT 2", mode, int64(3), "n4")
			if err != nil {
				t.Fatal(err)
			}
			type row struct {
				ID   int64
				Name string
			}
			got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
			if err != nil {
				t.Fatal(err)
			}
			if want := []row{{3, "n3"}, {5, "n5"}}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("rows %v, want %v", got, want)
			}
			var at time.Time
			var d string
			if err := conn.QueryRow(ctx, "SELECT '2024-05-06 07:08:09.123456+00'::timestamptz, 1.10::numeric::text", mode).Scan(&at, &d); err != nil {
				t.Fatal(err)
			}
			if !at.Equal(time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)) || d != "1.10" {
				t.Errorf("scanned %v and %s", at, d)
			}
		})
	}
	t.Run("live", func(t *testing.T) {
		conn := connect(t, p.URL())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		rows, err := conn.Query(ctx, "SELECT id FROM ticks EMIT CHANGES")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for n < 5 && rows.Next() {
			n++
		}
		if n != 5 {
			t.Errorf("%d live rows (%v), want 5", n, rows.Err())
		}
		cancel()
		rows.Close()
	})
	t.Run("batch", func(t *testing.T) {
		conn := connect(t, p.URL())
		var b pgx.Batch
		for i := range 5 {
			b.Queue("SELECT $1::int * 2", i)
		}
		results := conn.SendBatch(t.Context(), &b)
		for i := range 5 {
			var got int
			if err := results.QueryRow().Scan(&got); err != nil || got != 2*i {
				t.Errorf("batch %d: %d, %v", i, got, err)
			}
		}
		if err := results.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("copy", func(t *testing.T) {
		conn := connect(t, p.URL())
		var out bytes.Buffer
		if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT id, name FROM numbers WHERE id < 2 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)"); err != nil {
			t.Fatal(err)
		}
		if want := "id,name\n0,n0\n1,n1\n"; out.String() != want {
			t.Errorf("copied %q, want %q", out.String(), want)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		conn := connect(t, p.URL())
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT id FROM ticks EMIT CHANGES"); err == nil {
			t.Error("a live query ended by itself")
		}
	})
}

func TestLibPq(t *testing.T) {
	p := start(t)
	db, err := sql.Open("postgres", p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM numbers WHERE id > $1", 4).Scan(&n); err != nil || n != 5 {
		t.Errorf("count %d, %v; want 5", n, err)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRowContext(ctx, "SELECT 1/0").Scan(&n); err == nil {
		t.Error("1/0 did not fail")
	} else if e := new(pq.Error); !asPq(err, &e) || e.Code != "22012" {
		t.Errorf("1/0: %v, want 22012", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if err := db.PingContext(ctx); err != nil {
		t.Error(err)
	}
}

func asPq(err error, to **pq.Error) bool {
	e, ok := err.(*pq.Error) //nolint:errorlint // lib/pq returns it unwrapped
	if ok {
		*to = e
	}
	return ok
}

func TestPsql(t *testing.T) {
	p := start(t)
	for _, c := range []struct{ name, input, want string }{
		{"select", "SELECT id, name FROM numbers ORDER BY id DESC LIMIT 2;", "9|n9\n8|n8\n"},
		{"variables", "\\set x 3\nSELECT id FROM numbers WHERE id = :x \\gset got_\n\\echo :got_id", "3\n"},
		{"transaction", "BEGIN;\nCREATE STREAM gone (a int GENERATED ALWAYS AS (1) STORED) WITH (type = 'generator', rows = '1');\nROLLBACK;\nSELECT count(*) FROM pg_class WHERE relname = 'gone';", "BEGIN\nCREATE STREAM\nROLLBACK\n0\n"},
		{"fetch count", "\\set FETCH_COUNT 3\nSELECT id FROM numbers WHERE id < 4 ORDER BY id;", "0\n1\n2\n3\n"},
		{"copy", "\\copy (SELECT id FROM numbers WHERE id > 7 ORDER BY id) TO STDOUT", "8\n9\n"},
		{"crosstab and gdesc", "SELECT 1 AS a, 'x'::text AS b \\gdesc", "a|integer\nb|text\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := run(t, c.input, nil, "psql", "-XAt", "-v", "ON_ERROR_STOP=1", p.URL())
			if out != c.want {
				t.Errorf("psql printed %q, want %q", out, c.want)
			}
		})
	}
	t.Run("describe", func(t *testing.T) {
		for _, command := range []string{`\d`, `\dt`, `\d numbers`, `\d+ numbers`, `\l`, `\dn`, `\du`, `\dT`, `\df abs`, `\dv`} {
			out := run(t, command, nil, "psql", "-X", "-v", "ON_ERROR_STOP=1", p.URL())
			if strings.HasPrefix(command, `\d numbers`) && !strings.Contains(out, "name   | text") {
				t.Errorf("%s printed\n%s", command, out)
			}
		}
	})
}

func TestNodePostgres(t *testing.T) {
	p := start(t)
	fetched := cacheDir(t)
	out := run(t, "", []string{"FERRIS_URL=" + p.URL(), "NODE_PATH=" + filepath.Join(fetched, "node", "node_modules")}, "node", filepath.Join("node", "pg.js"))
	golden(t, "node.golden", out)
}

func TestJdbc(t *testing.T) {
	p := start(t)
	out := run(t, "", nil, "java", "-cp", filepath.Join(cacheDir(t), "pgjdbc.jar"), "-Duser.timezone=UTC",
		filepath.Join("java", "Jdbc.java"), "jdbc:postgresql://"+p.Listen+"/ferris?user=ferris&sslmode=disable")
	golden(t, "jdbc.golden", out)
}

func cacheDir(t *testing.T) string {
	t.Helper()
	dir, err := cache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a client to its end and returns what it printed.
func run(t *testing.T, stdin string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s(make deps installs the clients)", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("FERRIS_REWRITE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
