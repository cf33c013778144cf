package systems

import (
	"strings"
	"testing"
)

// everyKind has a column of each type of MariaDB's, and rows at the edges.
const everyKind = "CREATE TABLE every_kind (id bigint PRIMARY KEY, b boolean, i1 tinyint, u1 tinyint unsigned, i2 smallint, u2 smallint unsigned, i3 mediumint, i4 int, u4 int unsigned, u8 bigint unsigned," +
	" n decimal(40,10), f4 float, f8 double, b1 bit(1), b9 bit(9), d date, dt datetime(6), ts timestamp(3) NULL, ti time(2), y year, c char(5), v varchar(20), t text, bi binary(3), bl blob," +
	" j json, e enum('sad','ok'), s set('x','y','z'), u uuid);" +
	"INSERT INTO every_kind VALUES" +
	" (-9223372036854775808, true, -128, 255, -32768, 65535, -8388608, -2147483648, 4294967295, 18446744073709551615, 123456789012345678901234567890.0123456789, 1.1, 1.7976931348623157e308, b'1', b'100000001'," +
	"  '2024-02-29', '9999-12-31 23:59:59.999999', '2024-06-01 12:00:00.125', '23:59:59.99', 2155, 'ab', 'vé', 'don''t \\\\', x'00ff27', x'', '{\"a\": [1]}', 'ok', 'x,z', '00000000-0000-0000-0000-000000000001')," +
	" (0, false, 0, 0, 0, 0, 0, 0, 0, 0, -0.5, -1.5, 0.1, b'0', b'0', '1000-01-01', '1000-01-01 00:00:00', '1970-01-02 00:00:00', '00:00:00', 1901, '', '', '', x'000000', x'00', '[]', 'sad', '', 'ffffffff-ffff-ffff-ffff-ffffffffffff')," +
	" (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"

// everyKindHere is how its rows are read.
var everyKindHere = []string{
	"-9223372036854775808|t|-128|255|-32768|65535|-8388608|-2147483648|4294967295|18446744073709551615|123456789012345678901234567890.0123456789|1.1|1.7976931348623157e+308|t|100000001|" +
		"2024-02-29|9999-12-31 23:59:59.999999|2024-06-01 12:00:00.125+00|23:59:59.99|2155|ab|vé|don't \\|\\x00ff27|\\x|{\"a\": [1]}|ok|x,z|00000000-0000-0000-0000-000000000001",
	"0|f|0|0|0|0|0|0|0|0|-0.5000000000|-1.5|0.1|f|000000000|1000-01-01|1000-01-01 00:00:00|1970-01-02 00:00:00+00|00:00:00|1901||||\\x000000|\\x00|[]|sad||ffffffff-ffff-ffff-ffff-ffffffffffff",
	"1" + strings.Repeat("|NULL", 28),
}

// TestMySQLSnapshot reads tables, views and queries whole, with columns that the server
// names.
func TestMySQLSnapshot(t *testing.T) {
	p := startMaria(t)
	p.there(everyKind)
	p.here("SET TimeZone = 'UTC'")
	p.here("CREATE STREAM every_kind WITH (type = 'mysql', connection = '$db', 'table' = 'every_kind')")
	p.same(p.here("SELECT * FROM every_kind ORDER BY id"), everyKindHere[0], everyKindHere[1], everyKindHere[2])
	p.same(p.here("SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'every_kind'::regclass AND attnum > 0"),
		"id bigint, b boolean, i1 smallint, u1 smallint, i2 smallint, u2 integer, i3 integer, i4 integer, u4 bigint, u8 numeric(20,0), n numeric(40,10), f4 real, f8 double precision, b1 boolean, b9 bit(9), d date,"+
			" dt timestamp(6) without time zone, ts timestamp(3) with time zone, ti time(2) without time zone, y smallint, c character varying(5), v character varying(20), t text, bi bytea, bl bytea, j json, e text, s text, u "+map[bool]string{false: "uuid", true: "character varying(36)"}[p.ofMySQL()])

	p.there("CREATE TABLE Many (ID int AUTO_INCREMENT PRIMARY KEY, t varchar(32), k int, at datetime); INSERT INTO Many (t, k, at) SELECT md5(seq), seq % 7, '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_20000; CREATE VIEW v AS SELECT k, count(*) AS n FROM Many GROUP BY k")
	p.here("CREATE STREAM many (id int, t text, k int, at timestamp) WITH (type = 'database', connection = '$jdbc', 'table' = 'Many')")
	p.here("CREATE STREAM v WITH (type = 'mariadb', connection = '$db', 'table' = 'v', key = 'k')")
	p.here("CREATE STREAM q (n numeric, k text) WITH (type = 'jdbc', connection = '$jdbc', query = 'SELECT k, count(*) AS n FROM Many GROUP BY k;')")
	p.same(p.here("SELECT count(*) FROM many"), "20000")
	for _, q := range []string{
		"SELECT count(*), sum(id), min(t) FROM Many", "SELECT t FROM Many WHERE id = 4711", "SELECT count(*) FROM Many WHERE k IN (1, 3) AND id > 15000", "SELECT id FROM Many WHERE at = timestamp '2024-01-01 10:00:00'",
		"SELECT count(*) FROM Many WHERE t = 'C4CA4238A0B923820DCC509A6F75849B'", "SELECT count(*) FROM Many WHERE t IS NULL", "SELECT k, n FROM v ORDER BY k",
	} {
		want := p.there(q)
		if strings.Contains(q, "C4CA") { // the collation there takes it for equal
			want = []string{"0"}
		}
		p.same(p.here(q), want...)
	}
	p.same(p.here("SELECT k || '=' || n FROM q ORDER BY k LIMIT 2"), "0=2857", "1=2858")
	if plan := strings.Join(p.here("EXPLAIN SELECT t FROM many WHERE id = 4711"), "\n"); !strings.Contains(plan, "Pushed Filter: (id = 4711)") {
		t.Errorf("the condition is not pushed down:\n%s", plan)
	}
	p.here("CREATE TABLE copied (id int PRIMARY KEY, t text)")
	p.here("START JOB copying AS SELECT id, t FROM many INTO copied")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'copying'", "finished")
	p.same(p.here("SELECT count(*), sum(id) FROM copied"), "20000|200010000")
}

// TestMySQLErrors has messages that name the system, the object, the row and what to
// do, and no password.
func TestMySQLErrors(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE texts (id int PRIMARY KEY, amount varchar(10), at date); SET sql_mode = ''; INSERT INTO texts VALUES (1, '1.50', '2024-01-01'), (2, 'abc', '0000-00-00'), (3, NULL, NULL); CREATE VIEW vt AS SELECT * FROM texts")
	p.here("CREATE STREAM texts (id int, amount numeric) WITH (type = 'mysql', connection = '$db', 'table' = 'texts')")
	p.fails("SELECT * FROM texts", "22P02", `stream "texts", table "texts", row id = 2, field "amount": invalid input syntax for type numeric: "abc"`)
	p.here("CREATE STREAM kept (id int, amount numeric) WITH (type = 'mysql', connection = '$db', 'table' = 'texts', on_error = 'skip')")
	p.same(p.here("SELECT * FROM kept ORDER BY id"), "1|1.50", "3|NULL")
	p.here("CREATE STREAM days (id int, at date) WITH (type = 'mysql', connection = '$db', 'table' = 'texts', on_error = 'null')")
	p.same(p.here("SELECT * FROM days ORDER BY id"), "1|2024-01-01", "2|NULL", "3|NULL")
	p.here("CREATE STREAM zero (id int, at date) WITH (type = 'mysql', connection = '$db', 'table' = 'texts')")
	p.fails("SELECT * FROM zero", "22008", `row id = 2, field "at"`)

	p.fails("CREATE STREAM x WITH (type = 'mysql', connection = '$db', 'table' = 'absent')", "42P01", "absent' doesn't exist")
	p.here("CREATE STREAM other (id int, price int) WITH (type = 'mysql', connection = '$db', 'table' = 'texts')")
	p.fails("SELECT * FROM other", "42703", `column "price" of "other" does not exist in table "texts" of MySQL at`)
	p.fails("SELECT * FROM other", "42703", "Its columns are id, amount, at.")
	p.fails("CREATE STREAM x WITH (type = 'mysql', connection = 'mysql://u:sEcret@127.0.0.1:1/d')", "08001", `MySQL at "127.0.0.1:1", database "d"`)
	p.fails("CREATE STREAM x (a int) WITH (type = 'mysql', connection = 'mysql://u@h/d?allowLoadLocalInfile=true')", "22023", `its parameter "allowLoadLocalInfile" is not known`)
	p.fails("CREATE STREAM x (a int) WITH (type = 'mysql', connection = 'mysql://u@h/')", "22023", "it names no database")
	p.fails("CREATE STREAM x (a int) WITH (type = 'mysql', connection = 'mysql://u@h/d?sslmode=sometimes')", "22023", "verify-identity")
	wrong := strings.Replace(p.maria.URL(p.name), "root@", "nobody:sEcret@", 1)
	_, err := run(p.ctx, p.ours, "CREATE STREAM x WITH (type = 'mysql', connection = '"+wrong+"', 'table' = 'texts')")
	if err == nil || !strings.Contains(err.Error(), "28P01") || strings.Contains(err.Error(), "sEcret") {
		t.Errorf("a wrong password: %v", err)
	}
	p.here("CREATE STREAM unkeyed (id int) WITH (type = 'mysql', connection = '$db', 'table' = 'vt')")
	p.here("START JOB unkeyed AS SELECT id FROM unkeyed INTO k WITH ('k.type' = 'blackhole')")
	p.soon(&p.ours, "SELECT state || ' ' || (error LIKE '%without a key is not supported%') FROM ferris.jobs WHERE job_name = 'unkeyed'", "failed true")
}

// TestMySQLIncremental follows a column that grows, and leaves nothing out where an
// older transaction commits after a younger one.
func TestMySQLIncremental(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE events (id bigint AUTO_INCREMENT PRIMARY KEY, what text); INSERT INTO events (what) SELECT concat('old ', seq) FROM seq_1_to_3000")
	p.here("CREATE STREAM events WITH (type = 'mysql', connection = '$db', 'table' = 'events', 'incremental.column' = 'id', poll_interval = '20ms')")
	p.here("CREATE TABLE seen (id bigint, what text)")
	p.here("START JOB copy AS SELECT id, what FROM events INTO seen")
	p.soon(&p.ours, "SELECT count(*) FROM seen", "3000")
	other, err := p.db.BeginTx(p.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(p.ctx, "INSERT INTO events (what) VALUES ('slow')"); err != nil {
		t.Fatal(err)
	}
	p.there("INSERT INTO events (what) SELECT 'quick' FROM seq_1_to_5")
	p.here("STOP JOB copy")
	p.here("START JOB copy")
	p.there("INSERT INTO events (what) VALUES ('quicker')")
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	p.there("INSERT INTO events (what) VALUES ('last')")
	p.soon(&p.ours, "SELECT what, count(*) FROM seen WHERE what NOT LIKE 'old%' GROUP BY 1 ORDER BY 1", "last|1", "quick|5", "quicker|1", "slow|1")
	p.same(p.here("SELECT count(*), count(DISTINCT id) FROM seen"), "3008|3008")
	p.same(p.here("SELECT count(*) FROM events"), "3008")
}

// TestMySQLPlaces goes on behind values that are compared otherwise than they lie, and
// reads what comes as bytes.
func TestMySQLPlaces(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE levels (level enum('low','high') PRIMARY KEY, bits bit(9)); INSERT INTO levels VALUES ('low', b'100000001')")
	p.here("CREATE STREAM levels WITH (type = 'mysql', connection = '$db', 'table' = 'levels', 'incremental.column' = 'level', poll_interval = '20ms')")
	p.here("CREATE TABLE levelled (level text)")
	p.here("START JOB levels AS SELECT level FROM levels INTO levelled")
	p.soon(&p.ours, "SELECT level FROM levelled", "low")
	p.there("INSERT INTO levels VALUES ('high', b'11')")
	p.soon(&p.ours, "SELECT level FROM levelled ORDER BY 1", "high", "low")
	p.here("CREATE STREAM bits WITH (type = 'mysql', connection = '$db', query = 'SELECT level, bits FROM levels', key = 'bits')")
	p.same(p.here("SELECT level, bits FROM bits ORDER BY 2"), "high|3", "low|257")
	p.here("CREATE TABLE counted (bits numeric)")
	p.here("START JOB bits AS SELECT bits FROM bits INTO counted")
	p.soon(&p.ours, "SELECT bits FROM counted ORDER BY 1", "3", "257")
}

// TestMySQLLookup joins a stream with a table that is asked by key.
func TestMySQLLookup(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE customers (id bigint PRIMARY KEY, name text, tier varchar(10)); INSERT INTO customers SELECT seq, concat('c', seq), IF(seq % 2 = 0, 'gold', 'blue') FROM seq_0_to_499")
	p.here("CREATE STREAM orders (id bigint GENERATED ALWAYS AS (_offset) STORED, customer bigint GENERATED ALWAYS AS (_offset % 600) STORED) WITH (type = 'generator', rate = '20000')")
	p.here("CREATE STREAM customers WITH (type = 'mysql', connection = '$db', 'table' = 'customers', refresh_interval = '1 hour')")
	p.here("CREATE TABLE named (id bigint, name text, tier text)")
	p.here("START JOB enrich AS SELECT o.id, c.name, c.tier FROM orders o LEFT JOIN customers c ON o.customer = c.id INTO named")
	p.soon(&p.ours, "SELECT count(*) >= 5000 FROM named", "t")
	p.here("STOP JOB enrich")
	p.same(p.here("SELECT count(*) FROM named WHERE name IS DISTINCT FROM (CASE WHEN id % 600 < 500 THEN 'c' || id % 600 END) OR tier IS DISTINCT FROM (CASE WHEN id % 600 < 500 THEN CASE WHEN id % 2 = 0 THEN 'gold' ELSE 'blue' END END)"), "0")

	// Two columns, of which one is text: what its collation takes for equal is not.
	p.there("CREATE TABLE prices (shop int, item varchar(10), price decimal(10,2), PRIMARY KEY (shop, item)); INSERT INTO prices VALUES (1, 'a', 1.5), (1, 'B', 2.5), (2, 'a', 3.5)")
	p.here("CREATE STREAM prices WITH (type = 'mysql', connection = '$db', 'table' = 'prices')")
	p.here("CREATE STREAM asked (n bigint GENERATED ALWAYS AS (_offset) STORED, shop int GENERATED ALWAYS AS (1 + _offset % 2) STORED, item text GENERATED ALWAYS AS (CASE WHEN _offset < 2 THEN 'a' ELSE 'b' END) STORED) WITH (type = 'generator', 'rows' = '4')")
	p.here("CREATE TABLE found (n bigint, price numeric)")
	p.here("START JOB asking AS SELECT a.n, p.price FROM asked a LEFT JOIN prices p ON a.shop = p.shop AND a.item = p.item INTO found")
	p.soon(&p.ours, "SELECT n, price FROM found ORDER BY n", "0|1.50", "1|3.50", "2|NULL", "3|NULL")

	// FLOAT is compared by what it holds, which its text is not.
	p.there("CREATE TABLE levels (level float PRIMARY KEY, name text); INSERT INTO levels VALUES (0.1, 'low'), (16777216, 'many'), (-3.4e38, 'least'), (0.5, 'half')")
	p.here("CREATE STREAM levels WITH (type = 'mysql', connection = '$db', 'table' = 'levels')")
	p.here("CREATE STREAM measured (n bigint GENERATED ALWAYS AS (_offset % 5) STORED, level real GENERATED ALWAYS AS ((ARRAY[0.1, 16777216, -3.4e38, 0.5, 0.2])[_offset % 5 + 1]) STORED) WITH (type = 'generator', rate = '1000')")
	p.here("CREATE TABLE leveled (n bigint, name text)")
	p.here("START JOB leveling AS SELECT m.n, l.name FROM measured m LEFT JOIN levels l ON m.level = l.level INTO leveled")
	p.soon(&p.ours, "SELECT DISTINCT n, name FROM leveled ORDER BY n", "0|low", "1|many", "2|least", "3|half", "4|NULL")
	p.here("STOP JOB leveling")

	// A row that is none of its columns' types is a fault of the rows that ask for it.
	p.there("CREATE TABLE texts (id bigint PRIMARY KEY, v text); INSERT INTO texts VALUES (0, '7'), (1, 'seven'), (2, '9')")
	p.here("CREATE STREAM texts (id bigint, v int) WITH (type = 'mysql', connection = '$db', 'table' = 'texts')")
	p.here("CREATE STREAM wanted (n bigint GENERATED ALWAYS AS (_offset % 4) STORED) WITH (type = 'generator', rate = '1000')")
	p.here("CREATE TABLE had (n bigint, v int)")
	p.here("START JOB missing AS SELECT w.n, t.v FROM wanted w LEFT JOIN texts t ON w.n = t.id INTO had WITH (failure_strategy = 'LogAndContinue')")
	p.soon(&p.ours, "SELECT DISTINCT n, v FROM had ORDER BY n", "0|7", "2|9", "3|NULL")
	p.here("STOP JOB missing")
}

// TestMySQLRefreshed reads a view again and again: what differs goes out as changes.
func TestMySQLRefreshed(t *testing.T) {
	p := startMaria(t)
	p.there("CREATE TABLE rates (currency varchar(3) PRIMARY KEY, rate decimal(10,2)); INSERT INTO rates VALUES ('EUR', 1), ('USD', 1.1), ('CHF', 0.9)")
	p.here("CREATE STREAM rates WITH (type = 'mysql', connection = '$db', 'table' = 'rates', 'snapshot.interval' = '50ms')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT currency, rate FROM rates")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY 1", "CHF|0.90", "EUR|1.00", "USD|1.10")
	p.there("UPDATE rates SET rate = 1.2 WHERE currency = 'USD'; DELETE FROM rates WHERE currency = 'CHF'")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY 1", "EUR|1.00", "USD|1.20")
}
