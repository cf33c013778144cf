// Package crash kills a gateway that copies a topic, with SIGKILL and under
// load, again and again, and then counts what arrived.
package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

const (
	kills      = 10
	partitions = 4
)

func TestCopyJobSurvivesKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for half a minute")
	}
	copySurvivesKill(t, gateway.StartBroker(t))
}

// copyKills is how often a job without transactions is killed: 10 times in the short tier,
// 50 in the long one, or as FERRIS_KILLS says.
func copyKills() int {
	if n, err := strconv.Atoi(os.Getenv("FERRIS_KILLS")); err == nil {
		return n
	}
	if os.Getenv("FERRIS_TIER") == "long" {
		return 50
	}
	return kills
}

// TestCopyJobSurvivesKillOnKafka does the same on a real Kafka; CI's short tier
// has it on the fake alone.
func TestCopyJobSurvivesKillOnKafka(t *testing.T) {
	if tier := os.Getenv("FERRIS_TIER"); tier == "short" || testing.Short() {
		t.Skip("starts and kills processes for a minute; run with FERRIS_TIER=long")
	}
	copySurvivesKill(t, kafka.Start(t).Addr())
}

func copySurvivesKill(t *testing.T, broker string) {
	kills := copyKills()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+time.Duration(kills)*6*time.Second)
	defer cancel()
	makeTopics(ctx, t, broker)
	dir := t.TempDir()
	out := filepath.Join(dir, "out.json")

	g := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config(t, dir)}}
	p := start(t, g)
	execSQL(ctx, t, p,
		"CREATE STREAM input (id bigint, name text) WITH (type = 'kafka', topic = 'input')",
		fmt.Sprintf(`START JOB copy AS SELECT id, name, _partition AS part FROM input WHERE id >= 0 INTO f, k WITH (
			'checkpoint.interval' = '50ms',
			'f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json',
			'k.type' = 'kafka', 'k.topic' = 'output')`, out))

	var produced atomic.Int64
	p = underKills(ctx, t, g, p, kills, out, nil, func(stop <-chan struct{}) error { return produce(ctx, broker, &produced, stop) })
	total := int(produced.Load())
	inFile := complete(ctx, t, p, "copy", out, total)
	for id := range total {
		if n := inFile[int64(id)]; n != 1 {
			t.Fatalf("record %d is in the file %d times, want once; %d produced", id, n, total)
		}
	}
	inTopic := consume(ctx, t, broker, "output", total)
	for id := range total {
		if inTopic[int64(id)] == 0 {
			t.Fatalf("record %d is missing in the topic; %d produced", id, total)
		}
	}
	t.Logf("%d records: each once in the file, %d in the topic", total, sum(inTopic))
}

// underKills kills a gateway again and again, and starts it, while load runs until
// stop is closed. The file out grows before each kill, so that the job has gone on,
// and outage, where there is one, happens half way. Of a gateway with fault points
// every second life ends at one of those. It returns the last process.
func underKills(ctx context.Context, t *testing.T, g gateway.Options, p *gateway.Process, kills int, out string, outage func(), load func(stop <-chan struct{}) error) *gateway.Process {
	t.Helper()
	stop := make(chan struct{})
	done := make(chan error, 1)
	first := rand.IntN(len(faultPoints))
	go func() { done <- load(stop) }()
	for i := range kills {
		if g.FaultPoints && i%2 == 1 {
			dies(ctx, t, g, fmt.Sprintf("%s:%d", faultPoints[(first+i/2)%len(faultPoints)], 1+rand.IntN(8)))
			continue
		}
		if i > 0 {
			p = start(t, g)
		}
		grows(ctx, t, out)
		if i == kills/2 && outage != nil {
			outage()
			grows(ctx, t, out)
		}
		wait(ctx, t, time.Duration(rand.IntN(400))*time.Millisecond)
		p.Kill()
		t.Logf("kill %d: the file has %d bytes", i+1, size(out))
	}
	p = start(t, g)
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return p
}

// faultPoints are where a process may die: what a commit has done before, and what
// it has not, is told by state.FaultPoint and the steps of the store. (The steps
// "log" and "log done" are of sessions' small commits, and "chunk" and "chunk done" of epochs
// larger than a transaction: state's own test dies there.)
var faultPoints = []string{
	"epoch taken", "sink prepare", "sinks prepared", "prepared", "prepared done", "decided", "commit", "commit done",
	"sink commit", "sink committed", "deliver", "deliver done",
}

// dies runs a gateway until it dies at a fault point, which may be before it is ready.
func dies(ctx context.Context, t *testing.T, o gateway.Options, at string) {
	t.Helper()
	o.Env = append(slices.Clone(o.Env), "FERRIS_DIE_AT="+at)
	p, err := gateway.Run(o)
	if errors.Is(err, gateway.ErrEnded) {
		t.Logf("died at %s before it was ready", at)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case <-p.Ended():
		t.Logf("died at %s", at)
	case <-timer.C:
		t.Fatalf("the gateway has not come to %s:\n%s", at, p.Log())
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}

func start(t *testing.T, o gateway.Options) *gateway.Process {
	t.Helper()
	p, err := gateway.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", p.Log())
		}
	})
	return p
}

// config lets the gateway write below dir, and has lines besides.
func config(t *testing.T, dir string, lines ...string) string {
	t.Helper()
	path := filepath.Join(dir, "ferris.yaml")
	if err := os.WriteFile(path, []byte("file:\n  roots: ["+dir+"]\n"+strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// makeTopics makes the topics that the tests want.
func makeTopics(ctx context.Context, t *testing.T, broker string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopics(ctx, partitions, 1, nil, "input", "output", "second", "changes", "payments", "windows")
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatalf("making topics: %v", err)
	}
}

// produce writes records with ids 0, 1, 2, ... at some thousand a second.
func produce(ctx context.Context, broker string, n *atomic.Int64, stop <-chan struct{}) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("input"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var records []*kgo.Record
		from := n.Load()
		for i := range int64(50) {
			records = append(records, kgo.StringRecord(fmt.Sprintf(`{"id":%d,"name":"record %d"}`, from+i, from+i)))
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return fmt.Errorf("producing: %w", err)
		}
		n.Add(int64(len(records)))
	}
}

func execSQL(ctx context.Context, t *testing.T, p *gateway.Process, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// wait waits for as long as it says.
func wait(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// grows returns when a file has grown.
func grows(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	for from := size(path); size(path) <= from; {
		wait(ctx, t, 10*time.Millisecond)
	}
}

// complete waits until the file has as many records as were produced, stops the
// job, so that nothing comes any more, and counts each id.
func complete(ctx context.Context, t *testing.T, p *gateway.Process, job, path string, total int) map[int64]int {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for limit.Err() == nil && lines(t, path) < total {
		wait(ctx, t, 50*time.Millisecond)
	}
	execSQL(ctx, t, p, "STOP JOB "+job)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[int64]int{}
	for line := range bytes.Lines(text) {
		count(t, ids, line)
	}
	return ids
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte{'\n'})
}

func count(t *testing.T, ids map[int64]int, record []byte) {
	t.Helper()
	var r struct {
		ID   int64
		Name string
	}
	if err := json.Unmarshal(record, &r); err != nil {
		t.Fatalf("record %q: %v", record, err)
	}
	if want := fmt.Sprintf("record %d", r.ID); r.Name != want {
		t.Fatalf("record %q: name is %q, want %q", record, r.Name, want)
	}
	ids[r.ID]++
}

// consume counts the ids of a topic, to the end that it has now.
func consume(ctx context.Context, t *testing.T, broker, topic string, total int, opts ...kgo.Opt) map[int64]int {
	t.Helper()
	ids := make(map[int64]int, total)
	read(ctx, t, broker, topic, func(value []byte) { count(t, ids, value) }, opts...)
	return ids
}

// read calls fn with each value of a topic, to the end that it has now.
func read(ctx context.Context, t *testing.T, broker, topic string, fn func([]byte), opts ...kgo.Opt) {
	t.Helper()
	// The end may be a marker's.
	opts = append(opts, kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("consuming: %v; %v left", err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				fn(r.Value)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
}

func sum(ids map[int64]int) int {
	n := 0
	for _, k := range ids {
		n += k
	}
	return n
}
