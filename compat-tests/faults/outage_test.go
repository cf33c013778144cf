package faults

import (
	"bufio"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
)

// eventually asks until the answer is want.
func eventually(t *testing.T, conn *pgx.Conn, sql, want string) {
	t.Helper()
	within(t, 40*time.Second, conn, sql, want)
}

// within asks for so long until the answer is want.
func within(t *testing.T, limit time.Duration, conn *pgx.Conn, sql, want string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); ; <-tick.C {
		got, err := run(t, conn, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if fmt.Sprint(got) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v, want %s", sql, got, want)
		}
	}
}

// metric reads one line of /metrics, whose name may have labels.
func metric(t *testing.T, p *gateway.Process, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return ""
}

// TestNoBrokers starts a gateway without the brokers that its jobs had: they say what is
// missing, and go on where they were when it is started with them.
func TestNoBrokers(t *testing.T) {
	addr := gateway.StartBroker(t)
	o := gateway.Options{DataDir: t.TempDir(), Brokers: addr, Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	if _, err := run(t, conn, `CREATE STREAM s (id bigint) WITH (type = 'kafka', topic = 'given'); CREATE SINK d WITH (type = 'kafka', topic = 'doubled');
		CREATE SINK first WITH (type = 'kafka', topic = 'given')`); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, conn, "SELECT id FROM generate_series(1, 5) g(id) INTO first"); err != nil {
		t.Fatal(err)
	}
	for job, options := range map[string]string{"plain": "'plain_out.type' = 'blackhole'", "once": "'once_out.type' = 'kafka', 'once_out.topic' = 'doubled', use_transactions = 'true'"} {
		if _, err := run(t, conn, "START JOB "+job+" AS SELECT id * 2 AS id FROM s INTO "+job+"_out WITH ("+options+", retry_backoff = '50ms', 'checkpoint.interval' = '20ms')"); err != nil {
			t.Fatal(err)
		}
	}
	const states = "SELECT job_name || ' ' || state || ' ' || rows_out FROM ferris.jobs WHERE error %s ORDER BY 1"
	eventually(t, conn, fmt.Sprintf(states, "IS NULL"), "[once running 5 plain running 5]")
	p.Kill()
	without := o
	without.Brokers = ""
	p = gateway.Start(t, without)
	conn = connect(t, p)
	eventually(t, conn, fmt.Sprintf(states, "LIKE '%has no brokers to be reached at: it has no bootstrap.servers, and the server no kafka.brokers%'"), "[once running 5 plain running 5]")
	_, err := run(t, conn, "START JOB more AS SELECT id FROM s INTO m WITH ('m.type' = 'blackhole')")
	wantError(t, err, "08001", "has no brokers", "--brokers")
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	if _, err := run(t, conn, "SELECT id FROM generate_series(6, 7) g(id) INTO first"); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, fmt.Sprintf(states, "IS NULL"), "[once running 7 plain running 7]")
}

// TestOutage kills a broker under a job that reads from it and one that only
// writes to it. Both say so, and go on where they were when it is back, with
// the topics that had come to be by themselves. A gateway that starts meanwhile
// waits too.
func TestOutage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "broker")
	addr, kill := gateway.StartMortalBroker(t, "--data-dir", data)
	o := gateway.Options{DataDir: t.TempDir(), Brokers: addr, Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	if _, err := run(t, conn, `CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '200');
		START JOB writer AS SELECT id FROM ticks INTO w WITH ('w.type' = 'kafka_sink', 'w.topic' = 'ticked', 'retry_backoff' = '100ms')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT rows_out > 0 FROM ferris.jobs WHERE job_name = 'writer'", "[t]")
	if _, err := run(t, conn, `CREATE STREAM ticked (id bigint) WITH (type = 'kafka', topic = 'ticked');
		START JOB reader AS SELECT id FROM ticked INTO r WITH ('r.type' = 'blackhole', 'retry_backoff' = '100ms')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT rows_out > 0 FROM ferris.jobs WHERE job_name = 'reader'", "[t]")
	kill()
	const impeded = "SELECT job_name FROM ferris.jobs WHERE state = 'running' AND error LIKE '%refused%' ORDER BY 1"
	eventually(t, conn, impeded, "[reader writer]")
	if got, err := run(t, conn, "SHOW JOBS"); err != nil || len(got) != 2 {
		t.Errorf("SHOW JOBS: %v, %v", got, err)
	}
	for _, job := range []string{"reader", "writer"} {
		if got := metric(t, p, `ferris_job_impeded{job="`+job+`"}`); got != "1" {
			t.Errorf("ferris_job_impeded of %s is %s in the outage", job, got)
		}
	}
	written, err := run(t, conn, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'writer'")
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	eventually(t, conn, impeded, "[reader writer]")
	if got, err := run(t, conn, "SELECT rows_out >= "+written[0]+" FROM ferris.jobs WHERE job_name = 'writer'"); err != nil || fmt.Sprint(got) != "[t]" {
		t.Errorf("the counter of %s rows went back: %v, %v", strings.Join(written, ""), got, err)
	}
	gateway.StartBrokerAt(t, addr, "--data-dir", data)
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'running' AND error IS NULL AND rows_out > "+written[0]+" + 100", "[2]")
	for _, job := range []string{"reader", "writer"} {
		if got := metric(t, p, `ferris_job_impeded{job="`+job+`"}`); got != "0" {
			t.Errorf("ferris_job_impeded of %s is %s afterwards", job, got)
		}
	}
}
