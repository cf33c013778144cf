// Package faults gives a running gateway what users and networks give it: bad
// input, files and brokers that are not there, clients that hang up. Each ends
// in a clear SQLSTATE and text, and the gateway goes on.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/bench"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func connect(t *testing.T, p *gateway.Process) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// run sends a text as one simple query and returns its last result's first
// column, and the error.
func run(t *testing.T, conn *pgx.Conn, sql string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	var column []string
	if len(results) > 0 {
		for _, row := range results[len(results)-1].Rows {
			column = append(column, string(row[0]))
		}
	}
	return column, err
}

func wantError(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	text := pg.Message + "\n" + pg.Detail + "\n" + pg.Hint
	if pg.Code != code {
		t.Errorf("got %s %s, want %s", pg.Code, text, code)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q does not say %q", pg.Code, text, part)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good.json"), `{"a":1,"b":"x"}`+"\n"+`{"a":2}`+"\n")
	write(t, filepath.Join(dir, "type.json"), `{"a":1}`+"\n"+`{"a":"two"}`+"\n"+`{"a":3}`+"\n")
	write(t, filepath.Join(dir, "cut.json"), `{"a":1}`+"\n"+`{"a":`)
	write(t, filepath.Join(dir, "utf8.json"), "{\"a\":1,\"b\":\"\xff\xfe\"}\n")
	write(t, filepath.Join(dir, "long.json"), `{"a":1}`+"\n"+`{"a":2,"b":"`+strings.Repeat("x", 50<<20)+`"}`+"\n"+`{"a":3}`+"\n")
	write(t, filepath.Join(dir, "empty.json"), "")
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	conn := connect(t, p)
	declare := func(name, columns, file, more string) string {
		return fmt.Sprintf("CREATE STREAM %s %s WITH (type = 'file', path = '%s', format = 'json'%s);", name, columns, filepath.Join(dir, file), more)
	}

	if got, err := run(t, conn, declare("good", "(a int, b text)", "good.json", "")+"SELECT a FROM good"); err != nil || fmt.Sprint(got) != "[1 2]" {
		t.Errorf("good: %v, %v", got, err)
	}
	_, err := run(t, conn, declare("missing", "(a int)", "none.json", "")+"SELECT a FROM missing")
	wantError(t, err, "58P01", "none.json")
	for _, sql := range []string{
		"CREATE STREAM outside (a text) WITH (type = 'file', path = '/etc/passwd', format = 'csv')",
		"CREATE STREAM outside (a text) WITH (type = 'file', path = '/etc/*.conf', format = 'csv')",
		"CREATE SINK outside WITH (type = 'file', path = '/etc/ferris.json', format = 'json')",
		"START JOB outside AS SELECT a FROM good INTO o WITH ('o.type' = 'file', 'o.path' = '/etc/ferris.json', 'o.format' = 'json')",
		"SELECT a FROM good INTO o WITH ('o.type' = 'file', 'o.path' = '/etc/ferris.json', 'o.format' = 'json')",
	} {
		_, err = run(t, conn, sql)
		wantError(t, err, "42501", "file.roots")
	}
	if got, err := run(t, conn, "SELECT relname FROM pg_class WHERE relname IN ('outside', 'o')"); err != nil || len(got) > 0 {
		t.Errorf("what was refused is there: %v, %v", got, err)
	}
	_, err = run(t, conn, declare("typed", "(a int)", "type.json", "")+"SELECT a FROM typed")
	wantError(t, err, "22P02", "typed", "type.json", "a")
	if got, err := run(t, conn, declare("typed_skip", "(a int)", "type.json", ", on_error = 'skip'")+"SELECT a FROM typed_skip"); err != nil || fmt.Sprint(got) != "[1 3]" {
		t.Errorf("on_error = skip: %v, %v", got, err)
	}
	if got, err := run(t, conn, declare("typed_null", "(a int)", "type.json", ", on_error = 'null'")+"SELECT coalesce(a, -1) FROM typed_null"); err != nil || fmt.Sprint(got) != "[1 -1 3]" {
		t.Errorf("on_error = null: %v, %v", got, err)
	}
	_, err = run(t, conn, declare("cut", "(a int)", "cut.json", "")+"SELECT a FROM cut")
	wantError(t, err, "22P02", "cut.json")
	_, err = run(t, conn, declare("utf8", "(a int, b text)", "utf8.json", "")+"SELECT b FROM utf8")
	wantError(t, err, "22021")
	_, err = run(t, conn, declare("long", "(a int)", "long.json", "")+"SELECT a FROM long")
	wantError(t, err, "54000", "long.json", "max_line_bytes")
	_, err = run(t, conn, declare("empty", "", "empty.json", ""))
	wantError(t, err, "42P16", "columns")
	_, err = run(t, conn, "CREATE STREAM typo (a int) WITH (type = 'file', path = 'x.json', formt = 'json')")
	wantError(t, err, "22023", "formt", "format")
	_, err = run(t, conn, "CREATE STREAM typo (a int) WITH (type = 'kafak', topic = 'x')")
	wantError(t, err, "22023", "kafak", "kafka")
	if got, err := run(t, conn, "SELECT 1"); err != nil || fmt.Sprint(got) != "[1]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

func TestHostileStatements(t *testing.T) {
	p := gateway.Start(t, gateway.Options{Args: []string{}})
	conn := connect(t, p)
	for name, sql := range map[string]string{
		"additions":   "SELECT 1" + strings.Repeat("+1", 50_000),
		"casts":       "SELECT 1" + strings.Repeat("::int", 20_000),
		"parentheses": "SELECT " + strings.Repeat("(", 50_000) + "1" + strings.Repeat(")", 50_000),
		"not":         "SELECT " + strings.Repeat("NOT ", 25_000) + "true",
		"minus":       "SELECT " + strings.Repeat("- ", 50_000) + "1",
		"union":       "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 20_000),
		"subqueries":  strings.Repeat("SELECT (", 20_000) + "1" + strings.Repeat(")", 20_000),
		"case":        "SELECT " + strings.Repeat("CASE WHEN true THEN ", 20_000) + "1" + strings.Repeat(" END", 20_000),
		"and":         "SELECT true" + strings.Repeat(" AND (true", 20_000) + strings.Repeat(")", 20_000),
	} {
		_, err := run(t, conn, sql)
		var pg *pgconn.PgError
		if err != nil && (!errors.As(err, &pg) || (pg.Code != "54001" && pg.Code != "54000")) {
			t.Errorf("%s: %.200v, want an answer or 54001", name, err)
		}
	}
	if got, err := run(t, conn, "SELECT 1"); err != nil || fmt.Sprint(got) != "[1]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

func TestMemoryLimit(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ferris.yaml"), "sql.query_memory_limit_mb: 8\n")
	p := gateway.Start(t, gateway.Options{DataDir: dir, Args: []string{"--config", filepath.Join(dir, "ferris.yaml")}})
	conn := connect(t, p)
	if _, err := run(t, conn, `CREATE STREAM g (a bigint GENERATED ALWAYS AS (_offset) STORED, b text GENERATED ALWAYS AS (repeat('x', 100)) STORED) WITH (type = 'generator', rows = '1000000')`); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT array_agg(a) FROM g", "SELECT sum(a) OVER (ORDER BY b) FROM g", "SELECT string_agg(b, '') FROM g"} {
		_, err := run(t, conn, sql)
		wantError(t, err, "53200", "sql.query_memory_limit_mb")
	}
	for _, sql := range []string{"SELECT a FROM g ORDER BY b, a OFFSET 999999", "SELECT count(*) - 1 FROM (SELECT a, count(*) FROM g GROUP BY a) x"} {
		if got, err := run(t, conn, sql); err != nil || fmt.Sprint(got) != "[999999]" {
			t.Errorf("%s: %v, %v; want 999999", sql, got, err)
		}
	}
	if got, err := run(t, conn, "SELECT count(*) FROM g"); err != nil || fmt.Sprint(got) != "[1000000]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

func TestBrokerFaults(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	conn := connect(t, p)
	down := gateway.FreeAddr()
	_, err := run(t, conn, "CREATE STREAM down WITH (type = 'kafka', topic = 't', 'bootstrap.servers' = '"+down+"')")
	wantError(t, err, "08001", down)

	broker := gateway.StartBroker(t)
	_, err = run(t, conn, "CREATE STREAM none WITH (type = 'kafka', topic = 'nowhere', 'bootstrap.servers' = '"+broker+"')")
	wantError(t, err, "42P01", "nowhere", broker)

	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.TransactionalID("faults"), kgo.DefaultProduceTopic("aborted"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, "aborted"); err != nil {
		t.Fatal(err)
	}
	for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range 5 {
			if err := client.ProduceSync(ctx, &kgo.Record{Value: fmt.Appendf(nil, `{"n":%d}`, 10*i+j)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(ctx, commit); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := run(t, conn, "CREATE STREAM aborted (n int) WITH (type = 'kafka', topic = 'aborted', 'bootstrap.servers' = '"+broker+"'); SELECT n FROM aborted"); err != nil || fmt.Sprint(got) != "[0 1 2 3 4]" {
		t.Errorf("a topic that ends in an aborted transaction: %v, %v", got, err)
	}

	// A partition added under a live query is read.
	rows, err := conn.Query(ctx, "SELECT n FROM aborted WHERE _partition = 1 OR n = 0 EMIT CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatalf("no live row: %v", rows.Err())
	}
	if _, err := admin.CreatePartitions(ctx, 1, "aborted"); err != nil {
		t.Fatal(err)
	}
	plain, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.ProduceSync(ctx, &kgo.Record{Topic: "aborted", Partition: 1, Value: []byte(`{"n":77}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var n int
	if !rows.Next() {
		t.Fatalf("no row of the new partition: %v", rows.Err())
	} else if err := rows.Scan(&n); err != nil || n != 77 {
		t.Errorf("row of the new partition: %d, %v", n, err)
	}
	cancel()
	rows.Close()
}

func TestGarbageOnTheWire(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		conn, err := net.Dial("tcp", p.Listen)
		if err != nil {
			t.Fatal(err)
		}
		junk := make([]byte, 1+random.IntN(300))
		for j := range junk {
			junk[j] = byte(random.Uint32())
		}
		if i%4 == 0 {
			junk = []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		_, _ = conn.Write(junk)
		if i%2 == 0 {
			_ = conn.(*net.TCPConn).CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.Copy(io.Discard, conn)
		}
		conn.Close()
	}
	if got, err := run(t, connect(t, p), "SELECT 1"); err != nil || fmt.Sprint(got) != "[1]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// goroutines reads the gateway's own count.
func goroutines(t *testing.T, p *gateway.Process) int {
	t.Helper()
	n, err := strconv.Atoi(metric(t, p, "go_goroutines"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestHangUps(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	if _, err := run(t, connect(t, p), "CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1000')"); err != nil {
		t.Fatal(err)
	}
	before := goroutines(t, p)
	hangUp(t, p, 50)
	settled(t, p, before)
	// What the first fifty leave is the pools' working size; two hundred more may
	// not add to it by as much as a buffer for each.
	first, err := bench.Resident(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	hangUp(t, p, 200)
	settled(t, p, before)
	last, err := bench.Resident(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	if grown := (last - first) >> 20; grown > 30 {
		t.Errorf("200 hang-ups left %d MB", grown)
	}
}

// hangUp opens live queries one after the other and pulls their cables.
func hangUp(t *testing.T, p *gateway.Process, times int) {
	t.Helper()
	for range times {
		conn, err := pgconn.Connect(t.Context(), p.URL())
		if err != nil {
			t.Fatal(err)
		}
		rr := conn.ExecParams(t.Context(), "SELECT id FROM ticks EMIT CHANGES", nil, nil, nil, nil)
		if !rr.NextRow() {
			t.Fatal("no live row")
		}
		conn.Conn().Close() // no Terminate, no cancel
	}
}

// settled waits until the gateway has about as many goroutines as before.
func settled(t *testing.T, p *gateway.Process, before int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		after := goroutines(t, p)
		if after <= before+5 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before the hang-ups, %d after", before, after)
		}
		time.Sleep(50 * time.Millisecond) // the gateway notices a closed socket by itself
	}
}

func TestSecondGateway(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	if second, err := gateway.Run(gateway.Options{DataDir: p.DataDir}); err == nil {
		second.Kill()
		t.Error("two gateways share a data directory")
	} else if !strings.Contains(err.Error(), p.DataDir) {
		t.Errorf("the refusal does not name the directory: %v", err)
	}
}

func TestTrustBeyondLoopback(t *testing.T) {
	p, err := gateway.Run(gateway.Options{DataDir: t.TempDir(), Listen: "0.0.0.0:0"})
	if err == nil {
		p.Kill()
		t.Error("trust authentication on every address")
	} else if !strings.Contains(err.Error(), "--insecure-trust-remote") {
		t.Errorf("the refusal does not name the flag: %v", err)
	}
}

func TestDrain(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	conn := connect(t, p)
	if _, err := run(t, conn, "CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '100')"); err != nil {
		t.Fatal(err)
	}
	idle, err := pgconn.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close(context.Background())
	live := conn.PgConn().ExecParams(t.Context(), "SELECT id FROM ticks EMIT CHANGES", nil, nil, nil, nil)
	if !live.NextRow() {
		t.Fatal("no live row")
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	for live.NextRow() {
	}
	_, err = live.Close()
	wantError(t, err, "57P01")
	_, err = idle.Exec(t.Context(), "SELECT 1").ReadAll()
	wantError(t, err, "57P01")
}

// TestDrainInAnOutage ends a gateway whose job writes to a broker that is gone.
func TestDrainInAnOutage(t *testing.T) {
	broker, kill := gateway.StartMortalBroker(t)
	p := gateway.Start(t, gateway.Options{Brokers: broker})
	conn := connect(t, p)
	if _, err := run(t, conn, `CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1000');
		START JOB copy AS SELECT id FROM ticks INTO out WITH ('out.type' = 'kafka_sink', 'out.topic' = 'out')`); err != nil {
		t.Fatal(err)
	}
	wrote := time.NewTicker(20 * time.Millisecond)
	defer wrote.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-wrote.C {
		got, err := run(t, conn, "SELECT rows_out > 0 FROM ferris.jobs WHERE job_name = 'copy'")
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) == "[t]" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job has written nothing: %v", got)
		}
	}
	kill()
	if err := p.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
}
