package systems

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestMySQLConformance puts the database connector through what every connector keeps
// to, over MariaDB.
func TestMySQLConformance(t *testing.T) {
	server := productOf(t).Start(t)
	conformance.Run(t, connector("database"), func(t *testing.T, c stream.Connector) *conformance.Fixture {
		schemas++
		name := fmt.Sprintf("conformance_%d", schemas)
		setup := fmt.Sprintf("CREATE DATABASE %[1]s; CREATE TABLE %[1]s.source (id bigint PRIMARY KEY); INSERT INTO %[1]s.source SELECT seq FROM seq_0_to_%[2]d; CREATE TABLE %[1]s.live (id bigint); CREATE TABLE %[1]s.sunk (id bigint)", name, conformance.Rows-1)
		if err := server.Exec(t.Context(), "test", theirs(server, setup)); err != nil {
			t.Fatal(err)
		}
		url := server.URL(name)
		return &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "connection", url, "table", "source"), Rows: conformance.Rows,
			Live:     conformance.Declare(c, "l", catalog.Stream, "connection", url, "table", "live", "incremental.column", "id"),
			Sink:     conformance.Declare(c, "k", catalog.Sink, "connection", url, "table", "sunk"),
			Required: catalog.Options{{Key: "connection", Value: url}},
			Holds: func(t *testing.T) []int64 {
				db, err := server.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				rows, err := db.QueryContext(t.Context(), "SELECT id FROM sunk")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				var got []int64
				for rows.Next() {
					var id int64
					if err := rows.Scan(&id); err != nil {
						t.Fatal(err)
					}
					got = append(got, id)
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				return got
			},
		}
	})
}

// TestMySQLSinkTypes writes a row of each type, and reads it back.
func TestMySQLSinkTypes(t *testing.T) {
	p := startMaria(t)
	p.there(everyKind)
	p.there("CREATE TABLE copy LIKE every_kind")
	p.here("CREATE STREAM every_kind WITH (type = 'mysql', connection = '$db', 'table' = 'every_kind')")
	p.here("START JOB copying AS SELECT * FROM every_kind INTO k WITH ('k.type' = 'mysql', 'k.connection' = '$db', 'k.table' = 'copy')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'copying'", "finished")
	columns := "SELECT *, f4 + 0e0, hex(bl), b1 + 0, b9 + 0 FROM %s ORDER BY id"
	p.same(p.there(fmt.Sprintf(columns, "copy")), p.there(fmt.Sprintf(columns, "every_kind"))...)

	// A table that is made has columns for what there is here.
	p.here("SELECT 1::bigint AS id, 'it''s'::text AS t, 1.50::numeric(10,2) AS n, true AS b, '\\x00ff'::bytea AS y, timestamptz '2024-01-01 00:00:00.5Z' AS z, date '2024-01-01' AS d, 0.1::float8 AS f, '{\"a\": 1}'::jsonb AS j" +
		" INTO m WITH ('m.type' = 'mysql', 'm.connection' = '$db', 'm.table' = 'made', 'm.create' = 'true', 'm.key' = 'id')")
	p.same(p.there("SELECT id, t, n, b, hex(y), z, d, f, j FROM made"), `1|it's|1.50|1|00FF|2024-01-01 00:00:00.500000|2024-01-01|0.1|{"a": 1}`)
}

// TestMySQLSinkModes inserts, replaces and removes rows.
func TestMySQLSinkModes(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE plain (id int, what text)")
	p.here("CREATE SINK plain (id int, what text) WITH (type = 'mysql', connection = '$db', 'table' = 'plain')")
	p.here("INSERT INTO plain SELECT g AS id, 'x' || g AS what FROM generate_series(1, 3) g")
	p.same(p.there("SELECT * FROM plain ORDER BY id"), "1|x1", "2|x2", "3|x3")

	// What is rolled back is not there.
	p.here("CREATE STREAM again (id int, what text) WITH (type = 'mysql', connection = '$db', 'table' = 'plain')")
	p.here("BEGIN; INSERT INTO again VALUES (4, 'y'); ROLLBACK")
	p.here("BEGIN; INSERT INTO again VALUES (5, 'z'); COMMIT")
	p.same(p.there("SELECT id FROM plain WHERE id > 3"), "5")

	// Made where it is not there; rows that change are replaced and removed.
	p.here("CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric(10,2)); INSERT INTO orders SELECT g, 'c' || g % 5, g FROM generate_series(1, 100) g")
	p.here("START JOB totals AS SELECT customer, count(*) AS n, sum(amount)::numeric(12,2) AS total FROM orders GROUP BY customer EMIT CHANGES INTO k WITH (" +
		"'k.type' = 'mysql', 'k.connection' = '$db', 'k.table' = 'totals', 'k.key' = 'customer', 'k.create' = 'true')")
	totals := "SELECT customer, n, total FROM totals ORDER BY 1"
	p.thereSoon(totals, "c0|20|1050.00", "c1|20|970.00", "c2|20|990.00", "c3|20|1010.00", "c4|20|1030.00")
	p.here("DELETE FROM orders WHERE customer IN ('c1', 'c3'); UPDATE orders SET amount = 0 WHERE customer = 'c2'; INSERT INTO orders VALUES (101, 'c9', 7), (102, 'C9', 8)")
	p.thereSoon(totals, "C9|1|8.00", "c0|20|1050.00", "c2|20|0.00", "c4|20|1030.00", "c9|1|7.00")
	p.here("STOP JOB totals")

	p.here("CREATE STREAM g (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '2')")
	p.here("START JOB gone AS SELECT 'c' || n * 2 AS customer FROM g INTO d WITH ('d.type' = 'mysql', 'd.connection' = '$db', 'd.table' = 'totals', 'd.mode' = 'delete')")
	p.thereSoon("SELECT customer FROM totals ORDER BY 1", "C9", "c4", "c9")

	// Keys of two columns.
	p.there("CREATE TABLE pairs (a int, b varchar(5), n int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 'x', 1), (1, 'y', 1), (2, 'x', 1)")
	p.here("CREATE SINK pairs (a int, b text) WITH (type = 'mysql', connection = '$db', 'table' = 'pairs', mode = 'delete')")
	p.here("INSERT INTO pairs VALUES (1, 'x'), (2, 'x'), (3, 'x')")
	p.same(p.there("SELECT a, b FROM pairs"), "1|y")

	// Names of columns are one in upper and lower case.
	p.there("CREATE TABLE Cased (ID int PRIMARY KEY, N int)")
	p.here("CREATE SINK cased (id int, n int) WITH (type = 'mysql', connection = '$db', 'table' = 'Cased', mode = 'upsert')")
	p.here("INSERT INTO cased VALUES (1, 1), (2, 2); INSERT INTO cased VALUES (2, 3)")
	p.same(p.there("SELECT ID, N FROM Cased ORDER BY 1"), "1|1", "2|3")
	p.here("CREATE STREAM grown (id int, n int) WITH (type = 'mysql', connection = '$db', 'table' = 'Cased', 'incremental.column' = 'id')")
	p.same(p.here("SELECT n FROM grown WHERE id = 2"), "3")

	p.fails("SELECT 1 AS id INTO n1 WITH ('n1.type' = 'mysql', 'n1.connection' = '$db', 'n1.table' = 'nowhere')", "42P01", "create = 'true'")
	p.fails("SELECT 1 AS id, 2 AS price INTO n2 WITH ('n2.type' = 'mysql', 'n2.connection' = '$db', 'n2.table' = 'plain')", "42703", `column "price" of "n2" does not exist in table "plain"`)
	p.fails("SELECT 1 AS id INTO n3 WITH ('n3.type' = 'mysql', 'n3.connection' = '$db', 'n3.table' = 'plain', 'n3.mode' = 'upsert')", "22023", "has no primary key")
	p.fails("SELECT 1 AS id INTO n4 WITH ('n4.type' = 'mysql', 'n4.connection' = '$db', 'n4.table' = 'plain', 'n4.key' = 'id')", "42P10", "CREATE UNIQUE INDEX ON")
	p.fails("SELECT 1 AS id INTO n5 WITH ('n5.type' = 'mysql', 'n5.connection' = '$db', 'n5.table' = 'plain', 'n5.mode' = 'copy')", "0A000", "mode = 'insert'")
	p.there("CREATE TABLE fleeting (id int) ENGINE = MyISAM")
	p.fails("SELECT 1 AS id INTO n6 WITH ('n6.type' = 'mysql', 'n6.connection' = '$db', 'n6.table' = 'fleeting')", "55000", "ENGINE = InnoDB")
}

// TestMySQLSinkRefusals has rows that the table does not take refused, each by itself,
// and the others written; and rows that another unique index would find.
func TestMySQLSinkRefusals(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE picky (id int PRIMARY KEY, n smallint NOT NULL CHECK (n <> 500)); INSERT INTO picky VALUES (42, 0)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '1200')")
	p.here("START JOB picky AS SELECT id, CASE WHEN id = 700 THEN NULL ELSE id * 33 END AS n FROM g INTO k WITH (" +
		"'k.type' = 'mysql', 'k.connection' = '$db', 'k.table' = 'picky', 'k.failure_strategy' = 'LogAndContinue')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'picky'", "finished")
	// 42 is there already, 700 has no n, and from 993 on n is no smallint.
	p.same(p.there("SELECT count(*), sum(n = id * 33), max(id) FROM picky"), "992|991|992")
	p.soon(&p.ours, "SELECT rejected FROM ferris.jobs WHERE job_name = 'picky'", "209")

	p.there("CREATE TABLE users (id int PRIMARY KEY, email varchar(20) NOT NULL UNIQUE, n int); INSERT INTO users VALUES (1, 'a', 0), (2, 'b', 0)")
	p.here("CREATE STREAM h (id int GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '4')")
	p.here("START JOB users AS SELECT id, CASE id WHEN 0 THEN 'z' WHEN 1 THEN 'a' WHEN 2 THEN 'c' ELSE 'a' END AS email, 7 AS n FROM h INTO u WITH (" +
		"'u.type' = 'mysql', 'u.connection' = '$db', 'u.table' = 'users', 'u.mode' = 'upsert', 'u.failure_strategy' = 'LogAndContinue')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'users'", "finished")
	p.same(p.there("SELECT * FROM users ORDER BY id"), "0|z|7", "1|a|7", "2|c|7")
}

// TestMySQLExactlyOnce kills the gateway and the database at random, while a job copies
// a table that grows into two others, one of them grouped.
func TestMySQLExactlyOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	p := ofTheirOwn(t)
	p.there("CREATE TABLE input (id bigint PRIMARY KEY, k int); CREATE TABLE copies (id bigint, k int); CREATE TABLE sums (k int PRIMARY KEY, n bigint, last bigint)")
	p.here("CREATE STREAM input WITH (type = 'mysql', connection = '$db', 'table' = 'input', 'incremental.column' = 'id', poll_interval = '10ms')")
	p.here("START JOB copying AS SELECT id, k FROM input INTO r WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'r.type' = 'mysql', 'r.connection' = '$db', 'r.table' = 'copies')")
	p.here("START JOB grouping AS SELECT k, count(*) AS n, max(id) AS last FROM input GROUP BY k EMIT CHANGES INTO g WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'g.type' = 'mysql', 'g.connection' = '$db', 'g.table' = 'sums')")
	rows := 0
	add := func() {
		rows += 200
		for {
			if _, err := p.asks(fmt.Sprintf("INSERT IGNORE INTO input SELECT seq, seq %% 17 FROM seq_%d_to_%d", rows-199, rows)); err == nil {
				return
			}
			if p.ctx.Err() != nil {
				t.Fatal(p.ctx.Err())
			}
			p.pause()
		}
	}
	for i := range p.kills() {
		add()
		before := p.there("SELECT count(*) FROM copies")
		for strings.Join(p.there("SELECT count(*) FROM copies"), "") == strings.Join(before, "") && p.ctx.Err() == nil {
			p.pause()
		}
		p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
		if i%3 == 2 {
			if err := p.maria.Crash(p.ctx); err != nil {
				t.Fatal(err)
			}
		} else {
			p.gateway.Kill()
			p.again()
		}
		add()
	}
	p.thereSoon("SELECT count(*) FROM copies", fmt.Sprint(rows))
	p.same(p.there("SELECT count(DISTINCT id), min(id), max(id), sum(k <> id % 17) FROM copies"), fmt.Sprintf("%d|1|%d|0", rows, rows))
	p.thereSoon("SELECT sum(n), max(last) FROM sums", fmt.Sprintf("%d|%d", rows, rows))
	p.same(p.there("SELECT * FROM sums ORDER BY k"), p.there("SELECT k, count(*), max(id) FROM input GROUP BY k ORDER BY k")...)
	p.same(p.there("SELECT count(*) FROM ferris_progress WHERE epoch > 0"), "2")
}

// TestMySQLShutOut has the progress table fence off a second copy of a job's state.
func TestMySQLShutOut(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE sunk (id bigint)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '200')")
	p.here("START JOB writer AS SELECT id FROM g INTO k WITH (use_transactions = 'true', 'k.type' = 'mysql', 'k.connection' = '$db', 'k.table' = 'sunk', 'k.progress.table' = 'progress')")
	p.thereSoon("SELECT count(*) > 10 FROM sunk", "1")
	p.there("UPDATE progress SET fence = fence + 1") // as another one's start does
	p.soon(&p.ours, "SELECT state || ' ' || (error LIKE '%another instance of it has begun to write%') FROM ferris.jobs WHERE job_name = 'writer'", "failed true")
	p.same(p.there("SELECT count(*) = max(id) + 1 FROM sunk"), "1")
}
