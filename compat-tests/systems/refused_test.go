package systems

import (
	"strings"
	"testing"
)

// A table that is read again and again, whose first two rows get a value that their
// column does not hold: what is kept of them is what they were.

// refusing makes tables of jobs over $table, one for each policy, and has two rows get a
// value that is none of theirs. there runs SQL where the table is. The stream's columns
// are those that the table had when it was made.
func refusing(p *pair, with string, there func(sql string), alter string) {
	p.Helper()
	there("CREATE TABLE $table (id int PRIMARY KEY, v int)")
	there("INSERT INTO $table VALUES (1, 7), (2, 8), (3, 9), (4, 1)")
	with = "(id int PRIMARY KEY, v int) WITH (" + with + ", 'table' = '$table', 'snapshot.interval' = '50ms'"
	for name, policy := range map[string]string{"plain": ")", "fails": ", on_error = 'fail')", "nulls": ", on_error = 'null')"} {
		p.here("CREATE STREAM " + name + " " + with + policy)
		p.here("CREATE TABLE of_" + name + " (id int PRIMARY KEY, v int)")
		p.here("START JOB j_" + name + " AS SELECT id, v FROM " + name + " INTO of_" + name)
		p.soon(&p.ours, "SELECT * FROM of_"+name+" ORDER BY 1", "1|7", "2|8", "3|9", "4|1")
	}
	there(alter)
	there("UPDATE $table SET v = CASE WHEN id < 3 THEN 3000000000 ELSE v + 1 END WHERE id < 4")
	there("DELETE FROM $table WHERE id = 4")
	there("INSERT INTO $table VALUES (5, 3000000000)")
	p.soon(&p.ours, "SELECT * FROM of_plain ORDER BY 1", "1|7", "2|8", "3|10")
	p.soon(&p.ours, "SELECT * FROM of_nulls ORDER BY 1", "1|NULL", "2|NULL", "3|10", "5|NULL")
	p.failsSoon("j_fails", `row id = 1, field "v": value "3000000000" is out of range for type integer`)
	p.same(p.here("SELECT * FROM of_fails ORDER BY 1"), "1|7", "2|8", "3|9", "4|1")

	// It is counted once, and not by each snapshot: there are more behind the one that it was in.
	there("UPDATE $table SET v = 11 WHERE id = 3")
	p.soon(&p.ours, "SELECT * FROM of_plain ORDER BY 1", "1|7", "2|8", "3|11")
	there("DELETE FROM $table WHERE id = 2")
	p.soon(&p.ours, "SELECT * FROM of_plain ORDER BY 1", "1|7", "3|11")
	p.same(p.here("SELECT state, rejected FROM ferris.jobs WHERE job_name = 'j_plain'"), "running|3")

	p.gateway.Kill()
	p.again()
	there("UPDATE $table SET v = 12 WHERE id = 3")
	p.soon(&p.ours, "SELECT * FROM of_plain ORDER BY 1", "1|7", "3|12")
	there("UPDATE $table SET v = 13 WHERE id = 1")
	there("UPDATE $table SET v = 14 WHERE id = 5")
	p.soon(&p.ours, "SELECT * FROM of_plain ORDER BY 1", "1|13", "3|12", "5|14")
	p.here("DROP JOB j_plain")
	p.here("DROP JOB j_nulls")
}

func TestRefreshRefused(t *testing.T) {
	p := start(t)
	p.words = append(p.words, "$table", p.schema+".src")
	there := func(sql string) { p.Helper(); p.there(sql) }
	refusing(p, "type = 'postgres', connection = '$db'", there, "ALTER TABLE $table ALTER v TYPE bigint")
}

func TestMySQLRefreshRefused(t *testing.T) {
	p := startMaria(t)
	p.words = append(p.words, "$table", "src")
	there := func(sql string) { p.Helper(); p.there(sql) }
	refusing(p.pair, "type = 'mysql', connection = '$db'", there, "ALTER TABLE $table MODIFY v bigint")
}

// TestIncrementalMoved: an update moves a row within its table. It comes again where
// other rows may have its value, and not where that is the table's key.
func TestIncrementalMoved(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.keyed (id int PRIMARY KEY, v text); CREATE TABLE $schema.dated (id int PRIMARY KEY, at int, v text)")
	for _, of := range []struct{ table, column string }{{"keyed", "id"}, {"dated", "at"}} {
		p.here("CREATE STREAM " + of.table + " WITH (type = 'postgres', connection = '$db', 'table' = '$schema." + of.table + "', 'incremental.column' = '" + of.column + "', poll_interval = '20ms')")
		p.here("CREATE TABLE seen_" + of.table + " (id int, v text)")
		p.here("START JOB j_" + of.table + " AS SELECT id, v FROM " + of.table + " INTO seen_" + of.table)
	}
	p.there("INSERT INTO $schema.keyed VALUES (1, 'a'), (2, 'b'); INSERT INTO $schema.dated VALUES (1, 1, 'a'), (2, 2, 'b')")
	p.soon(&p.ours, "SELECT * FROM seen_keyed ORDER BY 1, 2", "1|a", "2|b")
	p.soon(&p.ours, "SELECT * FROM seen_dated ORDER BY 1, 2", "1|a", "2|b")
	p.there("UPDATE $schema.keyed SET v = 'c'; UPDATE $schema.dated SET v = 'c'")
	p.soon(&p.ours, "SELECT * FROM seen_dated ORDER BY 1, 2", "1|a", "2|b", "2|c")
	p.there("INSERT INTO $schema.keyed VALUES (3, 'd'); INSERT INTO $schema.dated VALUES (3, 2, 'd')")
	p.soon(&p.ours, "SELECT * FROM seen_dated ORDER BY 1, 2", "1|a", "2|b", "2|c", "3|d")
	p.soon(&p.ours, "SELECT * FROM seen_keyed ORDER BY 1, 2", "1|a", "2|b", "3|d")
	p.here("STOP JOB j_keyed")
	p.there("UPDATE $schema.keyed SET v = 'e' WHERE id = 3")
	p.here("START JOB j_keyed")
	p.there("INSERT INTO $schema.keyed VALUES (4, 'f')")
	p.soon(&p.ours, "SELECT * FROM seen_keyed ORDER BY 1, 2", "1|a", "2|b", "3|d", "4|f")
}

// TestColumnGone: who reads or writes a table whose column is dropped hears what to do.
func TestColumnGone(t *testing.T) {
	p := start(t)
	gone := func(at *pair, with string, there func(sql string)) {
		at.Helper()
		for _, table := range []string{"again", "grows", "sunk", "asked"} {
			there("CREATE TABLE $schema." + table + " (id int PRIMARY KEY, v int)")
			there("INSERT INTO $schema." + table + " VALUES (1, 7)")
		}
		with = "WITH (" + with + ", 'table' = '$schema."
		at.here("CREATE STREAM again " + with + "again', 'snapshot.interval' = '50ms')")
		at.here("CREATE STREAM grows " + with + "grows', 'incremental.column' = 'id', poll_interval = '20ms')")
		at.here("CREATE STREAM asked " + with + "asked')")
		at.here("CREATE TABLE put (id int, v int)")
		at.here("CREATE STREAM sunk (id int, v int) " + with + "sunk')")
		at.here("CREATE TABLE m (id int PRIMARY KEY, v int)")
		at.here("CREATE TABLE n (id int, v int)")
		at.here("START JOB again AS SELECT id, v FROM again INTO m")
		at.here("START JOB grows AS SELECT id, v FROM grows INTO n")
		at.here("START JOB sunk AS SELECT id, v FROM put INTO sunk")
		at.soon(&at.ours, "SELECT * FROM m", "1|7")
		at.soon(&at.ours, "SELECT * FROM n", "1|7")
		for _, table := range []string{"again", "grows", "sunk", "asked"} {
			there("ALTER TABLE $schema." + table + " DROP COLUMN v")
		}
		at.here("INSERT INTO put VALUES (2, 8)")
		for _, job := range []string{"again", "grows", "sunk"} {
			at.soon(&at.ours, "SELECT state, sqlstate, hint LIKE '%Bring the column back into table%"+job+"%' FROM ferris.jobs WHERE job_name = '"+job+"'", "failed|42703|t")
		}
		at.fails("INSERT INTO sunk VALUES (3, 9)", "42703", "Bring the column back into table")
		for _, job := range []string{"again", "grows"} {
			at.fails("START JOB "+job, "42703", "Bring the column back into table \""+at.expand("$schema.")+job+"\", or create \""+job+"\" again with the columns that there are.")
		}
		at.fails("SELECT v FROM asked", "42703", "Bring the column back")
	}
	gone(p, "type = 'postgres', connection = '$db'", func(sql string) { p.Helper(); p.there(sql) })
	m := startMaria(t)
	m.words = append([]string{"$schema.", ""}, m.words...)
	gone(m.pair, "type = 'mariadb', connection = '"+strings.Replace(m.maria.URL(m.name), "mysql:", "mariadb:", 1)+"'", func(sql string) { m.Helper(); m.there(sql) })
	m.fails("SELECT v FROM asked", "42703", "of MariaDB at")
}
