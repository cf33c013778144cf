package bench

import (
	"fmt"
	"io"
	"net"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

const (
	snapshotRows = 500_000
	upsertRows   = 300_000
	lookupRows   = 1_000_000
	systemRounds = 3
)

// systemsBars read a system's table beside its own client, write to one beside upserts of
// single rows, and look rows up beside a table of the gateway's own.
func systemsBars(t *testing.T, _ time.Duration) []bar {
	var all []bar
	for _, part := range []struct {
		name    string
		measure func(*testing.T) []bar
	}{{"PostgreSQL", postgresBars}, {"MySQL", mysqlBars}, {"SQLite", sqliteBars}} {
		if !t.Run(part.name, func(t *testing.T) { all = append(all, part.measure(t)...) }) {
			all = append(all, bar{name: "systems, " + part.name, failed: true})
		}
	}
	return all
}

// postgresBars are those of PostgreSQL, beside psql and pgbench.
func postgresBars(t *testing.T) []bar {
	p := gateway.Start(t, gateway.Options{})
	server := postgres.Own(t, postgres.Options{Settings: []string{"fsync=on"}})
	ours := contender{p.Listen, "ferris", "ferris"}
	theirs := contender{postgresAddr(server), "postgres", "postgres"}
	theirs.exec(t, "CREATE TABLE accounts "+tableColumns)
	theirs.exec(t, fmt.Sprintf("INSERT INTO accounts SELECT g, g %% 100, g %% 7919, 'filler ' || g FROM generate_series(1, %d) g", snapshotRows))
	theirs.exec(t, "CREATE TABLE put (id bigint PRIMARY KEY, n bigint, filler text)")
	theirs.exec(t, "CREATE TABLE customers AS SELECT g::bigint AS id, 'customer ' || g AS name FROM generate_series(0, 999) g")
	theirs.exec(t, "ALTER TABLE customers ADD PRIMARY KEY (id)")
	theirs.exec(t, "VACUUM ANALYZE")
	with := fmt.Sprintf("type = 'postgres', connection = '%s', ", server.DSN())
	ours.exec(t, "CREATE STREAM accounts WITH ("+with+"'table' = 'accounts')")
	ours.exec(t, "CREATE STREAM customers WITH ("+with+"'table' = 'customers', refresh_interval = '1 hour')")
	ordersAndCustomers(t, ours)
	host, port, err := net.SplitHostPort(theirs.addr)
	if err != nil {
		t.Fatal(err)
	}
	put := func() float64 {
		return theirs.pgbench(t, "\\set id random(0, 99999)\nINSERT INTO put VALUES (:id, :id, 'filler') ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n, filler = EXCLUDED.filler;\n", "-M", "prepared", "-c", "1")
	}
	return []bar{
		snapshotBar(t, ours, "database snapshot / psql's COPY TO STDOUT", client(t, "psql", "-h", host, "-p", port, "-U", theirs.user, "-d", theirs.database, "-c", "COPY accounts TO STDOUT")),
		upsertBar(t, p, ours, "upsert sink / pgbench's single-row upsert", fmt.Sprintf("'$.type' = 'postgres', '$.connection' = '%s'", server.DSN()), put),
		lookupBar(t, p, "look-up join, warm / the same with a local table"),
	}
}

// ordersAndCustomers make what a look-up joins: a generator of orders, and a copy of the
// system's customers.
func ordersAndCustomers(t *testing.T, ours contender) {
	t.Helper()
	ours.exec(t, "CREATE TABLE local (id bigint PRIMARY KEY, name text)")
	ours.exec(t, "INSERT INTO local SELECT id, name FROM customers")
	ours.exec(t, "CREATE STREAM orders (id bigint GENERATED ALWAYS AS (_offset) STORED, customer bigint GENERATED ALWAYS AS (_offset % 1000) STORED) WITH (type = 'generator')")
}

// client runs a system's own client, whose output is read and thrown away.
func client(t *testing.T, program string, args ...string) func() {
	return func() {
		t.Helper()
		cmd := osexec.CommandContext(t.Context(), program, args...)
		cmd.Stdout = io.Discard
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v", program, err)
		}
	}
}

// snapshotBar reads all columns of a table: here, and as they come out of what the system
// is read with otherwise.
func snapshotBar(t *testing.T, ours contender, name string, read func()) bar {
	t.Helper()
	conn := ours.connect(t)
	var here, there []float64
	for range systemRounds {
		begun := time.Now()
		if _, err := conn.Exec(t.Context(), "SELECT count(*), sum(aid), sum(bid), sum(abalance), max(filler) FROM accounts").ReadAll(); err != nil {
			t.Fatal(err)
		}
		here = append(here, snapshotRows/time.Since(begun).Seconds())
		begun = time.Now()
		read()
		there = append(there, snapshotRows/time.Since(begun).Seconds())
	}
	a, b := Median(here), Median(there)
	return bar{name: name, value: a / b, limit: 0.8, least: true, note: fmt.Sprintf("%.0f and %.0f k/s", a/1000, b/1000)}
}

// upsertBar puts rows of 100,000 keys, over one connection on both sides. with are the
// options of a sink $, and single puts rows one by one, and says how many in a second.
func upsertBar(t *testing.T, p *gateway.Process, ours contender, what, with string, single func() float64) bar {
	t.Helper()
	var here, there []float64
	for i := range systemRounds {
		name := fmt.Sprintf("put%d", i)
		sink := fmt.Sprintf("k%d", i)
		start := fmt.Sprintf("START JOB %s AS SELECT (id * 7919) %% 100000 AS id, id AS n, 'filler ' || id AS filler FROM orders INTO %s WITH (%s)",
			name, sink, strings.ReplaceAll(with+", '$.table' = 'put', '$.mode' = 'upsert'", "$", sink))
		cost, err := RunJob(p, name, start, fmt.Sprintf("rows_out >= %d", upsertRows))
		if err != nil {
			t.Fatal(err)
		}
		ours.exec(t, "DROP JOB "+name)
		here = append(here, upsertRows/cost.Took.Seconds())
		there = append(there, single())
	}
	a, b := Median(here), Median(there)
	return bar{name: what, value: a / b, limit: 5, least: true, note: fmt.Sprintf("%.0f and %.1f k/s", a/1000, b/1000)}
}

// lookupBar joins with a table that is asked by key, whose answers are at hand, and with
// one of the gateway's.
func lookupBar(t *testing.T, p *gateway.Process, what string) bar {
	t.Helper()
	var asked, local []float64
	for i := range systemRounds {
		for _, of := range []struct {
			table string
			to    *[]float64
		}{{"customers", &asked}, {"local", &local}} {
			name := fmt.Sprintf("j_%s_%d", of.table, i)
			start := fmt.Sprintf("START JOB %s AS SELECT o.id, c.name FROM orders o JOIN %s c ON o.customer = c.id INTO b_%[1]s WITH ('b_%[1]s.type' = 'blackhole')", name, of.table)
			cost, err := RunJob(p, name, start, fmt.Sprintf("rows_out >= %d", lookupRows))
			if err != nil {
				t.Fatal(err)
			}
			contender{p.Listen, "ferris", "ferris"}.exec(t, "DROP JOB "+name)
			*of.to = append(*of.to, float64(cost.CPU)/lookupRows)
		}
	}
	a, b := Median(asked), Median(local)
	return bar{name: what, value: a / b, limit: 1.5, note: fmt.Sprintf("%.0f and %.0f ns a row", a, b)}
}
