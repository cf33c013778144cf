package systems

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestChangesPastTheLimit follows a table that is several times as large as what its job
// may hold: it is changed at random, over kills of the gateway and a TRUNCATE.
func TestChangesPastTheLimit(t *testing.T) {
	const rows = 100_000
	p := start(t)
	memory := limited(t, p, 8)
	p.there(fmt.Sprintf("CREATE TABLE $schema.docs (id int PRIMARY KEY, n bigint, title text, body text) WITH (toast_tuple_target = 128); ALTER TABLE $schema.docs ALTER body SET STORAGE EXTERNAL; INSERT INTO $schema.docs SELECT g, g %% 1000, repeat(md5(g::text), 7), 'b' || g FROM generate_series(1, %d) g;", rows) +
		"INSERT INTO $schema.docs SELECT -g, 0, 'long', repeat(md5(g::text), 30) FROM generate_series(1, 2000) g")
	p.here("CREATE STREAM docs WITH (type = 'postgres', connection = '$db', 'table' = '$schema.docs', cdc = 'true')")
	p.here("CREATE TABLE sums (g int PRIMARY KEY, rows bigint, total numeric, title bigint, body bigint, mixed bigint)")
	const query = "SELECT id %% 10 AS g, count(*) AS rows, sum(n) AS total, sum(length(title)) AS title, sum(length(body)) AS body, sum(n * length(body) + id) AS mixed FROM %s GROUP BY 1"
	p.here("START JOB sums AS " + fmt.Sprintf(query, "docs") + " EMIT CHANGES INTO sums" + memory.options())
	check := func() {
		t.Helper()
		want := p.there(fmt.Sprintf(query, "$schema.docs") + " ORDER BY 1")
		memory.eventually("SELECT * FROM sums ORDER BY g", want...)
	}
	check()
	if n := memory.column("state_evicted"); n <= rows/2 {
		t.Errorf("%d rows are in the store alone", n)
	}
	for i := range 4 {
		for range 10 {
			from := rand.IntN(rows)
			p.there(strings.Join([]string{
				"BEGIN",
				fmt.Sprintf("UPDATE $schema.docs SET n = n + 1 WHERE id %% 1009 = %d", rand.IntN(1009)),
				fmt.Sprintf("UPDATE $schema.docs SET n = n + 1 WHERE id < 0 AND id %% 97 = -%d", rand.IntN(97)), // the body is not sent
				fmt.Sprintf("DELETE FROM $schema.docs WHERE id BETWEEN %d AND %d", from, from+20),
				fmt.Sprintf("UPDATE $schema.docs SET id = id + %d WHERE id BETWEEN %d AND %d", (i+1)*10*rows, from+21, from+40),
				fmt.Sprintf("INSERT INTO $schema.docs VALUES (%d, 7, 'new', 'new') ON CONFLICT DO NOTHING", from),
				"COMMIT",
			}, "; "))
		}
		if i%2 == 0 {
			p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
			p.gateway.Kill()
			p.again()
		}
		check()
	}
	p.there("TRUNCATE $schema.docs; INSERT INTO $schema.docs SELECT g, g, 'again', 'again' FROM generate_series(1, 5000) g")
	check()
	p.there("UPDATE $schema.docs SET n = n + 1")
	check()
	p.here("DROP JOB sums")
	p.soon(&p.theirs, "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'ferris\\_%'", "0")
	memory.check()
}
