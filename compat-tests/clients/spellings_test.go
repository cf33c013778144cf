package clients

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// streamsAndTables are what the statements of TestSpellings and TestShowCreate read.
const streamsAndTables = `
CREATE STREAM o (id bigint, k text, v int, ts timestamptz, WATERMARK FOR ts AS ts) WITH (type = 'file', path = 'o.json', format = 'json');
CREATE STREAM kt (id bigint, k text, v int, ts timestamptz, WATERMARK FOR ts AS ts - INTERVAL '5 seconds') WITH (type = 'kafka', topic = 'kt');
CREATE TABLE t (k text PRIMARY KEY, name text);
INSERT INTO t VALUES ('a', 'Anna'), ('b', 'Bob');
INSERT INTO kt SELECT id, k, v, ts FROM o;
CREATE MATERIALIZED VIEW mv AS SELECT k, count(*) AS n FROM o GROUP BY k`

const orders = `{"id":1,"k":"a","v":10,"ts":"2026-01-01T00:00:05Z"}
{"id":2,"k":"b","v":20,"ts":"2026-01-01T00:00:15Z"}
{"id":3,"k":"a","v":30,"ts":"2026-01-01T00:01:05Z"}
{"id":4,"k":"b","v":40,"ts":"2026-01-01T00:03:05Z"}
{"id":5,"k":null,"v":50,"ts":"2026-01-01T00:03:15Z"}
`

func overStreams(t *testing.T) asRole {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "o.json"), []byte(orders), 0o600); err != nil {
		t.Fatal(err)
	}
	g := gateway.Start(t, gateway.Options{DataDir: dir, Args: []string{"--brokers", gateway.StartBroker(t)}})
	c := connectAs(t, g, "ferris", "")
	for _, sql := range strings.Split(strings.ReplaceAll(streamsAndTables, "o.json", filepath.Join(dir, "o.json")), ";") {
		c.must(sql)
	}
	return c
}

// TestSpellings gives the statements of other streaming databases, and, where a hint
// has what to write, that.
func TestSpellings(t *testing.T) {
	c := overStreams(t)
	for _, sql := range []string{
		"SUBSCRIBE TO mv",
		"SUBSCRIBE (SELECT k, count(*) FROM o GROUP BY k)",
		"TAIL public.mv",
		"CREATE SINK out1 FROM mv WITH (connector = 'kafka', topic = 'out1', type = 'upsert') FORMAT UPSERT ENCODE JSON",
		"CREATE SINK IF NOT EXISTS out2 AS SELECT id, k FROM kt WHERE v > 10 WITH (connector = 'kafka', topic = 'out2') FORMAT PLAIN ENCODE JSON (force_append_only = 'true')",
		"CREATE SOURCE made1 (id int, v double precision, PRIMARY KEY (id)) WITH (connector = 'kafka', topic = 'made', scan.startup.mode = 'earliest') FORMAT UPSERT ENCODE JSON",
		"CREATE TABLE made2 (id BIGINT, tags MAP<STRING, ARRAY<STRING>>, ms BIGINT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, proc AS PROCTIME(), at AS TO_TIMESTAMP(ms), " +
			"WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'made', 'properties.group.id' = 'g', " +
			"'scan.startup.mode' = 'earliest-offset', 'key.format' = 'string', 'value.format' = 'json')",
		"CREATE STREAM made3 (id VARCHAR KEY, v DOUBLE, b BYTES, s STRUCT<x INT, y ARRAY<VARCHAR>>, ts TIMESTAMP) WITH (KAFKA_TOPIC='made', VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='ts')",
		"CREATE STREAM big WITH (KAFKA_TOPIC='big', VALUE_FORMAT='JSON') AS SELECT * FROM kt WHERE v > 10 PARTITION BY k EMIT CHANGES",
		"CREATE TABLE totals1 AS SELECT k, count(*) AS n FROM o WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k EMIT CHANGES",
		"CREATE TABLE totals2 WITH (KAFKA_TOPIC='totals') AS SELECT k, count(*) AS n FROM o GROUP BY k EMIT CHANGES",
		"LIST TOPICS", "LIST STREAMS", "LIST TABLES", "SHOW QUERIES", "SHOW SOURCES", "SHOW CONNECTORS", "SHOW FUNCTIONS", "SHOW PROPERTIES",
		"DESCRIBE o EXTENDED", "DESCRIBE EXTENDED kt",
		"USE public",
		"TERMINATE out2", "DROP SOURCE made1",
	} {
		_, err := c.ask(sql)
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "0A000" || e.Position == 0 {
			t.Errorf("%s: %v, want 0A000 with a position", sql, err)
			continue
		}
		write, ok := strings.CutPrefix(e.Hint, "Write: ")
		if !ok {
			t.Errorf("%s: the hint %q does not begin with what to write", sql, e.Hint)
			continue
		}
		for _, end := range []string{". ", "; or "} {
			write, _, _ = strings.Cut(write, end)
		}
		write = strings.TrimSuffix(write, ".")
		if strings.HasSuffix(write, "EMIT CHANGES") {
			write += " LIMIT 2"
		}
		if _, err := c.ask(write); err != nil {
			t.Errorf("%s: what the hint says, %s: %+v", sql, write, err)
		}
	}
	for _, same := range []struct{ sql, want string }{
		{"SELECT k, window_start, sum(v) FROM o WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k ORDER BY 2, 1 LIMIT 2", "a|2026-01-01 00:00:00+00|10\nb|2026-01-01 00:00:00+00|20"},
		{"SELECT sum(v) FROM o WINDOW HOPPING (SIZE 2 MINUTES, ADVANCE BY 1 MINUTE, GRACE PERIOD 10 SECONDS) GROUP BY () ORDER BY window_start", "30\n60\n30\n90\n90"},
		{"SELECT sum(v) FROM TABLE(HOP(TABLE o, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTES)) GROUP BY window_start, window_end ORDER BY window_start", "30\n60\n30\n90\n90"},
		{"SELECT sum(v) FROM TABLE(TUMBLE(DATA => TABLE o, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' MINUTE)) GROUP BY window_start, window_end ORDER BY window_start", "30\n30\n90"},
		{"SELECT sum(v) FROM HOP(DATA => TABLE o, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '1' MINUTE, SIZE => INTERVAL '2' MINUTES) GROUP BY window_start, window_end ORDER BY window_start", "30\n60\n30\n90\n90"},
		{"SELECT sum(v) FROM TABLE(TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end ORDER BY window_start", "30\n30\n90"},
		{"SELECT o.id, t.name FROM o LEFT JOIN t FOR SYSTEM_TIME AS OF PROCTIME() ON o.k = t.k EMIT CHANGES LIMIT 5", "1|Anna\n2|Bob\n3|Anna\n4|Bob\n5|"},
	} {
		if got := c.must(same.sql); got != same.want {
			t.Errorf("%s = %q, want %q", same.sql, got, same.want)
		}
	}
}

// TestShowCreate: what SHOW CREATE says makes the thing again as it is, also after it
// was given another name.
func TestShowCreate(t *testing.T) {
	c := overStreams(t)
	for _, x := range []struct {
		kind, name  string
		make, until string // until: statements that change what was made
		want        string
	}{
		{"MATERIALIZED VIEW", "m1", "CREATE MATERIALIZED VIEW m1 (key, many) WITH (state.ttl = '1h') AS SELECT k, count(*) FROM o GROUP BY k", "",
			"CREATE MATERIALIZED VIEW m1 (key, many) WITH (state.ttl = '1h') AS SELECT k, count(*) FROM o GROUP BY k"},
		{"MATERIALIZED VIEW", `"M Two"`, "CREATE MATERIALIZED VIEW m2 AS SELECT * FROM o WHERE v > 10 WITH NO DATA",
			`ALTER MATERIALIZED VIEW m2 RENAME TO "M Two"; ALTER MATERIALIZED VIEW "M Two" RENAME COLUMN v TO value`,
			`CREATE MATERIALIZED VIEW "M Two" (id, k, value, ts) AS SELECT o.id, o.k, o.v, o.ts FROM o WHERE v > 10 WITH NO DATA`},
		{"VIEW", "shop.vw", "CREATE SCHEMA shop; CREATE VIEW vw AS SELECT k, v + 1 AS w FROM t1", "ALTER TABLE t1 RENAME TO t2; ALTER VIEW vw SET SCHEMA shop",
			"CREATE VIEW shop.vw AS SELECT k, v + 1 AS w FROM public.t2 t1"},
		{"STREAM", "s2", "CREATE STREAM s1 (id bigint, v int DEFAULT 4, g int GENERATED ALWAYS AS (v * 2) STORED, PRIMARY KEY (id)) WITH (type = 'kafka', topic = 's')",
			"ALTER STREAM s1 RENAME COLUMN v TO w; ALTER STREAM s1 ADD COLUMN x numeric(8,2); ALTER STREAM s1 RENAME TO s2",
			"CREATE STREAM s2 (\n  id bigint,\n  w integer DEFAULT 4,\n  g integer GENERATED ALWAYS AS (w * 2) STORED,\n  x numeric(8,2),\n  PRIMARY KEY (id)\n) WITH (type = 'kafka', topic = 's')"},
		{"STREAM", "sv", "CREATE STREAM sv AS SELECT id, k FROM o WHERE v > 20", "", "CREATE STREAM sv AS SELECT id, k FROM o WHERE v > 20"},
		{"SINK", "so", "CREATE SINK so WITH (type = 'blackhole')", "", "CREATE SINK so WITH (type = 'blackhole')"},
		{"TABLE", "tb", "CREATE TABLE ref (a int PRIMARY KEY); CREATE TABLE tb (id bigserial, n numeric(8,2) DEFAULT 1.5 NOT NULL, g int GENERATED ALWAYS AS (r + 1) STORED, r int REFERENCES ref, \"T x\" text UNIQUE, i int GENERATED ALWAYS AS IDENTITY, CHECK (n > 0), PRIMARY KEY (id)); CREATE INDEX tb_n ON tb (n DESC)",
			"ALTER TABLE tb RENAME COLUMN r TO rr", `CREATE TABLE tb (
  id bigserial NOT NULL,
  n numeric(8,2) DEFAULT 1.5 NOT NULL,
  g integer GENERATED ALWAYS AS ((rr + 1)) STORED,
  rr integer,
  "T x" text,
  i integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  CONSTRAINT tb_pkey PRIMARY KEY (id),
  CONSTRAINT tb_n_check CHECK ((n > (0)::numeric)),
  CONSTRAINT tb_r_fkey FOREIGN KEY (rr) REFERENCES ref(a),
  CONSTRAINT "tb_T x_key" UNIQUE ("T x")
);
CREATE INDEX tb_n ON public.tb USING btree (n DESC)`},
		{"JOB", "j1", "START JOB j1 AS SELECT k FROM kt INTO o1 WITH ('o1.type' = 'blackhole'); START JOB j2 AS SELECT v FROM kt INTO o2 WITH ('o2.type' = 'blackhole')", "ALTER JOB j1 SWAP WITH j2",
			"START JOB j1 AS SELECT v FROM kt INTO o2 WITH ('o2.type' = 'blackhole')"},
	} {
		if strings.Contains(x.make, "t1") {
			c.must("CREATE TABLE t1 (k text, v int)")
		}
		for _, sql := range strings.Split(x.make+";"+x.until, ";") {
			c.must(sql)
		}
		show := "SHOW CREATE " + x.kind + " " + x.name
		_, got, _ := strings.Cut(c.must(show), "|")
		if want := x.want; got != want {
			t.Errorf("%s = %s\nwant %s", show, got, want)
		}
		c.must("DROP " + x.kind + " " + x.name)
		if _, err := c.ask(got); err != nil {
			t.Errorf("%s does not make it again: %v", got, err)
			continue
		}
		if _, again, _ := strings.Cut(c.must(show), "|"); again != got {
			t.Errorf("%s is then %s, and was %s", show, again, got)
		}
	}
}

// TestShowCreateOfAJobsSink: a sink that a job declares has a statement of its own.
func TestShowCreateOfAJobsSink(t *testing.T) {
	c := overStreams(t)
	c.must("START JOB j3 AS SELECT k FROM kt INTO o3 WITH ('o3.type' = 'blackhole')")
	if got, want := c.must("SHOW CREATE SINK o3"), "o3|CREATE SINK o3 WITH (\n  type = 'blackhole'\n)"; got != want {
		t.Errorf("SHOW CREATE SINK o3 = %s, want %s", got, want)
	}
	if _, err := c.ask("SHOW CREATE SINK kt"); err == nil {
		t.Error("a stream was shown as a sink")
	}
}

// TestIndexesOfViews: the catalog has those by which a materialized view is read.
func TestIndexesOfViews(t *testing.T) {
	c := overStreams(t)
	c.must("CREATE INDEX mv_n ON mv (n)")
	want := "mv_key|CREATE UNIQUE INDEX mv_key ON public.mv USING btree (k) NULLS NOT DISTINCT\nmv_n|CREATE INDEX mv_n ON public.mv USING btree (n)"
	if got := c.must("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'mv' ORDER BY 1"); got != want {
		t.Errorf("the indexes are %s, want %s", got, want)
	}
	if got := c.must("SELECT relhasindex FROM pg_class WHERE relname = 'mv'"); got != "t" {
		t.Errorf("relhasindex = %s", got)
	}
}

// TestFinalViews: a view whose windows go out once has all of them when CREATE returns,
// where its streams end.
func TestFinalViews(t *testing.T) {
	c := overStreams(t)
	for i := range 10 {
		c.must(fmt.Sprintf("CREATE MATERIALIZED VIEW closed%d AS SELECT window_start, sum(v) AS s FROM tumble(o, ts, INTERVAL '1 minute') GROUP BY window_start, window_end EMIT ON WINDOW CLOSE", i))
		if got := c.must(fmt.Sprintf("SELECT s FROM closed%d ORDER BY window_start", i)); got != "30\n30\n90" {
			t.Fatalf("the view has %q, want 30, 30, 90", got)
		}
	}
}
