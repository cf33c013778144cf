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
	text, err := os.ReadFile(out)
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
