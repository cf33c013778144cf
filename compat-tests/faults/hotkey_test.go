package faults

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestHotKey gives one key a million rows, in groups, windows and a join within a time, of jobs of two tasks, kills the gateway meanwhile, and compares with
// what one counts.
func TestHotKey(t *testing.T) {
	o := gateway.Options{DataDir: t.TempDir(), Listen: gateway.FreeAddr()}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	const rows = 1_000_000
	if _, err := run(t, conn, fmt.Sprintf(`CREATE STREAM hot (id bigint GENERATED ALWAYS AS (_offset) STORED, k text GENERATED ALWAYS AS ('one') STORED,
			ts timestamptz GENERATED ALWAYS AS (timestamptz '2026-01-01 00:00+00' + _offset * interval '1 millisecond') STORED, WATERMARK FOR ts AS ts) WITH (type = 'generator', rows = '%d');
		CREATE TABLE groups (k text PRIMARY KEY, n bigint, s numeric);
		CREATE TABLE windows (w timestamptz PRIMARY KEY, n bigint);
		CREATE TABLE pairs (n bigint);
		START JOB a AS INSERT INTO groups SELECT k, count(*), sum(id) FROM hot GROUP BY k WITH (parallelism = '2');
		START JOB b AS INSERT INTO windows SELECT window_start, count(*) FROM hot WINDOW TUMBLING (INTERVAL '1 minute') GROUP BY k, window_start WITH (parallelism = '2');
		START JOB d AS INSERT INTO pairs SELECT l.id FROM hot l JOIN hot r ON l.k = r.k AND r.id = l.id AND l.id %% 1000 = 0 WITHIN INTERVAL '0 seconds' WITH (parallelism = '2')`, rows)); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT count(*) > 0 FROM ferris.jobs WHERE epoch > 0", "[t]")
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'finished'", "[3]")
	for sql, want := range map[string]string{
		"SELECT k || n || ' ' || s FROM groups":                          fmt.Sprintf("[one%d %d]", rows, rows*(rows-1)/2),
		"SELECT count(*) || ' ' || sum(n) || ' ' || max(n) FROM windows": fmt.Sprintf("[17 %d 60000]", rows),
		"SELECT count(*) || ' ' || count(DISTINCT n) FROM pairs":         "[1000 1000]",
	} {
		if got, err := run(t, conn, sql); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", sql, got, err, want)
		}
	}
}
