package systems

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// shop is the API of examples/http: it hangs up on events after every few, is busy now
// and then, and does not know every customer.
type shop struct {
	*httptest.Server
	mu     sync.Mutex
	orders int // how many there are, from 1
	asked  int
	large  []string
}

func startShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	mux := http.NewServeMux()
	mux.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.asked++; s.asked%5 == 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		var items []string
		for id := after + 1; id <= min(after+7, s.orders); id++ {
			items = append(items, fmt.Sprintf(`{"id":%d,"customer":%d,"total":%d.50}`, id, id%10, id))
		}
		fmt.Fprintf(w, `{"data":{"items":[%s],"next":%d}}`, strings.Join(items, ","), after+len(items))
	})
	mux.HandleFunc("/customers/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if id == "3" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"id":%s,"name":"c%s","tier":"gold"}`, id, id)
	})
	mux.HandleFunc("/payments", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
		s.mu.Lock()
		orders := s.orders
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "retry: 10\n\n")
		for id := after + 1; id <= min(after+5, orders); id++ {
			fmt.Fprintf(w, "id: %d\nevent: payment\ndata: {\"order_id\":%d,\ndata: \"paid\":%d.50}\n\nevent: ping\ndata: {}\n\n", id, id, id)
		}
	})
	mux.HandleFunc("/large", func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for line := range strings.Lines(string(body)) {
			s.large = append(s.large, strings.TrimSpace(line))
		}
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sesame" && r.URL.Path != "/payments" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// add has the shop take so many orders more.
func (s *shop) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders += n
}

// TestHTTPExample runs examples/http, and kills the gateway: each order and payment is
// there once.
func TestHTTPExample(t *testing.T) {
	t.Setenv("SHOP_TOKEN", "sesame")
	web := startShop(t)
	root, err := gateway.Root()
	if err != nil {
		t.Fatal(err)
	}
	sql, err := os.ReadFile(filepath.Join(root, "examples", "http", "orders.sql"))
	if err != nil {
		t.Fatal(err)
	}
	p := alone(t, "http.allow: [127.0.0.1]\nsql.allowed_env: [SHOP_TOKEN]\n", "http://127.0.0.1:9100", web.URL, "$web", web.URL)
	p.here(string(sql))
	kills := kills()
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), limit+time.Duration(kills)*10*time.Second)
	defer cancel()
	orders := 0
	for i := range kills + 1 {
		web.add(60)
		orders += 60
		if i == kills {
			break
		}
		p.wait(time.Duration(20*(i%7)) * time.Millisecond)
		p.gateway.Kill()
		p.again()
	}
	p.soon(&p.ours, "SELECT count(*), count(DISTINCT id), sum(total) FROM known", fmt.Sprintf("%d|%d|%s", orders-orders/10, orders-orders/10, sum(orders, 3)))
	p.soon(&p.ours, "SELECT count(*), sum(paid) FROM received", fmt.Sprintf("%d|%s", orders, sum(orders, -1)))
	p.same(p.here("SELECT DISTINCT tier FROM known"), "gold")
	p.eventually(func() []string {
		web.mu.Lock()
		defer web.mu.Unlock()
		seen := slices.Clone(web.large)
		slices.Sort(seen)
		return []string{fmt.Sprint(len(slices.Compact(seen)))}
	}, fmt.Sprint(orders-99))
	p.same(p.here("SELECT count(*) FROM ferris.jobs WHERE state <> 'running'"), "0")
	// One that is asked for keys is not read, and a service that is not allowed is not asked.
	p.fails("SELECT * FROM customers", "0A000", "with EMIT CHANGES")
	p.fails("CREATE STREAM far (id int) WITH (type = 'http', url = 'http://169.254.169.254/latest')", "42501", "it is not in http.allow")
	p.fails("CREATE STREAM far (id int) WITH (type = 'http', url = '$web/orders', auth_token_env = 'PATH')", "42501", "sql.allowed_env")
}

// sum is what the orders but those of one customer come to.
func sum(orders, but int) string {
	total := 0
	for id := 1; id <= orders; id++ {
		if id%10 != but {
			total += 100*id + 50
		}
	}
	return fmt.Sprintf("%d.%02d", total/100, total%100)
}

// TestHTTPRefusals counts the rows of requests that a service refuses, and goes on.
func TestHTTPRefusals(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && strings.Contains(string(body), `"id":3`) {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}))
	t.Cleanup(web.Close)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$web", web.URL)
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '10')")
	p.here("START JOB j AS SELECT id FROM g INTO k WITH ('k.type' = 'http', 'k.url' = '$web', 'k.batch_size' = '2', 'k.on_refusal' = 'skip')")
	p.soon(&p.ours, "SELECT state, rows_in, rows_out, rejected FROM ferris.jobs WHERE job_name = 'j'", "finished|10|8|2")
}
