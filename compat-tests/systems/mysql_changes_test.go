package systems

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
)

// mirrors waits until a query gives the same here and there.
func (p *mariaPair) mirrors(here, there string) {
	p.Helper()
	want := p.there(there)
	p.soon(&p.ours, here, want...)
}

// TestMySQLChanges follows a table by the binlog: rows that are added, changed, moved to
// another key and removed, transactions over several tables, DDL between, and TRUNCATE.
func TestMySQLChanges(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE docs (id int PRIMARY KEY, title varchar(40), body text, n decimal(10,2), ok boolean, at datetime(3)); CREATE TABLE others (id int PRIMARY KEY, t text);" +
		"INSERT INTO docs SELECT seq, concat('t', seq), repeat(md5(seq), 100), seq * 1.5, seq % 2 = 0, '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_300")
	p.here("CREATE STREAM docs WITH (type = 'mysql', connection = '$db', 'table' = 'docs', cdc = 'true')")
	p.same(p.here("SELECT count(*), sum(n) FROM docs"), p.there("SELECT count(*), sum(n) FROM docs")...)
	p.here("CREATE TABLE mirror (id int PRIMARY KEY, title text, body text, n numeric(10,2), ok boolean, at timestamp)")
	p.here("START JOB mirror AS SELECT * FROM docs INTO mirror")
	p.here("CREATE TABLE sums (ok boolean PRIMARY KEY, rows bigint, total numeric, longest int)")
	p.here("START JOB sums AS SELECT ok, count(*) AS rows, sum(n) AS total, max(length(body)) AS longest FROM docs GROUP BY ok EMIT CHANGES INTO sums WITH (parallelism = '2')")
	check := func() {
		t.Helper()
		p.mirrors("SELECT id, title, md5(body), n, CASE WHEN ok THEN 1 WHEN NOT ok THEN 0 END, to_char(at, 'YYYY-MM-DD HH24:MI:SS.MS') FROM mirror ORDER BY id",
			"SELECT id, title, md5(body), n, ok, concat(date_format(at, '%Y-%m-%d %H:%i:%s.'), left(date_format(at, '%f'), 3)) FROM docs ORDER BY id")
		p.mirrors("SELECT CASE WHEN ok THEN 1 WHEN NOT ok THEN 0 END, rows, total, longest FROM sums ORDER BY ok NULLS FIRST", "SELECT ok, count(*), sum(n), max(length(body)) FROM docs GROUP BY ok ORDER BY ok")
	}
	p.db.SetMaxIdleConns(0) // each statement in a session of its own
	check()
	p.there("UPDATE docs SET title = 'changed' WHERE id % 7 = 0; DELETE FROM docs WHERE id % 11 = 0; INSERT INTO docs VALUES (5000, NULL, NULL, NULL, true, NULL)")
	check()
	p.there("UPDATE docs SET id = id + 10000 WHERE id % 13 = 0")
	check()
	p.there("START TRANSACTION; INSERT INTO others VALUES (1, 'x'); UPDATE docs SET body = 'short' WHERE id = 1; SAVEPOINT a; UPDATE docs SET title = 'undone' WHERE id < 100; ROLLBACK TO a;" +
		" UPDATE docs SET title = 'twice' WHERE id = 1; DELETE FROM docs WHERE id = 2; UPDATE others SET t = 'y'; INSERT INTO docs (id, title, ok) VALUES (2, 'again', false); COMMIT")
	check()
	p.there("START TRANSACTION; UPDATE docs SET title = 'nobody sees it'; ROLLBACK; DELETE FROM others; TRUNCATE others; DROP TABLE others; CREATE TABLE others (id int)")
	check()
	p.there("ALTER TABLE docs ADD extra int DEFAULT 7 FIRST, ADD INDEX (title); UPDATE docs SET extra = 8, title = 'wider' WHERE id < 100; ALTER TABLE docs RENAME COLUMN extra TO more, MODIFY id bigint; INSERT INTO docs (id, ok) VALUES (6000, true)")
	check()
	p.there("TRUNCATE docs; INSERT INTO docs (id, title, ok) VALUES (1, 'first', true)")
	check()
	// A job goes on where it was.
	p.here("STOP JOB mirror")
	p.there("INSERT INTO docs (id, title, ok) VALUES (2, 'while it is stopped', true); FLUSH BINARY LOGS; UPDATE docs SET title = 'changed' WHERE id = 1; DELETE FROM docs WHERE id = 1")
	p.here("START JOB mirror")
	check()
	p.there("ALTER TABLE docs DROP title; INSERT INTO docs (id) VALUES (77)")
	p.failsSoon("mirror", `column "title" of "docs" has gone from the changes of table "docs" of MySQL at`)
	p.there("ALTER TABLE docs ADD title varchar(40)")
	if plan := strings.Join(p.here("EXPLAIN SELECT ok, count(*) FROM docs WHERE id > 5 GROUP BY ok EMIT CHANGES"), "\n"); !strings.Contains(plan, "Stream Changes on docs") || strings.Contains(plan, "Pushed") {
		t.Errorf("the plan does not say that changes are read:\n%s", plan)
	}
	p.here("DROP JOB sums")
	p.here("DROP JOB mirror")
}

// TestMySQLChangesLive shows changes to a client as they commit.
func TestMySQLChangesLive(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE stock (sku varchar(10) PRIMARY KEY, n int); INSERT INTO stock VALUES ('a', 1), ('b', 2)")
	p.here("CREATE STREAM stock (sku text, n int, PRIMARY KEY (sku)) WITH (type = 'mariadb', connection = '$jdbc', 'table' = 'stock', cdc = 'true')")
	live := p.connect(p.gateway.URL())
	p.must(live, "BEGIN; DECLARE c CURSOR FOR SELECT sku, n FROM stock EMIT CHANGES")
	fetch := func(want int) string {
		var rows []string
		for len(rows) < want && p.ctx.Err() == nil {
			rows = append(rows, p.must(live, "FETCH 1 FROM c")...)
		}
		slices.Sort(rows)
		return strings.Join(rows, "; ")
	}
	if got := fetch(2); got != "+|a|1; +|b|2" {
		t.Errorf("the snapshot is %q", got)
	}
	p.there("START TRANSACTION; UPDATE stock SET n = 5 WHERE sku = 'a'; DELETE FROM stock WHERE sku = 'b'; INSERT INTO stock VALUES ('c', 3); COMMIT")
	if got := fetch(4); got != "+|a|5; +|c|3; -|a|1; -|b|2" {
		t.Errorf("the changes are %q", got)
	}
	p.must(live, "CLOSE c; COMMIT")
}

// TestMySQLChangesTypes reads each type from the log as a SELECT has it.
func TestMySQLChangesTypes(t *testing.T) {
	p := startMaria(t)
	p.there(everyKind)
	p.here("SET TimeZone = 'UTC'")
	p.here("CREATE STREAM every_kind WITH (type = 'mysql', connection = '$db', 'table' = 'every_kind', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT * FROM every_kind")
	rows := "SELECT * FROM mirror ORDER BY id"
	p.soon(&p.ours, rows, everyKindHere...)
	p.there("CREATE TABLE kept AS SELECT * FROM every_kind; DELETE FROM every_kind")
	p.soon(&p.ours, rows)
	p.there("INSERT INTO every_kind SELECT * FROM kept")
	p.soon(&p.ours, rows, everyKindHere...)
}

// TestMySQLChangesExactlyOnce kills the gateway and crashes the database while
// transactions move amounts between accounts: every answer has the whole of each, and at
// the end what was kept, and what was written to a third table, is what there is.
func TestMySQLChangesExactlyOnce(t *testing.T) {
	times := 3
	if kills() > 10 {
		times = kills()
	}
	server, err := mariadb.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	p := withMaria(t, server)
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), limit+time.Duration(times)*15*time.Second)
	defer cancel()
	const accounts = 200
	p.there(fmt.Sprintf("CREATE TABLE accounts (id int PRIMARY KEY, owner text, balance bigint); INSERT INTO accounts SELECT seq, repeat('o', seq), 1000 FROM seq_1_to_%d;", accounts) +
		"CREATE TABLE copy (id int PRIMARY KEY, owner text, balance bigint); CREATE TABLE total (one int PRIMARY KEY, n bigint, total decimal(30))")
	p.here("CREATE STREAM accounts WITH (type = 'mysql', connection = '$db', 'table' = 'accounts', cdc = 'true', heartbeat_interval = '100ms')")
	options := "use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms', 'k.type' = 'mysql', 'k.connection' = '$db'"
	p.here("START JOB copying AS SELECT * FROM accounts INTO k WITH (" + options + ", 'k.table' = 'copy')")
	p.here("START JOB adding AS SELECT 1 AS one, count(*) AS n, sum(balance) AS total FROM accounts GROUP BY 1 EMIT CHANGES INTO s WITH (" +
		strings.ReplaceAll(options, "'k.", "'s.") + ", 's.table' = 'total')")
	p.thereSoon("SELECT n, total FROM total", fmt.Sprintf("%d|%d", accounts, accounts*1000))
	transfer := func() {
		for range 20 {
			from, to, by := 1+rand.IntN(accounts), 1+rand.IntN(accounts), rand.IntN(100)
			sql := fmt.Sprintf("START TRANSACTION; UPDATE accounts SET balance = balance - %d WHERE id = %d; UPDATE accounts SET balance = balance + %d WHERE id = %d; COMMIT", by, from, by, to)
			if rand.IntN(5) == 0 { // an account is closed, and one opened with what was in it
				sql = fmt.Sprintf("START TRANSACTION; UPDATE accounts SET id = 100000 + %d WHERE id = %d; UPDATE accounts SET id = %d WHERE id = 100000 + %d; COMMIT", from, from, from, from)
			}
			p.there(sql)
		}
	}
	for i := range times {
		transfer()
		if i%3 == 2 {
			if err := server.Crash(p.ctx); err != nil {
				t.Fatal(err)
			}
		} else {
			p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
			p.gateway.Kill()
			p.gateway = gateway.Start(t, p.options)
			p.ours = p.connect(p.gateway.URL())
		}
		transfer()
		// No commit is seen in part.
		p.same(p.there("SELECT n, total FROM total"), fmt.Sprintf("%d|%d", accounts, accounts*1000))
	}
	p.there("UPDATE accounts SET owner = 'last' WHERE id = 1")
	p.thereSoon("SELECT owner FROM copy WHERE id = 1", "last")
	p.same(p.there("SELECT * FROM copy ORDER BY id"), p.there("SELECT * FROM accounts ORDER BY id")...)
	p.thereSoon("SELECT n, total FROM total", fmt.Sprintf("%d|%d", accounts, accounts*1000))
}

// TestMySQLChangesRefused has messages that say what is to be done.
func TestMySQLChangesRefused(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE nokey (id int); CREATE TABLE t (id int PRIMARY KEY, twice int AS (id * 2) VIRTUAL, d text CHARACTER SET dec8); CREATE VIEW v AS SELECT * FROM t;" +
		"CREATE TABLE m (id int PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE child (id int PRIMARY KEY, t int, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE); CREATE TABLE versions (id int PRIMARY KEY) WITH SYSTEM VERSIONING")
	with := func(table, more string) string {
		return " WITH (type = 'mysql', connection = '$db', 'table' = '" + table + "', cdc = 'true'" + more + ")"
	}
	p.fails("CREATE STREAM x"+with("nokey", ""), "42P16", "has no primary key, by which changes find their rows")
	p.fails("CREATE STREAM x (id int)"+with("t", ""), "22023", "PRIMARY KEY")
	p.fails("CREATE STREAM x (id int PRIMARY KEY)"+with("t", ", 'incremental.column' = 'id'"), "22023", "nothing beside cdc")
	p.fails("CREATE STREAM x (id int PRIMARY KEY)"+with("t", ", 'slot.name' = 'slot'"), "22023", "MySQL has no such thing")
	p.fails("CREATE STREAM x (id int PRIMARY KEY)"+with("t", ", 'server.id' = '4294967296'"), "22023", "a whole number from 0 to 4294967295")
	p.fails("CREATE STREAM x (id int) WITH (type = 'mysql', connection = '$db', 'table' = 't', 'server.id' = '7')", "22023", "are for cdc = 'true'")
	p.fails("CREATE STREAM x (id int PRIMARY KEY) WITH (type = 'postgres', connection = 'postgresql://u@h/d', 'table' = 't', cdc = 'true', 'server.id' = '7')", "22023", "PostgreSQL has no such thing")
	read := func(columns, table, code, text string) {
		t.Helper()
		p.here("CREATE STREAM x (" + columns + ")" + with(table, ""))
		p.fails("SELECT * FROM x", code, text)
		p.here("DROP STREAM x")
	}
	read("id int PRIMARY KEY", "v", "0A000", "no table of its own")
	read("id int PRIMARY KEY", "versions", "0A000", "no table of its own")
	read("id int PRIMARY KEY", "m", "55000", "ENGINE = InnoDB")
	read("id int PRIMARY KEY, twice int", "t", "0A000", "is a virtual one")
	read("id int PRIMARY KEY, d text", "t", "0A000", "has character set dec8")
	read("id int PRIMARY KEY", "child", "0A000", "ON DELETE CASCADE")
	p.there("DROP USER IF EXISTS plain@'%'; CREATE USER plain@'%'; GRANT SELECT ON " + p.name + ".* TO plain@'%'")
	p.words = append([]string{"$plain", strings.Replace(p.maria.URL(p.name), "root@", "plain@", 1)}, p.words...)
	p.here("CREATE STREAM y (id int PRIMARY KEY) WITH (type = 'mysql', connection = '$plain', 'table' = 't', cdc = 'true')")
	start := "START JOB y AS SELECT id FROM y INTO k WITH ('k.type' = 'blackhole')"
	p.fails(start, "42501", "GRANT REPLICATION SLAVE ON *.*")
	p.there("CREATE ROLE reads_logs; GRANT REPLICATION SLAVE ON *.* TO reads_logs; GRANT reads_logs TO plain@'%'; SET DEFAULT ROLE reads_logs FOR plain@'%'")
	p.here(start)
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'y'", "running")
	p.there("INSERT INTO t (id) VALUES (1)")
	p.soon(&p.ours, "SELECT rows_in FROM ferris.jobs WHERE job_name = 'y'", "1")
	p.here("DROP JOB y")
	p.there("DROP USER plain@'%'; DROP ROLE reads_logs")
}
