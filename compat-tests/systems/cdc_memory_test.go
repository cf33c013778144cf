package systems

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestChangesPastTheLimit follows a table that is several times as large as what its job
// may hold: it is changed at random, over kills of the gateway and a TRUNCATE.
func TestChangesPastTheLimit(t *testing.T) {
	const rows, limitMB = 100_000, 8
	p := start(t)
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), 3*limit)
	defer cancel()
	p.there(fmt.Sprintf("CREATE TABLE $schema.docs (id int PRIMARY KEY, n bigint, title text, body text) WITH (toast_tuple_target = 128); ALTER TABLE $schema.docs ALTER body SET STORAGE EXTERNAL; INSERT INTO $schema.docs SELECT g, g %% 1000, repeat(md5(g::text), 7), 'b' || g FROM generate_series(1, %d) g;", rows) +
		"INSERT INTO $schema.docs SELECT -g, 0, 'long', repeat(md5(g::text), 30) FROM generate_series(1, 2000) g")
	p.here("CREATE STREAM docs WITH (type = 'postgres', connection = '$db', 'table' = '$schema.docs', cdc = 'true')")
	p.here("CREATE TABLE sums (g int PRIMARY KEY, rows bigint, total numeric, title bigint, body bigint, mixed bigint)")
	const query = "SELECT id %% 10 AS g, count(*) AS rows, sum(n) AS total, sum(length(title)) AS title, sum(length(body)) AS body, sum(n * length(body) + id) AS mixed FROM %s GROUP BY 1"
	p.here("START JOB sums AS " + fmt.Sprintf(query, "docs") + fmt.Sprintf(" EMIT CHANGES INTO sums WITH ('state.memory_limit_mb' = '%d', 'checkpoint.interval' = '100ms', restart_policy = 'never')", limitMB))
	most := 0
	held := func() {
		t.Helper()
		n, err := strconv.Atoi(p.here("SELECT coalesce(max(state_bytes), 0) FROM ferris.jobs")[0])
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	check := func() {
		t.Helper()
		want := p.there(fmt.Sprintf(query, "$schema.docs") + " ORDER BY 1")
		p.eventually(func() []string {
			held()
			return p.here("SELECT * FROM sums ORDER BY g")
		}, want...)
	}
	check()
	if got := p.here("SELECT state_evicted > " + strconv.Itoa(rows/2) + " FROM ferris.jobs")[0]; got != "t" {
		t.Errorf("%s rows are in the store alone", p.here("SELECT state_evicted FROM ferris.jobs")[0])
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
	if most > limitMB<<20*3/2 {
		t.Errorf("the job's operators held %d bytes, of %d", most, limitMB<<20)
	}
	t.Logf("the job's operators held %.1f MB at most, of %d", float64(most)/(1<<20), limitMB)
}
