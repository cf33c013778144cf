package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestDeadLetters runs a job with transactions over records of which some do not
// decode and some cannot be computed: what failed is in <stream>_dlq as it came,
// and in a file where the job says so.
func TestDeadLetters(t *testing.T) {
	broker := gateway.StartBroker(t)
	dir := t.TempDir()
	p := gateway.Start(t, gateway.Options{Brokers: broker, DataDir: dir})
	conn := connect(t, p)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopics(t.Context(), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []kgo.Record{
		{Value: []byte(`{"id":1,"n":5}`)}, {Key: []byte("k\xff"), Value: []byte("\xff\xfe")},
		{Value: []byte(`{"id":3,"n":0}`)}, {Value: []byte(`{"id":"x"}`)}, {Value: []byte(`{"id":5,"n":2}`)},
	} {
		if err := client.ProduceSync(t.Context(), &r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "dead.jsonl")
	if _, err := run(t, conn, `CREATE STREAM orders (id bigint, n bigint) WITH (type = 'kafka', topic = 'orders');
		START JOB once AS SELECT id, 100 / n AS part FROM orders INTO good
			WITH ('good.type' = 'kafka_sink', 'good.topic' = 'good', use_transactions = 'true', failure_strategy = 'DeadLetter', 'checkpoint.interval' = '50ms');
		START JOB twice AS SELECT id, 100 / n AS part FROM orders INTO hole
			WITH ('hole.type' = 'blackhole', failure_strategy = 'DeadLetter', dead_letter = '`+path+`', 'checkpoint.interval' = '50ms')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT job_name || ' ' || rows_out || ' ' || rejected FROM ferris.jobs ORDER BY 1", "[once 2 3 twice 2 3]")
	reader, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("orders_dlq"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := map[string]string{}
	for len(got) < 3 && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			h := map[string]string{}
			for _, x := range r.Headers {
				h[x.Key] = string(x.Value)
			}
			if _, err := time.Parse(time.RFC3339Nano, h["ferris.time"]); err != nil || h["ferris.job"] != "once" || h["ferris.topic"] != "orders" || h["ferris.partition"] != "0" {
				t.Errorf("headers %v", h)
			}
			got[h["ferris.offset"]] = fmt.Sprintf("%q %q %s", r.Key, r.Value, h["ferris.code"])
		})
	}
	want := map[string]string{"1": `"k\xff" "\xff\xfe" 22P02`, "2": `"" "{\"id\":3,\"n\":0}" 22012`, "3": `"" "{\"id\":\"x\"}" 22P02`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("orders_dlq holds %v, want %v", got, want)
	}
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE epoch > 0", "[2]")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for line := range strings.Lines(string(text)) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		values = append(values, fmt.Sprint(l["topic"], l["offset"], l["value"], l["value_base64"], l["key_base64"]))
	}
	if len(values) != 3 || !strings.Contains(fmt.Sprint(values), "//4=") || !strings.Contains(fmt.Sprint(values), "a/8=") {
		t.Errorf("%s holds %v", path, values)
	}
}
