package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// progressTopic is where jobs record what they have decided.
const progressTopic = "__ferris_progress"

// startTicking starts a job that writes numbers from 0 on to topic out in transactions.
func startTicking(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := run(t, conn, `CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '200');
		START JOB j AS SELECT id FROM ticks INTO o WITH ('o.type' = 'kafka_sink', 'o.topic' = 'out', use_transactions = 'true', 'checkpoint.interval' = '20ms', 'retry_backoff' = '50ms')`); err != nil {
		t.Fatal(err)
	}
	moreRows(t, conn)
}

// moreRows returns when the job has committed some rows more.
func moreRows(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	eventually(t, conn, fmt.Sprintf("SELECT rows_out > %d FROM ferris.jobs WHERE state = 'running' AND error IS NULL UNION ALL SELECT false LIMIT 1", rowsOut(t, conn)+20), "[t]")
}

func rowsOut(t *testing.T, conn *pgx.Conn) int {
	t.Helper()
	got, err := run(t, conn, "SELECT rows_out FROM ferris.jobs")
	if err != nil || len(got) != 1 {
		t.Fatalf("rows_out: %v, %v", got, err)
	}
	n, err := strconv.Atoi(got[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stopsWithEachOnce stops the job and finds each of its rows once in the topic.
func stopsWithEachOnce(t *testing.T, conn *pgx.Conn, broker string) {
	t.Helper()
	if _, err := run(t, conn, "STOP JOB j"); err != nil {
		t.Fatal(err)
	}
	var want []string
	for id := range rowsOut(t, conn) {
		want = append(want, fmt.Sprintf(`{"id":%d}`, id))
	}
	slices.Sort(want)
	if got := committed(t, broker, "out", len(want)); !slices.Equal(got, want) {
		t.Errorf("the topic has %d rows, %d of them distinct; want %d", len(got), len(slices.Compact(slices.Clone(got))), len(want))
	}
}

// TestForeignTransaction: another's transaction that is open on a job's topic, and on
// the topic of decisions, does not hold a job up that runs. One that starts says what
// it waits for, and goes on when that has ended.
func TestForeignTransaction(t *testing.T) {
	broker := gateway.StartBroker(t)
	o := gateway.Options{DataDir: t.TempDir(), Brokers: broker, Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	startTicking(t, conn)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.TransactionalID("foreign"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionTimeout(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), "out", progressTopic)
	if err != nil {
		t.Fatal(err)
	}
	for topic, d := range topics {
		for partition := range d.Partitions {
			r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte("foreign"), Value: []byte("{}")}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatalf("%s: %v", topic, err)
			}
		}
	}
	moreRows(t, conn)
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	eventually(t, conn, "SELECT state || ' ' || (error LIKE '%waits for another transaction on topic \"__ferris_progress\"%')::text FROM ferris.jobs", "[running true]")
	if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	moreRows(t, conn)
	stopsWithEachOnce(t, conn, broker)
}

// TestOldBackup: with a data directory that is older than what a job has decided the job
// fails, and says so; nothing is written twice. With the right one it goes on.
func TestOldBackup(t *testing.T) {
	broker := gateway.StartBroker(t)
	dir := t.TempDir()
	o := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	startTicking(t, connect(t, p))
	var conn *pgx.Conn
	again := func(how func() error) {
		t.Helper()
		if err := p.Stop(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := how(); err != nil {
			t.Fatal(err)
		}
		p = gateway.Start(t, o)
		conn = connect(t, p)
	}
	again(func() error { return os.CopyFS(filepath.Join(dir, "backup"), os.DirFS(o.DataDir)) })
	moreRows(t, conn)
	again(func() error {
		if err := os.Rename(o.DataDir, filepath.Join(dir, "newest")); err != nil {
			return err
		}
		return os.Rename(filepath.Join(dir, "backup"), o.DataDir)
	})
	eventually(t, conn, "SELECT state || ' ' || (error LIKE '%job \"j\" cannot go on: the state store has committed epoch %names epoch%')::text FROM ferris.jobs", "[failed true]")
	again(func() error {
		if err := os.Rename(o.DataDir, filepath.Join(dir, "backup")); err != nil {
			return err
		}
		return os.Rename(filepath.Join(dir, "newest"), o.DataDir)
	})
	moreRows(t, conn)
	stopsWithEachOnce(t, conn, broker)
}
