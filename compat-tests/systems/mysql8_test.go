package systems

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMySQL8 puts MySQL 8 through what MariaDB goes through, and through what only it has.
func TestMySQL8(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("MySQL 8 is installed for the long tier: FERRIS_TIER=long; MariaDB is tested in every tier")
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Conformance", TestMySQLConformance},
		{"Snapshot", TestMySQLSnapshot},
		{"Errors", TestMySQLErrors},
		{"Incremental", TestMySQLIncremental},
		{"Places", TestMySQLPlaces},
		{"Lookup", TestMySQLLookup},
		{"Refreshed", TestMySQLRefreshed},
		{"SinkTypes", TestMySQLSinkTypes},
		{"SinkModes", TestMySQLSinkModes},
		{"SinkRefusals", TestMySQLSinkRefusals},
		{"ShutOut", TestMySQLShutOut},
		{"ExactlyOnce", TestMySQLExactlyOnce},
		{"Example", TestMySQLExample},
		{"Changes", TestMySQLChanges},
		{"ChangesLive", TestMySQLChangesLive},
		{"ChangesTypes", TestMySQLChangesTypes},
		{"ChangesText", TestMySQLChangesText},
		{"ChangesExactlyOnce", TestMySQLChangesExactlyOnce},
		{"ChangesRefused", TestMySQLChangesRefused},
		{"ChangesLost", TestMySQLChangesLost},
		{"ChangesEnd", TestMySQLChangesEnd},
		{"ChangesByFile", TestMySQLChangesByFile},
		{"ChangesServerID", TestMySQLChangesServerID},
		{"ChangesLarge", TestMySQLChangesLarge},
		{"ChangesSnapshotKilled", TestMySQLChangesSnapshotKilled},
		{"Passwords", mysqlPasswords},
		{"Documents", mysqlDocuments},
		{"Hidden", mysqlHidden},
		{"Options", mysqlOptions},
	} {
		t.Run(test.name, test.run)
	}
}

// mysqlPasswords: users of caching_sha2_password come in by TLS, and without it by the
// server's RSA key, the first time, when the server has no digest at hand, and later; to
// read, to follow changes and to write.
func mysqlPasswords(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
	ca := filepath.Join(filepath.Dir(p.options.DataDir), "ca.pem")
	pem, err := os.ReadFile(p.maria.File("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, mode := range []string{"sslmode=required", "sslmode=disabled", "sslmode=preferred", "sslmode=verify-ca&sslrootcert=" + ca, "useSSL=false&allowPublicKeyRetrieval=true"} {
		n++
		user := fmt.Sprintf("u%d", n)
		p.there(fmt.Sprintf("DROP USER IF EXISTS %s@'%%'; CREATE USER %[1]s@'%%' IDENTIFIED WITH caching_sha2_password BY 's3cret''s'; GRANT ALL ON %s.* TO %[1]s@'%%'; GRANT REPLICATION SLAVE ON *.* TO %[1]s@'%%'", user, p.name))
		url := strings.Replace(p.maria.URL(p.name), "root@", user+"@", 1) + "?" + mode
		with := fmt.Sprintf(" WITH (type = 'mysql', connection = '%s', 'connection.password' = 's3cret''s', 'table' = ", url)
		p.there("FLUSH PRIVILEGES") // and with them what it remembers of passwords
		p.here("CREATE STREAM " + user + with + "'t')")
		p.same(p.here("SELECT id FROM "+user), "1")
		p.there("FLUSH PRIVILEGES")
		p.here("CREATE STREAM c" + user + " (id int PRIMARY KEY)" + with + "'t', cdc = 'true')")
		p.here("CREATE MATERIALIZED VIEW m" + user + " AS SELECT id FROM c" + user)
		p.soon(&p.ours, "SELECT id FROM m"+user, "1")
		p.here("DROP MATERIALIZED VIEW m" + user)
		p.there("CREATE TABLE " + user + " (id int)")
		p.there("FLUSH PRIVILEGES")
		p.here("CREATE SINK k" + user + " (id int)" + with + "'" + user + "')")
		p.here("INSERT INTO k" + user + " VALUES (7)")
		p.same(p.there("SELECT id FROM "+user), "7")
		p.fails("CREATE STREAM w"+user+" WITH (type = 'mysql', connection = '"+url+"', 'connection.password' = 'wrong', 'table' = 't')", "28P01", "connection.password")
		p.there("DROP USER " + user + "@'%'")
	}
	p.there("DROP USER IF EXISTS old@'%'; CREATE USER old@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE; DROP USER IF EXISTS shut@'%'; CREATE USER shut@'%' IDENTIFIED BY 'x' ACCOUNT LOCK")
	for user, why := range map[string]string{"old": "has expired", "shut": "Account is locked"} {
		p.fails("CREATE STREAM x WITH (type = 'mysql', connection = '"+strings.Replace(p.maria.URL(p.name), "root@", user+":x@", 1)+"', 'table' = 't')", "28000", why)
	}
	p.there("DROP USER old@'%', shut@'%'")
}

// mysqlDocuments: a document that comes by the log has the text that a SELECT has, which
// is not that of who wrote it.
func mysqlDocuments(t *testing.T) {
	p := startMaria(t)
	documents := []string{`'{"b": 1, "aa": [true, false, null, {}], "a": {"x": [], "é𝄞": "q\\"\\\\\\n\\u0001/"}}'`, `'null'`, `'"text"'`, `'1'`, `'-32769'`, `'70000'`, `'-2147483649'`, `'18446744073709551615'`, `'2.50'`, `'1e300'`,
		`'1.0'`, `'100000000000000000000'`, `'0.00001'`, `'1e-15'`, `'-0.1'`, `'[1.5e20, 123456789012345.6, 1e15, 1e14]'`, `JSON_OBJECT('price', 12.50, 'neg', -0.05, 'big', 123456789012345678901234567890.123456789, 'whole', CAST(7 AS DECIMAL(20)))`,
		`JSON_OBJECT('d', DATE'2024-02-29', 'dt', TIMESTAMP'2024-02-29 23:59:59.5', 't', TIME'-12:34:56.000001')`, `JSON_OBJECT('b', CAST(x'00ff' AS BINARY), 'bit', b'101')`, `JSON_ARRAY(CAST(5 AS UNSIGNED), TRUE, NULL)`,
		`JSON_OBJECT('long', REPEAT('x', 70000), 'n', 70000, 'm', -3)`, `CONCAT('[', REPEAT('70000, ', 20000), '1]')`, `'[]'`, `'{}'`, `NULL`}
	p.there("CREATE TABLE docs (id int PRIMARY KEY, j json, n int DEFAULT 0)")
	p.here("CREATE STREAM docs WITH (type = 'mysql', connection = '$db', 'table' = 'docs', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT * FROM docs")
	for i, d := range documents {
		p.there(fmt.Sprintf("INSERT INTO docs (id, j) VALUES (%d, %s)", i, d))
	}
	same := func() {
		t.Helper()
		p.mirrors("SELECT id, CASE WHEN j IS NULL THEN '-' ELSE length(j::text) || ' ' || left(j::text, 300) END, n FROM mirror ORDER BY id", "SELECT id, COALESCE(CONCAT(CHAR_LENGTH(CAST(j AS CHAR)), ' ', LEFT(CAST(j AS CHAR), 300)), '-'), n FROM docs ORDER BY id")
	}
	same()
	p.there(`UPDATE docs SET n = n + 1; UPDATE docs SET j = JSON_SET(j, '$.aa[3].new', 1.50, '$.b', CAST('x' AS JSON)) WHERE id = -1; UPDATE docs SET j = JSON_SET(j, '$.aa[0]', 'replaced', '$.c', 9) WHERE id = 0; DELETE FROM docs WHERE id = 3`)
	same()
	// What the snapshot says is what the log says.
	p.here("CREATE STREAM again WITH (type = 'mysql', connection = '$db', 'table' = 'docs')")
	p.same(p.here("SELECT count(*) FROM mirror m JOIN again a ON a.id = m.id WHERE a.j::text IS DISTINCT FROM m.j::text"), "0")
}

// mysqlHidden: invisible columns, keys that the server makes by itself, and generated
// columns are read, followed and written.
func mysqlHidden(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE hidden (id int PRIMARY KEY, secret int INVISIBLE DEFAULT 5, twice int AS (id * 2) STORED, name varchar(20) COLLATE utf8mb4_0900_ai_ci, INDEX ((UPPER(name)))); INSERT INTO hidden (id, name) VALUES (1, 'Ä'), (2, 'a')")
	p.here("CREATE STREAM hidden WITH (type = 'mysql', connection = '$db', 'table' = 'hidden', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT id, secret, twice, name FROM hidden")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY id", "1|5|2|Ä", "2|5|4|a")
	p.there("UPDATE hidden SET secret = 6, name = 'á' WHERE id = 2; INSERT INTO hidden (id, name) VALUES (3, 'A')")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY id", "1|5|2|Ä", "2|6|4|á", "3|5|6|A")
	p.same(p.here("SELECT id FROM hidden WHERE name = 'A'"), "3") // not what the collation takes for equal
	p.here("CREATE SINK hidden_sink (id int, name text) WITH (type = 'mysql', connection = '$db', 'table' = 'hidden', mode = 'upsert')")
	p.here("INSERT INTO hidden_sink VALUES (3, 'B'), (4, 'C')")
	p.same(p.there("SELECT id, secret, twice, name FROM hidden WHERE id > 2 ORDER BY id"), "3|5|6|B", "4|5|8|C")

	p.there("SET SESSION sql_generate_invisible_primary_key = ON; CREATE TABLE keyless (v int); SET SESSION sql_generate_invisible_primary_key = OFF; INSERT INTO keyless VALUES (10), (20)")
	p.here("CREATE STREAM keyless WITH (type = 'mysql', connection = '$db', 'table' = 'keyless', cdc = 'true')")
	p.here("CREATE MATERIALIZED VIEW kept AS SELECT my_row_id, v FROM keyless")
	p.soon(&p.ours, "SELECT v FROM kept ORDER BY 1", "10", "20")
	p.there("UPDATE keyless SET v = 11 WHERE v = 10; INSERT INTO keyless VALUES (30)")
	p.soon(&p.ours, "SELECT v FROM kept ORDER BY 1", "11", "20", "30")

	// Keys that one collation takes for equal are one row there, and a text of a key in
	// another case is another here.
	p.there("CREATE TABLE folded (k varchar(10) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, n int)")
	p.here("CREATE SINK folded (k text, n int) WITH (type = 'mysql', connection = '$db', 'table' = 'folded', mode = 'upsert')")
	p.here("INSERT INTO folded VALUES ('a', 1); INSERT INTO folded VALUES ('b ', 2), ('b', 3)")
	p.same(p.there("SELECT CONCAT('<', k, '>'), n FROM folded ORDER BY n"), "<a>|1", "<b >|2", "<b>|3")
}

// mysqlOptions: settings of MySQL's that the log is not read with are named, and those of
// a session end the job.
func mysqlOptions(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE t (id int PRIMARY KEY, j json, v int); INSERT INTO t VALUES (1, '{\"a\": \"x\", \"long\": \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}', 1)")
	for _, one := range []struct{ variable, is, want, off string }{
		{"binlog_row_value_options", "'PARTIAL_JSON'", "binlog_row_value_options", "''"},
		{"binlog_transaction_compression", "ON", "binlog_transaction_compression", "OFF"},
	} {
		p.there("SET GLOBAL " + one.variable + " = " + one.is)
		p.fails("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')", "55000", one.want)
		p.there("SET GLOBAL " + one.variable + " = " + one.off)
	}
	for _, one := range []struct{ sql, text string }{
		{"SET SESSION binlog_row_value_options = 'PARTIAL_JSON'; UPDATE t SET j = JSON_SET(j, '$.a', 'z'); SET SESSION binlog_row_value_options = ''", "that the binlog has in part"},
		{"SET SESSION binlog_transaction_compression = ON; INSERT INTO t (id) SELECT seq FROM seq_100_to_2000; SET SESSION binlog_transaction_compression = OFF", "compressed in the binlog"},
	} {
		p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
		p.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
		p.here("START JOB m AS SELECT id, v FROM t INTO m")
		p.soon(&p.ours, "SELECT count(*) > 0 FROM m", "t")
		p.there(one.sql)
		p.eventually(func() []string {
			return p.here("SELECT state || ' ' || (strpos(error, '" + one.text + "') > 0) FROM ferris.jobs WHERE job_name = 'm'")
		}, "failed true")
		p.here("DROP JOB m")
		p.here("DROP STREAM t")
		p.here("DROP TABLE m")
	}
	// A GTID with a tag is one that a position does not hold.
	if strings.HasPrefix(p.there("SELECT @@version")[0], "8.0.") {
		return
	}
	p.here("CREATE STREAM t WITH (type = 'mysql', connection = '$db', 'table' = 't', cdc = 'true')")
	p.here("START JOB tagged AS SELECT id, v FROM t INTO k WITH ('k.type' = 'blackhole')")
	p.soon(&p.ours, "SELECT rows_in > 0 FROM ferris.jobs WHERE job_name = 'tagged'", "t")
	p.there("SET SESSION gtid_next = 'AUTOMATIC:a_tag'; INSERT INTO t (id) VALUES (9000); SET SESSION gtid_next = 'AUTOMATIC'")
	p.eventually(func() []string {
		return p.here("SELECT state || ' ' || (strpos(error, 'GTIDs with a tag') > 0) FROM ferris.jobs WHERE job_name = 'tagged'")
	}, "failed true")
}
