package systems

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestSinkTypes writes a row of each type and reads it back.
func TestSinkTypes(t *testing.T) {
	p := start(t)
	p.there(everything)
	p.there("CREATE TABLE $schema.copy (LIKE $schema.everything INCLUDING ALL)")
	p.here("CREATE STREAM everything WITH (type = 'database', connection = '$db', 'table' = '$schema.everything')")
	p.here("START JOB copying AS SELECT * FROM everything INTO k WITH ('k.type' = 'postgres', 'k.connection' = '$db', 'k.table' = '$schema.copy')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'copying'", "finished")
	p.same(p.there("SELECT * FROM $schema.copy ORDER BY id"), p.there("SELECT * FROM $schema.everything ORDER BY id")...)
}

// TestSinkModes inserts, replaces and removes rows.
func TestSinkModes(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.plain (id int, what text)")
	p.here("CREATE SINK plain (id int, what text) WITH (type = 'database', connection = '$db', 'table' = '$schema.plain')")
	p.here("INSERT INTO plain SELECT g AS id, 'x' || g AS what FROM generate_series(1, 3) g")
	p.same(p.there("SELECT * FROM $schema.plain ORDER BY id"), "1|x1", "2|x2", "3|x3")

	// What is rolled back is not there.
	p.here("CREATE STREAM again (id int, what text) WITH (type = 'database', connection = '$db', 'table' = '$schema.plain')")
	p.here("BEGIN; INSERT INTO again VALUES (4, 'y'); ROLLBACK")
	p.here("BEGIN; INSERT INTO again VALUES (5, 'z'); COMMIT")
	p.same(p.there("SELECT id FROM $schema.plain WHERE id > 3"), "5")

	// Made where it is not there; rows that change are replaced and removed.
	p.here("CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric(10,2)); INSERT INTO orders SELECT g, 'c' || g % 5, g FROM generate_series(1, 100) g")
	p.here("START JOB totals AS SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer EMIT CHANGES INTO k WITH (" +
		"'k.type' = 'database', 'k.connection' = '$db', 'k.table' = '$schema.totals', 'k.key' = 'customer', 'k.create' = 'true')")
	totals := "SELECT customer, n, total FROM $schema.totals ORDER BY 1"
	p.soon(&p.theirs, totals, "c0|20|1050.00", "c1|20|970.00", "c2|20|990.00", "c3|20|1010.00", "c4|20|1030.00")
	p.here("DELETE FROM orders WHERE customer IN ('c1', 'c3'); UPDATE orders SET amount = 0 WHERE customer = 'c2'; INSERT INTO orders VALUES (101, 'c9', 7)")
	p.soon(&p.theirs, totals, "c0|20|1050.00", "c2|20|0.00", "c4|20|1030.00", "c9|1|7.00")
	p.same(p.there("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$schema.totals'::regclass AND attnum > 0 ORDER BY attnum"), "text", "bigint", "numeric")
	p.here("STOP JOB totals")

	p.here("CREATE STREAM g (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '2')")
	p.here("START JOB gone AS SELECT 'c' || n * 2 AS customer FROM g INTO d WITH ('d.type' = 'database', 'd.connection' = '$db', 'd.table' = '$schema.totals', 'd.mode' = 'delete')")
	p.soon(&p.theirs, "SELECT customer FROM $schema.totals ORDER BY 1", "c4", "c9")

	p.fails("SELECT 1 AS id INTO n1 WITH ('n1.type' = 'database', 'n1.connection' = '$db', 'n1.table' = '$schema.nowhere')", "42P01", "create = 'true'")
	p.fails("SELECT 1 AS id, 2 AS price INTO n2 WITH ('n2.type' = 'database', 'n2.connection' = '$db', 'n2.table' = '$schema.plain')", "42703", `column "price" of "n2" does not exist in table "$schema.plain"`)
	p.fails("SELECT 1 AS id INTO n3 WITH ('n3.type' = 'database', 'n3.connection' = '$db', 'n3.table' = '$schema.plain', 'n3.mode' = 'upsert')", "22023", "has no primary key")
	p.fails("SELECT 1 AS id INTO n4 WITH ('n4.type' = 'database', 'n4.connection' = '$db', 'n4.table' = '$schema.plain', 'n4.key' = 'id')", "42P10", "CREATE UNIQUE INDEX ON")
}

// TestSinkEqualKeys: keys that are equal and written differently are one row, whose
// last change remains, in a batch as in several.
func TestSinkEqualKeys(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.numerics (k numeric PRIMARY KEY, n int); CREATE TABLE $schema.floats (k float8 PRIMARY KEY, n int);" +
		"CREATE TABLE $schema.rounded (k numeric(10,1) PRIMARY KEY, n int)")
	into := func(table, typ string) {
		t.Helper()
		p.here("CREATE SINK " + table + " (k " + typ + ", n int) WITH (type = 'database', connection = '$db', 'table' = '$schema." + table + "', 'mode' = 'upsert')")
	}
	into("numerics", "numeric")
	p.here("INSERT INTO numerics SELECT CASE n WHEN 1 THEN 1.0 WHEN 2 THEN 1.00 WHEN 3 THEN 2 ELSE 1.000 END AS k, n FROM generate_series(1, 4) n")
	p.same(p.there("SELECT k::text, n FROM $schema.numerics ORDER BY k"), "1.000|4", "2|3")
	into("floats", "float8")
	p.here("INSERT INTO floats SELECT CASE n WHEN 1 THEN float8 '0' ELSE float8 '-0' END AS k, n FROM generate_series(1, 3) n")
	p.same(p.there("SELECT abs(k), n FROM $schema.floats"), "0|3")
	// What differs here is one there.
	into("rounded", "numeric")
	p.here("INSERT INTO rounded SELECT 1 + n * 0.01 AS k, n FROM generate_series(1, 6) n")
	p.same(p.there("SELECT k, n FROM $schema.rounded ORDER BY k"), "1.0|4", "1.1|6")
}

// TestSinkOrder: of a batch's changes of keys that are equal, the last counts: what is
// put and then removed is gone.
func TestSinkOrder(t *testing.T) {
	p := start(t)
	all := connectors.All()
	connector := all[slices.IndexFunc(all, func(c stream.Connector) bool { return c.Name() == "database" })]
	for i, key := range []types.OID{types.Numeric, types.Text} { // which is another type there
		table := fmt.Sprintf("ordered%d", i)
		p.there("CREATE TABLE $schema." + table + " (k numeric PRIMARY KEY, n int)")
		rel := conformance.Declare(connector, table, catalog.Sink, "connection", p.server.DSN(), "table", p.schema+"."+table)
		rel.Columns = []catalog.Column{{Name: "k", Type: types.Of(key)}, {Name: "n", Type: types.Of(types.Int4)}}
		sink, err := connector.Sink(p.ctx, &stream.Env{Metrics: &stream.Metrics{}}, rel, stream.SinkOptions{Job: "j", ID: "j", Changelog: true})
		if err != nil {
			t.Fatal(err)
		}
		b := vec.NewBatch([]types.Type{types.Of(key), types.Of(types.Int4)})
		for n, change := range []struct {
			op  vec.Op
			key string
		}{{vec.Insert, "1.0"}, {vec.Delete, "1.00"}, {vec.Delete, "2.00"}, {vec.Insert, "2.0"}, {vec.Insert, "3.0"}, {vec.Insert, "3.00"}} {
			v, err := types.Parse(types.Of(key), change.key, types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			vec.Append(b.Cols[0], v)
			vec.Append(b.Cols[1], types.Value{Type: types.Of(types.Int4), I: int64(n)})
			b.Ops = append(b.Ops, change.op)
			b.Rows++
		}
		if rejects, err := sink.Write(p.ctx, b); err != nil || len(rejects) > 0 {
			t.Errorf("writing the changes: %v, %v", rejects, err)
		}
		if _, err := sink.Prepare(p.ctx, 1); err != nil {
			t.Error(err)
		}
		p.same(p.there("SELECT trunc(k), n FROM $schema."+table+" ORDER BY k"), "2|3", "3|5")
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSinkDurable: what a sink commits is on the server's disk, whatever the server
// does otherwise.
func TestSinkDurable(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.settings (id int, sync text DEFAULT current_setting('synchronous_commit'))")
	p.there("DROP ROLE IF EXISTS sink_writer; CREATE ROLE sink_writer SUPERUSER LOGIN")
	defer p.there("DROP ROLE sink_writer")
	as := strings.Replace(p.server.DSN(), "postgres@", "sink_writer@", 1)
	p.here("CREATE SINK settings (id int) WITH (type = 'database', connection = '" + as + "', 'table' = '$schema.settings')")
	for i, set := range []string{"off", "local", "remote_apply", "on"} {
		p.there("ALTER ROLE sink_writer SET synchronous_commit = " + set)
		p.here(fmt.Sprintf("INSERT INTO settings VALUES (%d)", i))
	}
	p.same(p.there("SELECT id, sync FROM $schema.settings ORDER BY id"), "0|on", "1|local", "2|remote_apply", "3|on")
}

// TestSinkRefusals has rows that the table does not take refused, each by itself, and
// the others written.
func TestSinkRefusals(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.picky (id int PRIMARY KEY, n smallint NOT NULL CHECK (n <> 500)); INSERT INTO $schema.picky VALUES (42, 0)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '1200')")
	p.here("START JOB picky AS SELECT id, CASE WHEN id = 700 THEN NULL ELSE id * 33 END AS n FROM g INTO k WITH (" +
		"'k.type' = 'database', 'k.connection' = '$db', 'k.table' = '$schema.picky', 'k.failure_strategy' = 'LogAndContinue')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'picky'", "finished")
	// 42 is there already, 700 has no n, and from 993 on n is no smallint.
	p.same(p.there("SELECT count(*), count(*) FILTER (WHERE n = id * 33), max(id) FROM $schema.picky"), "992|991|992")
	p.soon(&p.ours, "SELECT rejected FROM ferris.jobs WHERE job_name = 'picky'", "209")
}

// TestExactlyOnce kills the gateway and crashes the database at random, while a job
// copies a table that grows into two others, one of them grouped.
func TestExactlyOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	server := postgres.Own(t, postgres.Options{})
	p := with(t, server)
	p.there("CREATE TABLE $schema.input (id bigserial PRIMARY KEY, k int); CREATE TABLE $schema.rows (id bigint, k int); CREATE TABLE $schema.groups (k int PRIMARY KEY, n bigint, last bigint)")
	p.here("CREATE STREAM input WITH (type = 'database', connection = '$db', 'table' = '$schema.input', 'incremental.column' = 'id', poll_interval = '10ms')")
	p.here("START JOB copying AS SELECT id, k FROM input INTO r WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'r.type' = 'database', 'r.connection' = '$db', 'r.table' = '$schema.rows')")
	p.here("START JOB grouping AS SELECT k, count(*) AS n, max(id) AS last FROM input GROUP BY k EMIT CHANGES INTO g WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'g.type' = 'database', 'g.connection' = '$db', 'g.table' = '$schema.groups')")
	rows := 0
	add := func() {
		rows += 200
		for {
			_, err := run(p.ctx, p.theirs, p.expand(fmt.Sprintf("INSERT INTO $schema.input (id, k) SELECT g, g %% 17 FROM generate_series(%d, %d) g ON CONFLICT DO NOTHING", rows-199, rows)))
			if err == nil {
				return
			}
			p.theirs = p.connect(server.DSN())
		}
	}
	for i := range p.kills() {
		add()
		if i%3 == 2 {
			if err := server.Crash(p.ctx); err != nil {
				t.Fatal(err)
			}
			p.theirs = p.connect(server.DSN())
		} else {
			p.moves()
			p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
			p.gateway.Kill()
			p.gateway = gateway.Start(t, p.options)
			p.ours = p.connect(p.gateway.URL())
		}
		add()
	}
	p.soon(&p.theirs, "SELECT count(*) FROM $schema.rows", fmt.Sprint(rows))
	p.same(p.there("SELECT count(DISTINCT id), min(id), max(id), count(*) FILTER (WHERE k <> id % 17) FROM $schema.rows"), fmt.Sprintf("%d|1|%d|0", rows, rows))
	p.soon(&p.theirs, "SELECT sum(n), max(last) FROM $schema.groups", fmt.Sprintf("%d|%d", rows, rows))
	p.same(p.there("SELECT * FROM $schema.groups ORDER BY k"), p.there("SELECT k, count(*), max(id) FROM $schema.input GROUP BY k ORDER BY k")...)
	p.same(p.there("SELECT count(*) FROM ferris_progress WHERE epoch > 0"), "2")
}

// moves waits until a job has written more.
func (p *pair) moves() {
	p.Helper()
	count := func() string { return p.there("SELECT count(*) FROM $schema.rows")[0] }
	before := count()
	for count() == before && p.ctx.Err() == nil {
		p.pause()
	}
}

// wait lets a random time pass, so that a kill falls anywhere.
func (p *pair) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.ctx.Done():
	}
}

// TestShutOut has the progress table fence off a second copy of a job's state.
func TestShutOut(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.out (id bigint)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '200')")
	p.here("START JOB writer AS SELECT id FROM g INTO k WITH (use_transactions = 'true', 'k.type' = 'database', 'k.connection' = '$db', 'k.table' = '$schema.out', 'k.progress.table' = '$schema.progress')")
	p.soon(&p.theirs, "SELECT count(*) > 10 FROM $schema.out", "t")
	p.there("UPDATE $schema.progress SET fence = fence + 1") // as another one's start does
	p.soon(&p.ours, "SELECT state || ' ' || (error LIKE '%another instance of it has begun to write%') FROM ferris.jobs WHERE job_name = 'writer'", "failed true")
	p.same(p.there("SELECT count(*) = max(id) + 1 FROM $schema.out"), "t")
	p.there("UPDATE $schema.progress SET epoch = epoch + 5")
	_, err := run(p.ctx, p.ours, "START JOB writer")
	p.soon(&p.ours, "SELECT state || ' ' || (error LIKE '%cannot go on: the state store has committed epoch%progress%names epoch%') FROM ferris.jobs WHERE job_name = 'writer'", "failed true")
	var e *pgconn.PgError
	if err != nil && !errors.As(err, &e) || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
