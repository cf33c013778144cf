package systems

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSlotOwed drops a job while the database is away, and kills the gateway before it
// is back: the slot goes when both are there again.
func TestSlotOwed(t *testing.T) {
	p := start(t)
	l, dsn := before(t, p)
	p.words = []string{"$line", dsn}
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY); INSERT INTO $schema.t VALUES (1)")
	p.here("CREATE STREAM t WITH (type = 'postgres', connection = '$line', 'table' = '$schema.t', cdc = 'true')")
	p.here("CREATE VIEW v AS SELECT id FROM t WHERE id > 0")
	others := p.there("SELECT coalesce(array_agg(slot_name::text), '{}') FROM pg_replication_slots")[0] // of tests before, whose gateways were killed
	slots := "SELECT count(*) FROM pg_replication_slots WHERE NOT temporary AND NOT active AND slot_name LIKE 'ferris\\_%' AND slot_name <> ALL ('" + others + "')"
	for i, again := range []func(){
		func() {},
		func() { p.gateway.Kill(); p.again() },
	} {
		p.here("CREATE TABLE m (id int PRIMARY KEY)")
		p.here("START JOB m AS SELECT id FROM v INTO m")
		p.mirrors("m", "$schema.t", "id", "id")
		p.here("STOP JOB m")
		p.soon(&p.theirs, slots, "1")
		l.set(true)
		p.here("DROP JOB m")
		p.here("DROP TABLE m")
		if i == 1 {
			p.here("DROP STREAM t CASCADE") // what it said is not needed
		}
		again()
		p.same(p.there(slots), "1")
		l.set(false)
		p.soon(&p.theirs, slots, "0")
	}
}

// TestSlotNamed: a slot that the stream names is one job's at a time, and that which is
// dropped does not take the next one's.
func TestSlotNamed(t *testing.T) {
	p := start(t)
	l, dsn := before(t, p)
	p.words = []string{"$line", dsn}
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY); INSERT INTO $schema.t VALUES (1)")
	p.here("CREATE STREAM t WITH (type = 'postgres', connection = '$line', 'table' = '$schema.t', cdc = 'true', 'slot.name' = 'named_$schema')")
	p.here("CREATE TABLE m (id int PRIMARY KEY)")
	p.here("CREATE TABLE n (id int PRIMARY KEY)")
	p.here("START JOB m AS SELECT id FROM t INTO m")
	p.mirrors("m", "$schema.t", "id", "id")
	p.fails("START JOB n AS SELECT id FROM t INTO n", "55006", `is that of job "m"`)
	p.here("STOP JOB m")
	p.fails("START JOB n AS SELECT id FROM t INTO n", "55006", `is that of job "m"`)
	for range 5 { // the one that is gone, and the one that begins, want it at the same time
		p.here("DROP JOB m")
		p.here("START JOB m AS SELECT id FROM t INTO m")
		p.there("INSERT INTO $schema.t SELECT max(id) + 1 FROM $schema.t")
		p.mirrors("m", "$schema.t", "id", "id")
	}
	// What is owed for the one that is gone is not taken from the next one, which has
	// the slot when the server is told.
	p.here("STOP JOB m")
	l.set(true)
	p.here("DROP JOB m")
	l.set(false)
	p.here("START JOB m AS SELECT id FROM t INTO m")
	p.there("INSERT INTO $schema.t SELECT max(id) + 1 FROM $schema.t")
	p.mirrors("m", "$schema.t", "id", "id")
	p.here("STOP JOB m")
	p.gateway.Kill()
	p.again()
	p.same(p.there("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'named_$schema'"), "1")
	p.here("DROP JOB m")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'named_$schema'", "0")
}

// TestChangesUnread changes a row that was left out, without the value that the log does
// not repeat: on_error says what is done, as when the row came.
func TestChangesUnread(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY, n text, body text); ALTER TABLE $schema.t ALTER body SET STORAGE EXTERNAL;" +
		"INSERT INTO $schema.t SELECT g, CASE g WHEN 2 THEN 'two' ELSE g::text END, repeat('x', 10000) FROM generate_series(1, 3) g")
	p.here("CREATE STREAM t (id int PRIMARY KEY, n int, body text) WITH (type = 'postgres', connection = '$db', 'table' = '$schema.t', cdc = 'true', on_error = 'skip')")
	p.here("CREATE TABLE m (id int PRIMARY KEY, n int, body text)")
	p.here("START JOB m AS SELECT * FROM t INTO m")
	rows := "SELECT id, n, length(body) FROM m ORDER BY id"
	p.soon(&p.ours, rows, "1|1|10000", "3|3|10000")
	// rows_in has the rows of the snapshot, and no mark.
	p.soon(&p.ours, "SELECT rows_in, rejected FROM ferris.jobs WHERE job_name = 'm'", "2|1")
	p.there("UPDATE $schema.t SET n = '2' WHERE id = 2; UPDATE $schema.t SET n = '33' WHERE id = 3")
	p.soon(&p.ours, rows, "1|1|10000", "3|33|10000")
	p.soon(&p.ours, "SELECT rows_in, rejected, state FROM ferris.jobs WHERE job_name = 'm'", "4|2|running")
	p.there("UPDATE $schema.t SET n = '22', body = 'whole' WHERE id = 2")
	p.soon(&p.ours, rows, "1|1|10000", "2|22|5", "3|33|10000")

	// A row that is read stays as it was when a change of it is left out. What that had
	// of long values is not repeated, and what the row has is not it.
	rejected := func(n string) {
		t.Helper()
		p.soon(&p.ours, "SELECT rejected, state FROM ferris.jobs WHERE job_name = 'm'", n+"|running")
	}
	p.there("UPDATE $schema.t SET n = 'one', body = repeat('y', 9000) WHERE id = 1; UPDATE $schema.t SET n = 'three' WHERE id = 3")
	rejected("4")
	p.gateway.Kill()
	p.again()
	p.there("UPDATE $schema.t SET n = '11' WHERE id = 1; UPDATE $schema.t SET n = '34' WHERE id = 3")
	p.soon(&p.ours, rows, "1|1|10000", "2|22|5", "3|34|10000")
	rejected("5")
	p.there("UPDATE $schema.t SET n = '111', body = repeat('z', 8000) WHERE id = 1; UPDATE $schema.t SET n = '112' WHERE id = 1")
	p.soon(&p.ours, rows, "1|112|8000", "2|22|5", "3|34|10000")
	p.here("DROP JOB m")
}

// TestStopInTransaction stops jobs of one task and of two while a server that hangs has
// sent half of a transaction: they stop, keep none of it, and read it again.
func TestStopInTransaction(t *testing.T) {
	p := start(t)
	l, dsn := before(t, p)
	p.words = []string{"$line", dsn}
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY, body text); INSERT INTO $schema.t VALUES (1, 'x')")
	p.here("CREATE STREAM t WITH (type = 'postgres', connection = '$line', 'table' = '$schema.t', cdc = 'true')")
	for _, tasks := range []string{"1", "2"} {
		p.here("CREATE TABLE m (one int PRIMARY KEY, n bigint)")
		p.here("START JOB m AS SELECT 1 AS one, count(*) AS n FROM t GROUP BY 1 EMIT CHANGES INTO m WITH (parallelism = '" + tasks + "')")
		p.soon(&p.ours, "SELECT n FROM m", p.there("SELECT count(*) FROM $schema.t")...)
		was := p.here("SELECT n FROM m")
		read := p.read()
		l.holdAfter(300 << 10)
		p.there("INSERT INTO $schema.t SELECT m + g, repeat('y', 100) FROM (SELECT max(id) AS m FROM $schema.t) x, generate_series(1, 10000) g")
		p.eventually(func() []string { return []string{fmt.Sprint(l.holds() && p.read() > read+1000)} }, "true") // of the transaction, in part
		begun := time.Now()
		p.here("STOP JOB m")
		if took := time.Since(begun); took > limit/2 {
			t.Errorf("STOP took %v", took)
		}
		p.same(p.here("SELECT n FROM m"), was...)
		l.release()
		p.here("START JOB m")
		p.soon(&p.ours, "SELECT n FROM m", p.there("SELECT count(*) FROM $schema.t")...)
		p.here("DROP JOB m")
		p.here("DROP TABLE m")
	}
}

// TestChangesRole: a role that may not read changes is refused where the job is made,
// and the stream, if its columns are asked for there.
func TestChangesRole(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY); CREATE ROLE \"no replication\" LOGIN; GRANT USAGE ON SCHEMA $schema TO \"no replication\"; GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO \"no replication\"")
	p.words = []string{"$plain", strings.Replace(p.server.DSN(), "postgres@", "no%20replication@", 1)}
	options := " WITH (type = 'postgres', connection = '$plain', 'table' = '$schema.t', cdc = 'true', 'slot.name' = 'role_$schema')"
	p.fails("CREATE STREAM t"+options, "42501", `Run ALTER ROLE "no replication" REPLICATION there.`)
	p.here("CREATE STREAM t (id int PRIMARY KEY)" + options)
	start := "START JOB j AS SELECT id FROM t INTO k WITH ('k.type' = 'blackhole')"
	p.fails(start, "42501", `Run ALTER ROLE "no replication" REPLICATION there.`)
	p.there("CREATE PUBLICATION ferris_$schema_t FOR TABLE $schema.t; ALTER ROLE \"no replication\" REPLICATION")
	p.here(start)
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'j'", "running")
	p.here("DROP JOB j")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'role_$schema'", "0")
	p.there("DROP OWNED BY \"no replication\"; DROP ROLE \"no replication\"")
}

// read is how many records the gateway has read.
func (p *pair) read() (n int64) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.ctx, http.MethodGet, "http://"+p.gateway.HTTP+"/metrics", nil)
	if err != nil {
		p.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "ferris_source_records_total %d", &n); err == nil {
			return n
		}
	}
	p.Fatal("/metrics has no ferris_source_records_total")
	return 0
}
