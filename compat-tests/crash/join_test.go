package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

func TestJoinSurvivesKill(t *testing.T) {
	kills := transactionKills(t)
	joinSurvivesKill(t, kills, gateway.StartBroker(t))
}

func TestJoinSurvivesKillOnKafka(t *testing.T) {
	if tier := os.Getenv("FERRIS_TIER"); tier == "short" || testing.Short() {
		t.Skip("starts and kills processes for a minute; run with FERRIS_TIER=long")
	}
	joinSurvivesKill(t, transactionKills(t), kafka.Start(t).Addr())
}

// epochOfEvents is the time of record 0; each record is a millisecond after the one
// before it.
var epochOfEvents = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// producePairs writes records into the topics input and payments, and at last, when
// stop is closed, one into each partition that is an hour ahead: it closes every
// window before it.
func producePairs(ctx context.Context, broker string, n *atomic.Int64, stop <-chan struct{}) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	pair := func(i int64, partition int32, ahead time.Duration) []*kgo.Record {
		at := epochOfEvents.Add(time.Duration(i)*time.Millisecond + ahead).Format("2006-01-02T15:04:05.000Z")
		return []*kgo.Record{
			{Topic: "input", Partition: partition, Value: fmt.Appendf(nil, `{"id":%d,"name":"record %d","at":"%s"}`, i, i, at)},
			{Topic: "payments", Partition: (partition + 1) % partitions, Value: fmt.Appendf(nil, `{"input_id":%d,"amount":%d,"at":"%s"}`, i, i%100, at)},
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var records []*kgo.Record
		from := n.Load()
		select {
		case <-stop:
			for p := range int32(partitions) {
				records = append(records, pair(from+int64(p), p, time.Hour)...)
			}
			return client.ProduceSync(ctx, records...).FirstErr()
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for i := range int64(25) {
			records = append(records, pair(from+i, int32(i%partitions), 0)...)
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return fmt.Errorf("producing: %w", err)
		}
		n.Add(25)
	}
}

// window is a record of the topic windows.
type window struct {
	End  time.Time `json:"window_end"`
	N, S int64
}

// joinSurvivesKill joins two topics within a second, exactly once, into a topic, a
// file and a table, and their windows likewise: each pair and each window is there
// once. The gateway dies at random moments, and between the steps of its commits.
func joinSurvivesKill(t *testing.T, kills int, broker string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute+time.Duration(kills)*6*time.Second)
	defer cancel()
	makeTopics(ctx, t, broker)
	dir := t.TempDir()
	out, windows := filepath.Join(dir, "out.json"), filepath.Join(dir, "windows.json")
	g := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config(t, dir)}, FaultPoints: true}
	p := start(t, g)
	const options = "'use_transactions' = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms'"
	execSQL(ctx, t, p,
		"CREATE STREAM input (id bigint, name text, at timestamptz, WATERMARK FOR at AS at - INTERVAL '1 second') WITH (type = 'kafka', topic = 'input')",
		"CREATE STREAM payments (input_id bigint, amount bigint, at timestamptz, WATERMARK FOR at AS at - INTERVAL '1 second') WITH (type = 'kafka', topic = 'payments')",
		// Without keys: what came twice would be there twice.
		"CREATE TABLE pairs_table (id bigint, name text)",
		"CREATE TABLE windows_table (window_end timestamptz, n bigint, s numeric)",
		fmt.Sprintf(`START JOB pairs AS SELECT i.id, i.name FROM input i JOIN payments p ON i.id = p.input_id WITHIN INTERVAL '1 second' INTO f, k, pairs_table WITH (
			%s, 'f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json', 'k.type' = 'kafka', 'k.topic' = 'output')`, options, out),
		fmt.Sprintf(`START JOB sums AS SELECT window_end, count(*) AS n, sum(p.amount) AS s
			FROM input i JOIN payments p ON i.id = p.input_id WITHIN INTERVAL '1 second' WINDOW TUMBLING (INTERVAL '1 second') INTO wf, wk, windows_table WITH (
			%s, 'wf.type' = 'file', 'wf.path' = '%s', 'wf.format' = 'json', 'wk.type' = 'kafka', 'wk.topic' = 'windows')`, options, windows))

	var produced atomic.Int64
	p = underKills(ctx, t, g, p, kills, out, nil, func(stop <-chan struct{}) error { return producePairs(ctx, broker, &produced, stop) })
	total := int(produced.Load())
	want := map[time.Time]window{}
	for i := range total {
		end := epochOfEvents.Add(time.Duration(i/1000+1) * time.Second)
		w := want[end]
		want[end] = window{end, w.N + 1, w.S + int64(i%100)}
	}
	for lines(t, windows) < len(want) {
		wait(ctx, t, 50*time.Millisecond)
	}
	pairs := map[string]map[int64]int{"the file": complete(ctx, t, p, "pairs", out, total+partitions)}
	execSQL(ctx, t, p, "STOP JOB sums")
	committed := kgo.FetchIsolationLevel(kgo.ReadCommitted())
	pairs["the topic"] = consume(ctx, t, broker, "output", total, committed)
	pairs["the table"] = map[int64]int{}
	query(ctx, t, p, "SELECT json_build_object('id', id, 'name', name) FROM pairs_table", func(value []byte) { count(t, pairs["the table"], value) })
	for where, ids := range pairs {
		for id := range total + partitions {
			if n := ids[int64(id)]; n != 1 {
				t.Fatalf("pair %d is in %s %d times, want once; %d produced", id, where, n, total)
			}
		}
	}
	sums := map[string][]window{}
	take := func(where string) func([]byte) {
		return func(value []byte) {
			var w window
			if err := json.Unmarshal(value, &w); err != nil {
				t.Fatalf("record %q: %v", value, err)
			}
			sums[where] = append(sums[where], w)
		}
	}
	text, err := os.ReadFile(windows)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		take("the file")(line)
	}
	read(ctx, t, broker, "windows", take("the topic"), committed)
	query(ctx, t, p, "SELECT json_build_object('window_end', window_end, 'n', n, 's', s) FROM windows_table", take("the table"))
	for where, all := range sums {
		for _, w := range all {
			if w.End = w.End.UTC(); want[w.End] != w {
				t.Errorf("window %+v is in %s, want %+v", w, where, want[w.End])
			}
		}
		if len(all) != len(want) {
			t.Errorf("%d windows are in %s, want %d", len(all), where, len(want))
		}
	}
	t.Logf("%d pairs and %d windows: each once in the file, the topic and the table", total, len(want))
}

// query calls fn with the text of each row of a query of one column.
func query(ctx context.Context, t *testing.T, p *gateway.Process, sql string, fn func([]byte)) {
	t.Helper()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		fn(rows.RawValues()[0])
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
