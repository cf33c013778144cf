package systems

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestKeysPastTheLimit reads a topic with a PRIMARY KEY whose rows are several times as
// large as what its job may hold: they are replaced and taken away at random, over kills
// of the gateway, and at last by two tasks.
func TestKeysPastTheLimit(t *testing.T) {
	const rows = 60_000
	p := alone(t, "", "$broker", gateway.StartBroker(t))
	memory := limited(t, p, 8)
	p.here("CREATE STREAM docs (id bigint PRIMARY KEY, n bigint, title text) WITH (type = 'kafka', topic = 'docs', 'bootstrap.servers' = '$broker')")
	type doc struct{ n, length int }
	there := map[int]doc{}
	put := func(from, to, step, n, times int) {
		t.Helper()
		p.here(fmt.Sprintf("INSERT INTO docs SELECT g, %d, repeat(md5(g::text), %d) FROM generate_series(%d, %d, %d) g", n, times, from, to, step))
		for id := from; id <= to; id += step {
			there[id] = doc{n, 32 * times}
		}
	}
	put(1, rows, 1, 1, 7)
	p.here("CREATE TABLE sums (g bigint PRIMARY KEY, rows bigint, total numeric, lengths numeric, mixed numeric)")
	p.here("START JOB sums AS SELECT id % 10 AS g, count(*) AS rows, sum(n) AS total, sum(length(title)) AS lengths, sum(n * id) AS mixed FROM docs GROUP BY 1 EMIT CHANGES INTO sums" + memory.options())
	check := func() {
		t.Helper()
		var want []string
		for g := range 10 {
			var n, total, lengths, mixed int
			for id, d := range there {
				if id%10 == g {
					n, total, lengths, mixed = n+1, total+d.n, lengths+d.length, mixed+d.n*id
				}
			}
			want = append(want, fmt.Sprintf("%d|%d|%d|%d|%d", g, n, total, lengths, mixed))
		}
		memory.eventually("SELECT * FROM sums ORDER BY g", want...)
		memory.check()
	}
	check()
	if n := memory.column("state_evicted"); n < rows/2 {
		t.Errorf("%d rows are in the store alone", n)
	}
	for i := range 4 {
		for range 5 {
			put(1+rand.IntN(1009), rows, 1009, 2+i, 1+rand.IntN(8))
			from := rand.IntN(rows)
			to := from + 40
			p.here(fmt.Sprintf("INSERT INTO docs (_key) SELECT g::text FROM generate_series(%d, %d) g", from, to)) // tombstones, some of what is not there
			for id := from; id <= to; id++ {
				delete(there, id)
			}
			put(to-3, to+3, 1, 9, 2)
		}
		switch i {
		case 0, 2:
			p.wait(time.Duration(rand.IntN(60)) * time.Millisecond)
			p.gateway.Kill()
			p.again()
		case 3:
			check()
			p.here("ALTER JOB sums SET (parallelism = 2)")
		}
		check()
	}
	put(3, rows, 7, 11, 5)
	check()
	p.here("DROP JOB sums")
}
