package rest

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

type engine struct{ m stream.Metrics }

func (e *engine) Metrics() *stream.Metrics { return &e.m }

type jobs struct{}

func (jobs) Jobs() []pgcatalog.JobStatus {
	return []pgcatalog.JobStatus{{Name: "copy", State: catalog.JobFailed, Epoch: 7, RowsIn: 12, RowsOut: 11, Rejected: 1, Restarts: 2, Late: 3}}
}
func (jobs) Splits() []pgcatalog.SplitStatus {
	three, four := int64(3), int64(4)
	return []pgcatalog.SplitStatus{{Job: "copy", Stream: "e", Split: "0", Lag: &three}, {Job: "copy", Stream: "e", Split: "1", Lag: &four}, {Job: "copy", Stream: "gen", Split: "0"}}
}
func (jobs) Watermarks() []pgcatalog.WatermarkStatus {
	return []pgcatalog.WatermarkStatus{
		{Job: "copy", Stream: "e", Micros: 1_500_000}, {Job: "copy", Stream: "e", Split: "0", Micros: 9_000_000},
		{Job: "copy", Stream: "e", Micros: 2_000_000}, {Job: "copy", Stream: "over", Micros: math.MaxInt64},
	}
}
func (jobs) Results() []pgcatalog.JobResult                                  { return nil }
func (jobs) ViewProblem(*catalog.Snapshot, string, *catalog.Relation) string { return "" }

func get(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(b)
}

func TestHandler(t *testing.T) {
	ready := false
	e := &engine{}
	e.m.RecordsRead.Add(42)
	h := New(Options{Engine: e, Jobs: jobs{}, Ready: func() bool { return ready }, Version: "1.2.3"})
	check := func(method, path string, code int, want ...string) {
		t.Helper()
		got, body := get(t, h, method, path)
		if got != code {
			t.Errorf("%s %s = %d, want %d: %s", method, path, got, code, body)
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s %s has no %q:\n%s", method, path, w, body)
			}
		}
	}
	check("GET", "/health", 200, `"status":"ok"`, `"version":"1.2.3"`)
	check("GET", "/ready", 503, `"not ready"`)
	ready = true
	check("GET", "/ready", 200, `"ready"`)
	check("POST", "/sql", 404, "Postgres client")
	check("GET", "/nosuch", 404, "/metrics")
	check("GET", "/metrics", 200,
		"ferris_source_records_total 42", `ferris_build_info{version="1.2.3"} 1`, `ferris_job_epoch{job="copy"} 7`,
		`ferris_job_rows_read_total{job="copy"} 12`, `ferris_job_rows_late_total{job="copy"} 3`,
		`ferris_job_lag{job="copy",stream="e"} 7`, `ferris_job_watermark_seconds{job="copy",stream="e"} 9.466848015e+08`, `ferris_job_watermark_seconds{job="copy",stream="over"} +Inf`,
		`ferris_job_state{job="copy",state="failed"} 1`, `ferris_job_state{job="copy",state="running"} 0`, "go_goroutines")
}

// TestNames holds the names to Prometheus's conventions.
func TestNames(t *testing.T) {
	_, body := get(t, New(Options{Engine: &engine{}, Jobs: jobs{}, Ready: func() bool { return true }}), "GET", "/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "ferris_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
