package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/gateway/auth"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// gatewayOf runs a gateway in this process with a configuration, and connects.
func gatewayOf(t *testing.T, yaml string) *pgconn.PgConn {
	t.Helper()
	p, err := startProcess(t.Context(), configOf(t, yaml), true, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.servePipe()
	return dialPipe(t, p)
}

func configOf(t *testing.T, yaml string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialPipe(t *testing.T, p *process) *pgconn.PgConn {
	t.Helper()
	conn, err := tryDial(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func tryDial(t *testing.T, p *process) (*pgconn.PgConn, error) {
	t.Helper()
	c, err := pgconn.ParseConfig("postgres://ferris@127.0.0.1/ferris?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	useEmbedded(c, p)
	conn, err := pgconn.ConnectConfig(t.Context(), c)
	if err == nil {
		t.Cleanup(func() { conn.Close(context.Background()) })
	}
	return conn, err
}

// ask returns the rows of a text's last statement, with | between the columns.
func ask(t *testing.T, conn *pgconn.PgConn, sql string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	results, err := conn.Exec(ctx, sql).ReadAll()
	var lines []string
	if len(results) > 0 {
		for _, row := range results[len(results)-1].Rows {
			lines = append(lines, string(bytes.Join(row, []byte("|"))))
		}
	}
	return lines, err
}

func wantCode(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, part := range parts {
		if text := pg.Message + "\n" + pg.Detail + "\n" + pg.Hint; !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// until asks again and again until a query's only value is as wanted.
func until(t *testing.T, conn *pgconn.PgConn, sql, want string) {
	t.Helper()
	var got []string
	for range 3000 {
		var err error
		if got, err = ask(t, conn, "SELECT pg_sleep(0.01); "+sql); err != nil {
			t.Fatal(err)
		}
		if len(got) == 1 && got[0] == want {
			return
		}
	}
	t.Errorf("%s: %q, want %q", sql, got, want)
}

// TestEverySetting shows of each key of the configuration that it does what its
// help says.
func TestEverySetting(t *testing.T) {
	tests := map[string]func(t *testing.T){
		"auth.hba": func(t *testing.T) {
			a, err := readFor(t, "auth.hba: [host all ann all reject, host all all all scram-sha-256]", nil)
			if err != nil || len(a.rules) != 2 || a.rules[0].Method != auth.Reject {
				t.Errorf("the rules are %v, %v", a, err)
			}
		},
		"auth.superuser": func(t *testing.T) {
			conn := gatewayOf(t, "auth.superuser: boss")
			if got, err := ask(t, conn, "SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'boss'"); err != nil || fmt.Sprint(got) != "[t|t]" {
				t.Errorf("the superuser is %v, %v", got, err)
			}
		},
		"server.tls.cert_file": func(t *testing.T) {
			if _, err := readFor(t, "server.tls: {cert_file: gone.pem, key_file: x.key}", nil); err == nil || !strings.Contains(err.Error(), "gone.pem") {
				t.Errorf("a certificate that is not there: %v", err)
			}
		},
		"server.tls.key_file": func(t *testing.T) {
			if _, err := readFor(t, "server.tls.key_file: gone.key", nil); err == nil || !strings.Contains(err.Error(), "cert_file") {
				t.Errorf("a key without a certificate: %v", err)
			}
		},
		"server.tls.client_ca_file": func(t *testing.T) {
			if _, err := readFor(t, "auth.hba: [hostssl all all all cert]\nserver.tls: {cert_file: x, key_file: y}", nil); err == nil {
				t.Error("client certificates are asked for without an authority")
			}
		},
		"config.root": func(t *testing.T) {
			dir := optionsFolder(t)
			sql := "CREATE STREAM s (a int) WITH (type = 'file', config_file = 'configs/s.yaml'); SELECT a FROM s"
			if got, err := ask(t, gatewayOf(t, "config.root: "+dir+"\nfile.roots: ["+dir+"]"), sql); err != nil || fmt.Sprint(got) != "[1]" {
				t.Errorf("under the root: %v, %v", got, err)
			}
			_, err := ask(t, gatewayOf(t, "config.root: "+filepath.Join(dir, "configs")), strings.Replace(sql, "configs/s", "../configs/s", 1)+"; SELECT 1")
			wantCode(t, err, "42501", "file.roots")
			_, err = ask(t, gatewayOf(t, "config.root: "+t.TempDir()), strings.Replace(sql, "configs/", dir+"/configs/", 1))
			wantCode(t, err, "42501", "config.root")
		},
		"file.roots": func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte(`{"a":1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			sql := fmt.Sprintf("CREATE STREAM s (a int) WITH (type = 'file', path = '%s/x.json'); SELECT a FROM s", dir)
			if got, err := ask(t, gatewayOf(t, "file.roots: ["+dir+"]"), sql); err != nil || fmt.Sprint(got) != "[1]" {
				t.Errorf("under the roots: %v, %v", got, err)
			}
			_, err := ask(t, gatewayOf(t, "file.roots: ["+t.TempDir()+"]"), sql)
			wantCode(t, err, "42501", "file.roots")
		},
		"http.allow": func(t *testing.T) {
			sql := "CREATE SINK k (a int) WITH (type = 'http', url = 'http://hooks.example:8080/x')"
			if _, err := ask(t, gatewayOf(t, "http.allow: ['hooks.example:8080']"), sql); err != nil {
				t.Errorf("a host that is named: %v", err)
			}
			_, err := ask(t, gatewayOf(t, "http.allow: [other.example]"), sql)
			wantCode(t, err, "42501", "http.allow")
		},
		"jobs.max_restart_attempts": func(t *testing.T) {
			conn := gatewayOf(t, "jobs: {max_restart_attempts: 2, restart_delay_ms: 1}")
			failingJob(t, conn)
			until(t, conn, "SELECT state, restarts FROM ferris.jobs", "failed|2")
		},
		"jobs.restart_delay_ms": func(t *testing.T) {
			conn := gatewayOf(t, "jobs: {max_restart_attempts: 2, restart_delay_ms: 3600000}")
			failingJob(t, conn)
			until(t, conn, "SELECT state, restarts, error <> '' FROM ferris.jobs", "running|0|t")
		},
		"kafka.brokers": func(t *testing.T) {
			addr := freeAddr(t)
			_, err := ask(t, gatewayOf(t, "kafka.brokers: "+addr), "CREATE STREAM s WITH (type = 'kafka', topic = 't')")
			wantCode(t, err, "08001", addr)
		},
		"server.http": func(t *testing.T) {
			addr := freeAddr(t)
			serveOf(t, "server.http: "+addr)
			wantOK(t, "http://"+addr+"/ready")
		},
		"server.metrics": func(t *testing.T) {
			addr := freeAddr(t)
			serveOf(t, "server.metrics: "+addr)
			wantOK(t, "http://"+addr+"/metrics")
		},
		"server.listen": func(t *testing.T) {
			addr := freeAddr(t)
			serveOf(t, "server.listen: "+addr)
			conn, err := pgconn.Connect(t.Context(), "postgres://ferris@"+addr+"/ferris?sslmode=disable")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			if got, err := ask(t, conn, "SELECT 1"); err != nil || fmt.Sprint(got) != "[1]" {
				t.Errorf("%v, %v", got, err)
			}
		},
		"server.insecure_trust_remote": func(t *testing.T) {
			c := configOf(t, "server: {listen: '0.0.0.0:0', http: ''}")
			if err := serve(t.Context(), c, &serveOptions{}, io.Discard); err == nil || !strings.Contains(err.Error(), "--insecure-trust-remote") {
				t.Errorf("trust on every address: %v", err)
			}
			serveOf(t, "server: {listen: '0.0.0.0:0', insecure_trust_remote: true}")
		},
		"server.log_format": func(t *testing.T) {
			logs := serveOf(t, "server.log_format: json")
			line, _, _ := strings.Cut(logs.String(), "\n")
			if !json.Valid([]byte(line)) {
				t.Errorf("logged %q, want JSON", line)
			}
		},
		"server.max_connections": func(t *testing.T) {
			p, err := startProcess(t.Context(), configOf(t, "server.max_connections: 2"), true, quietLogger())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.close)
			p.servePipe()
			dialPipe(t, p)
			dialPipe(t, p)
			_, err = tryDial(t, p)
			wantCode(t, err, "53300")
		},
		"sql.allowed_env": func(t *testing.T) {
			t.Setenv("FEED_TOKEN", "secret")
			sql := "CREATE STREAM s (id int) WITH (type = 'http', url = 'http://127.0.0.1:1/feed', auth_token_env = 'FEED_TOKEN')"
			_, err := ask(t, gatewayOf(t, "http.allow: [127.0.0.1]"), sql)
			wantCode(t, err, "42501", "FEED_TOKEN")
			if _, err := ask(t, gatewayOf(t, "http.allow: [127.0.0.1]\nsql.allowed_env: [FEED_TOKEN]"), sql); err != nil {
				t.Errorf("a variable that is allowed: %v", err)
			}
		},
		"sql.enable_spill_to_disk": func(t *testing.T) {
			_, err := ask(t, gatewayOf(t, "sql: {query_memory_limit_mb: 3, enable_spill_to_disk: false}"), largeSort)
			wantCode(t, err, "53200", "sql.query_memory_limit_mb = 3")
		},
		"sql.max_memory_mb": func(t *testing.T) {
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
			conn := gatewayOf(t, "sql: {max_memory_mb: 64, query_memory_limit_mb: 1000, enable_spill_to_disk: false}")
			if limit := debug.SetMemoryLimit(-1); limit != 64<<20 && os.Getenv("GOMEMLIMIT") == "" {
				t.Errorf("the runtime's memory limit is %d, want 64 MB", limit)
			}
			_, err := ask(t, conn, largeSort)
			wantCode(t, err, "53200", "sql.max_memory_mb = 64")
		},
		"sql.query_memory_limit_mb": func(t *testing.T) {
			conn := gatewayOf(t, "sql: {query_memory_limit_mb: 3}")
			_, err := ask(t, conn, "SELECT array_agg(i) FROM generate_series(1, 1000000) AS i")
			wantCode(t, err, "53200", "sql.query_memory_limit_mb = 3")
			if got, err := ask(t, conn, strings.Replace(largeSort, "400000", "60000", 1)+" LIMIT 1 OFFSET 50000"); err != nil || fmt.Sprint(got) != "[50000]" {
				t.Errorf("a sort that is larger: %v, %v", got, err)
			}
		},
		"sql.require_explicit_types": func(t *testing.T) {
			sql := "CREATE STREAM s (a int) WITH (topic = 't', 'bootstrap.servers' = '127.0.0.1:1')"
			if _, err := ask(t, gatewayOf(t, ""), sql); err != nil {
				t.Errorf("inferred: %v", err)
			}
			_, err := ask(t, gatewayOf(t, "sql.require_explicit_types: true"), sql)
			wantCode(t, err, "22023", "Source type must be explicitly specified for 's'. "+
				"Use: 's.type' with values like 'kafka_source', 'file_source', 's3_source', 'database_source'")
		},
		"sql.spill_directory": func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "here")
			if _, err := ask(t, gatewayOf(t, "sql: {query_memory_limit_mb: 3, spill_directory: "+dir+"}"), spillingCount); err != nil {
				t.Error(err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ask(t, gatewayOf(t, "sql: {query_memory_limit_mb: 3, spill_directory: "+file+"}"), spillingCount)
			wantCode(t, err, "58030", file)
		},
		"sql.spill_limit_mb": func(t *testing.T) {
			conn := gatewayOf(t, "sql: {query_memory_limit_mb: 3, spill_limit_mb: 1}")
			_, err := ask(t, conn, spillingCount)
			wantCode(t, err, "53100", "sql.spill_limit_mb = 1")
		},
		"sql.spill_threshold_ratio": func(t *testing.T) {
			for ratio, spilled := range map[string]bool{"0.01": true, "0.9": false} {
				rows, err := ask(t, gatewayOf(t, "sql.spill_threshold_ratio: "+ratio), "EXPLAIN ANALYZE SELECT i FROM generate_series(1, 200000) AS i ORDER BY -i")
				if err != nil || strings.Contains(fmt.Sprint(rows), "spilled=") != spilled {
					t.Errorf("with a ratio of %s: %v, %v", ratio, rows, err)
				}
			}
		},
		"sql.table_memory_mb": func(t *testing.T) {
			held := func(yaml string) int64 {
				p, err := startProcess(t.Context(), configOf(t, yaml), true, quietLogger())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(p.close)
				p.servePipe()
				// Over 2 MB: a commit of less waits in memory to be written.
				if _, err := ask(t, dialPipe(t, p), "CREATE TABLE big AS SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 50000) g"); err != nil {
					t.Fatal(err)
				}
				return p.memory.Used() - state.Memory
			}
			if n := held("sql.table_memory_mb: 1"); n > 1<<20 {
				t.Errorf("%d bytes of a table are held", n)
			}
			if n := held(""); n < 5<<20 {
				t.Errorf("%d bytes of a table of over 5 MB are held where nothing is said", n)
			}
		},
		"storage.checkpoint_interval_ms": func(t *testing.T) {
			sql := ticking + "CREATE SINK hole WITH (type = 'blackhole'); START JOB j AS SELECT id FROM ticks INTO hole"
			conn := gatewayOf(t, "storage.checkpoint_interval_ms: 10")
			if _, err := ask(t, conn, sql); err != nil {
				t.Fatal(err)
			}
			until(t, conn, "SELECT epoch > 20 FROM ferris.jobs", "t")
			conn = gatewayOf(t, "storage.checkpoint_interval_ms: 3600000")
			if _, err := ask(t, conn, sql); err != nil {
				t.Fatal(err)
			}
			if got, err := ask(t, conn, "SELECT pg_sleep(1.5); SELECT state, epoch FROM ferris.jobs"); err != nil || fmt.Sprint(got) != "[running|0]" {
				t.Errorf("with an epoch of an hour: %v, %v", got, err)
			}
		},
		"storage.data_dir": func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "here")
			serveOf(t, "storage.data_dir: "+dir)
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		},
	}
	maps.Copy(tests, kafkaSettings())
	for _, k := range config.Keys() {
		if tests[k.Name] == nil {
			t.Errorf("nothing shows what %s does", k.Name)
			continue
		}
		t.Run(k.Name, tests[k.Name])
	}
}

// TestStoreIsInTheAccount: what the state store holds is no query's to take.
func TestStoreIsInTheAccount(t *testing.T) {
	p, err := startProcess(t.Context(), configOf(t, ""), true, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if used := p.memory.Used(); used != state.Memory {
		t.Errorf("an idle process accounts for %d bytes, want the store's %d", used, state.Memory)
	}
}

// TestMemoryDirective: the comment before a job is its option, which one written
// in WITH overrides.
func TestMemoryDirective(t *testing.T) {
	conn := gatewayOf(t, "")
	for _, c := range []struct{ with, want string }{
		{"", `[{"batch.memory_limit_mb": "1024"}]`},
		{" WITH ('batch.memory_limit_mb' = '64')", `[{"batch.memory_limit_mb": "64"}]`},
	} {
		if _, err := ask(t, conn, ticking+"-- SQL Application: x\n-- JOB: j\n-- MEMORY_LIMIT: 1024\nSTART JOB j AS SELECT id FROM ticks"+c.with); err != nil {
			t.Fatal(err)
		}
		if got, err := ask(t, conn, "SELECT options FROM ferris.jobs"); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("options %v, %v; want %s", got, err, c.want)
		}
		if _, err := ask(t, conn, "DROP JOB j; DROP STREAM ticks"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExplainSeeks: EXPLAIN shows a seek where the connector makes one.
func TestExplainSeeks(t *testing.T) {
	conn := gatewayOf(t, "")
	if _, err := ask(t, conn, ticking+`CREATE STREAM topic (id int) WITH (type = 'kafka', topic = 't', 'bootstrap.servers' = '127.0.0.1:1');
		CREATE STREAM ordered (id int) WITH (type = 'kafka', topic = 't', 'bootstrap.servers' = '127.0.0.1:1', 'timestamp.max_disorder' = '1s');
		CREATE STREAM stamped (id int, at timestamptz GENERATED ALWAYS AS (_timestamp) STORED) WITH (type = 'kafka', topic = 't', 'bootstrap.servers' = '127.0.0.1:1');
		CREATE STREAM lines (id int) WITH (type = 'file', path = 'x.json')`); err != nil {
		t.Fatal(err)
	}
	const from, until = "_timestamp >= '2024-01-01 00:00:00+00'::timestamp with time zone", "_timestamp < '2025-01-01 00:00:00+00'::timestamp with time zone"
	for stream, want := range map[string][]string{
		"topic":   {"_partition = 0", "_offset >= '5'::bigint", from, until + ", where the broker stamps (LogAppendTime)"},
		"ordered": {"_partition = 0", "_offset >= '5'::bigint", from, until},
		"ticks":   {"_offset >= '5'::bigint"},
		"stamped": {from}, // its event time is declared to follow _timestamp
		"lines":   nil,
	} {
		where := "_partition = 0 AND _offset >= 5 AND _timestamp >= '2024-01-01' AND _timestamp < '2025-01-01'"
		switch stream {
		case "ticks":
			where = "_offset >= 5"
		case "stamped":
			where = "at >= '2024-01-01'"
		}
		plan, err := ask(t, conn, "EXPLAIN SELECT id FROM "+stream+" WHERE "+where)
		if err != nil {
			t.Errorf("%s: %v", stream, err)
			continue
		}
		var got []string
		for _, line := range plan {
			if _, seek, ok := strings.Cut(line, "Seek: "); ok {
				got = append(got, seek)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s seeks by %q, want %q", stream, got, want)
		}
	}
}

// TestPinnedTexts are what users and their tools look for in a log.
func TestPinnedTexts(t *testing.T) {
	addr := freeAddr(t)
	conn := gatewayOf(t, "kafka.brokers: "+addr)
	if _, err := ask(t, conn, "CREATE STREAM orders (id int) WITH (type = 'kafka', topic = 'orders'); CREATE SINK hole WITH (type = 'blackhole')"); err != nil {
		t.Fatal(err)
	}
	_, err := ask(t, conn, `START JOB "my-job" AS SELECT id FROM orders INTO hole`)
	wantCode(t, err, "08001", "Job 'my-job' failed to create data sources: Failed to create source 'source_0_orders': Connection refused\n", addr)
	_, err = ask(t, conn, `START JOB "my-job" AS SELECT 100 AS constant_value`)
	wantCode(t, err, "42P17", "No supported datasource found in query analysis for job 'my-job'\n")
	_, err = ask(t, conn, "SELECT * FROM orders_source WITH ('orders_source.color' = 'red')")
	wantCode(t, err, "22023", "Source type must be explicitly specified for 'orders_source'. "+
		"Use: 'orders_source.type' with values like 'kafka_source', 'file_source', 's3_source', 'database_source'\n")
}

const (
	largeSort = "CREATE STREAM g (a bigint GENERATED ALWAYS AS (_offset) STORED, b text GENERATED ALWAYS AS (repeat('x', 200)) STORED) " +
		"WITH (type = 'generator', rows = '400000'); SELECT a FROM g ORDER BY b, a"
	spillingCount = "SELECT count(*) FROM (SELECT DISTINCT i::bigint * 1000003 FROM generate_series(1, 300000) AS i) x"
	ticking       = "CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1000'); "
)

// failingJob starts a job whose table takes no row.
func failingJob(t *testing.T, conn *pgconn.PgConn) {
	t.Helper()
	if _, err := ask(t, conn, ticking+"CREATE TABLE none (id bigint CHECK (id < 0))"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, conn, "START JOB j WITH (failure_strategy = 'FailBatch') AS INSERT INTO none SELECT id FROM ticks"); err != nil {
		t.Fatal(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func wantOK(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s", url, resp.Status)
	}
}

// logBuffer keeps a log and says when the gateway is ready.
type logBuffer struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan struct{}
	once  sync.Once
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(b, []byte("ready")) {
		l.once.Do(func() { close(l.ready) })
	}
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serveOf runs `serve` until the test ends, on free ports where the
// configuration names none, and returns its log when it is ready.
func serveOf(t *testing.T, yaml string) *logBuffer {
	t.Helper()
	c := configOf(t, yaml)
	def := config.Default()
	if c.Server.Listen == def.Server.Listen {
		c.Server.Listen = "127.0.0.1:0"
	}
	if c.Server.HTTP == def.Server.HTTP {
		c.Server.HTTP = ""
	}
	if c.Storage.DataDir == "" {
		c.Storage.DataDir = t.TempDir()
	}
	ctx, stop := context.WithCancel(context.Background())
	logs := &logBuffer{ready: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, &serveOptions{}, logs) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-logs.ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("serve ended: %v", err)
	}
	return logs
}
