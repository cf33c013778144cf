package systems

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
)

// awaySource is a gateway whose jobs read a system, over a line that hangs or is cut.
type awaySource struct {
	*away
	with    string // the options of the stream that reads
	put     func(from, to int)
	endless bool // it has no end to which a SELECT could read
}

// more has the system have n rows more.
func (s *awaySource) more(n int) {
	s.Helper()
	s.put(s.rows, s.rows+n)
	s.rows += n
}

// leaves has the system be away: it hangs, or is gone.
func (a *away) leaves(hangs bool) {
	if hangs {
		a.line.hold()
	} else {
		a.line.set(true)
	}
}

// returns has it be back.
func (a *away) returns() {
	a.line.release()
	a.line.set(false)
}

// round reads a system that goes away, by a job, a live query and a SELECT: all end
// soon when they are told to, and the job goes on where it was when the system is back.
func (s *awaySource) round(n int, hangs bool) {
	s.Helper()
	job := fmt.Sprintf("reads%d", n)
	s.got = func(n int) []string { return s.here(fmt.Sprintf("SELECT id FROM read%d", n)) }
	s.here(fmt.Sprintf("CREATE TABLE read%d (id bigint)", n))
	s.here(fmt.Sprintf("START JOB %s AS SELECT id FROM s INTO read%d WITH (stop_timeout = '1s', retry_backoff = '50ms')", job, n))
	s.more(20)
	s.arrives(n)
	asking := []*asking{s.ask("SELECT id FROM s EMIT CHANGES")}
	s.eventually(func() []string { return []string{fmt.Sprint(asking[0].seen())} }, fmt.Sprint(s.rows))
	s.leaves(hangs)
	s.more(20)
	if !s.endless {
		asking = append(asking, s.ask("SELECT id FROM s"))
	}
	if !hangs {
		s.soon(&s.ours, "SELECT state, error IS NOT NULL FROM ferris.jobs WHERE job_name = '"+job+"'", "running|t")
		s.Logf("the job waits for %q", s.here("SELECT error FROM ferris.jobs WHERE job_name = '"+job+"'"))
	}
	for _, q := range asking {
		q.cancelled()
	}
	s.ends("STOP JOB " + job)
	s.returns()
	s.here("START JOB " + job)
	s.arrives(n)
	if !s.endless {
		s.same(s.here("SELECT count(*), count(DISTINCT id) FROM s"), fmt.Sprintf("%d|%d", s.rows, s.rows))
	}
	s.leaves(hangs)
	s.more(20)
	s.ends("DROP JOB " + job)
	s.once(n)
	s.returns()
}

// asking is a statement that runs on a connection of its own, whose first column is an
// id.
type asking struct {
	*pair
	sql  string
	conn *pgconn.PgConn
	done chan error

	mu  sync.Mutex
	ids map[string]int
}

func (p *pair) ask(sql string) *asking {
	p.Helper()
	q := &asking{pair: p, sql: p.expand(sql), conn: p.connect(p.gateway.URL()), done: make(chan error, 1), ids: map[string]int{}}
	go func() {
		all := q.conn.Exec(p.ctx, q.sql)
		for all.NextResult() {
			for r := all.ResultReader(); r.NextRow(); {
				q.mu.Lock()
				q.ids[string(r.Values()[0])]++
				q.mu.Unlock()
			}
		}
		q.done <- all.Close()
	}()
	return q
}

// seen is how many ids have come.
func (q *asking) seen() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.ids)
}

// cancelled cancels the statement, which ends soon: with that, or because the system is
// gone.
func (q *asking) cancelled() {
	q.Helper()
	q.wait(100 * time.Millisecond) // it is under way, and so is what it waits for
	begun := time.Now()
	var err error
	for ended := false; !ended; { // one that comes before the statement is about nothing
		if err := q.conn.CancelRequest(q.ctx); err != nil {
			q.Fatalf("cancelling %s: %v", q.sql, err)
		}
		select {
		case err = <-q.done:
			ended = true
		case <-time.After(500 * time.Millisecond):
		case <-q.ctx.Done():
			q.dump()
			q.Fatalf("%s does not end", q.sql)
		}
	}
	took := time.Since(begun)
	q.Logf("%s ends %v after it was cancelled: %v", q.sql, took.Round(time.Millisecond), err)
	if took > stopLimit {
		q.Errorf("%s has ended %v after it was cancelled", q.sql, took)
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "57014" && !strings.HasPrefix(e.Code, "08") {
		q.Errorf("%s: %v", q.sql, err)
	}
	for id, n := range q.ids {
		if n > 1 {
			q.Errorf("%s gives id %s %d times", q.sql, id, n)
		}
	}
}

// TestSourcesAway reads systems that hang, and that are gone.
func TestSourcesAway(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) *awaySource{
		"s3": sourceS3, "http": sourceAnswers, "http events": sourceEvents, "kafka": sourceKafka,
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			var cancel context.CancelFunc
			s.ctx, cancel = context.WithTimeout(t.Context(), 2*limit)
			defer cancel()
			s.exact = true
			s.more(1) // where it is read has to be there
			s.here("CREATE STREAM s (id bigint) WITH (" + s.with + ")")
			for n, hangs := range []bool{true, false} {
				t.Logf("hangs %t", hangs)
				s.round(n, hangs)
			}
		})
	}
}

func sourceS3(t *testing.T) *awaySource {
	server := objects.Start(t)
	server.Bucket(t, "shop")
	l := lineTo(t, server.Addr)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$s3", keysOf("http://"+l.Addr().String()))
	s := &awaySource{away: &away{pair: p, line: l}, with: "type = 's3', path = 's3://shop/in/*.json', follow = 'true', poll_interval = '50ms', request_retries = '1', $s3"}
	s.put = func(from, to int) {
		var b strings.Builder
		for id := from; id < to; id++ {
			fmt.Fprintf(&b, "{\"id\":%d}\n", id)
		}
		server.Put(t, "shop", fmt.Sprintf("in/%06d.json", from), b.String())
	}
	return s
}

// numbered is a web service that has rows with the ids from 0 on.
type numbered struct {
	mu    sync.Mutex
	rows  int
	grown chan struct{} // closed when there are more
}

func (n *numbered) put(_, to int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.grown)
	n.rows, n.grown = to, make(chan struct{})
}

func (n *numbered) now() (rows int, grown chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rows, n.grown
}

// answer gives the rows behind the one that the request names.
func (n *numbered) answer(w http.ResponseWriter, r *http.Request) {
	rows, _ := n.now()
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		after = -1
	}
	found := []map[string]int{}
	for id := after + 1; id < min(rows, after+8); id++ {
		found = append(found, map[string]int{"id": id})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found)
}

// events gives the rows behind the one that the client had last, and those that come to
// be.
func (n *numbered) events(w http.ResponseWriter, r *http.Request) {
	last, err := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if err != nil {
		last = -1
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		rows, grown := n.now()
		for ; last+1 < rows; last++ {
			if _, err := fmt.Fprintf(w, "id: %d\ndata: {\"id\":%[1]d}\n\n", last+1); err != nil {
				return
			}
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
}

// overHTTP reads what a handler of rows gives.
func overHTTP(t *testing.T, n *numbered, handle http.HandlerFunc, with string) *awaySource {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	l := lineTo(t, server.Listener.Addr().String())
	return &awaySource{away: &away{pair: alone(t, "http.allow: [127.0.0.1]\n"), line: l}, put: n.put,
		with: "type = 'http', url = 'http://" + l.Addr().String() + "/', request_retries = '1', request_backoff = '20ms', " + with}
}

func sourceAnswers(t *testing.T) *awaySource {
	n := &numbered{grown: make(chan struct{})}
	return overHTTP(t, n, n.answer, "poll_interval = '20ms', 'cursor.param' = 'after', 'cursor.column' = 'id'")
}

func sourceEvents(t *testing.T) *awaySource {
	n := &numbered{grown: make(chan struct{})}
	s := overHTTP(t, n, n.events, "mode = 'sse'")
	s.endless = true
	return s
}

func sourceKafka(t *testing.T) *awaySource {
	a, addr := lineToKafka(t)
	s := &awaySource{away: a, with: "type = 'kafka', topic = 'in', 'bootstrap.servers' = '" + a.line.Addr().String() + "'"}
	a.here("CREATE SINK direct (id bigint) WITH (type = 'kafka', topic = 'in', 'bootstrap.servers' = '" + addr + "')")
	s.put = func(from, to int) {
		a.here(fmt.Sprintf("INSERT INTO direct SELECT g FROM generate_series(%d, %d) g", from, to-1))
	}
	return s
}
