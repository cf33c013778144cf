package faults

import (
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestSinkFilesAtStart: START JOB fails, and leaves no job, where the folder of its sink is
// missing, or another job writes the file; a job that is there already does not start.
func TestSinkFilesAtStart(t *testing.T) {
	dir := t.TempDir()
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	conn := connect(t, p)
	start := func(name, path string) string {
		return "START JOB " + name + " AS SELECT a FROM endless INTO " + name + "_out WITH ('" + name + "_out.type' = 'file', '" + name + "_out.path' = '" + path + "', 'checkpoint.interval' = '50ms')"
	}
	if _, err := run(t, conn, "CREATE STREAM endless (a bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '100');"+start("one", filepath.Join(dir, "a.json"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, code, text string }{
		{start("lost", filepath.Join(dir, "none", "a.json")), "58P01", "No such file or directory"},
		{start("rolls", filepath.Join(dir, "a.json", "{batch_id}.json")), "42809", "is not a directory"},
		{start("other", filepath.Join(dir, "a.json")), "55006", "is being written by another job"},
		{start("folder", dir), "42809", "is not a regular file"},
		{"START JOB letters AS SELECT a FROM endless INTO hole WITH ('hole.type' = 'blackhole', failure_strategy = 'DeadLetter', dead_letter = '" + filepath.Join(dir, "none", "dead.jsonl") + "')", "58P01", "No such file or directory"},
	} {
		_, err := run(t, conn, c.sql)
		wantError(t, err, c.code, c.text)
	}
	eventually(t, conn, "SELECT string_agg(job_name || ' ' || state, ',') FROM ferris.jobs", "[one running]")
	for _, sql := range []string{"STOP JOB one", start("two", filepath.Join(dir, "a.json"))} {
		if _, err := run(t, conn, sql); err != nil {
			t.Fatal(err)
		}
	}
	_, err := run(t, conn, "START JOB one")
	wantError(t, err, "55006", "is being written by another job")
	for _, sql := range []string{"STOP JOB two", "START JOB one"} {
		if _, err := run(t, conn, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
