package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/config"
)

// TestStateCommands: export-state writes the state of a job that runs, and
// import-state gives it to one of another directory that does not.
func TestStateCommands(t *testing.T) {
	const job = "CREATE STREAM g (k bigint GENERATED ALWAYS AS (_offset % 10) STORED) WITH (type = 'generator', rows = '1000');" +
		"START JOB totals AS SELECT k, count(*) FROM g GROUP BY k INTO o WITH ('o.type' = 'blackhole')"
	gateway := func() (dir string, p *process) {
		t.Helper()
		dir = filepath.Join(t.TempDir(), "data")
		if _, errs, err := runCommand(t, "", "sql", "--embedded", "--data-dir", dir, "-c", job); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		c, err := config.Load("", func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		c.Storage.DataDir = dir
		if p, err = startProcess(t.Context(), c, false, quietLogger()); err != nil {
			t.Fatal(err)
		}
		stop, err := p.serveBackups(dir, quietLogger())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := stop(t.Context()); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
			p.close()
		})
		return dir, p
	}
	from, p := gateway()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.engine.Wait(t.Context(), "totals") != nil {
		<-tick.C
	}
	file := filepath.Join(t.TempDir(), "totals.state")
	if _, errs, err := runCommand(t, "", "export-state", "--data-dir", from, "--job-id", "totals", "--output", file); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	to, q := gateway()
	if err := q.engine.Wait(t.Context(), "totals"); err != nil {
		t.Fatal(err)
	}
	if _, errs, err := runCommand(t, "", "import-state", "--data-dir", to, "--job-id", "totals", "--input", file); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runCommand(t, "", "import-state", "--data-dir", to, "--job-id", "totals", "--input", file); err == nil || !strings.Contains(err.Error(), "no whole export") {
		t.Errorf("half a file: %v", err)
	}
	if _, _, err := runCommand(t, "", "export-state", "--data-dir", t.TempDir(), "--job-id", "totals", "--output", file); err == nil || !strings.Contains(err.Error(), "no gateway runs") {
		t.Errorf("a directory without a gateway: %v", err)
	}
}
