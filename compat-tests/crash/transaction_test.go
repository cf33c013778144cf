package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

// transactionKills is how often a job with transactions is killed: 10 times in
// the short tier, 200 in the long one, or as FERRIS_KILLS says.
func transactionKills(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("FERRIS_KILLS")); err == nil {
		return n
	}
	if testing.Short() {
		t.Skip("starts and kills processes for half a minute")
	}
	if os.Getenv("FERRIS_TIER") == "long" {
		return 200
	}
	return kills
}

// TestTransactionSurvivesKill kills the gateway, and once the broker.
func TestTransactionSurvivesKill(t *testing.T) {
	kills, dir := transactionKills(t), t.TempDir()
	addr, kill := gateway.StartMortalBroker(t, "--data-dir", dir)
	transactionSurvivesKill(t, kills, addr, func() {
		kill()
		gateway.StartBrokerAt(t, addr, "--data-dir", dir)
	})
}

// TestTransactionSurvivesKillOnKafka does the same on a real Kafka.
func TestTransactionSurvivesKillOnKafka(t *testing.T) {
	s := kafka.Start(t)
	transactionSurvivesKill(t, transactionKills(t), s.Addr(), func() {
		s.Kill()
		s.Run(t)
	})
}

// change is a record of the topic changes.
type change struct {
	Op   string `json:"_op"`
	G, N int64
	S    json.Number
}

// wantGroups waits until the job groups has read everything, and adds its changes
// up: a group's last row is what PostgreSQL would answer, and none was taken back
// that was not there.
func wantGroups(ctx context.Context, t *testing.T, p *gateway.Process, broker string, total int) {
	t.Helper()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for in := 0; in < total; wait(ctx, t, 50*time.Millisecond) {
		var problem *string
		if err := conn.QueryRow(ctx, "SELECT rows_in, error FROM ferris.jobs WHERE job_name = 'groups'").Scan(&in, &problem); err != nil {
			t.Fatal(err)
		}
		if problem != nil {
			t.Logf("groups: %s", *problem)
		}
	}
	execSQL(ctx, t, p, "STOP JOB groups")
	now := map[int64]change{}
	read(ctx, t, broker, "changes", func(value []byte) {
		var c change
		if err := json.Unmarshal(value, &c); err != nil {
			t.Fatalf("record %q: %v", value, err)
		}
		old, there := now[c.G]
		switch {
		case c.Op == "+" && !there:
			now[c.G] = c
		case c.Op == "-" && there && old.N == c.N && old.S == c.S:
			delete(now, c.G)
		default:
			t.Fatalf("change %q, and the group's row is %+v, there %t", value, old, there)
		}
	}, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for g, want := range groupsOf(total) {
		if now[g] != want {
			t.Fatalf("group %d is %+v, want %+v", g, now[g], want)
		}
	}
}

// groupsOf are the last changes of the groups of so many records.
func groupsOf(total int) map[int64]change {
	all := map[int64]change{}
	for g := range int64(min(total, 50)) {
		c, sum := change{Op: "+", G: g}, int64(0)
		for id := g; id < int64(total); id += 50 {
			c.N++
			sum += id
		}
		c.S = json.Number(strconv.FormatInt(sum, 10))
		all[g] = c
	}
	return all
}

// transactionSurvivesKill copies a topic into a file and two topics, exactly
// once. outage happens half way.
func transactionSurvivesKill(t *testing.T, kills int, broker string, outage func()) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+time.Duration(kills)*5*time.Second)
	defer cancel()
	makeTopics(ctx, t, broker)
	dir := t.TempDir()
	out := filepath.Join(dir, "out.json")
	g := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config(t, dir)}}
	p := start(t, g)
	execSQL(ctx, t, p,
		"CREATE STREAM input (id bigint, name text) WITH (type = 'kafka', topic = 'input')",
		fmt.Sprintf(`START JOB copy AS SELECT id, name, _partition AS part FROM input WHERE id >= 0 INTO f, k, l WITH (
			'use_transactions' = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms',
			'f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json',
			'k.type' = 'kafka', 'k.topic' = 'output', 'k.key' = 'id',
			'l.type' = 'kafka', 'l.topic' = 'second')`, out),
		// Groups, whose state is part of the epoch, and changes of which must
		// each be there once: a row is taken back before another comes.
		`START JOB groups AS SELECT id % 50 AS g, count(*) AS n, sum(id) AS s FROM input GROUP BY id % 50 INTO c WITH (
			'use_transactions' = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms',
			'c.type' = 'kafka', 'c.topic' = 'changes', 'c.key' = 'g', 'c.changelog' = 'ops')`)

	var produced atomic.Int64
	p = underKills(ctx, t, g, p, kills, out, outage, func(stop <-chan struct{}) error { return produce(ctx, broker, &produced, stop) })
	total := int(produced.Load())
	wantGroups(ctx, t, p, broker, total)
	counts := map[string]map[int64]int{"the file": complete(ctx, t, p, "copy", out, total)}
	for _, topic := range []string{"output", "second"} {
		counts["topic "+topic] = consume(ctx, t, broker, topic, total, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	for where, ids := range counts {
		for id := range total {
			if n := ids[int64(id)]; n != 1 {
				t.Fatalf("record %d is in %s %d times, want once; %d produced", id, where, n, total)
			}
		}
		if len(ids) != total {
			t.Fatalf("%s has %d records, and %d were produced", where, len(ids), total)
		}
	}
	// A stream of ours over the topic reads the same.
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE STREAM output (id bigint, name text) WITH (type = 'kafka', topic = 'output')"); err != nil {
		t.Fatal(err)
	}
	var all, distinct int
	if err := conn.QueryRow(ctx, "SELECT count(*), count(DISTINCT id) FROM output").Scan(&all, &distinct); err != nil || all != total || distinct != total {
		t.Errorf("the stream over it has %d rows, %d of them distinct, %v; want %d", all, distinct, err, total)
	}
	t.Logf("%d records: each once in the file and in both topics", total)
}
