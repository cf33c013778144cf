package systems

import (
	"testing"
)

// TestCopySink writes by COPY: values of every type, as text and in binary form, and
// rows that the table does not take are refused, each by itself.
func TestCopySink(t *testing.T) {
	p := start(t)
	p.there(everything)
	p.there("CREATE TABLE $schema.copied (LIKE $schema.everything INCLUDING ALL)")
	p.here("CREATE STREAM everything WITH (type = 'database', connection = '$db', 'table' = '$schema.everything')")
	p.here("START JOB copying AS SELECT * FROM everything INTO k WITH ('k.type' = 'postgres', 'k.connection' = '$db', 'k.table' = '$schema.copied', 'k.mode' = 'copy')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'copying'", "finished")
	p.same(p.there("SELECT * FROM $schema.copied ORDER BY id"), p.there("SELECT * FROM $schema.everything ORDER BY id")...)

	p.there("CREATE TABLE $schema.plain (id bigint, n numeric, t text, at timestamptz)")
	p.here("CREATE SINK plain (id bigint, n numeric, t text, at timestamptz) WITH (type = 'database', connection = '$db', 'table' = '$schema.plain', 'mode' = 'copy')")
	p.here(`INSERT INTO plain VALUES (1, 1.50, E'a\tb\nc\\d\r', '2024-01-01 00:00:00Z'), (2, 'NaN', '\N', NULL), (3, NULL, NULL, 'infinity')`)
	p.same(p.there("SELECT id, n, t = E'a\\tb\\nc\\\\d\\r', at = '2024-01-01 00:00:00Z' FROM $schema.plain WHERE id = 1"), "1|1.50|t|t")
	p.same(p.there(`SELECT id, n, t = '\N', at FROM $schema.plain WHERE id > 1 ORDER BY id`), "2|NaN|t|NULL", "3|NULL|NULL|infinity")

	p.there("CREATE TABLE $schema.picky (id int PRIMARY KEY, n smallint NOT NULL CHECK (n <> 500)); INSERT INTO $schema.picky VALUES (42, 0)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '1200')")
	p.here("START JOB picky AS SELECT id, CASE WHEN id = 700 THEN NULL ELSE id * 33 END AS n FROM g INTO k2 WITH (use_transactions = 'true'," +
		"'k2.type' = 'database', 'k2.connection' = '$db', 'k2.table' = '$schema.picky', 'k2.mode' = 'copy', 'k2.failure_strategy' = 'LogAndContinue')")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'picky'", "finished")
	p.same(p.there("SELECT count(*), count(*) FILTER (WHERE n = id * 33), max(id) FROM $schema.picky"), "992|991|992")
	p.fails("SELECT 1 AS id INTO n1 WITH ('n1.type' = 'database', 'n1.connection' = '$db', 'n1.table' = '$schema.picky', 'n1.mode' = 'copy', 'n1.key' = 'id')", "22023", "a key only where mode is upsert or delete")
}
