package faults

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/twmb/franz-go/pkg/kgo"
)

// committed reads so many records of a topic as a read_committed consumer does, and
// what comes right after them.
func committed(t *testing.T, broker, topic string, n int) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got []string
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for ctx.Err() == nil && len(got) < n {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	more, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	client.PollFetches(more).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	slices.Sort(got)
	return got
}

// TestTwoClusters runs a job with transactions into topics of two Kafka clusters and a
// file, kills the second cluster's broker and the gateway under it, and finds each row
// once in all of them.
func TestTwoClusters(t *testing.T) {
	one := gateway.StartBroker(t)
	dir := filepath.Join(t.TempDir(), "broker")
	two, kill := gateway.StartMortalBroker(t, "--data-dir", dir)
	o := gateway.Options{DataDir: t.TempDir(), Brokers: one, Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	const rows = 3000
	if _, err := run(t, conn, fmt.Sprintf(`CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '500', rows = '%d');
		START JOB j AS SELECT id FROM ticks INTO a, b WITH ('a.type' = 'kafka_sink', 'a.topic' = 'a', 'b.type' = 'kafka_sink', 'b.topic' = 'b',
			'b.bootstrap.servers' = '%s', use_transactions = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms')`, rows, two)); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT rows_out > 300 FROM ferris.jobs", "[t]")
	kill()
	eventually(t, conn, "SELECT rows_out > 900 FROM ferris.jobs", "[t]") // the job goes on without it
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	eventually(t, conn, "SELECT rows_out > 1500 FROM ferris.jobs", "[t]")
	gateway.StartBrokerAt(t, two, "--data-dir", dir)
	eventually(t, conn, "SELECT state FROM ferris.jobs", "[finished]")
	var want []string
	for id := range rows {
		want = append(want, fmt.Sprintf(`{"id":%d}`, id))
	}
	slices.Sort(want)
	for broker, topic := range map[string]string{one: "a", two: "b"} {
		if got := committed(t, broker, topic, rows); !slices.Equal(got, want) {
			t.Errorf("topic %s has %d rows, %d of them distinct; want %d", topic, len(got), len(slices.Compact(slices.Clone(got))), rows)
		}
	}
}
