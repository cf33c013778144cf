package systems

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// same table here and there: what a job keeps of a table's changes is the table.
func (p *pair) mirrors(here, there, columns, key string) {
	p.Helper()
	query := "SELECT " + columns + " FROM %s ORDER BY " + key
	p.eventually(func() []string {
		rows, err := run(p.ctx, p.ours, p.expand(fmt.Sprintf(query, here)))
		if err != nil {
			return []string{err.Error()}
		}
		return rows
	}, p.there(fmt.Sprintf(query, there))...)
}

// failsSoon waits until a job has failed with a text.
func (p *pair) failsSoon(job, text string) {
	p.Helper()
	p.soon(&p.ours, "SELECT CASE WHEN strpos(error, '"+strings.ReplaceAll(text, "'", "''")+"') > 0 THEN state ELSE error END FROM ferris.jobs WHERE job_name = '"+job+"'", "failed")
}

// TestChanges follows a table by its log: rows that are added, changed, moved to
// another key and removed, with values that the log leaves out, and TRUNCATE.
func TestChanges(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.docs (id int PRIMARY KEY, title text, body text, n numeric(10,2), ok boolean, c char(6), at timestamptz, tags text[]);" +
		"ALTER TABLE $schema.docs ALTER body SET STORAGE EXTERNAL;" +
		"INSERT INTO $schema.docs SELECT g, 't' || g, repeat(md5(g::text), 100), g * 1.5, g % 2 = 0, 'c' || g, '2024-01-01 00:00:00Z'::timestamptz + g * interval '1 hour', ARRAY['a', g::text] FROM generate_series(1, 300) g")
	p.here("CREATE STREAM docs WITH (type = 'postgres', connection = '$db', 'table' = '$schema.docs', cdc = 'true')")
	p.same(p.here("SELECT count(*), sum(n) FROM docs"), p.there("SELECT count(*), sum(n) FROM $schema.docs")...)
	p.here("CREATE TABLE mirror (id int PRIMARY KEY, title text, body text, n numeric(10,2), ok boolean, c char(6), at timestamptz, tags text[])")
	p.here("START JOB mirror AS SELECT * FROM docs INTO mirror")
	p.here("CREATE TABLE sums (ok boolean PRIMARY KEY, rows bigint, total numeric, longest int)")
	p.here("START JOB sums AS SELECT ok, count(*) AS rows, sum(n) AS total, max(length(body)) AS longest FROM docs GROUP BY ok EMIT CHANGES INTO sums WITH (parallelism = '2')")
	columns := "id, title, md5(body), n, ok, c, at, tags"
	check := func() {
		t.Helper()
		p.mirrors("mirror", "$schema.docs", columns, "id")
		p.soon(&p.ours, "SELECT ok, rows, total, longest FROM sums ORDER BY ok", p.there("SELECT ok, count(*), sum(n), max(length(body)) FROM $schema.docs GROUP BY ok ORDER BY ok")...)
	}
	check()
	p.there("UPDATE $schema.docs SET title = 'changed' WHERE id % 7 = 0; DELETE FROM $schema.docs WHERE id % 11 = 0; INSERT INTO $schema.docs VALUES (5000, NULL, NULL, NULL, true, NULL, NULL, NULL)")
	check()
	p.there("UPDATE $schema.docs SET id = id + 10000 WHERE id % 13 = 0") // the body stays, and is not sent
	check()
	p.there("BEGIN; UPDATE $schema.docs SET body = 'short' WHERE id = 1; UPDATE $schema.docs SET title = 'twice' WHERE id = 1; DELETE FROM $schema.docs WHERE id = 2; INSERT INTO $schema.docs (id, title, ok) VALUES (2, 'again', false); COMMIT")
	check()
	p.there("ALTER TABLE $schema.docs REPLICA IDENTITY FULL; UPDATE $schema.docs SET n = n + 1 WHERE id % 3 = 0; UPDATE $schema.docs SET id = -id WHERE id % 17 = 0; DELETE FROM $schema.docs WHERE id % 19 = 0")
	check()
	p.there("ALTER TABLE $schema.docs ADD extra int DEFAULT 7; UPDATE $schema.docs SET extra = 8, title = 'wider' WHERE id < 100")
	check()
	p.there("TRUNCATE $schema.docs; INSERT INTO $schema.docs (id, title, ok) VALUES (1, 'first', true)")
	check()
	// What is gone in the log is said, and what is declared otherwise is a fault of its row.
	p.there("ALTER TABLE $schema.docs DROP title; INSERT INTO $schema.docs (id) VALUES (77)")
	p.failsSoon("mirror", `column "title" of "docs" has gone from the changes of table "`+p.schema+`.docs" of PostgreSQL at`)
	// To bring it back does not change what is in the log; the hint says what helps.
	p.there("ALTER TABLE $schema.docs ADD title text")
	p.here("START JOB mirror")
	p.failsSoon("mirror", `column "title" of "docs" has gone from the changes`)
	p.same(p.here("SELECT sqlstate, hint LIKE 'They have id, body, %DROP the job and create it again, which then reads the table anew.' FROM ferris.jobs WHERE job_name = 'mirror'"), "42703|t")
	p.here("DROP JOB mirror")
	p.here("START JOB mirror AS SELECT * FROM docs INTO mirror")
	p.mirrors("mirror", "$schema.docs", columns, "id")
	p.here("STOP JOB sums")
	p.here("STOP JOB mirror")
	if plan := strings.Join(p.here("EXPLAIN SELECT ok, count(*) FROM docs WHERE id > 5 GROUP BY ok EMIT CHANGES"), "\n"); !strings.Contains(plan, "Stream Changes on docs") || strings.Contains(plan, "Pushed") {
		t.Errorf("the plan does not say that changes are read:\n%s", plan)
	}
	if plan := strings.Join(p.here("EXPLAIN SELECT ok, count(*) FROM docs WHERE id > 5 GROUP BY ok"), "\n"); !strings.Contains(plan, "Pushed Filter: (id > 5)") {
		t.Errorf("the condition is not pushed down:\n%s", plan)
	}
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name LIKE 'ferris\\_%'", "0")
	p.same(p.there("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'ferris\\_%'"), "2")
	p.here("DROP JOB sums")
	p.here("DROP JOB mirror")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'ferris\\_%'", "0")
}

// TestChangesLive shows changes to a client as they commit, and leaves no slot behind.
func TestChangesLive(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.stock (sku text PRIMARY KEY, n int); INSERT INTO $schema.stock VALUES ('a', 1), ('b', 2)")
	p.here("CREATE STREAM stock (sku text, n int, PRIMARY KEY (sku)) WITH (type = 'postgres', connection = '$db', 'table' = '$schema.stock', cdc = 'true')")
	live := p.connect(p.gateway.URL())
	p.must(live, "BEGIN; DECLARE c CURSOR FOR SELECT sku, n FROM stock EMIT CHANGES")
	if got := p.fetched(live, 2); got != "+|a|1; +|b|2" {
		t.Errorf("the snapshot is %q", got)
	}
	p.soon(&p.theirs, "SELECT temporary FROM pg_replication_slots WHERE active AND slot_name LIKE 'ferris\\_query\\_%'", "t")
	p.there("BEGIN; UPDATE $schema.stock SET n = 5 WHERE sku = 'a'; DELETE FROM $schema.stock WHERE sku = 'b'; INSERT INTO $schema.stock VALUES ('c', 3); COMMIT")
	if got := p.fetched(live, 4); got != "+|a|5; +|c|3; -|a|1; -|b|2" {
		t.Errorf("the changes are %q", got)
	}
	p.must(live, "CLOSE c; COMMIT")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'ferris\\_query\\_%'", "0")
}

// TestChangesRefused has messages that say what is to be done.
func TestChangesRefused(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.nokey (id int); CREATE TABLE $schema.t (id int PRIMARY KEY, other int, twice int GENERATED ALWAYS AS (id * 2) STORED); CREATE VIEW $schema.v AS SELECT * FROM $schema.t; CREATE UNLOGGED TABLE $schema.u (id int PRIMARY KEY)")
	with := func(table, more string) string {
		return " WITH (type = 'postgres', connection = '$db', 'table' = '$schema." + table + "', cdc = 'true'" + more + ")"
	}
	p.fails("CREATE STREAM x"+with("nokey", ""), "42P16", "has no primary key, by which changes find their rows")
	p.fails("CREATE STREAM x (id int)"+with("t", ""), "22023", "PRIMARY KEY")
	p.fails("CREATE STREAM x (id int PRIMARY KEY)"+with("t", ", 'incremental.column' = 'id'"), "22023", "nothing beside cdc")
	p.fails("CREATE STREAM x (id int PRIMARY KEY)"+with("t", ", 'slot.name' = 'Slot'"), "22023", "lower case letters")
	read := func(columns, table, code, text string) {
		t.Helper()
		p.here("CREATE STREAM x (" + columns + ")" + with(table, ""))
		p.fails("SELECT * FROM x", code, text)
		p.here("DROP STREAM x")
	}
	read("id int PRIMARY KEY", "v", "0A000", "no table of its own")
	read("id int PRIMARY KEY", "u", "55000", "SET LOGGED")
	read("id int PRIMARY KEY, twice int", "t", "0A000", "is a generated one")
	read("other int PRIMARY KEY", "t", "55000", "REPLICA IDENTITY FULL")
	p.there("DROP ROLE IF EXISTS plain_reader; CREATE ROLE plain_reader LOGIN; GRANT USAGE ON SCHEMA $schema TO plain_reader; GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO plain_reader")
	as := strings.Replace(p.server.DSN(), "postgres@", "plain_reader@", 1)
	declare := "CREATE STREAM y (id int PRIMARY KEY) WITH (type = 'postgres', connection = '" + as + "', 'table' = '$schema.t', cdc = 'true'"
	p.here(declare + ")")
	p.there("ALTER ROLE plain_reader REPLICATION")
	p.here("START JOB y AS SELECT id FROM y INTO k WITH ('k.type' = 'blackhole')")
	p.failsSoon("y", `creating publication "ferris_`+p.schema+`_t"`)
	p.there("CREATE PUBLICATION ferris_" + p.schema + "_t FOR TABLE $schema.t")
	p.there("ALTER ROLE plain_reader NOREPLICATION")
	p.fails("START JOB y", "42501", "may not read changes")
	p.here("DROP JOB y")
	p.there("CREATE PUBLICATION empty_" + p.schema)
	p.here("CREATE STREAM z (id int PRIMARY KEY)" + with("t", ", 'publication.name' = 'empty_$schema'"))
	p.here("START JOB z AS SELECT id FROM z INTO k2 WITH ('k2.type' = 'blackhole')")
	p.failsSoon("z", "does not have table")
	p.here("DROP JOB z")
	p.there("DROP OWNED BY plain_reader; DROP ROLE plain_reader")
}

// TestChangesWalLevel: a server that does not tell its changes says what to set.
func TestChangesWalLevel(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("it needs a server of its own: FERRIS_TIER=long")
	}
	server := postgres.Own(t, postgres.Options{Settings: []string{"wal_level=replica"}})
	p := with(t, server)
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY)")
	p.fails("CREATE STREAM t WITH (type = 'postgres', connection = '$db', 'table' = '$schema.t', cdc = 'true')", "55000", "ALTER SYSTEM SET wal_level = logical")
}

// TestChangesSlotLost drops a job's slot while it is stopped, and changes the table
// meanwhile.
func TestChangesSlotLost(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.t (id int PRIMARY KEY, v int); INSERT INTO $schema.t SELECT g, g FROM generate_series(1, 1000) g")
	p.here("CREATE STREAM t WITH (type = 'postgres', connection = '$db', 'table' = '$schema.t', cdc = 'true', 'slot.name' = 'lost_$schema')")
	p.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
	p.here("START JOB m AS SELECT * FROM t INTO m")
	p.mirrors("m", "$schema.t", "id, v", "id")
	p.here("STOP JOB m")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'lost_$schema' AND NOT active", "1")
	p.there("SELECT pg_drop_replication_slot('lost_$schema'); DELETE FROM $schema.t WHERE id > 900; UPDATE $schema.t SET v = -1 WHERE id <= 10; INSERT INTO $schema.t VALUES (5000, 5000)")
	p.here("START JOB m")
	p.failsSoon("m", "is lost: it was dropped")
	p.here("CREATE OR REPLACE STREAM t WITH (type = 'postgres', connection = '$db', 'table' = '$schema.t', cdc = 'true', 'slot.name' = 'lost_$schema', on_data_loss = 'snapshot')")
	p.here("START JOB m")
	p.mirrors("m", "$schema.t", "id, v", "id")
	p.there("UPDATE $schema.t SET v = 0 WHERE id = 5000")
	p.mirrors("m", "$schema.t", "id, v", "id")
	p.here("DROP JOB m")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'lost_$schema'", "0")
}

// TestChangesHeartbeat: the slot of a table that does not change moves on, and after a
// stop the server is told what was committed.
func TestChangesHeartbeat(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.still (id int PRIMARY KEY); CREATE TABLE $schema.other (t text); INSERT INTO $schema.still VALUES (1)")
	p.here("CREATE STREAM still WITH (type = 'postgres', connection = '$db', 'table' = '$schema.still', cdc = 'true', 'slot.name' = 'still_$schema', heartbeat_interval = '50ms')")
	p.here("CREATE TABLE m (id int PRIMARY KEY)")
	p.here("START JOB m AS SELECT * FROM still INTO m")
	p.mirrors("m", "$schema.still", "id", "id")
	at := p.there("SELECT pg_current_wal_lsn()")[0]
	p.there("INSERT INTO $schema.other SELECT repeat('x', 100) FROM generate_series(1, 1000)")
	p.soon(&p.theirs, "SELECT confirmed_flush_lsn > '"+at+"' FROM pg_replication_slots WHERE slot_name = 'still_$schema'", "t")
	p.here("DROP JOB m")
}

// TestChangesExactlyOnce kills the gateway and crashes the database while transactions
// move amounts between accounts: every answer has the whole of each, and at the end
// what was kept, and what was written to a third table, is what there is.
func TestChangesExactlyOnce(t *testing.T) {
	kills := 3
	if os.Getenv("FERRIS_TIER") == "long" {
		kills = 50
	}
	server := postgres.Own(t, postgres.Options{})
	p := with(t, server)
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), limit+time.Duration(kills)*10*time.Second)
	defer cancel()
	const accounts = 200
	p.there(fmt.Sprintf("CREATE TABLE $schema.accounts (id int PRIMARY KEY, owner text, balance bigint); INSERT INTO $schema.accounts SELECT g, repeat('o', g), 1000 FROM generate_series(1, %d) g;", accounts) +
		"CREATE TABLE $schema.copy (id int PRIMARY KEY, owner text, balance bigint); CREATE TABLE $schema.total (one int PRIMARY KEY, n bigint, total numeric)")
	p.here("CREATE STREAM accounts WITH (type = 'postgres', connection = '$db', 'table' = '$schema.accounts', cdc = 'true', heartbeat_interval = '100ms')")
	options := "use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms', 'k.type' = 'postgres', 'k.connection' = '$db'"
	p.here("START JOB copying AS SELECT * FROM accounts INTO k WITH (" + options + ", 'k.table' = '$schema.copy')")
	p.here("START JOB adding AS SELECT 1 AS one, count(*) AS n, sum(balance) AS total FROM accounts GROUP BY 1 EMIT CHANGES INTO s WITH (" +
		strings.ReplaceAll(options, "'k.", "'s.") + ", 's.table' = '$schema.total')")
	p.soon(&p.theirs, "SELECT n, total FROM $schema.total", fmt.Sprintf("%d|%d", accounts, accounts*1000))
	transfer := func() {
		for range 20 {
			from, to, by := 1+rand.IntN(accounts), 1+rand.IntN(accounts), rand.IntN(100)
			sql := fmt.Sprintf("BEGIN; UPDATE $schema.accounts SET balance = balance - %d WHERE id = %d; UPDATE $schema.accounts SET balance = balance + %d WHERE id = %d; COMMIT", by, from, by, to)
			if rand.IntN(5) == 0 { // an account is closed, and one opened with what was in it
				sql = fmt.Sprintf("UPDATE $schema.accounts SET id = 100000 + %d WHERE id = %d; UPDATE $schema.accounts SET id = %d WHERE id = 100000 + %d", from, from, from, from)
			}
			if _, err := run(p.ctx, p.theirs, p.expand(sql)); err != nil {
				p.theirs = p.connect(server.DSN())
				return
			}
		}
	}
	for i := range kills {
		transfer()
		if i%3 == 2 {
			if err := server.Crash(p.ctx); err != nil {
				t.Fatal(err)
			}
			p.theirs = p.connect(server.DSN())
		} else {
			p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
			p.gateway.Kill()
			p.gateway = gateway.Start(t, p.options)
			p.ours = p.connect(p.gateway.URL())
		}
		transfer()
		// No commit is seen in part.
		p.same(p.there("SELECT n, total FROM $schema.total"), fmt.Sprintf("%d|%d", accounts, accounts*1000))
	}
	p.there("UPDATE $schema.accounts SET owner = 'last' WHERE id = 1")
	p.soon(&p.theirs, "SELECT owner FROM $schema.copy WHERE id = 1", "last")
	p.same(p.there("SELECT * FROM $schema.copy ORDER BY id"), p.there("SELECT * FROM $schema.accounts ORDER BY id")...)
	p.soon(&p.theirs, "SELECT n, total FROM $schema.total", fmt.Sprintf("%d|%d", accounts, accounts*1000))
}
