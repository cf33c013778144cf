package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// A job over stateKeys keys, each of which comes once in an order that is far from
// theirs, and then at random stateUpdates times more.
const (
	stateKeys    = 10_000_019 // prime
	stateUpdates = 5_000_000
	stateLimit   = 512 // MB
)

// stateKey is the key of record i, as stateStream's expression has it.
func stateKey(i int64) int64 {
	if i < stateKeys {
		return i * 7368787 % stateKeys
	}
	return i % stateKeys * (i % stateKeys) % stateKeys
}

const stateStream = `CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED,
	k bigint GENERATED ALWAYS AS (CASE WHEN _offset < 10000019 THEN _offset * 7368787 %% 10000019 ELSE _offset %% 10000019 * (_offset %% 10000019) %% 10000019 END) STORED)
	WITH (type = 'generator', rows = '%d')`

// stateQuery counts and sums by key, and then over all keys, so that its last row
// says whether every key is right.
const stateQuery = `SELECT count(*) AS keys, sum(n) AS rows, sum(s) AS total, sum(n * n) AS squares FROM (SELECT k, count(*) AS n, sum(id % 1000) AS s FROM g GROUP BY k) x`

// stateAnswer is what the query's last row is after so many records.
func stateAnswer(rows int64) string {
	counts := make([]uint16, stateKeys)
	var keys, total, squares int64
	for i := range rows {
		n := &counts[stateKey(i)]
		if *n == 0 {
			keys++
		}
		squares += int64(*n)*2 + 1
		*n++
		total += i % 1000
	}
	return fmt.Sprintf("%d,%d,%d,%d", keys, rows, total, squares)
}

// stateGateway starts a gateway whose memory is bounded, for a job that may hold so many MB.
func stateGateway(t *testing.T, dir string, limit int) *gateway.Process {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "gateway.yaml")
	text := fmt.Sprintf("sql: {max_memory_mb: %d}\nfile: {roots: [%q]}\n", limit*5/4, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return gateway.Start(t, gateway.Options{DataDir: filepath.Join(dir, "data"), Args: []string{"--config", conf}})
}

// jobNumbers reads numbers of a job, by their columns.
func jobNumbers(t *testing.T, c *Client, job string, columns ...string) []int64 {
	t.Helper()
	if err := c.Start(fmt.Sprintf("SELECT %s FROM ferris.jobs WHERE job_name = '%s'", strings.Join(columns, ", "), job)); err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for {
		row, err := c.Next()
		if err != nil {
			break
		}
		row = row[2:]
		for range columns {
			size := int32(uint32(row[0])<<24 | uint32(row[1])<<16 | uint32(row[2])<<8 | uint32(row[3]))
			row = row[4:]
			n := int64(0)
			if size > 0 {
				if n, err = strconv.ParseInt(string(row[:size]), 10, 64); err != nil {
					t.Fatal(err)
				}
				row = row[size:]
			}
			numbers = append(numbers, n)
		}
	}
	if len(numbers) != len(columns) {
		t.Fatalf("job %s is not there", job)
	}
	return numbers
}

// stateJob runs a query within so many MB.
const stateJob = "START JOB j AS %s INTO o WITH ('o.type' = 'file', 'o.path' = '%s', 'o.format' = 'csv', 'state.memory_limit_mb' = '%d', 'checkpoint.interval' = '1s')"

// stateBars run the job with a limit that a good part of its groups does not fit in.
func stateBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	p := stateGateway(t, dir, stateLimit)
	exec(t, p, fmt.Sprintf(stateStream, stateKeys+stateUpdates))
	out := filepath.Join(dir, "out.csv")
	exec(t, p, fmt.Sprintf(stateJob, stateQuery, out, stateLimit))
	most, loaded, done := watchState(t, p, stateKeys, nil)
	if got, want := lastRow(t, out), stateAnswer(stateKeys+stateUpdates); got != want {
		t.Errorf("the job's last row is %s, want %s", got, want)
	}
	return []bar{
		{name: "10 M keys in 512 MB, k updates/s", value: stateUpdates / (done - loaded).Seconds() / 1000, limit: 100, least: true,
			note: fmt.Sprintf("%.0f k/s while the keys come", stateKeys/loaded.Seconds()/1000)},
		{name: "10 M keys in 512 MB, anonymous MB / limit", value: float64(most) / (1 << 20) / stateLimit, limit: 1.5},
	}
}

// A job that joins two streams, of as many keys in two orders, for ever: of what ends a
// job makes a table first. Of each it takes joinKeys rows.
const (
	joinKeys  = 3_000_017 // prime
	joinLimit = 256       // MB
)

const joinStream = `CREATE STREAM %s (id bigint GENERATED ALWAYS AS (_offset) STORED, k bigint GENERATED ALWAYS AS (_offset * %d %% %d) STORED,
	v text GENERATED ALWAYS AS (lpad((_offset %% 1000)::text, 100, 'v')) STORED) WITH (type = 'generator')`

const joinQuery = `SELECT count(*) AS rows, count(r.id) AS matches, sum(l.id %% 1000) AS lefts, sum(r.id %% 1000) AS rights, sum(length(l.v) + length(r.v)) AS length
	FROM (SELECT * FROM l WHERE id < %[1]d) l LEFT JOIN (SELECT * FROM r WHERE id < %[1]d) r ON l.k = r.k`

// joinStateBars run the join with a limit that its rows are many times as large as.
func joinStateBars(t *testing.T, _ time.Duration) []bar {
	dir := t.TempDir()
	p := stateGateway(t, dir, joinLimit)
	exec(t, p, fmt.Sprintf(joinStream, "l", 1_368_787, joinKeys))
	exec(t, p, fmt.Sprintf(joinStream, "r", 2_234_567, joinKeys))
	out := filepath.Join(dir, "out.csv")
	exec(t, p, fmt.Sprintf(stateJob, fmt.Sprintf(joinQuery, joinKeys), out, joinLimit))
	sum := 0
	for i := range joinKeys {
		sum += i % 1000
	}
	want := fmt.Sprintf("%d,%[1]d,%d,%[2]d,%d", joinKeys, sum, 200*joinKeys)
	most, _, done := watchState(t, p, 1, func() bool {
		b, err := os.ReadFile(out)
		return err == nil && strings.Contains(string(b[max(0, len(b)-1<<10):]), want)
	})
	return []bar{
		{name: "a join of 6 M rows in 256 MB, k rows/s", value: 2 * joinKeys / done.Seconds() / 1000, limit: 20, least: true},
		{name: "a join of 6 M rows in 256 MB, anonymous MB / limit", value: float64(most) / (1 << 20) / joinLimit, limit: 1.5},
	}
}

// watchState waits for the end of job j: most is the anonymous memory that the gateway had,
// in bytes, loaded when it had read so many records. over says of a job that reads for
// ever when it has come to its end; nil: it finishes.
func watchState(t *testing.T, p *gateway.Process, records int64, over func() bool) (most int64, loaded, done time.Duration) {
	t.Helper()
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := begun.Add(10 * time.Minute); done == 0; <-tick.C {
		n := jobNumbers(t, c, "j", "rows_in", "CASE state WHEN 'failed' THEN 1 WHEN 'finished' THEN 2 ELSE 0 END")
		if n[1] == 1 || time.Now().After(deadline) {
			t.Fatalf("the job has read %d records after %v, and has failed: %v", n[0], time.Since(begun), n[1] == 1)
		}
		if now, err := Anonymous(p.PID()); err != nil {
			t.Fatal(err)
		} else if now > most {
			most = now
		}
		if loaded == 0 && n[0] >= records {
			loaded = time.Since(begun)
		}
		if n[1] == 2 || over != nil && over() {
			done = time.Since(begun)
		}
	}
	return most, loaded, done
}

// lastRow is the last row that a file of changes gives, without its op.
func lastRow(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(b), "\n"), func(l string) bool { return !strings.Contains(l, "+") })
	if len(lines) == 0 {
		t.Fatalf("%s has no row", path)
	}
	last := lines[len(lines)-1]
	return strings.Trim(strings.TrimPrefix(strings.TrimSuffix(last, ",+"), "+,"), ",")
}
