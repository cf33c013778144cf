package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
)

// spilling starts a gateway whose queries write to disk early, and returns the
// folder where they do.
func spilling(t *testing.T) (*gateway.Process, string) {
	t.Helper()
	dir := t.TempDir()
	spill := filepath.Join(dir, "spill")
	write(t, filepath.Join(dir, "ferris.yaml"), "sql: {query_memory_limit_mb: 8, spill_directory: "+spill+"}\n")
	return gateway.Start(t, gateway.Options{DataDir: dir, Args: []string{"--config", filepath.Join(dir, "ferris.yaml")}}), spill
}

// openSpills is how many spill files the process has open.
func openSpills(t *testing.T, p *gateway.Process, dir string) int {
	t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", p.PID())
	entries, err := os.ReadDir(fds)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(fds, e.Name())); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// untilSpills asks until the process has spill files open, or none.
func untilSpills(t *testing.T, p *gateway.Process, dir string, some bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for openSpills(t, p, dir) > 0 != some {
		if time.Now().After(limit) {
			t.Fatalf("spill files open is %v, want %v", !some, some)
		}
		runtime.Gosched()
	}
}

const endlessSort = "SELECT i FROM generate_series(1, 1000000000) AS i ORDER BY -i"

// TestSpillLeavesNothing cancels, hangs up on, and at last kills a gateway whose
// query has files on disk.
func TestSpillLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	p, dir := spilling(t)
	begin := func() (*pgx.Conn, chan error) {
		conn := connect(t, p)
		done := make(chan error, 1)
		go func() {
			_, err := conn.PgConn().Exec(context.Background(), endlessSort).ReadAll()
			done <- err
		}()
		untilSpills(t, p, dir, true)
		return conn, done
	}
	empty := func(after string) {
		t.Helper()
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("after %s the folder holds %v, %v", after, entries, err)
		}
	}
	conn, done := begin()
	if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantError(t, <-done, "57014")
	untilSpills(t, p, dir, false)
	empty("a cancel")

	conn, done = begin()
	if err := conn.PgConn().Conn().Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	untilSpills(t, p, dir, false)
	empty("a hang-up")

	_, done = begin()
	p.Kill()
	<-done
	empty("a kill")
}

// TestFullSpillDisk: past its limit, and where the folder is a file, statements
// fail and leave nothing.
func TestFullSpillDisk(t *testing.T) {
	dir := t.TempDir()
	spill := filepath.Join(dir, "spill")
	write(t, filepath.Join(dir, "ferris.yaml"), "sql: {query_memory_limit_mb: 4, spill_limit_mb: 20, spill_directory: "+spill+"}\n")
	p := gateway.Start(t, gateway.Options{DataDir: dir, Args: []string{"--config", filepath.Join(dir, "ferris.yaml")}})
	conn := connect(t, p)
	for name, sql := range map[string]string{
		"sort":      endlessSort,
		"join":      "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a = b",
		"cross":     "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a < -b",
		"aggregate": "SELECT count(*) FROM (SELECT i, count(*) FROM generate_series(1, 10000000) i GROUP BY i) x",
		"distinct":  "SELECT count(DISTINCT i) FROM generate_series(1, 10000000) i",
		"union":     "SELECT count(*) FROM (SELECT i FROM generate_series(1, 10000000) i UNION SELECT 0) x",
		"window":    "SELECT count(n) FROM (SELECT row_number() OVER (PARTITION BY i) n FROM generate_series(1, 10000000) i) x",
		"with":      "WITH w AS MATERIALIZED (SELECT i FROM generate_series(1, 10000000) i) SELECT count(*) FROM w a, w b WHERE a.i = b.i",
		"cursor":    "DECLARE c CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 10000000) i",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, conn, sql)
			wantError(t, err, "53100", "sql.spill_limit_mb", spill)
			if runtime.GOOS == "linux" && openSpills(t, p, spill) > 0 {
				t.Error("files are open")
			}
		})
	}
	if got, err := run(t, conn, "SELECT count(*) FROM (SELECT i FROM generate_series(1, 500000) i ORDER BY -i OFFSET 1) x"); err != nil || fmt.Sprint(got) != "[499999]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// TestTimeoutsAreQuick: statement_timeout stops whatever runs within a tenth of a
// second, the least of a few tries, since others use the machine too.
func TestTimeoutsAreQuick(t *testing.T) {
	p, _ := spilling(t)
	conn := connect(t, p)
	const limit = 300 * time.Millisecond
	if _, err := run(t, conn, "SET statement_timeout = 300"); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"nested loop":      "SELECT count(*) FROM generate_series(1, 10000) a, generate_series(1, 10000000) b WHERE a < -b",
		"nested semi join": "SELECT count(*) FROM generate_series(1, 1000000) a WHERE EXISTS (SELECT FROM generate_series(1, 100000) b WHERE a < -b)",
		"series":           "SELECT count(*) FROM generate_series(1, 1000000000000)",
		"sort":             endlessSort,
		"sort by text":     "SELECT i FROM generate_series(1, 10000000) AS i ORDER BY md5(i::text)",
		"aggregate":        "SELECT count(*) FROM (SELECT i, count(*) FROM generate_series(1, 1000000000) i GROUP BY i) x",
		"distinct":         "SELECT count(DISTINCT i) FROM generate_series(1, 1000000000) i",
		"join":             "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000000) b WHERE a = b",
		"join on one key":  "SELECT count(*) FROM generate_series(1, 200000) a, generate_series(1, 200000) b WHERE a % 1 = b % 1",
		"window":           "SELECT count(n) FROM (SELECT row_number() OVER (PARTITION BY i % 100000 ORDER BY -i) n FROM generate_series(1, 1000000000) i) x",
		"regexp":           "SELECT count(regexp_replace(repeat('ab', 2000) || i, '(a|b|ab)*c', 'x')) FROM generate_series(1, 100000) i",
		"long texts":       "SELECT sum(length(md5(repeat('x', 3000 + i % 100)))) FROM generate_series(1, 10000000) i",
		"recursion":        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r",
	} {
		t.Run(name, func(t *testing.T) {
			late := time.Hour
			for try := 0; try < 8 && late > 100*time.Millisecond; try++ {
				start := time.Now()
				_, err := run(t, conn, sql)
				late = min(late, time.Since(start)-limit)
				wantError(t, err, "57014")
			}
			if late > 100*time.Millisecond {
				t.Errorf("it went on for %v", late)
			}
		})
	}
}

// TestLargeValues: what a statement makes in one batch meets its limit, not the
// process.
func TestLargeValues(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ferris.yaml"), "sql: {query_memory_limit_mb: 64}\n")
	p := gateway.Start(t, gateway.Options{DataDir: dir, Args: []string{"--config", filepath.Join(dir, "ferris.yaml")}})
	conn := connect(t, p)
	for _, sql := range []string{
		"SELECT length(repeat('x', 1000000000))",
		"SELECT array_agg(repeat('x', 10000)) FROM generate_series(1, 1000000)",
		"SELECT string_agg(repeat('x', 100000), '') FROM generate_series(1, 1000000)",
		"SELECT array_agg(a) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
		"SELECT jsonb_agg(i) FROM generate_series(1, 100000000) i",
		"SELECT length(lpad('x', 200000000, 'abc'))",
		"SELECT cardinality(string_to_array(repeat('a,', 10000000), ','))",
		"SELECT cardinality(regexp_split_to_array(repeat('a,', 10000000), ','))",
		"SELECT count(*) FROM regexp_matches(repeat('a', 20000000), '(a)', 'g')",
		"SELECT count(*) FROM json_object_keys(('{' || repeat('\"a\": 1, ', 2000000) || '\"b\": 1}')::json)",
		"SELECT count(*) FROM json_each(('{' || repeat('\"a\": 1, ', 2000000) || '\"b\": 1}')::json)",
	} {
		_, err := run(t, conn, sql)
		wantError(t, err, "53200", "sql.query_memory_limit_mb")
	}
	if got, err := run(t, conn, "SELECT count(*) FROM (SELECT repeat('x', 100000) AS x, i FROM generate_series(1, 2000) i ORDER BY x, i) s"); err != nil || fmt.Sprint(got) != "[2000]" {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// TestLongTextsInParts: of long texts only a few are in memory at once, however
// many a batch has, and the process holds a few hundred MB at most.
func TestLongTextsInParts(t *testing.T) {
	p := gateway.Start(t, gateway.Options{})
	conn := connect(t, p)
	for sql, want := range map[string]string{
		"SELECT sum(length(repeat('x', 10000000 + i))) FROM generate_series(1, 200) i":                                "[2000020100]",
		"SELECT count(*) FROM string_to_table(repeat('a,', 3000000), ',')":                                            "[3000001]",
		"SELECT count(*) FROM json_array_elements_text(('[' || repeat('1,', 3000000) || '1]')::json)":                 "[3000001]",
		"SELECT split_part(repeat('a,', 10000000) || 'b', ',', -1)":                                                   "[b]",
		"SELECT count(*) FROM generate_series(1, 40) i WHERE length(upper(repeat('x', 9999999 + i) || 'y')) % 2 = 0":  "[20]",
		"SELECT max(length(x)) FROM (SELECT repeat('x', 10000000 + i) AS x FROM generate_series(1, 40) i OFFSET 1) s": "[10000040]",
		"SELECT length(max(repeat('x', 10000000 + i))) FROM generate_series(1, 40) i":                                 "[10000040]",
	} {
		if got, err := run(t, conn, sql); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", sql, got, err, want)
		}
	}
	const most = 700 << 20
	if peak := peakMemory(t, p.PID()); peak > most {
		t.Errorf("the process held %d MB, want %d at most", peak>>20, most>>20)
	}
}

// peakMemory is the most that a process has held at once, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("the system does not tell how much memory a process holds")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
