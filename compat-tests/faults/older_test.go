package faults

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/jackc/pgx/v5"
)

// olderFormats are those of jobs' state that are read, but for the newest.
var olderFormats = []int{2, 3}

// olderJob finds the name and the query of a job whose rows are all that its query gives
// of the stream ticks, which ends.
var olderJob = regexp.MustCompile(`START JOB (\w+) AS INSERT INTO out_\w+ (SELECT .* FROM ticks .*) WITH `)

// TestOlderBackup: the jobs of a backup that a gateway of an older format has made, in the
// midst of their streams, go on from the state that they have there.
func TestOlderBackup(t *testing.T) {
	t.Parallel()
	for _, format := range olderFormats {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			t.Parallel() // it waits for streams
			dir := t.TempDir()
			backup := filepath.Join(dir, "bak")
			if err := unzip(fmt.Sprintf("testdata/older/%d.bak.gz", format), backup); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, "data")
			if err := ferris("restore", "--data-dir", data, backup); err != nil {
				t.Fatal(err)
			}
			conn := connect(t, gateway.Start(t, gateway.Options{DataDir: data}))
			quick(t, conn)
			jobs, err := run(t, conn, "SELECT job_name FROM ferris.jobs WHERE state = 'stopped' AND rows_in BETWEEN 900 AND 4000 ORDER BY 1")
			if err != nil || len(jobs) != 7 {
				t.Fatalf("the backup has the stopped jobs %v, %v; want 7", jobs, err)
			}
			for _, job := range jobs {
				if _, err := run(t, conn, "START JOB "+job); err != nil {
					t.Errorf("START JOB %s: %v", job, err)
				}
			}
			within(t, time.Minute, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'finished' AND rows_in = 2200", "[5]")
			for _, job := range olderJob.FindAllStringSubmatch(older(t), -1) {
				alike(t, conn, "SELECT * FROM out_"+job[1], strings.TrimSuffix(job[2], " EMIT FINAL")) // as a job's rows are final
			}
			for table, want := range map[string]string{"out_pairs": "SELECT g, CASE WHEN g % 2 = 0 THEN g / 2 END FROM generate_series(0, 1499) g", "out_matches": "SELECT g, g - 700 FROM generate_series(700, 1499) g"} {
				within(t, time.Minute, conn, "SELECT coalesce(max(a), 0) > 1500 FROM "+table+" WHERE b IS NULL OR a = b + 700", "[t]") // what has no match comes late
				alike(t, conn, "SELECT a, b FROM "+table+" WHERE a < 1500", want)
			}
		})
	}
}

// TestOlderExport: a state that a gateway of an older format has exported is imported, and
// the job goes on from there.
func TestOlderExport(t *testing.T) {
	t.Parallel()
	for _, format := range olderFormats {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Abs("testdata/older")
			if err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(t.TempDir(), "ferris.yaml")
			write(t, config, "file: {roots: ["+files+"]}\n")
			conn := connect(t, gateway.Start(t, gateway.Options{Args: []string{"--config", config}}))
			for line := range strings.Lines(older(t)) {
				if !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "START") {
					if _, err := run(t, conn, line); err != nil {
						t.Fatalf("%s: %v", line, err)
					}
				}
			}
			quick(t, conn)
			queries := map[string]string{} // of the table that a job writes to, and the job's
			for _, job := range olderJob.FindAllStringSubmatch(older(t), -1) {
				if job[1] != "groups" && job[1] != "evicted" {
					continue
				}
				for _, sql := range []string{
					fmt.Sprintf("START JOB %[1]s AS INSERT INTO out_%[1]s %[2]s WITH ('checkpoint.interval' = '50ms')", job[1], job[2]),
					"STOP JOB " + job[1], "TRUNCATE out_" + job[1],
					fmt.Sprintf("IMPORT STATE OF %[1]s FROM '%[2]s/%[3]d-%[1]s.state'", job[1], files, format),
				} {
					if _, err := run(t, conn, sql); err != nil {
						t.Fatalf("%s: %v", sql, err)
					}
				}
				if got, err := run(t, conn, "SELECT count(*) FROM out_"+job[1]); err != nil || fmt.Sprint(got) != "[0]" {
					t.Fatalf("out_%s: %v, %v", job[1], got, err)
				}
				if _, err := run(t, conn, "START JOB "+job[1]); err != nil {
					t.Fatal(err)
				}
				queries["SELECT * FROM out_"+job[1]] = job[2]
			}
			within(t, time.Minute, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'finished' AND rows_in = 2200", "[2]")
			for got, want := range queries {
				alike(t, conn, got, want)
			}
		})
	}
}

// older are the statements of the gateways of older formats.
func older(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/older/jobs.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// quick has the rows of the stream ticks without waiting for them.
func quick(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	_, stream, _ := strings.Cut(older(t), "CREATE STREAM ticks ")
	stream, _, _ = strings.Cut(stream, ";")
	if _, err := run(t, conn, "CREATE STREAM quick "+strings.Replace(stream, "rate = '300', ", "", 1)); err != nil {
		t.Fatal(err)
	}
}

// alike finds the same rows, as often, in the answers to two queries.
func alike(t *testing.T, conn *pgx.Conn, got, want string) {
	t.Helper()
	want = strings.ReplaceAll(want, "FROM ticks", "FROM quick")
	for name, sql := range map[string]string{
		"more":     fmt.Sprintf("SELECT x::text FROM ((%s) EXCEPT ALL (%s)) x LIMIT 5", got, want),
		"fewer":    fmt.Sprintf("SELECT x::text FROM ((%s) EXCEPT ALL (%s)) x LIMIT 5", want, got),
		"none too": fmt.Sprintf("SELECT 'no rows' WHERE NOT EXISTS (SELECT 1 FROM (%s) x)", want),
	} {
		if rows, err := run(t, conn, sql); err != nil || len(rows) > 0 {
			t.Errorf("%s has %s rows than it should have: %v, %v", got, name, rows, err)
		}
	}
}

func unzip(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, z)
	return errors.Join(err, out.Close())
}
