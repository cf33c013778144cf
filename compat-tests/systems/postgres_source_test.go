package systems

import (
	"strings"
	"testing"
)

// everything has a column of each kind, and rows at the edges.
const everything = `
CREATE TYPE $schema.mood AS ENUM ('sad', 'ok');
CREATE TABLE $schema.everything (id bigint PRIMARY KEY, b boolean, i2 smallint, i4 int, n numeric, n2 numeric(12,2), f4 real, f8 double precision, t text, v varchar(20), c char(5),
	by bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, a int[], ta text[], ip inet, m $schema.mood, pt point, r int4range);
INSERT INTO $schema.everything VALUES
	(1, true, -32768, 2147483647, 123456789012345678901234567890.123456789, 99.50, 1.5, 'NaN', 'héllo', 'v', 'ab', '\x00ff', '2024-02-29', '23:59:59.999999', '2024-01-01 00:00:00.5', '2024-06-01 12:00:00+02', '1 year -2 days 03:04:05', '00000000-0000-0000-0000-000000000001', '{"a": 1}', '{"b":[1,2]}', '{1,NULL,3}', '{"x,y",NULL}', '10.0.0.1/8', 'ok', '(1,2)', '[1,5)'),
	(2, false, 0, -1, 'NaN', -0.01, '-Infinity', 1e300, '', '', '', '', '0001-01-01 BC', '00:00', '-infinity', 'infinity', '0', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', 'null', '{}', '{}', '::1', 'sad', '(-1,0.5)', 'empty'),
	(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`

// TestSnapshot reads tables and queries whole, with columns that the server names.
func TestSnapshot(t *testing.T) {
	p := start(t)
	p.there(everything)
	p.here("CREATE STREAM everything WITH (type = 'postgres', connection = '$db', 'table' = '$schema.everything')")
	p.same(p.here("SELECT * FROM everything ORDER BY id"), p.there("SELECT * FROM $schema.everything ORDER BY id")...)
	p.same(p.here("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'everything'::regclass AND attnum > 0 AND attname IN ('n2', 'c', 'm', 'a', 'tz') ORDER BY attname"),
		"integer[]", "character(5)", "text", "numeric(12,2)", "timestamp with time zone")

	p.there("CREATE TABLE $schema.many AS SELECT g AS id, md5(g::text) AS t, g % 7 AS k FROM generate_series(1, 50000) g")
	p.there("CREATE TABLE $schema.parted (id int, day date) PARTITION BY RANGE (day); CREATE TABLE $schema.p1 PARTITION OF $schema.parted FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');" +
		"CREATE TABLE $schema.p2 PARTITION OF $schema.parted DEFAULT; INSERT INTO $schema.parted SELECT g, date '2024-01-01' + g % 60 FROM generate_series(1, 4000) g")
	p.there("CREATE VIEW $schema.v AS SELECT k, count(*) AS n FROM $schema.many GROUP BY k")
	jdbc := strings.Replace(strings.Replace(p.server.DSN(), "postgres://postgres@", "jdbc:postgresql://", 1), "?sslmode=disable", "?ssl=false&sslmode=disable&currentSchema="+p.schema, 1)
	p.here("CREATE STREAM many WITH (type = 'database_source', 'connection.url' = '" + jdbc + "', 'connection.username' = 'postgres', 'connection.pool.max_size' = '2', refresh_interval = '300000')")
	p.here("CREATE STREAM parted (day date, id int) WITH (connection = '$db', 'table' = '$schema.parted')")
	p.here("CREATE STREAM v WITH (type = 'postgresql', connection = '$db', 'table' = '$schema.v', key = 'k')")
	p.here("CREATE STREAM q (n numeric, k text) WITH (type = 'jdbc', connection = '$db', query = 'SELECT k, count(*) AS n FROM $schema.many GROUP BY k;')")
	for _, q := range []string{
		"SELECT count(*), sum(id), min(t) FROM many", "SELECT t FROM many WHERE id = 4711", "SELECT count(*) FROM many WHERE k IN (1, 3) AND id > 40000",
		"SELECT count(*), min(day), max(id) FROM parted", "SELECT id FROM parted WHERE day = '2024-02-03' ORDER BY id LIMIT 3", "SELECT k, n FROM v ORDER BY k",
	} {
		from := strings.NewReplacer("FROM ", "FROM $schema.").Replace(q)
		p.same(p.here(q), p.there(from)...)
	}
	p.same(p.here("SELECT k || '=' || n FROM q ORDER BY k LIMIT 2"), "0=7142", "1=7143")
	if plan := strings.Join(p.here("EXPLAIN SELECT t FROM many WHERE id = 4711"), "\n"); !strings.Contains(plan, "Pushed Filter: (id = 4711)") {
		t.Errorf("the condition is not pushed down:\n%s", plan)
	}
}

// TestSnapshotErrors has messages that name the system, the object, the row and what
// to do.
func TestSnapshotErrors(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.texts (id int, amount text); INSERT INTO $schema.texts VALUES (1, '1.50'), (2, 'abc'), (3, NULL); CREATE VIEW $schema.vt AS SELECT * FROM $schema.texts; CREATE ROLE nobody_$schema LOGIN")
	p.here("CREATE STREAM texts (id int, amount numeric) WITH (type = 'database', connection = '$db', 'table' = '$schema.texts')")
	p.fails("SELECT * FROM texts", "22P02", `stream "texts", table "$schema.texts", row (0,2), field "amount": invalid input syntax for type numeric: "abc"`)
	p.here("CREATE STREAM kept (id int, amount numeric) WITH (type = 'database', connection = '$db', 'table' = '$schema.texts', on_error = 'skip')")
	p.same(p.here("SELECT * FROM kept ORDER BY id"), "1|1.50", "3|NULL")
	p.here("CREATE STREAM nulls (id int, amount numeric) WITH (type = 'database', connection = '$db', 'table' = '$schema.texts', on_error = 'null')")
	p.same(p.here("SELECT * FROM nulls ORDER BY id"), "1|1.50", "2|NULL", "3|NULL")

	p.fails("CREATE STREAM x WITH (type = 'database', connection = '$db', 'table' = '$schema.absent')", "42P01", `relation "$schema.absent" does not exist`)
	p.here("CREATE STREAM other (id int, price int) WITH (type = 'database', connection = '$db', 'table' = '$schema.texts')")
	p.fails("SELECT * FROM other", "42703", `column "price" of "other" does not exist in table "$schema.texts" of PostgreSQL at`)
	p.fails("SELECT * FROM other", "42703", "Its columns are id, amount.")
	p.fails("CREATE STREAM x (a int) WITH (type = 'database', connection = 'oracle://u@h/d')", "0A000", "a database of type oracle is not supported")
	p.fails("CREATE STREAM x (a int) WITH (type = 'database', connection = 'postgresql:///var/run/x?user=u')", "22023", "it names no host")
	p.fails("CREATE STREAM x (a int) WITH (type = 'database', connection = 'postgresql://u@h/d?sslcert=/etc/passwd')", "22023", `its parameter "sslcert" is not known`)
	p.fails("CREATE STREAM x WITH (type = 'database', connection = 'postgresql://u@127.0.0.1:1/d')", "08001", `PostgreSQL at "127.0.0.1:1", database "d"`)
	denied := strings.Replace(p.server.DSN(), "postgres@", "nobody_"+p.schema+"@", 1)
	p.fails("CREATE STREAM x WITH (type = 'database', connection = '"+denied+"', 'table' = '$schema.texts')", "42501", `permission denied for schema $schema`)
	p.here("CREATE STREAM unkeyed (id int) WITH (type = 'database', connection = '$db', 'table' = '$schema.vt')")
	p.here("START JOB unkeyed AS SELECT id FROM unkeyed INTO k WITH ('k.type' = 'blackhole')")
	p.soon(&p.ours, "SELECT state || ' ' || (error LIKE '%without a key is not supported%') FROM ferris.jobs WHERE job_name = 'unkeyed'", "failed true")
}

// TestIncremental follows a column that grows, and leaves nothing out where an older
// transaction commits after a younger one.
func TestIncremental(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.events (id bigserial PRIMARY KEY, what text); INSERT INTO $schema.events (what) SELECT 'old ' || g FROM generate_series(1, 3000) g")
	p.here("CREATE STREAM events WITH (type = 'database', connection = '$db', 'table' = '$schema.events', 'incremental.column' = 'id', poll_interval = '20ms')")
	p.here("CREATE TABLE seen (id bigint, what text)")
	p.here("START JOB copy AS SELECT id, what FROM events INTO seen")
	p.soon(&p.ours, "SELECT count(*) FROM seen", "3000")
	other := p.connect(p.server.DSN())
	for _, sql := range []string{"BEGIN", "INSERT INTO $schema.events (what) VALUES ('slow')"} {
		if _, err := run(p.ctx, other, p.expand(sql)); err != nil {
			t.Fatal(err)
		}
	}
	p.there("INSERT INTO $schema.events (what) SELECT 'quick' FROM generate_series(1, 5)")
	p.here("STOP JOB copy")
	p.here("START JOB copy")
	p.there("INSERT INTO $schema.events (what) VALUES ('quicker')")
	if _, err := run(p.ctx, other, "COMMIT"); err != nil {
		t.Fatal(err)
	}
	p.there("INSERT INTO $schema.events (what) VALUES ('last')")
	p.soon(&p.ours, "SELECT what, count(*) FROM seen WHERE id > 3000 GROUP BY 1 ORDER BY 1", "last|1", "quick|5", "quicker|1", "slow|1")
	p.same(p.here("SELECT count(*), count(DISTINCT id) FROM seen"), "3008|3008")
	p.same(p.here("SELECT count(*) FROM events"), "3008")
}

// TestLookup joins a stream with a table that is asked by key.
func TestLookup(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.customers (id bigint PRIMARY KEY, name text, tier varchar(10)); INSERT INTO $schema.customers SELECT g, 'c' || g, CASE WHEN g % 2 = 0 THEN 'gold' ELSE 'blue' END FROM generate_series(0, 499) g")
	p.here("CREATE STREAM orders (id bigint GENERATED ALWAYS AS (_offset) STORED, customer bigint GENERATED ALWAYS AS (_offset % 600) STORED) WITH (type = 'generator', rate = '20000')")
	p.here("CREATE STREAM customers WITH (type = 'database', connection = '$db', 'table' = '$schema.customers', refresh_interval = '1 hour')")
	p.here("CREATE TABLE named (id bigint, name text, tier text)")
	p.here("START JOB enrich AS SELECT o.id, c.name, c.tier FROM orders o LEFT JOIN customers c ON o.customer = c.id INTO named")
	p.soon(&p.ours, "SELECT count(*) >= 5000 FROM named", "t")
	p.here("STOP JOB enrich")
	p.same(p.here("SELECT count(*) FROM named WHERE name IS DISTINCT FROM (CASE WHEN id % 600 < 500 THEN 'c' || id % 600 END) OR tier IS DISTINCT FROM (CASE WHEN id % 600 < 500 THEN CASE WHEN id % 2 = 0 THEN 'gold' ELSE 'blue' END END)"), "0")
	if plan := strings.Join(p.here("EXPLAIN SELECT o.id, c.name FROM orders o JOIN customers c ON o.customer = c.id EMIT CHANGES"), "\n"); !strings.Contains(plan, "Look") {
		t.Errorf("it is not a look-up:\n%s", plan)
	}
	p.here("CREATE TABLE gold (id bigint)")
	p.here("START JOB golden AS SELECT o.id FROM orders o JOIN customers c ON o.customer = c.id AND c.tier = 'gold' INTO gold")
	p.soon(&p.ours, "SELECT count(*) >= 1000 AND bool_and(id % 2 = 0 AND id % 600 < 500) FROM gold", "t")
	p.here("STOP JOB golden")
}
