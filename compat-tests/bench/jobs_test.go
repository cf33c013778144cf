package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// A job whose state is a gigabyte: restartKeys groups of keys of restartWidth
// characters. It reads restartRows in all, so that rows are left when it is killed.
const (
	restartKeys  = 4_000_037
	restartWidth = 240
	restartRows  = restartKeys + 3_000_000
	restartState = restartKeys * restartWidth
)

// restartBars kill a gateway whose job has a gigabyte of groups, and start it again
// over the same directory.
func restartBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	conf := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "sql: {max_memory_mb: 3000}\nfile: {roots: [%q]}\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	options := gateway.Options{DataDir: filepath.Join(dir, "data"), Args: []string{"--config", conf}}
	p := gateway.Start(t, options)
	out := filepath.Join(dir, "out.csv")
	exec(t, p, fmt.Sprintf(`CREATE STREAM g (k text GENERATED ALWAYS AS (lpad((_offset %% %d)::text, %d, 'k')) STORED) WITH (type = 'generator', rows = '%d')`,
		restartKeys, restartWidth, restartRows))
	exec(t, p, fmt.Sprintf(`START JOB j AS SELECT count(*) AS keys, sum(n) AS rows, sum(n * n) AS squares FROM (SELECT k, count(*) AS n FROM g GROUP BY k) x
		INTO o WITH ('o.type' = 'file', 'o.path' = '%s', 'o.format' = 'csv', 'state.memory_limit_mb' = '2400', 'checkpoint.interval' = '1s')`, out))
	c := dial(t, p)
	loaded := int64(0) // the epoch that ran when all groups had come
	jobUntil(t, c, "j", func(n []int64) bool {
		if loaded == 0 && n[0] >= restartKeys {
			loaded = n[1]
		}
		return loaded > 0 && n[1] > loaded
	}, "rows_in", "epoch")
	if jobNumbers(t, c, "j", "rows_in")[0] == restartRows {
		t.Fatal("the job has read all rows before it could be killed")
	}
	c.Close()
	killed := time.Now()
	p.Kill()
	p = gateway.Start(t, options)
	c = dial(t, p)
	defer c.Close()
	// A job knows what it holds when it has committed an epoch.
	jobUntil(t, c, "j", func(n []int64) bool { return n[0] > 0 }, "state_bytes")
	took := time.Since(killed)
	jobUntil(t, c, "j", func(n []int64) bool { return n[0] == 1 }, "CASE state WHEN 'finished' THEN 1 ELSE 0 END")
	const twice = restartRows - restartKeys
	want := fmt.Sprintf("%d,%d,%d", restartKeys, restartRows, restartKeys+3*twice)
	if got := lastRow(t, out); got != want {
		t.Errorf("the job's last row is %s, want %s", got, want)
	}
	return []bar{{name: "from kill to a committed epoch, s", value: took.Seconds(), limit: 10, note: fmt.Sprintf("keys of %d MB", restartState/1_000_000)}}
}

// The job whose rows are watched: stallKeys groups, of which stallRate random ones
// change each second, and an epoch a second.
const (
	stallKeys  = 1_000_003
	stallRate  = 100_000
	stallFor   = 40 * time.Second
	stallEvery = 3 * time.Millisecond
)

// stallBars watch a job's count of rows, those of the epoch that runs among them: for
// each epoch, the longest time in which it stood still.
func stallBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	p := stateGateway(t, dir, stateLimit)
	exec(t, p, fmt.Sprintf(`CREATE STREAM g (k bigint GENERATED ALWAYS AS (_offset %% %d * (_offset %% %d) %% %d) STORED) WITH (type = 'generator', rate = '%d')`,
		stallKeys, stallKeys, stallKeys, stallRate))
	exec(t, p, fmt.Sprintf(`START JOB j AS SELECT k, count(*) FROM g GROUP BY k INTO o WITH ('o.type' = 'file', 'o.path' = '%s', 'o.format' = 'csv', 'checkpoint.interval' = '1s')`,
		filepath.Join(dir, "out.csv")))
	c := dial(t, p)
	defer c.Close()
	jobUntil(t, c, "j", func(n []int64) bool { return n[0] >= stallKeys }, "rows_in")
	var stalls, own []float64 // of each epoch, milliseconds: as seen from outside, and as the job says
	most := time.Duration(0)
	columns := []string{"rows_in + rows_ahead", "epoch", "stall_ms"}
	was := jobNumbers(t, c, "j", columns...)
	begun := time.Now()
	moved := begun
	tick := time.NewTicker(stallEvery)
	defer tick.Stop()
	for time.Since(begun) < stallFor {
		<-tick.C
		is, now := jobNumbers(t, c, "j", columns...), time.Now()
		if is[0] != was[0] {
			most, moved = max(most, now.Sub(moved)), now
		}
		if is[1] != was[1] {
			stalls, most = append(stalls, float64(most)/1e6), 0
			own = append(own, float64(is[2]))
		}
		was = is
	}
	if len(stalls) < 2 {
		t.Fatalf("the job ended %d epochs in %v", len(stalls), stallFor)
	}
	slices.Sort(stalls)
	slices.Sort(own)
	return []bar{{name: "stall of rows at a checkpoint, p99 ms", value: stalls[(len(stalls)*99)/100], limit: 100,
		note: fmt.Sprintf("median %.0f ms of %d epochs; stall_ms p99 %.0f", Median(stalls), len(stalls), own[len(own)*99/100])}}
}

const (
	idleJobs = 100
	idleRows = 1000 // that each has read
	idleFor  = 15 * time.Second
)

// idleBars measure what jobs take that have nothing to do: each has read a topic of
// Kafka to its end, and has open windows.
func idleBars(t *testing.T, _ time.Duration) []bar {
	broker := gateway.StartBroker(t)
	if err := FillTopic(t.Context(), broker, "idle", idleRows, streamLine); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "file: {roots: [%q]}\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Brokers: broker, Args: []string{"--config", conf}})
	exec(t, p, "CREATE STREAM events "+eventColumnsTimed+" WITH (type = 'kafka', topic = 'idle')")
	before := anonymous(t, p)
	for i := range idleJobs {
		exec(t, p, fmt.Sprintf(`START JOB j%d AS SELECT order_id %% 100 AS k, window_end, count(*), sum(price) FROM events WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY k, window_end
			INTO o%d WITH ('o%d.type' = 'file', 'o%d.path' = '%s', 'o%d.format' = 'csv')`, i, i, i, i, filepath.Join(dir, fmt.Sprintf("out%d.csv", i)), i))
	}
	c := dial(t, p)
	defer c.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C {
		n, err := c.Query(fmt.Sprintf("SELECT 1 FROM ferris.jobs WHERE state = 'running' AND rows_in = %d AND epoch > 0 AND state_bytes > 0", idleRows))
		if err != nil {
			t.Fatal(err)
		}
		if n == idleJobs {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d jobs have read their topic", n, idleJobs)
		}
	}
	cpu, err := CPU(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	<-time.After(idleFor)
	after, err := CPU(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	percent := (after - cpu).Seconds() / time.Since(begun).Seconds() * 100
	return []bar{
		{name: "an idle job, MB", value: float64(anonymous(t, p)-before) / idleJobs / (1 << 20), limit: 5},
		{name: "an idle job, % of a core", value: percent / idleJobs, limit: 0.1},
	}
}

// eventColumnsTimed declare the event with the time that its windows go by.
const eventColumnsTimed = `(order_id bigint, customer_id text, symbol text, price numeric(18,4), quantity bigint, side text, event_time timestamptz, WATERMARK FOR event_time AS event_time - INTERVAL '1 second')`

const (
	viewKeys  = 100_000
	viewRows  = 3 * viewKeys
	viewReads = 20_000
)

// viewBars look keys of a materialized view up through the wire.
func viewBars(t *testing.T, _ time.Duration) []bar {
	p := gateway.Start(t, gateway.Options{})
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		"CREATE TABLE t (id int PRIMARY KEY, v int)",
		fmt.Sprintf("INSERT INTO t SELECT i, i FROM generate_series(0, %d) AS i", viewRows-1),
		fmt.Sprintf("CREATE MATERIALIZED VIEW m AS SELECT id %% %d AS k, count(*) AS n, sum(v) AS s FROM t GROUP BY k", viewKeys),
	} {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if _, err := conn.Prepare(ctx, "get", "SELECT n, s FROM m WHERE k = $1", nil); err != nil {
		t.Fatal(err)
	}
	took := make([]float64, viewReads) // milliseconds
	for i := range took {
		k := rand.IntN(viewKeys)
		begun := time.Now()
		r := conn.ExecPrepared(ctx, "get", [][]byte{strconv.AppendInt(nil, int64(k), 10)}, nil, nil).Read()
		took[i] = float64(time.Since(begun)) / 1e6
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if want := strconv.Itoa(3*k + 3*viewKeys); len(r.Rows) != 1 || string(r.Rows[0][0]) != "3" || string(r.Rows[0][1]) != want {
			t.Fatalf("key %d is %q, want 3 and %s", k, r.Rows, want)
		}
	}
	slices.Sort(took)
	return []bar{{name: "key of a materialized view, p99 ms", value: took[viewReads*99/100], limit: 1, note: fmt.Sprintf("median %.3f ms", took[viewReads/2])}}
}

func dial(t *testing.T, p *gateway.Process) *Client {
	t.Helper()
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func anonymous(t *testing.T, p *gateway.Process) int64 {
	t.Helper()
	n, err := Anonymous(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// jobUntil asks for numbers of a job until they are as they should be. A job that has
// failed ends the test.
func jobUntil(t *testing.T, c *Client, job string, are func(n []int64) bool, columns ...string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	columns = append(columns, "CASE state WHEN 'failed' THEN 1 ELSE 0 END")
	for deadline := time.Now().Add(5 * time.Minute); ; <-tick.C {
		n := jobNumbers(t, c, job, columns...)
		if are(n) {
			return
		}
		if failed := n[len(n)-1] == 1; failed || time.Now().After(deadline) {
			t.Fatalf("%s of job %s are %d, and it has failed: %v", columns, job, n, failed)
		}
	}
}
