package systems

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// withFile runs a gateway beside a SQLite file under its file.roots. The gateway itself
// looks into the file, as it does into any other.
func withFile(t *testing.T) *pair {
	t.Helper()
	p := alone(t, "", "$file", "")
	p.words = []string{"$file", "sqlite:" + filepath.Join(filepath.Dir(p.options.DataDir), "shop.db")}
	return p
}

// TestSQLiteConformance puts the database connector through what every connector keeps
// to, over a file.
func TestSQLiteConformance(t *testing.T) {
	conformance.Run(t, connector("database"), func(t *testing.T, c stream.Connector) *conformance.Fixture {
		dir := t.TempDir()
		url := "sqlite:" + filepath.Join(dir, "c.db")
		env := &stream.Env{FileRoots: []string{dir}, Metrics: &stream.Metrics{}}
		f := &conformance.Fixture{Connector: c, Env: env, Rows: conformance.Rows}
		for _, table := range []string{"source", "live"} { // both are made, and the first is filled
			f.Sink = conformance.Declare(c, table, catalog.Sink, "connection", url, "create", "true")
			s := f.OpenSink(t, stream.SinkOptions{})
			for at := int64(0); at < conformance.Rows && table == "source"; at += 500 {
				f.Write(t, s, at, at+500)
			}
			if _, err := s.Prepare(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context(), 1, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		f.Source = conformance.Declare(c, "s", catalog.Stream, "connection", url, "table", "source")
		f.Live = conformance.Declare(c, "l", catalog.Stream, "connection", url, "table", "live", "incremental.column", "id")
		f.Sink = conformance.Declare(c, "k", catalog.Sink, "connection", url, "table", "sunk", "create", "true")
		f.Required = catalog.Options{{Key: "connection", Value: url}}
		f.Holds = func(t *testing.T) []int64 {
			g := &conformance.Fixture{Connector: c, Env: env, Source: conformance.Declare(c, "h", catalog.Stream, "connection", url, "table", "sunk")}
			return g.Read(t, nil)
		}
		return f
	})
}

// TestSQLite reads and writes a file: every type, all modes, look-ups, a table that
// grows, and what is refused.
func TestSQLite(t *testing.T) {
	p := withFile(t)
	p.here("SET TimeZone = 'UTC'")
	columns := "id bigint, b boolean, n numeric, f double precision, t text, y bytea, d date, ti time, ts timestamp, tz timestamptz, u uuid, j json"
	p.here("CREATE SINK kinds (" + columns + ") WITH (type = 'sqlite', connection = '$file', 'table' = 'kinds', 'create' = 'true', key = 'id')")
	p.here(`INSERT INTO kinds VALUES (1, true, 123456789012345678901234567890.50, 0.1, 'it''s ü', '\x00ff', '2024-02-29', '23:59:59.5', '2024-01-01 00:00:00.000001', '2024-06-01 12:00:00+02', '00000000-0000-0000-0000-000000000001', '{"a": 1.50}'),` +
		`(-9223372036854775808, false, -0.10, 1e300, '', '', '0001-01-01', '00:00', '9999-12-31 23:59:59', '1970-01-01 00:00:00Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '1.50'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	p.here("CREATE STREAM k WITH (type = 'sqlite', connection = 'jdbc:" + "$file', 'table' = 'KINDS')")
	p.same(p.here("SELECT * FROM k ORDER BY id"),
		`-9223372036854775808|f|-0.10|1e+300||\x|0001-01-01|00:00:00|9999-12-31 23:59:59|1970-01-01 00:00:00+00|ffffffff-ffff-ffff-ffff-ffffffffffff|1.50`,
		`1|t|123456789012345678901234567890.50|0.1|it's ü|\x00ff|2024-02-29|23:59:59.5|2024-01-01 00:00:00.000001|2024-06-01 10:00:00+00|00000000-0000-0000-0000-000000000001|{"a": 1.50}`,
		"3"+strings.Repeat("|NULL", 11))
	p.same(p.here("SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'k'::regclass AND attnum > 0"),
		"bigint, boolean, numeric, double precision, text, bytea, date, time without time zone, timestamp without time zone, timestamp with time zone, uuid, json")
	p.same(p.here("SELECT id FROM k WHERE t = 'it''s ü' AND id > 0 AND f < 1"), "1")
	if plan := strings.Join(p.here("EXPLAIN SELECT t FROM k WHERE id = 1"), "\n"); !strings.Contains(plan, "Pushed Filter: (id = 1)") {
		t.Errorf("the condition is not pushed down:\n%s", plan)
	}
	p.here("CREATE STREAM q (k bigint, n int) WITH (type = 'database', connection = '$file', query = 'SELECT count(*) AS n, 7 AS k FROM kinds -- all;')")
	p.same(p.here("SELECT * FROM q"), "7|3")

	// A row replaces the one with its key, and is removed by it.
	p.here("INSERT INTO kinds (id, t) VALUES (3, 'new'), (4, 'x')")
	p.here("CREATE SINK gone (id bigint) WITH (type = 'sqlite', connection = '$file', 'table' = 'kinds', mode = 'delete')")
	p.here("INSERT INTO gone VALUES (4), (5)")
	p.same(p.here("SELECT id, t FROM k WHERE id > 1"), "3|new")
	p.here("BEGIN; INSERT INTO kinds (id) VALUES (6); ROLLBACK")
	p.same(p.here("SELECT count(*) FROM k"), "3")

	// Look-ups, by two columns as well.
	p.here("CREATE SINK pairs (a int, b text, v int) WITH (type = 'sqlite', connection = '$file', 'table' = 'pairs', 'create' = 'true', key = 'a, b')")
	p.here("INSERT INTO pairs SELECT g, 'b' || g, g * 2 FROM generate_series(0, 999) g")
	p.here("CREATE STREAM pairs_there (a int, b text, v int) WITH (type = 'sqlite', connection = '$file', 'table' = 'pairs', 'lookup.batch.size' = '600')")
	p.here("CREATE STREAM asked (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '1200')")
	p.here("CREATE TABLE found (n bigint, v int)")
	p.here("START JOB asking AS SELECT a.n, p.v FROM asked a LEFT JOIN pairs_there p ON p.a = a.n::int AND p.b = 'b' || a.n INTO found")
	p.soon(&p.ours, "SELECT count(*), sum(v), count(v) FROM found", "1200|999000|1000")

	// What grows is followed.
	p.here("CREATE SINK events (id bigint, what text) WITH (type = 'sqlite', connection = '$file', 'table' = 'events', 'create' = 'true')")
	p.here("INSERT INTO events SELECT g, 'old' FROM generate_series(1, 3000) g")
	p.here("CREATE STREAM events_there WITH (type = 'sqlite', connection = '$file', 'table' = 'events', 'incremental.column' = 'id', poll_interval = '20ms')")
	p.here("CREATE TABLE seen (id bigint)")
	p.here("START JOB following AS SELECT id FROM events_there INTO seen")
	p.soon(&p.ours, "SELECT count(*) FROM seen", "3000")
	p.here("STOP JOB following")
	p.here("INSERT INTO events VALUES (3001, 'new')")
	p.here("START JOB following")
	p.soon(&p.ours, "SELECT count(*), count(DISTINCT id), max(id) FROM seen", "3001|3001|3001")

	p.fails("CREATE STREAM x WITH (type = 'sqlite', connection = '$file', 'table' = 'absent')", "42P01", "no such table: absent")
	p.fails("CREATE STREAM x WITH (type = 'sqlite', connection = '$file-none', 'table' = 't')", "58P01", "create = 'true'")
	p.fails("CREATE STREAM x (a int) WITH (type = 'sqlite', connection = 'sqlite:/etc/shop.db', 'table' = 't')", "42501", "/etc/shop.db")
	p.fails("CREATE STREAM x (a int) WITH (type = 'sqlite', connection = 'sqlite::memory:', 'table' = 't')", "22023", "it names no file")
	p.fails("CREATE STREAM x (a int) WITH (type = 'sqlite', connection = '$file?mode=memory', 'table' = 't')", "22023", "parameters")
	p.fails("CREATE STREAM x (a int) WITH (type = 'sqlite', connection = '$file', query = 'SELECT 1 AS a) AS t; ATTACH ''/etc/x'' AS y; SELECT * FROM (SELECT 1')", "22023", "more than one statement")
	p.fails("CREATE STREAM x WITH (type = 'sqlite', connection = '$file', 'table' = 'events', cdc = 'true')", "0A000", "snapshot.interval")
	p.here("CREATE STREAM wrong (id bigint, what int) WITH (type = 'sqlite', connection = '$file', 'table' = 'events')")
	p.fails("SELECT * FROM wrong", "22P02", `stream "wrong", table "events", row rowid = 1, field "what": invalid input syntax for type integer: "old"`)
	p.fails("SELECT 1 AS id INTO n1 WITH ('n1.type' = 'sqlite', 'n1.connection' = '$file', 'n1.table' = 'events', 'n1.key' = 'id')", "42P10", "CREATE UNIQUE INDEX ON")
}

// TestSQLiteExactlyOnce kills the gateway at random, while a job copies a table that
// grows into two others of its file, one of them grouped.
func TestSQLiteExactlyOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	p := withFile(t)
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1500')")
	p.here("START JOB copying AS SELECT id, id % 17 AS k FROM g INTO r WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'r.type' = 'sqlite', 'r.connection' = '$file', 'r.table' = 'copies', 'r.create' = 'true')")
	p.here("CREATE STREAM copies (id bigint, k bigint) WITH (type = 'sqlite', connection = '$file', 'table' = 'copies')")
	p.soon(&p.ours, "SELECT count(*) > 0 FROM copies", "t")
	p.here("CREATE STREAM grown WITH (type = 'sqlite', connection = '$file', 'table' = 'copies', 'incremental.column' = 'id', poll_interval = '10ms')")
	p.here("START JOB grouping AS SELECT k, count(*) AS n, max(id) AS last FROM grown GROUP BY k EMIT CHANGES INTO s WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'s.type' = 'sqlite', 's.connection' = '$file', 's.table' = 'sums', 's.create' = 'true', 's.key' = 'k')")
	count := func() string {
		rows, err := run(p.ctx, p.ours, "SELECT count(*) FROM copies")
		if err != nil {
			return "" // the file is locked
		}
		return strings.Join(rows, "")
	}
	for range p.kills() {
		before := count()
		for now := before; (now == before || now == "") && p.ctx.Err() == nil; now = count() {
			p.pause()
		}
		p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
		p.gateway.Kill()
		p.again()
	}
	p.here("STOP JOB copying")
	p.here("CREATE STREAM sums (k bigint, n bigint, last bigint) WITH (type = 'sqlite', connection = '$file', 'table' = 'sums')")
	total := p.here("SELECT count(*) FROM copies")[0]
	p.same(p.here("SELECT count(DISTINCT id), max(id) + 1, count(*) FILTER (WHERE k <> id % 17) FROM copies"), fmt.Sprintf("%s|%s|0", total, total))
	p.soon(&p.ours, "SELECT sum(n), max(last) + 1 FROM sums", total+"|"+total)
	p.same(p.here("SELECT * FROM sums ORDER BY k"), p.here("SELECT k, count(*), max(id) FROM copies GROUP BY k ORDER BY k")...)
}

// TestSQLiteWaits: a job that waits for the next row of a long SELECT stops, and one that a
// reader keeps from writing fails, and says what to do.
func TestSQLiteWaits(t *testing.T) {
	p := withFile(t)
	p.here("CREATE SINK rows (id bigint) WITH (type = 'sqlite', connection = '$file', 'table' = 'rows', 'create' = 'true')")
	p.here("INSERT INTO rows SELECT g FROM generate_series(1, 200000) g")
	p.here("CREATE STREAM endless (n bigint) WITH (type = 'sqlite', connection = '$file', key = 'n', query = 'SELECT n FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000) SELECT n FROM c) WHERE n = 1 OR n = 1000000000000')")
	p.here("START JOB waits AS SELECT n FROM endless INTO b WITH ('b.type' = 'blackhole')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'waits'", "running")
	p.wait(200 * time.Millisecond) // it has begun to look
	begun := time.Now()
	p.here("STOP JOB waits")
	if took := time.Since(begun); took > stopLimit {
		t.Errorf("STOP JOB took %v", took)
	}
	p.fails("SET statement_timeout = '200ms'; SELECT sum(n) FROM endless", "57014", "statement timeout")
	p.here("SET statement_timeout = 0")

	p.here("CREATE SINK copies (id bigint) WITH (type = 'sqlite', connection = '$file', 'table' = 'copies', 'create' = 'true', 'connection.timeout' = '200ms')")
	p.here("INSERT INTO copies VALUES (0)")
	p.here("CREATE STREAM pairs (id bigint) WITH (type = 'sqlite', connection = '$file', query = 'SELECT a.id FROM rows a, rows b')")
	reader := p.connect(p.gateway.URL())
	p.must(reader, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM pairs; FETCH 1 FROM c") // and the file is locked for its reader
	p.here("CREATE STREAM one (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '1')")
	p.here("START JOB writes AS SELECT id FROM one INTO copies WITH (max_restart_attempts = '1', restart_delay = '10ms')")
	p.soon(&p.ours, "SELECT state, sqlstate, hint LIKE '%journal_mode = WAL%' FROM ferris.jobs WHERE job_name = 'writes'", "failed|55006|t")
	p.must(reader, "COMMIT")
	p.here("START JOB writes")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'writes'", "finished")
}
