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
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

// TestTimeoutsOutlasted: Kafka is away for longer than the timeouts of records and of
// transactions, gone or without a word, under jobs that write to it. None of them fails,
// each says what it waits for, and afterwards its rows are there: once each with
// transactions, once at least without. The long tier has Apache Kafka away for ten
// minutes, and the timeouts that there are by default.
func TestTimeoutsOutlasted(t *testing.T) {
	t.Parallel() // it mostly waits
	const short = ", 'delivery.timeout.ms' = '1000'"
	const transactions = ", 'transaction.timeout.ms' = '1000'"
	t.Run("gone", func(t *testing.T) {
		t.Parallel() // it waits
		dir := t.TempDir()
		addr, kill := gateway.StartMortalBroker(t, "--data-dir", dir)
		outlasted(t, outage{broker: addr, lasts: 3 * time.Second, options: short, transactional: transactions,
			away: func() error { kill(); return nil }, back: func() error { gateway.StartBrokerAt(t, addr, "--data-dir", dir); return nil }})
	})
	t.Run("mute", func(t *testing.T) {
		t.Parallel()
		addr, mute, answer := gateway.StartMuteBroker(t, "--data-dir", t.TempDir())
		outlasted(t, outage{broker: addr, lasts: 3 * time.Second, options: short, transactional: transactions, away: mute, back: answer})
	})
	t.Run("ten minutes", func(t *testing.T) {
		if os.Getenv("FERRIS_TIER") != "long" {
			t.Skip("takes ten minutes and an Apache Kafka; FERRIS_TIER=long runs it")
		}
		t.Parallel()
		s := kafka.Start(t)
		outlasted(t, outage{broker: s.Addr(), lasts: 10 * time.Minute,
			away: func() error { s.Kill(); return nil }, back: func() error { s.Run(t); return nil }})
	})
}

// outage is a Kafka that is away for a while, and the options of sinks into it.
type outage struct {
	broker                 string
	lasts                  time.Duration
	options, transactional string // of each sink, and of those of jobs with transactions beside
	away, back             func() error
}

// outlasted has jobs write numbers while Kafka is away.
func outlasted(t *testing.T, o outage) {
	p := gateway.Start(t, gateway.Options{DataDir: filepath.Join(t.TempDir(), "data"), Brokers: o.broker, Listen: gateway.FreeAddr()})
	conn := connect(t, p)
	const rows = 1500
	if _, err := run(t, conn, fmt.Sprintf("CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '500', rows = '%d')", rows)); err != nil {
		t.Fatal(err)
	}
	jobs := map[string]string{"least": o.options, "once": o.options + o.transactional, "staged": o.options + o.transactional}
	for job, options := range jobs {
		more := map[string]string{"least": "", "once": ", use_transactions = 'true'", "staged": ", use_transactions = 'true', 'sink.buffer' = '10MB'"}[job]
		start := fmt.Sprintf("START JOB %[1]s AS SELECT id FROM ticks INTO %[1]s_out WITH (type = 'kafka_sink', topic = '%[1]s', 'checkpoint.interval' = '50ms', retry_backoff = '100ms'%[2]s%[3]s)", job, more, options)
		if _, err := run(t, conn, start); err != nil {
			t.Fatalf("%s: %v", start, err)
		}
	}
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE rows_out > 50", "[3]")
	if err := o.away(); err != nil {
		t.Fatal(err)
	}
	const failed = "SELECT job_name || ' is ' || state || ': ' || coalesce(error, '') FROM ferris.jobs WHERE state <> 'running'"
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(o.lasts); time.Now().Before(end); <-tick.C {
		if got, err := run(t, conn, failed); err != nil || len(got) > 0 {
			t.Fatalf("while Kafka is away: %v, %v", got, err)
		}
	}
	eventually(t, conn, "SELECT job_name FROM ferris.jobs WHERE state = 'running' AND (error LIKE '%"+o.broker+"%' OR error LIKE '%Connection refused') ORDER BY 1", "[least once staged]")
	if err := o.back(); err != nil {
		t.Fatal(err)
	}
	// A job waits for up to a minute before it tries again.
	within(t, 2*time.Minute, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'finished'", "[3]")
	for job := range jobs {
		ids := map[string]int{}
		for _, record := range committed(t, o.broker, job, rows) {
			ids[record]++
		}
		var wrong []string
		for id := range rows {
			if n := ids[`{"id":`+strconv.Itoa(id)+`}`]; n == 0 || n > 1 && job != "least" {
				wrong = append(wrong, fmt.Sprintf("%d: %d times", id, n))
			}
		}
		if len(wrong) > 0 || len(ids) != rows {
			slices.Sort(wrong)
			t.Errorf("topic %s: %d rows of %d; not once: %v", job, len(ids), rows, wrong)
		}
	}
}
