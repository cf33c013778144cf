package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// service keeps what it took, and answers as it is told to.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	keys   []string
	last   http.Header
	answer func(w http.ResponseWriter, r *http.Request, n int) bool // true: it has answered
	n      int
}

func serve(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.n++
		n, answer := s.n, s.answer
		s.last = r.Header.Clone()
		s.mu.Unlock()
		if answer != nil && answer(w, r, n) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies, s.keys = append(s.bodies, string(body)), append(s.keys, r.Header.Get("Idempotency-Key"))
	}))
	t.Cleanup(s.Close)
	return s
}

// took are the bodies and keys that were taken.
func (s *service) took() (bodies, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies), slices.Clone(s.keys)
}

func relation(url string, options ...string) *catalog.Relation {
	r := &catalog.Relation{Schema: "public", Name: "k", Kind: catalog.Sink, Connector: "http",
		Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}}, Options: catalog.Options{{Key: "url", Value: url}}}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

func env() *stream.Env {
	return &stream.Env{HTTPAllow: []string{"127.0.0.1"}, Metrics: &stream.Metrics{}}
}

func open(t *testing.T, o stream.SinkOptions, url string, options ...string) stream.Sink {
	t.Helper()
	s, err := Connector{}.Sink(t.Context(), env(), relation(url, options...), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// put writes ids and prepares the epoch.
func put(t *testing.T, s stream.Sink, e stream.Epoch, ids ...int64) []byte {
	t.Helper()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	for _, id := range ids {
		b.Cols[0].(*vec.Fixed[int64]).Append(id)
	}
	b.Rows = len(ids)
	if _, err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	token, err := s.Prepare(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestBodies sends batches in each form, nothing before the epoch is decided.
func TestBodies(t *testing.T) {
	for _, c := range []struct {
		options []string
		want    []string
		typ     string
	}{
		{[]string{"batch_size", "2"}, []string{`[{"id":1},{"id":2}]`, `[{"id":3}]`}, "application/json"},
		{[]string{"batch_size", "2", "body", "lines"}, []string{"{\"id\":1}\n{\"id\":2}\n", "{\"id\":3}\n"}, "application/x-ndjson"},
		{[]string{"batch_size", "1"}, []string{`{"id":1}`, `{"id":2}`, `{"id":3}`}, "application/json"},
		{nil, []string{`[{"id":1},{"id":2},{"id":3}]`}, "application/json"},
	} {
		web := serve(t)
		s := open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL+"/hook", append(c.options, "auth_token", "abc", "headers", `{"X-Source":"ferris"}`, "api_key", "k1")...)
		token := put(t, s, 1, 1, 2, 3)
		if got, _ := web.took(); len(got) > 0 {
			t.Errorf("%q was sent before the decision", got)
		}
		if err := s.Commit(t.Context(), 1, token); err != nil {
			t.Fatal(err)
		}
		got, keys := web.took()
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.options, got, c.want)
		}
		slices.Sort(keys)
		if len(slices.Compact(keys)) != len(c.want) {
			t.Errorf("keys %q", keys)
		}
		h := web.last
		if h.Get("Authorization") != "Bearer abc" || h.Get("X-Source") != "ferris" || h.Get("X-Api-Key") != "k1" || h.Get("Content-Type") != c.typ {
			t.Errorf("headers %v", h)
		}
	}
}

// TestAgain: a process that comes after a crash sends the epoch's requests with the same
// keys, and those of an epoch that was undone never.
func TestAgain(t *testing.T) {
	web := serve(t)
	o := stream.SinkOptions{Job: "j", ID: "id"}
	s := open(t, o, web.URL)
	first := put(t, s, 1, 1)
	if err := s.Commit(t.Context(), 1, first); err != nil {
		t.Fatal(err)
	}
	put(t, s, 2, 2)
	if err := s.Rollback(t.Context(), 2, nil); err != nil {
		t.Fatal(err)
	}
	third := put(t, s, 3, 3)
	for range 2 { // the second time in another process, that knows not whether it was sent
		if err := s.Commit(t.Context(), 3, third); err != nil {
			t.Fatal(err)
		}
		s = open(t, stream.SinkOptions{Job: "j", ID: "id", Committed: 3, Token: third}, web.URL)
	}
	if err := open(t, stream.SinkOptions{Job: "j", ID: "id", Committed: 3, Token: third, Delivered: true}, web.URL).Commit(t.Context(), 3, third); err != nil {
		t.Fatal(err)
	}
	bodies, keys := web.took()
	if want := []string{`[{"id":1}]`, `[{"id":3}]`, `[{"id":3}]`}; !slices.Equal(bodies, want) || keys[1] != keys[2] || keys[0] == keys[1] {
		t.Errorf("%q with keys %q, want %q", bodies, keys, want)
	}
}

// TestRetries: what passes is tried again, as the service says when; what does not is
// said with its row.
func TestRetries(t *testing.T) {
	web := serve(t)
	web.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n > 4 {
			return false
		}
		w.Header().Set("Retry-After", []string{"", "0", "soon", "3600"}[n-1])
		w.WriteHeader([]int{500, 503, 408, 429}[n-1])
		return true
	}
	s := open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL, "request_backoff", "1ms", "retry_after_max", "5ms")
	if err := s.Commit(t.Context(), 1, put(t, s, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if got, _ := web.took(); len(got) != 1 || web.n != 5 {
		t.Errorf("%q after %d requests", got, web.n)
	}
	for status, code := range map[int]sqlerr.Code{400: sqlerr.InvalidParameterValue, 422: sqlerr.InvalidParameterValue, 302: sqlerr.InvalidParameterValue, 401: sqlerr.InvalidAuthorizationSpec, 500: sqlerr.ConnectionFailure} {
		web.mu.Lock()
		web.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Location", "http://169.254.169.254/")
			w.WriteHeader(status)
			fmt.Fprint(w, "no such alert")
			return true
		}
		web.mu.Unlock()
		s := open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL+"/x?token=secret", "request_backoff", "1ms", "request_retries", "1")
		err := s.Commit(t.Context(), 2, put(t, s, 2, 7))
		e := sqlerr.From(err)
		if e.Code != code || !strings.Contains(e.Message, fmt.Sprintf("POST %s/x: HTTP status %d: no such alert", web.URL, status)) || e.Hint == "" || strings.Contains(e.Message, "secret") {
			t.Errorf("%d: %v", status, err)
		}
		if code == sqlerr.InvalidParameterValue && status != 302 && !strings.Contains(e.Detail, `{"id":7}`) {
			t.Errorf("%d: detail %q", status, e.Detail)
		}
	}
	s = open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL, "on_refusal", "skip")
	web.mu.Lock()
	web.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return true
	}
	web.mu.Unlock()
	if err := s.Commit(t.Context(), 3, put(t, s, 3, 8)); err != nil {
		t.Errorf("a refusal that is skipped: %v", err)
	}
}

// TestHangs: a service that does not answer is given up after timeout, and a cancelled
// job does not wait for it.
func TestHangs(t *testing.T) {
	web := serve(t)
	release := make(chan struct{})
	asked := make(chan struct{}, 10)
	web.answer = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	}
	defer close(release)
	s := open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL, "timeout", "50ms", "request_retries", "1", "request_backoff", "1ms")
	token := put(t, s, 1, 1)
	if err := s.Commit(t.Context(), 1, token); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("a service that hangs: %v", err)
	}
	s = open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL, "timeout", "1h")
	for len(asked) > 0 {
		<-asked
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Commit(ctx, 1, token) }()
	<-asked
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Commit goes on when it is cancelled")
	}
}

// TestRefused: declarations that cannot be.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		url     string
		options []string
		code    sqlerr.Code
	}{
		{"http://169.254.169.254/latest", nil, sqlerr.InsufficientPrivilege},
		{"http://user:pass@127.0.0.1/", nil, sqlerr.InvalidParameterValue},
		{"ftp://127.0.0.1/", nil, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"headers", "[]"}, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"headers", `{"A b":"c"}`}, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"auth_token", "a\r\nb: c"}, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"auth_token", "a", "username", "u"}, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"body", "object"}, sqlerr.InvalidParameterValue},
		{"http://127.0.0.1/", []string{"method", "GET"}, sqlerr.InvalidParameterValue},
	} {
		err := Connector{}.Check(env(), relation(c.url, c.options...), stream.RoleSink)
		if sqlerr.CodeOf(err) != c.code || err == nil || strings.Contains(err.Error(), "pass") && strings.Contains(err.Error(), "user:") {
			t.Errorf("%s %q: %v, want %s", c.url, c.options, err, c.code)
		}
	}
}

// TestLongRows: a request of long rows ends before it has all that it may have.
func TestLongRows(t *testing.T) {
	rel := relation(serve(t).URL, "batch_size", "10000")
	rel.Columns = []catalog.Column{{Name: "s", Type: types.Of(types.Text)}}
	s, err := Connector{}.Sink(t.Context(), env(), rel, stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Text)})
	for range 5 {
		b.Cols[0].(*vec.Bytes).AppendString(strings.Repeat("x", mostBody/2+1))
	}
	b.Rows = 5
	if _, err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	token, err := s.Prepare(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := decodeToken(token)
	if err != nil || len(bodies) != 3 || strings.Count(string(bodies[0]), "x") != 2*(mostBody/2+1) {
		t.Errorf("%d requests, %v", len(bodies), err)
	}
}

// TestEchoed: a service that sends back what it was sent does not make messages show
// what authenticates the requests.
func TestEchoed(t *testing.T) {
	for _, options := range [][]string{
		{"auth_token", "s3cret-token"}, {"auth_header", "Custom s3cret-header"}, {"username", "u", "password", "s3cret-word"}, {"api_key", "s3cret-key"},
	} {
		web := serve(t)
		web.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, password, _ := r.BasicAuth()
			_, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			fmt.Fprintf(w, "%s you sent %q, %q, %q", strings.Repeat("x", 270), credentials, password, r.Header.Get("X-API-Key"))
			return true
		}
		s := open(t, stream.SinkOptions{Job: "j", ID: "j"}, web.URL, options...)
		err := s.Commit(t.Context(), 1, put(t, s, 1, 1))
		basic := "dTpzM2NyZXQtd29yZA" // u:s3cret-word
		if err == nil || strings.Contains(err.Error(), "s3cr") || strings.Contains(err.Error(), basic[:4]) || !strings.Contains(err.Error(), "***") {
			t.Errorf("%s: %v", options[0], err)
		}
	}
}

// TestTokens: what is not a token of ours is no crash.
func TestTokens(t *testing.T) {
	for _, b := range []string{"", "\x01", "\x02\x00", "\x01\x01", "\x01\x01\x05ab", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if _, err := decodeToken([]byte(b)); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
			t.Errorf("%q: %v", b, err)
		}
	}
}
