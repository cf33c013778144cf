package systems

import "testing"

// TestAltered alters the type of a column that is read again and again, followed, and
// asked by key, while it is: its values are what they are there, and no job ends.
func TestAltered(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.src (id int PRIMARY KEY, v int, w text); INSERT INTO $schema.src VALUES (1, 7, 'a')")
	with := "WITH (type = 'postgres', connection = '$db', 'table' = '$schema.src', "
	p.here("CREATE STREAM again " + with + "'snapshot.interval' = '50ms')")
	p.here("CREATE STREAM asked " + with + "'lookup.cache.ttl' = '0')")
	p.here("CREATE STREAM grows " + with + "'incremental.column' = 'id', poll_interval = '20ms')")
	p.here("CREATE STREAM g (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '50')")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT id, v, w FROM again")
	p.here("CREATE MATERIALIZED VIEW found AS SELECT a.v, a.w, count(*) AS n FROM g JOIN asked a ON a.id = (1 + g.n * 0)::int GROUP BY 1, 2")
	p.here("CREATE TABLE grown (id int, v int, w text)")
	p.here("START JOB growing AS SELECT id, v, w FROM grows INTO grown")
	p.soon(&p.ours, "SELECT * FROM grown", "1|7|a")
	for _, one := range []struct{ alter, set, v, w string }{
		{"ALTER v TYPE bigint", "v = 12", "12", "a"},
		{"ALTER v TYPE varchar(10)", "v = '1234'", "1234", "a"},
		{"ALTER v TYPE real USING v::real", "v = 5", "5", "a"},
		{"ALTER w TYPE int USING 5", "w = 1684300900", "5", "1684300900"},
	} {
		p.there("ALTER TABLE $schema.src " + one.alter + "; UPDATE $schema.src SET " + one.set + " WHERE id = 1")
		p.soon(&p.ours, "SELECT v, w FROM mirror WHERE id = 1", one.v+"|"+one.w)
		p.soon(&p.ours, "SELECT n > 0 FROM found WHERE v = "+one.v+" AND w = '"+one.w+"'", "t")
	}
	p.there("INSERT INTO $schema.src VALUES (2, 8, 9)")
	p.soon(&p.ours, "SELECT * FROM grown WHERE id = 2", "2|8|9")
	p.same(p.here("SELECT count(*) FROM ferris.jobs WHERE state <> 'running' OR error IS NOT NULL OR rejected > 0"), "0")
}
