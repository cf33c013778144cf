package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pgbench runs SELECT 1 over 8 connections and returns transactions a second.
func pgbench(t *testing.T, addr, user, database, mode string) float64 {
	t.Helper()
	script := filepath.Join(t.TempDir(), "select1.sql")
	if err := os.WriteFile(script, []byte("SELECT 1;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.CommandContext(t.Context(), pgbenchPath(t), "-n", "-h", host, "-p", port, "-U", user, "-c", "8", "-j", "2", "-T", "5", "-M", mode, "-f", script, database)
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pgbench: %v\n%s", err, out)
	}
	m := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("pgbench printed no tps:\n%s", out)
	}
	tps, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return tps
}

func pgbenchPath(t *testing.T) string {
	t.Helper()
	if path, err := osexec.LookPath("pgbench"); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err != nil || len(found) == 0 {
		t.Fatal("pgbench is missing: make deps installs it")
	}
	return found[len(found)-1]
}

func selectBars(t *testing.T, _ time.Duration) []bar {
	p := gateway.Start(t, gateway.Options{})
	server := postgres.Start(t)
	var all []bar
	for _, mode := range []string{"simple", "prepared"} {
		var ours, theirs []float64
		for range 5 {
			ours = append(ours, pgbench(t, p.Listen, "ferris", "ferris", mode))
			theirs = append(theirs, pgbench(t, postgresAddr(server), "postgres", "postgres", mode))
		}
		all = append(all, bar{name: "SELECT 1, " + mode + " / PostgreSQL 16", value: Median(ours) / Median(theirs), limit: 1.0, least: true,
			note: fmt.Sprintf("%.0f/s against %.0f/s", Median(ours), Median(theirs))})
	}
	return all
}

func memoryBars(t *testing.T, _ time.Duration) []bar {
	p := gateway.Start(t, gateway.Options{})
	time.Sleep(30 * time.Second) // the bar is "30 s after start, idle"
	idle, err := Resident(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	var clients []*Client
	for range 1000 {
		c, err := Dial(p.Listen, "ferris", "ferris")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	if n, err := clients[999].Query("SELECT 1"); n != 1 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
	full, err := Resident(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	const mb = 1 << 20
	return []bar{
		{name: "resident, idle, MB", value: float64(idle) / mb, limit: 60},
		{name: "1,000 idle connections, MB more", value: float64(full-idle) / mb, limit: 60},
	}
}

// latencyBars produce 1,000 records a second for 20 s and time each from before
// it is produced until its row is read.
func latencyBars(t *testing.T, _ time.Duration) []bar {
	broker := gateway.StartBroker(t)
	p := gateway.Start(t, gateway.Options{Brokers: broker})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("live"), kgo.AllowAutoTopicCreation(), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, &kgo.Record{Value: []byte(`{"at":0}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	exec(t, p, "CREATE STREAM live (at bigint) WITH (type = 'kafka', topic = 'live')")
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Start("SELECT at FROM live EMIT CHANGES"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(); err != nil { // the record produced above: the query runs
		t.Fatal(err)
	}
	const n = 20_000
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for range n {
			<-tick.C
			client.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, `{"at":%d}`, time.Now().UnixNano())}, nil)
		}
	}()
	var waits []float64
	for range n {
		row, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		size := binary.BigEndian.Uint32(row[2:])
		at, err := strconv.ParseInt(string(bytes.TrimSpace(row[6:6+size])), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, float64(time.Now().UnixNano()-at)/1e6)
	}
	sort.Float64s(waits)
	return []bar{{name: "live latency p99, ms", value: waits[n*99/100], limit: 20, note: fmt.Sprintf("p50 %.2f ms", waits[n/2])}}
}
