package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestBackup: a backup of a directory at rest and one through the process that
// runs on it are restored to what was committed.
func TestBackup(t *testing.T) {
	// Longer than a socket's path may be.
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	run := func(dir, text string) string {
		t.Helper()
		out, errs, err := runCommand(t, "", "sql", "--embedded", "--data-dir", dir, "--format", "csv", "-c", text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", text, err, errs)
		}
		return out
	}
	run(dir, "CREATE TABLE t (id int PRIMARY KEY, s text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
	file := filepath.Join(t.TempDir(), "at-rest.bak")
	if _, errs, err := runCommand(t, "", "backup", "--data-dir", dir, file); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}

	c, err := config.Load("", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	c.Storage.DataDir = dir
	p, err := startProcess(t.Context(), c, false, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	stop, err := p.serveBackups(dir, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	running := filepath.Join(t.TempDir(), "running.bak")
	_, errs, err := runCommand(t, "", "backup", "--data-dir", dir, running)
	if err != nil {
		t.Fatalf("while it runs: %v\n%s", err, errs)
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}

	for _, file := range []string{file, running} {
		restored := filepath.Join(t.TempDir(), "restored")
		if _, errs, err := runCommand(t, "", "restore", "--data-dir", restored, file); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		if got, want := run(restored, "INSERT INTO t VALUES (3, 'c'); SELECT s FROM t ORDER BY id"), "s\na\nb\nc\n"; !strings.HasSuffix(got, want) {
			t.Errorf("%s has %q, want %q", filepath.Base(file), got, want)
		}
		if _, _, err := runCommand(t, "", "restore", "--data-dir", restored, file); err == nil {
			t.Error("it was restored over a directory")
		}
	}
	b, err := os.ReadFile(running)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(running, b[:len(b)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runCommand(t, "", "restore", "--data-dir", filepath.Join(t.TempDir(), "x"), running); !errors.Is(err, state.ErrBackup) {
		t.Errorf("a file that is cut short: %v", err)
	}
}
