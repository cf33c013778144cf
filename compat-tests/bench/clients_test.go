package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// clientsBars measure what clients ask of the catalogs, and many clients at once.
func clientsBars(t *testing.T, _ time.Duration) []bar {
	var all []bar
	for _, part := range []struct {
		name    string
		measure func(*testing.T) []bar
	}{{"catalogs", catalogBars}, {"connections", connectionBars}, {"live", liveBars}} {
		if !t.Run(part.name, func(t *testing.T) { all = append(all, part.measure(t)...) }) {
			all = append(all, bar{name: "clients, " + part.name, failed: true})
		}
	}
	return all
}

// relations is how many there are in the catalogs that are asked.
const relations = 500

// catalogBars are psql's \d, JDBC's getColumns and the tree of a DBeaver.
func catalogBars(t *testing.T) []bar {
	server, p := postgres.Start(t), gateway.Start(t, gateway.Options{})
	exec(t, p, "CREATE ROLE postgres SUPERUSER LOGIN")
	urls := []string{server.DSN(), "postgres://postgres@" + p.Listen + "/postgres?sslmode=disable"}
	var conns []*pgconn.PgConn
	for _, url := range urls {
		c := pgConnect(t, url)
		conns = append(conns, c)
		for i := range relations {
			request(t, c, fmt.Sprintf("CREATE TABLE r%d (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT '2024-01-01 00:00:00+00', name varchar(20), price numeric(12,2), n int, tags text[], b bool, d date, doc jsonb, f float8)", i))
		}
	}
	bars := []bar{describeBar(t, urls, conns), columnsBar(t, urls)}
	for i := range relations {
		exec(t, p, fmt.Sprintf(`CREATE STREAM s%d (id bigint GENERATED ALWAYS AS (_offset) STORED, name text GENERATED ALWAYS AS ('n' || _offset) STORED, price numeric(12,2) GENERATED ALWAYS AS (1.5) STORED,
			n int GENERATED ALWAYS AS (1) STORED, b bool GENERATED ALWAYS AS (true) STORED, d date GENERATED ALWAYS AS (DATE '2024-01-01') STORED) WITH (type = 'generator', rows = '1')`, i))
	}
	return append(bars, treeBar(t, conns[1]))
}

// describeBar takes the statements of \d from psql itself.
func describeBar(t *testing.T, urls []string, conns []*pgconn.PgConn) bar {
	t.Helper()
	var took [2]float64
	for i, url := range urls {
		out, err := osexec.CommandContext(t.Context(), "psql", "-X", "-E", "-c", `\d r7`, url).CombinedOutput()
		if err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
		found := regexp.MustCompile(`(?s)\*+ QUERY \*+\n(.*?)\n\*{10,}`).FindAllSubmatch(out, -1)
		if len(found) < 5 {
			t.Fatalf("\\d asks %d statements:\n%s", len(found), out)
		}
		var runs []float64
		for range 21 {
			began := time.Now()
			for _, m := range found {
				request(t, conns[i], string(m[1]))
			}
			runs = append(runs, time.Since(began).Seconds())
		}
		took[i] = Median(runs)
	}
	return bar{name: `psql's \d r / PostgreSQL 16`, value: took[1] / took[0], limit: 2.5, note: fmt.Sprintf("%.1f ms against %.1f ms", took[1]*1e3, took[0]*1e3)}
}

func columnsBar(t *testing.T, urls []string) bar {
	t.Helper()
	dir, err := cache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-cp", filepath.Join(dir, "pgjdbc.jar"), filepath.Join("java", "Columns.java")}
	for _, url := range urls {
		address, _, _ := strings.Cut(strings.TrimPrefix(url[strings.Index(url, "@"):], "@"), "?")
		args = append(args, "jdbc:postgresql://"+address+"?user=postgres&sslmode=disable")
	}
	out, err := osexec.CommandContext(t.Context(), "java", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("java: %v\n%s", err, out)
	}
	var n int
	var took [2]float64
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if _, err := fmt.Sscan(line, &n, &took[i]); err != nil {
			t.Fatalf("reading %q: %v", line, err)
		}
	}
	return bar{name: fmt.Sprintf("JDBC getColumns, %d relations / PostgreSQL 16", relations), value: took[1] / took[0], limit: 3, note: fmt.Sprintf("%d columns, %.0f ms against %.0f ms", n, took[1], took[0])}
}

// treeBar asks what a DBeaver asks for its tree, and for the columns, keys and indexes of
// all of the schema, one statement each.
func treeBar(t *testing.T, c *pgconn.PgConn) bar {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "planner", "testdata", "clients", "derived_bi_tools.sql"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "-- [dbeaver-like")
	tree, _, ends := strings.Cut(rest, "\n-- [")
	if !found || !ends {
		t.Fatal("the captured statements have none of DBeaver's")
	}
	_, tree, _ = strings.Cut(tree, "\n")
	const ofAll = "(SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = 2200)"
	tree = strings.NewReplacer("= 'public.events'::regclass", "IN "+ofAll, "select pg_catalog.pg_get_viewdef('public.v_events'::regclass, true);", "").Replace(tree)
	statements := strings.Split(strings.TrimSpace(tree), ";\n")
	var runs []float64
	for range 5 {
		began := time.Now()
		for _, sql := range statements {
			request(t, c, sql)
		}
		runs = append(runs, time.Since(began).Seconds())
	}
	return bar{name: fmt.Sprintf("a DBeaver's tree of %d streams, s", relations), value: Median(runs), limit: 1, note: fmt.Sprintf("%d statements, beside %d tables", len(statements), relations)}
}

func pgConnect(t *testing.T, url string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func request(t *testing.T, c *pgconn.PgConn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// connectionBars have five hundred clients come at the same time and ask something.
func connectionBars(t *testing.T) []bar {
	p := gateway.Start(t, gateway.Options{})
	const clients = 500
	begin := make(chan struct{})
	failed := make(chan error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			<-begin
			c, err := pgconn.Connect(t.Context(), p.URL())
			if err == nil {
				defer c.Close(context.Background())
				_, err = c.Exec(t.Context(), fmt.Sprintf("SELECT %d", i)).ReadAll()
			}
			failed <- err
		})
	}
	began := time.Now()
	close(begin)
	for range clients {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	wg.Wait()
	return []bar{{name: "500 connections at once, s", value: took.Seconds(), limit: 5}}
}

// liveBars have two hundred clients follow one topic, each with a condition of its own
// that keeps next to nothing, and compare with what one takes.
func liveBars(t *testing.T) []bar {
	const clients, records = 200, 500_000
	broker := gateway.StartBroker(t)
	p := gateway.Start(t, gateway.Options{Brokers: broker})
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("followed"), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if _, err := kadm.NewClient(producer).CreateTopic(t.Context(), 1, 1, nil, "followed"); err != nil {
		t.Fatal(err)
	}
	exec(t, p, "CREATE STREAM followed "+eventColumns+" WITH (type = 'kafka', topic = 'followed')")
	mark := func() {
		t.Helper()
		line := bytes.Replace(eventLine(nil, 0), []byte(`"quantity":1,`), []byte(`"quantity":-1,`), 1)
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Value: line}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	mark()
	var all []*Client
	join := func() {
		t.Helper()
		c, err := Dial(p.Listen, "ferris", "ferris")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Start(fmt.Sprintf("SELECT quantity FROM followed WHERE quantity = -1 OR quantity > %d EMIT CHANGES", 1_000_000+len(all))); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	read := func() float64 {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.HTTP+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^ferris_source_records_total (\S+)$`).FindSubmatch(text)
		if m == nil {
			t.Fatal("no records are counted")
		}
		n, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// follow is the processor time, and the records read, until every client has had
	// the mark behind so many records.
	follow := func(n int) (time.Duration, float64) {
		t.Helper()
		before, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		was := read()
		for i := range n {
			producer.Produce(t.Context(), &kgo.Record{Value: eventLine(nil, i)}, nil)
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		mark()
		for _, c := range all {
			if _, err := c.Next(); err != nil {
				t.Fatal(err)
			}
		}
		after, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		return after - before, read() - was
	}
	for len(all) < clients {
		join()
	}
	for try := 0; ; try++ {
		if _, n := follow(0); n == 1 {
			break
		} else if try == 200 {
			t.Fatalf("a record is decoded %.0f times", n)
		}
	}
	many, decoded := follow(records)
	for _, c := range all[1:] {
		c.Close()
	}
	all = all[:1]
	one, _ := follow(records)
	return []bar{
		{name: "a record for each distinct filter of 200 live clients, ns", value: float64(many-one) / (clients - 1) / records, limit: 2, note: fmt.Sprintf("%v of CPU against %v for one client, %d records", many, one, records)},
		{name: "records decoded for 200 live clients / for one", value: decoded / (records + 1), limit: 1},
	}
}
