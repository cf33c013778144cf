package pipelines

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

var rewrite = flag.Bool("rewrite", false, "write the goldens anew")

// TestPipelines runs each folder of testdata: job.sql, with $DIR for the folder
// that holds the files and $BATCH for a number of rows, its inputs, named input*,
// and the files that it must write, named expected*.
func TestPipelines(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/job.sql")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, f := range folders {
		folder := filepath.Dir(f)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Run("straight", func(t *testing.T) { runCase(t, folder, nil, 0) })
			for seed := range uint64(3) {
				rng := rand.New(rand.NewPCG(seed, 9))
				t.Run(fmt.Sprintf("batches/%d", seed), func(t *testing.T) { runCase(t, folder, rng, 0) })
				t.Run(fmt.Sprintf("restored/%d", seed), func(t *testing.T) { runCase(t, folder, rng, 12) })
			}
		})
	}
}

// runCase runs the job to its end, ending and starting the engine as often as
// restarts says, and compares what it wrote.
func runCase(t *testing.T, folder string, rng *rand.Rand, restarts int) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	copyFiles(t, folder, dir)
	sql, err := os.ReadFile(filepath.Join(folder, "job.sql"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	e := reopen(ctx, t, data, dir)
	batch := 1024
	if rng != nil {
		batch = 1 + rng.IntN(60)
	}
	text := strings.NewReplacer("$DIR", dir, "$BATCH", strconv.Itoa(batch)).Replace(string(sql))
	if err := e.run(ctx, text); err != nil {
		t.Fatal(err)
	}
	for range restarts {
		pause(ctx, t, time.Duration(rng.IntN(8000))*time.Microsecond)
		if err := e.close(); err != nil {
			t.Fatal(err)
		}
		e = reopen(ctx, t, data, dir)
	}
	finish(ctx, t, e)
	if err := e.close(); err != nil {
		t.Fatal(err)
	}
	compare(t, folder, dir, restarts == 0 && rng == nil)
}

func reopen(ctx context.Context, t *testing.T, data, dir string) *engine {
	t.Helper()
	e, err := open(ctx, data, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// finish waits until every job has read its sources to their end.
func finish(ctx context.Context, t *testing.T, e *engine) {
	t.Helper()
	for {
		running := false
		for _, j := range e.catalog.Snapshot().Jobs() {
			if j.State == catalog.JobFailed {
				t.Fatalf("job %s failed: %s", j.Name, j.Error)
			}
			running = running || j.State == catalog.JobRunning
		}
		if !running {
			return
		}
		pause(ctx, t, time.Millisecond)
	}
}

func pause(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		t.Fatal("the jobs did not finish in time")
	}
}

// copyFiles copies the inputs.
func copyFiles(t *testing.T, folder, dir string) {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join(folder, "input*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range inputs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// compare compares what the jobs wrote, byte for byte, with the goldens, which
// the canonical run makes where rewrite is set.
func compare(t *testing.T, folder, dir string, canonical bool) {
	t.Helper()
	if *rewrite && canonical {
		outputs, err := filepath.Glob(filepath.Join(dir, "expected*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range outputs {
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, filepath.Base(path)), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	goldens, err := filepath.Glob(filepath.Join(folder, "expected*"))
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens in %s: %v", folder, err)
	}
	for _, path := range goldens {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s has %d lines, want %d; the first that differs is %s", filepath.Base(path),
				bytes.Count(got, []byte("\n")), bytes.Count(want, []byte("\n")), firstDifference(got, want))
		}
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(none)", "(none)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d: %q, want %q", i+1, a, b)
		}
	}
	return "nowhere"
}
