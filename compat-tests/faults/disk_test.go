package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// smallDisk mounts a file system of so many megabytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	at := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "ferris", at).CombinedOutput()
	if err != nil {
		if os.Getenv("FERRIS_TIER") == "long" {
			t.Fatalf("mounting a small disk needs root: %v: %s", err, out)
		}
		t.Skipf("mounting a small disk needs root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return at
}

// fill takes what is left of a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	for block = block[:512]; !errors.Is(err, syscall.ENOSPC); {
		_, err = f.Write(block)
	}
}

// TestFullDisk fills the disk that a job's sink is on: the job says so, and waits; when
// there is room again it goes on, through a kill, and the file has each row once.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 8)
	out, ballast := filepath.Join(disk, "out.csv"), filepath.Join(disk, "ballast")
	o := gateway.Options{DataDir: t.TempDir(), Listen: gateway.FreeAddr(), Env: []string{}}
	config := filepath.Join(o.DataDir, "ferris.yaml")
	write(t, config, "file: {roots: ["+disk+"]}\n")
	o.Args = []string{"--config", config}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	const rows = 4000
	if _, err := run(t, conn, fmt.Sprintf(`CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED, pad text GENERATED ALWAYS AS (repeat('x', 500)) STORED)
			WITH (type = 'generator', rate = '1000', rows = '%d');
		START JOB j AS SELECT id, pad FROM ticks INTO f WITH ('f.type' = 'file', 'f.path' = '%s', 'f.format' = 'csv', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms')`, rows, out)); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT rows_out > 300 FROM ferris.jobs", "[t]")
	fill(t, ballast)
	eventually(t, conn, "SELECT state || ' ' || (error ILIKE '%no space%') FROM ferris.jobs", "[running true]")
	p.Kill()
	p = gateway.Start(t, o)
	conn = connect(t, p)
	eventually(t, conn, "SELECT state || ' ' || (error ILIKE '%no space%') FROM ferris.jobs", "[running true]")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT state FROM ferris.jobs", "[finished]")
	eachLineOnce(t, out, rows)
}

// eachLineOnce finds the rows with the numbers from 0 on in a CSV file, in order.
func eachLineOnce(t *testing.T, path string, rows int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) > rows { // with a header
		lines = lines[len(lines)-rows:]
	}
	for i, l := range lines {
		if id, _, _ := strings.Cut(l, ","); id != fmt.Sprint(i) {
			t.Fatalf("line %d is of row %s", i, id)
		}
	}
	if len(lines) != rows {
		t.Errorf("%d rows, want %d", len(lines), rows)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestFullDataDirectory fills the disk of the data directory under jobs and sessions: those
// who write are refused (53100), with the place and what helps, and jobs wait. A gateway does not
// start without any room, and says so; with a little it does, and its jobs wait. When there is room again they go on by themselves, and each
// row is there once.
func TestFullDataDirectory(t *testing.T) {
	disk, dir := smallDisk(t, 256), t.TempDir()
	out, ballast := filepath.Join(dir, "out.csv"), filepath.Join(disk, "ballast")
	config := filepath.Join(dir, "ferris.yaml")
	write(t, config, "file: {roots: ["+dir+"]}\n")
	o := gateway.Options{DataDir: filepath.Join(disk, "data"), Listen: gateway.FreeAddr(), Args: []string{"--config", config}}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	const rows = 3000
	if _, err := run(t, conn, fmt.Sprintf(`CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '1000', rows = '%d');
		CREATE TABLE totals (g bigint PRIMARY KEY, n bigint, s numeric);
		CREATE TABLE kept (a int PRIMARY KEY);
		START JOB copy AS SELECT id FROM ticks INTO f WITH ('f.type' = 'file', 'f.path' = '%s', 'f.format' = 'csv', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms');
		START JOB groups AS INSERT INTO totals SELECT id %% 7, count(*), sum(id) FROM ticks GROUP BY id %% 7 WITH ('checkpoint.interval' = '50ms', 'retry_backoff' = '100ms')`, rows, out)); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE rows_out > 50", "[2]")
	fill(t, ballast)
	full := func() {
		t.Helper()
		const waits = "SELECT job_name || ' ' || state || ' ' || sqlstate FROM ferris.jobs WHERE error LIKE '%and the state store writes only while there are 64 MB%' ORDER BY 1"
		eventually(t, conn, waits, "[copy running 53100 groups running 53100]")
		for _, sql := range []string{"INSERT INTO kept VALUES (1)", "CREATE TABLE more (a int)", "STOP JOB copy"} {
			_, err := run(t, conn, sql)
			wantError(t, err, "53100", o.DataDir)
		}
	}
	full()
	p.Kill()
	if started, err := gateway.Run(o); err == nil {
		started.Kill()
		t.Fatal("a gateway has started on a full disk")
	} else if !strings.Contains(err.Error(), "0 MB free, and the state store opens only while there are 32 MB") {
		t.Fatalf("starting a gateway on a full disk: %v", err)
	}
	if err := os.Truncate(ballast, size(t, ballast)-48<<20); err != nil {
		t.Fatal(err)
	}
	p = gateway.Start(t, o)
	conn = connect(t, p)
	full()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT count(*) FROM ferris.jobs WHERE state = 'finished'", "[2]")
	if _, err := run(t, conn, "INSERT INTO kept VALUES (1)"); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf("[%d %d]", rows, rows*(rows-1)/2)
	if got, err := run(t, conn, "SELECT sum(n) || ' ' || sum(s) FROM totals"); err != nil || fmt.Sprint(got) != want {
		t.Errorf("the groups come to %v, %v; want %s", got, err, want)
	}
	eachLineOnce(t, out, rows)
}
