package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

// TestDividedTransactions gives jobs other numbers of tasks on the fake broker.
func TestDividedTransactions(t *testing.T) {
	divided(t, gateway.StartBroker(t))
}

// TestDividedTransactionsOnKafka does the same on a real Kafka; CI's short tier has it on
// the fake alone.
func TestDividedTransactionsOnKafka(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("starts an Apache Kafka, and changes the tasks of jobs for minutes; FERRIS_TIER=long runs it")
	}
	divided(t, kafka.Start(t).Addr())
}

// divided gives jobs that write in transactions other numbers of tasks under load, and
// kills the gateway after some of the changes, at any moment of them: one that looks each
// row up in a service and keeps its answers, and one of groups. Each row, and each change
// of a group, is there once.
func divided(t *testing.T, broker string) {
	changes := []int{4, 2, 3, 1, 4, 1}
	if os.Getenv("FERRIS_TIER") == "long" {
		for range 30 {
			changes = append(changes, 1+rand.IntN(4))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+time.Duration(len(changes))*10*time.Second)
	defer cancel()
	makeTopics(ctx, t, broker)
	var asked atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"owner":"owner of %s"}`, path.Base(r.URL.Path))
	}))
	defer service.Close()
	dir := t.TempDir()
	out := filepath.Join(dir, "out.json")
	g := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config(t, dir, "http: {allow: ["+service.Listener.Addr().String()+"]}")}}
	p := start(t, g)
	const options = "'use_transactions' = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms'"
	execSQL(ctx, t, p,
		"CREATE STREAM input (id bigint, name text) WITH (type = 'kafka', topic = 'input')",
		"CREATE STREAM owners (k bigint, owner text) WITH (type = 'http', endpoint = '"+service.URL+"/owners/{k}', 'lookup.cache.ttl' = '300ms')",
		fmt.Sprintf(`START JOB copy AS SELECT i.id, i.name, o.owner FROM input i LEFT JOIN owners o ON o.k = i.id %% 20 WHERE o.owner = 'owner of ' || i.id %% 20 INTO f, k WITH (
			%s, 'f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json', 'k.type' = 'kafka', 'k.topic' = 'output')`, options, out),
		fmt.Sprintf(`START JOB groups AS SELECT id %% 50 AS g, count(*) AS n, sum(id) AS s FROM input GROUP BY id %% 50 INTO c WITH (
			%s, 'c.type' = 'kafka', 'c.topic' = 'changes', 'c.key' = 'g', 'c.changelog' = 'ops')`, options))
	var produced atomic.Int64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- produce(ctx, broker, &produced, stop) }()
	for i, tasks := range changes {
		grows(ctx, t, out)
		for _, job := range []string{"copy", "groups"} {
			execSQL(ctx, t, p, fmt.Sprintf("ALTER JOB %s SET (parallelism = %d)", job, tasks))
		}
		if i%2 == 0 {
			wait(ctx, t, time.Duration(rand.IntN(150))*time.Millisecond)
			p.Kill()
			p = start(t, g)
		}
	}
	grows(ctx, t, out)
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	total := int(produced.Load())
	wantGroups(ctx, t, p, broker, total)
	counts := map[string]map[int64]int{"the file": complete(ctx, t, p, "copy", out, total)}
	counts["the topic"] = consume(ctx, t, broker, "output", total, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for where, ids := range counts {
		for id := range total {
			if n := ids[int64(id)]; n != 1 {
				t.Fatalf("record %d is in %s %d times, want once; %d produced", id, where, n, total)
			}
		}
	}
	if asked.Load() == 0 {
		t.Error("nothing was looked up")
	}
	t.Logf("%d records, each once in the file and in the topic; %d requests", total, asked.Load())
}
