package systems

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
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
	p.same(p.here("SELECT sqlstate, hint LIKE 'They have %DROP the job and create it again, which then reads the table anew.' FROM ferris.jobs WHERE job_name = 'mirror'"), "42703|t")
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
	if got := p.fetched(live, 2); got != "+|a|1; +|b|2" {
		t.Errorf("the snapshot is %q", got)
	}
	p.there("START TRANSACTION; UPDATE stock SET n = 5 WHERE sku = 'a'; DELETE FROM stock WHERE sku = 'b'; INSERT INTO stock VALUES ('c', 3); COMMIT")
	if got := p.fetched(live, 4); got != "+|a|5; +|c|3; -|a|1; -|b|2" {
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

// TestMySQLChangesText: values that the log has otherwise than a SELECT, texts in other
// character sets and types of MariaDB's own, are the same from both.
func TestMySQLChangesText(t *testing.T) {
	p := startMaria(t)
	var columns, first, second []string
	add := func(column, one, two string) {
		columns, first, second = append(columns, fmt.Sprintf("c%d %s", len(columns), column)), append(first, one), append(second, two)
	}
	for charset, text := range map[string]string{
		"latin1": "grün €", "latin2": "žluť", "utf16": "é𝄞", "utf16le": "é𝄞", "ucs2": "éж", "utf32": "é𝄞", "gbk": "中文", "gb2312": "中文", "big5": "中文", "sjis": "日本カ", "cp932": "日本カ", "ujis": "日本", "eucjpms": "日本",
		"euckr": "한국", "koi8r": "жук", "koi8u": "їжак", "cp1251": "жук", "cp1250": "žluť", "cp1256": "سلام", "cp1257": "ąžuolas", "cp850": "grün", "cp852": "žluť", "cp866": "жук", "greek": "ωμέγα", "hebrew": "שלום",
		"latin5": "ığdır", "latin7": "ąžuolas", "macroman": "grün", "tis620": "ไทย", "utf8mb3": "é", "utf8mb4": "é𝄞", "ascii": "plain",
	} {
		add("varchar(12) CHARACTER SET "+charset, "'"+text+"'", "''")
		add("char(12) CHARACTER SET "+charset, "'"+text+"  '", "NULL")
		add("text CHARACTER SET "+charset, "repeat('"+text+"', 3)", "' x '")
	}
	add("enum('grün','ö','') CHARACTER SET latin1", "'grün'", "''")
	add("set('grün','rot','blau') CHARACTER SET utf16", "'grün,blau'", "''")
	add("binary(6)", "x'010200000000'", "x'000000000000'")
	add("varbinary(6)", "x'01020000'", "x''")
	add("bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", "b'0'")
	add("mediumint unsigned", "16777215", "8388608")
	add("mediumint", "-8388608", "8388607")
	add("bigint unsigned", "18446744073709551615", "9223372036854775808")
	add("decimal(65,30)", "-12345678901234567890123456789012345.000000000000000000000000000001", "0")
	add("time(6)", "'00:00:00.000001'", "'23:59:59'")
	add("time", "'12:34:56'", "'00:00:00'")
	add("datetime", "'2024-02-29 23:59:59'", "'1000-01-01'")
	add("datetime(1)", "'2024-02-29 23:59:59.9'", "'9999-12-31'")
	add("timestamp(6) NULL", "'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01'")
	add("year", "2155", "0")
	add("float", "3.4e38", "1e-30")
	add("double", "-1.7976931348623157e308", "2.2250738585072014e-308")
	if !p.ofMySQL() {
		add("inet4", "'10.0.0.0'", "'255.255.255.255'")
		add("inet6", "'2001:db8::'", "'::ffff:1.2.3.4'")
		for _, id := range []string{"6ccd780c-baba-1026-9564-5b8c656024db", "11111111-1111-4111-8111-111111111111", "018f0000-0000-7000-8000-000000000000", "00000000-0000-0000-0000-000000000000"} {
			add("uuid", "'"+id+"'", "NULL")
		}
	}
	add("point", "ST_GeomFromText('POINT(1 2)', 4326)", "NULL")
	add("json", "'{\"a\": [1, 2.50, \"é\"]}'", "'null'")
	add("longblob", "repeat(x'00ff', 70000)", "x''")
	p.there("CREATE TABLE t (id int PRIMARY KEY, " + strings.Join(columns, ", ") + "); CREATE TABLE kept LIKE t; INSERT INTO kept VALUES (1, " + strings.Join(first, ", ") + "), (2, " + strings.Join(second, ", ") + ")")
	p.here("CREATE STREAM kept WITH (type = 'mysql', connection = '$db', 'table' = 'kept')")
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT * FROM t")
	p.there("INSERT INTO t SELECT * FROM kept")
	p.soon(&p.ours, "SELECT count(*) FROM mirror", "2")
	got, want := p.here("SELECT * FROM mirror ORDER BY id"), p.here("SELECT * FROM kept ORDER BY id")
	for i := range want {
		g, w := strings.Split(got[i], "|"), strings.Split(want[i], "|")
		for k := range w {
			if g[k] != w[k] {
				t.Errorf("row %d, column %s: %.200q, want %.200q", i+1, append([]string{"id"}, columns...)[k], g[k], w[k])
			}
		}
	}
	// As texts they are those of a SELECT too, with values that other types do not have.
	p.there("CREATE TABLE loose (id int PRIMARY KEY, ti time(3), d datetime(2), y year, f float, u bigint unsigned, b bit(5)); CREATE TABLE loose_kept LIKE loose; SET sql_mode = '';" +
		"INSERT INTO loose_kept VALUES (1, '-838:59:59.5', '0000-00-00', 0, 1.5, 18446744073709551615, b'101'), (2, '100:00:00', '2024-00-00 00:00:00', 1999, -0.25, 0, b'0'), (3, '-00:00:00.5', '2024-01-01', 1901, 0, 1, NULL)")
	loose := "(id int PRIMARY KEY, ti text, d text, y text, f text, u text, b text)"
	p.here("CREATE STREAM loose_kept " + strings.Replace(loose, " PRIMARY KEY", "", 1) + " WITH (type = 'mysql', connection = '$db', 'table' = 'loose_kept')")
	p.here("CREATE STREAM loose " + loose + " WITH (type = 'mysql', connection = '$db', 'table' = 'loose', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW loose_mirror AS SELECT * FROM loose")
	p.there("SET sql_mode = ''; INSERT INTO loose SELECT * FROM loose_kept")
	p.soon(&p.ours, "SELECT count(*) FROM loose_mirror", "3")
	p.same(p.here("SELECT * FROM loose_mirror ORDER BY id"), p.here("SELECT * FROM loose_kept ORDER BY id")...)
}

// TestMySQLChangesExactlyOnce kills the gateway and crashes the database while
// transactions move amounts between accounts: every answer has the whole of each, and at
// the end what was kept, and what was written to a third table, is what there is.
func TestMySQLChangesExactlyOnce(t *testing.T) {
	times := 3
	if kills() > 10 {
		times = kills()
	}
	p := ofTheirOwn(t)
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
			if err := p.maria.Crash(p.ctx); err != nil {
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
		"CREATE TABLE m (id int PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE child (id int PRIMARY KEY, t int, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)")
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
	if !p.ofMySQL() {
		p.there("CREATE TABLE versions (id int PRIMARY KEY) WITH SYSTEM VERSIONING")
		read("id int PRIMARY KEY", "versions", "0A000", "no table of its own")
	}
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
	if p.ofMySQL() { // whose tables are locked for a moment
		p.here(start)
		p.soon(&p.ours, "SELECT state || ' ' || sqlstate || ' ' || (hint LIKE 'Run GRANT LOCK TABLES ON %') FROM ferris.jobs WHERE job_name = 'y'", "failed 42501 true")
		p.here("DROP JOB y")
		p.there("GRANT LOCK TABLES ON " + p.name + ".* TO plain@'%'")
	}
	p.here(start)
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'y'", "running")
	p.there("INSERT INTO t (id) VALUES (1)")
	p.soon(&p.ours, "SELECT rows_in FROM ferris.jobs WHERE job_name = 'y'", "1")
	p.here("DROP JOB y")
	p.there("DROP USER plain@'%'; DROP ROLE reads_logs")
}

// ofTheirOwn runs a server that no other test has.
func ofTheirOwn(t *testing.T) *mariaPair {
	t.Helper()
	server, err := productOf(t).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return withMaria(t, server)
}

// TestMySQLChangesLost stops a job, and has the server remove the logs that it needs, and
// forget all of them.
func TestMySQLChangesLost(t *testing.T) {
	p := ofTheirOwn(t)
	for _, one := range []struct{ variable, is, want string }{
		{"binlog_format", "MIXED", "ROW"}, {"binlog_row_image", "MINIMAL", "FULL"}, {"binlog_row_metadata", "MINIMAL", "FULL"},
	} {
		p.there("CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, v int); SET GLOBAL " + one.variable + " = " + one.is)
		p.fails("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')", "55000", one.variable+" is "+one.is+", not "+one.want+" Run SET GLOBAL "+one.variable+" = "+one.want+" there")
		p.there("SET GLOBAL " + one.variable + " = " + one.want)
	}
	p.there("INSERT INTO t SELECT seq, seq FROM seq_1_to_1000")
	declare := "STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true'"
	p.here("CREATE " + declare + ")")
	p.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
	p.here("START JOB m AS SELECT * FROM t INTO m")
	rows := "SELECT id, v FROM %s ORDER BY id"
	same := func() {
		t.Helper()
		p.mirrors(fmt.Sprintf(rows, "m"), fmt.Sprintf(rows, "t"))
	}
	same()
	for i, lose := range []string{"PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 HOUR", "RESET MASTER"} {
		p.here("CREATE OR REPLACE " + declare + ")")
		p.here("STOP JOB m")
		p.there("DELETE FROM t WHERE id > 900; UPDATE t SET v = v - 1 WHERE id <= 10; FLUSH BINARY LOGS; FLUSH BINARY LOGS")
		p.eventually(func() []string { // logs that somebody still reads stay
			p.there(lose)
			return []string{fmt.Sprint(len(p.there("SHOW BINARY LOGS")))}
		}, "1")
		if i == 0 {
			p.there("INSERT INTO t VALUES (5000, 5000)")
		}
		p.here("START JOB m")
		p.failsSoon("m", []string{"is lost: ", "is lost: the server was set back"}[i])
		p.here("CREATE OR REPLACE " + declare + ", on_data_loss = 'snapshot')")
		p.here("START JOB m")
		same()
		p.there("UPDATE t SET v = 0 WHERE id = 5")
		same()
	}
	p.here("DROP JOB m")
}

// TestMySQLChangesEnd: what ends a table, and what the log has not as rows, ends a job
// with a message, and the job that is made anew reads the table.
func TestMySQLChangesEnd(t *testing.T) {
	p := startMaria(t)
	p.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
	p.there("CREATE TABLE x (id int PRIMARY KEY)")
	for _, one := range []struct{ sql, text string }{
		{"DROP TABLE t", "was dropped, renamed or made anew"},
		{"RENAME TABLE t TO old, spare TO t", "was dropped, renamed or made anew"},
		{"CREATE OR REPLACE TABLE t LIKE spare", "was dropped, renamed or made anew"},
		{"ALTER TABLE t RENAME TO old", "was dropped, renamed or made anew"},
		{"ALTER TABLE t TRUNCATE PARTITION p0", "the binlog does not have their rows"},
		{"ALTER TABLE t REMOVE PARTITIONING; ALTER TABLE t ADD FOREIGN KEY (v) REFERENCES x (id) ON DELETE SET NULL", "change without the binlog"},
		{"SET SESSION binlog_format = STATEMENT; UPDATE t SET v = 2; SET SESSION binlog_format = ROW", "has a statement that may change table"},
		{"SET SESSION binlog_row_image = MINIMAL; UPDATE t SET v = 2; SET SESSION binlog_row_image = FULL", "leaves columns of changed rows of"},
	} {
		if p.ofMySQL() && strings.Contains(one.sql, "OR REPLACE") {
			continue // it has no such statement
		}
		p.there("DROP TABLE IF EXISTS t, old, spare; CREATE TABLE t (id int PRIMARY KEY, v int) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);" +
			"INSERT INTO t VALUES (1, NULL), (20, NULL); CREATE TABLE spare (id int PRIMARY KEY, v int)")
		p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
		p.here("START JOB m AS SELECT * FROM t INTO m")
		p.soon(&p.ours, "SELECT id FROM m ORDER BY id", "1", "20")
		p.there(one.sql)
		p.eventually(func() []string {
			return p.here("SELECT state || ' ' || (strpos(error, '" + one.text + "') > 0) FROM ferris.jobs WHERE job_name = 'm'")
		}, "failed true")
		p.here("DROP JOB m")
		p.here("DROP STREAM t")
		p.here("DELETE FROM m")
	}
}

// TestMySQLChangesByFile reads a server that numbers no transactions and does not tell
// the place of a snapshot, as MySQL is: the table is locked for a moment, and the
// position is a file's place. What the server says of itself is changed on the way.
func TestMySQLChangesByFile(t *testing.T) {
	p := ofTheirOwn(t)
	if p.ofMySQL() {
		for _, mode := range []string{"ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"} {
			p.there("SET GLOBAL gtid_mode = " + mode)
		}
	}
	l := lineTo(t, p.maria.Address())
	l.turns = strings.NewReplacer("MariaDB", "OfMySQL", "binlog_snapshot_file", "binlog_snapshot_none")
	p.words = append([]string{"$line", strings.Replace(p.maria.URL(p.name), p.maria.Address(), l.Addr().String(), 1)}, p.words...)
	p.there("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT seq, seq FROM seq_1_to_2000")
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$line', 'table' = 't', cdc = 'true', heartbeat_interval = '50ms')")
	p.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
	p.here("START JOB m AS SELECT * FROM t INTO m")
	rows := "SELECT id, v FROM %s ORDER BY id"
	same := func() {
		t.Helper()
		p.mirrors(fmt.Sprintf(rows, "m"), fmt.Sprintf(rows, "t"))
	}
	same()
	p.there("START TRANSACTION; UPDATE t SET v = v + 1 WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; COMMIT; CREATE TABLE o (id int); INSERT INTO o VALUES (1)")
	same()
	p.here("STOP JOB m")
	p.there("UPDATE t SET id = -id WHERE id % 7 = 0; FLUSH BINARY LOGS; INSERT INTO t VALUES (5000, 1)")
	p.here("START JOB m")
	same()
	p.gateway.Kill()
	p.there("UPDATE t SET v = 77 WHERE id = 5000; FLUSH BINARY LOGS; DELETE FROM t WHERE id = 1")
	p.again()
	same()
	l.set(true)
	p.there("UPDATE t SET v = 78 WHERE id = 5000")
	l.set(false)
	same()
	p.here("STOP JOB m")
	p.there("UPDATE t SET v = 79 WHERE id = 5000; RESET MASTER")
	p.here("START JOB m")
	p.failsSoon("m", "is lost: ")
	p.here("DROP JOB m")
}

// TestMySQLChangesServerID: a number that the stream names is one job's at a time.
func TestMySQLChangesServerID(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true', 'server.id' = '4711')")
	p.here("CREATE TABLE m (id int PRIMARY KEY)")
	p.here("CREATE TABLE n (id int PRIMARY KEY)")
	p.here("START JOB m AS SELECT id FROM t INTO m")
	p.soon(&p.ours, "SELECT id FROM m", "1")
	p.eventually(func() []string {
		hosts := strings.Join(p.there("SHOW SLAVE HOSTS"), "; ")
		return []string{fmt.Sprint(strings.Contains(hosts, "4711|ferrisstreams|"))}
	}, "true")
	p.fails("START JOB n AS SELECT id FROM t INTO n", "55006", `server id 4711 of MySQL at`)
	p.here("DROP JOB m")
	p.here("START JOB n AS SELECT id FROM t INTO n")
	p.there("INSERT INTO t VALUES (2)")
	p.soon(&p.ours, "SELECT id FROM n ORDER BY id", "1", "2")
	p.here("DROP JOB n")
}

// TestMySQLChangesLarge has a transaction of many rows, and a row longer than a packet,
// come whole, also to a gateway that is killed in the midst of them.
func TestMySQLChangesLarge(t *testing.T) {
	p := ofTheirOwn(t)
	p.there("SET GLOBAL max_allowed_packet = 67108864; CREATE TABLE t (id int PRIMARY KEY, body longblob); INSERT INTO t VALUES (0, 'x')")
	p.db.SetMaxIdleConns(0) // sessions know the new length
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
	p.here("CREATE TABLE m (one int PRIMARY KEY, n bigint, bytes numeric)")
	p.here("START JOB m AS SELECT 1 AS one, count(*) AS n, sum(length(body)) AS bytes FROM t GROUP BY 1 EMIT CHANGES INTO m")
	p.soon(&p.ours, "SELECT n, bytes FROM m", "1|1")
	p.there("INSERT INTO t SELECT seq, repeat('y', 100) FROM seq_1_to_100000")
	for i := 0; ; i++ {
		got := p.here("SELECT n, bytes FROM m")
		if equal(got, []string{"100001|10000001"}) {
			break
		}
		if !equal(got, []string{"1|1"}) || p.ctx.Err() != nil {
			t.Fatalf("a transaction is seen in part: %q", got)
		}
		if i == 10 {
			p.gateway.Kill()
			p.again()
		}
		p.pause()
	}
	p.there("INSERT INTO t VALUES (-1, repeat('z', 20000000))")
	p.soon(&p.ours, "SELECT n, bytes FROM m", "100002|30000001")
	if !p.ofMySQL() {
		p.there("SET GLOBAL log_bin_compress = ON")
	}
	p.there("DELETE FROM t WHERE id <> 0")
	p.soon(&p.ours, "SELECT n, bytes FROM m", "1|1")
	p.here("DROP JOB m")
}

// TestMySQLChangesSnapshotKilled kills the gateway while it reads the snapshot, and
// changes the table meanwhile: the table is read anew, from another place in the log.
func TestMySQLChangesSnapshotKilled(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT seq, 1 FROM seq_1_to_50000")
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
	p.here("CREATE TABLE m (one int PRIMARY KEY, n bigint, total bigint)")
	p.here("START JOB m AS SELECT 1 AS one, count(*) AS n, sum(v) AS total FROM t GROUP BY 1 EMIT CHANGES INTO m")
	for i := range 3 {
		p.gateway.Kill()
		p.there(fmt.Sprintf("DELETE FROM t WHERE id %% 10 = %d; UPDATE t SET v = v + 1 WHERE id %% 7 = %d", i, i))
		p.again()
		p.there(fmt.Sprintf("UPDATE t SET v = v + 10 WHERE id %% 11 = %d", i))
	}
	p.mirrors("SELECT n, total FROM m", "SELECT count(*), sum(v) FROM t")
	p.here("DROP JOB m")
}
