package systems

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hook is a web service that heeds idempotency keys.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string]bool
	lines []string
	again int           // requests whose key was known
	hangs chan struct{} // not nil: no request is answered until it is closed
}

func startHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{taken: map[string]bool{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h.mu.Lock()
		hangs := h.hangs
		h.mu.Unlock()
		if hangs != nil {
			select {
			case <-hangs:
			case <-r.Context().Done():
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if h.taken[key] {
			h.again++
			return
		}
		h.taken[key] = true
		for l := range strings.Lines(string(body)) {
			h.lines = append(h.lines, strings.TrimSpace(l))
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// rows are how many were taken, and whether each was once.
func (h *hook) rows(t *testing.T) int {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	for _, l := range h.lines {
		if seen[l] {
			t.Fatalf("%s was sent twice under two keys", l)
		}
		seen[l] = true
	}
	return len(h.lines)
}

// fields are the values of a field in the rows that were taken, which may have come as
// lines or in arrays, sorted.
func (h *hook) fields(t *testing.T, name string) []string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, l := range h.lines {
		var rows []map[string]any
		if !strings.HasPrefix(l, "[") {
			l = "[" + l + "]"
		}
		if err := json.Unmarshal([]byte(l), &rows); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		for _, r := range rows {
			all = append(all, fmt.Sprint(r[name]))
		}
	}
	slices.Sort(all)
	return all
}

// TestHTTPSink sends rows to a service while the gateway is killed and the service
// hangs: each comes once, in order.
func TestHTTPSink(t *testing.T) {
	web := startHook(t)
	p := alone(t, "http.allow: [127.0.0.1]\njobs: {restart_delay_ms: 50}\n", "$web", web.URL)
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '500')")
	p.here("START JOB calling AS SELECT id FROM g INTO k WITH (retry_backoff = '20ms', 'k.type' = 'http_sink', 'k.url' = '$web/hook', 'k.body' = 'lines', 'k.timeout' = '200ms', 'k.request_retries' = '1', 'k.request_backoff' = '5ms')")
	moves := func() {
		t.Helper()
		n := web.rows(t)
		p.eventually(func() []string { return []string{fmt.Sprint(web.rows(t) > n)} }, "true")
	}
	moves()
	for range p.kills() {
		p.gateway.Kill()
		p.again()
		moves()
	}
	hangs := make(chan struct{})
	web.mu.Lock()
	web.hangs = hangs
	web.mu.Unlock()
	p.soon(&p.ours, "SELECT count(*) FROM ferris.jobs WHERE job_name = 'calling' AND error LIKE '%no answer within%'", "1")
	web.mu.Lock()
	web.hangs = nil
	web.mu.Unlock()
	close(hangs)
	moves()
	p.here("STOP JOB calling")
	n := web.rows(t)
	web.mu.Lock()
	defer web.mu.Unlock()
	for i, l := range web.lines {
		if l != fmt.Sprintf(`{"id":%d}`, i) {
			t.Fatalf("row %d of %d is %s", i, n, l)
		}
	}
	p.fails("CREATE SINK far (id int) WITH (type = 'http', url = 'http://169.254.169.254/latest')", "42501", "it is not in http.allow")
	p.fails("CREATE STREAM near (id int) WITH (type = 'http', url = '$web', mode = 'push')", "22023", "poll, sse")
}

// TestHTTPTransactions sends what commits.
func TestHTTPTransactions(t *testing.T) {
	web := startHook(t)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$web", web.URL)
	p.here("CREATE SINK hook (id int, name text) WITH (type = 'http', url = '$web', batch_size = '2', auth_token = 'hush')")
	p.here("BEGIN; INSERT INTO hook VALUES (1, 'a'); ROLLBACK")
	p.here("INSERT INTO hook VALUES (1, 'a'), (2, 'b'), (3, NULL)")
	web.mu.Lock()
	got := strings.Join(web.lines, " ")
	web.mu.Unlock()
	if want := `[{"id":1,"name":"a"},{"id":2,"name":"b"}] [{"id":3,"name":null}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p.same(p.here("SELECT count(*) FROM ferris.sinks WHERE options::text LIKE '%hush%'"), "0")
}
