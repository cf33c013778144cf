package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
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

func TestTransactionSurvivesKill(t *testing.T) {
	transactionSurvivesKill(t, transactionKills(t), gateway.StartBroker(t), nil)
}

// TestTransactionSurvivesKillOnKafka does the same on a real Kafka, which is
// itself killed once.
func TestTransactionSurvivesKillOnKafka(t *testing.T) {
	s := kafka.Start(t)
	transactionSurvivesKill(t, transactionKills(t), s.Addr(), func() {
		s.Kill()
		s.Run(t)
	})
}

// transactionSurvivesKill copies a topic into a file and two topics, exactly
// once. outage, where there is one, happens half way.
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
			'l.type' = 'kafka', 'l.topic' = 'second')`, out))

	var produced atomic.Int64
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- produce(ctx, broker, &produced, stop) }()
	for i := range kills {
		grows(ctx, t, out)
		if i == kills/2 && outage != nil {
			outage()
			grows(ctx, t, out)
		}
		wait(ctx, t, time.Duration(rand.IntN(400))*time.Millisecond)
		p.Kill()
		t.Logf("kill %d: %d produced, the file has %d bytes", i+1, produced.Load(), size(out))
		p = start(t, g)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	total := int(produced.Load())
	counts := map[string]map[int64]int{"the file": complete(ctx, t, p, out, total)}
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
