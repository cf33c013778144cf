package systems

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// TestTwoSystems has one job's transaction decided by Kafka, and the rows of a database
// delivered after it, while the gateway is killed and the database crashes.
func TestTwoSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for a while")
	}
	server := postgres.Own(t, postgres.Options{})
	p := with(t, server)
	broker := gateway.StartBroker(t)
	p.there("CREATE TABLE $schema.rows (id bigint, k bigint)")
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '3000', 'rows' = '9000')")
	p.here("START JOB two AS SELECT id, id % 7 AS k FROM g INTO t, d WITH (use_transactions = 'true', 'checkpoint.interval' = '30ms', retry_backoff = '50ms'," +
		"'t.type' = 'kafka', 't.bootstrap.servers' = '" + broker + "', 't.topic' = 'out', 'd.type' = 'database', 'd.connection' = '$db', 'd.table' = '$schema.rows')")
	for i := range 5 {
		p.advances()
		if i%2 == 0 {
			p.gateway.Kill()
			p.gateway = gateway.Start(t, p.options)
			p.ours = p.connect(p.gateway.URL())
			continue
		}
		if err := server.Crash(p.ctx); err != nil {
			t.Fatal(err)
		}
		p.theirs = p.connect(server.DSN())
	}
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'two'", "finished")
	p.same(p.there("SELECT count(*), count(DISTINCT id), max(id), count(*) FILTER (WHERE k <> id % 7) FROM $schema.rows"), "9000|9000|8999|0")
	p.here("CREATE STREAM out (id bigint, k bigint) WITH (type = 'kafka', 'bootstrap.servers' = '" + broker + "', topic = 'out')")
	p.same(p.here("SELECT count(*), count(DISTINCT id), max(id) FROM out"), "9000|9000|8999")
}

// advances waits until more rows have come, or all are there.
func (p *pair) advances() {
	p.Helper()
	count := func() string { return p.there("SELECT count(*) FROM $schema.rows")[0] }
	before := count()
	for now := before; now == before && now != fmt.Sprint(9000) && p.ctx.Err() == nil; now = count() {
		p.wait(10 * time.Millisecond)
	}
}
