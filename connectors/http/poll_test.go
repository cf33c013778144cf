package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// feed makes a stream of (id bigint, name text) of a URL.
func feed(url string, options ...string) *catalog.Relation {
	r := relation(url, append([]string{"poll_interval", "1ms", "request_backoff", "1ms", "request_retries", "3"}, options...)...)
	r.Kind, r.Name = catalog.Stream, "s"
	r.Columns = append(r.Columns, catalog.Column{Name: "name", Type: types.Of(types.Text)})
	for i := len(r.Options) - 1; i >= 0; i-- { // what the test gives comes before the defaults above
		if j := slices.IndexFunc(r.Options, func(o catalog.Option) bool { return o.Key == r.Options[i].Key }); j < i {
			r.Options = slices.Delete(r.Options, j, j+1)
		}
	}
	r.Hidden = Connector{}.Hidden(r)
	return r
}

// following is a reader, and what it has read.
type following struct {
	*testing.T
	reader  stream.Reader
	rows    []string
	rejects int
	at      stream.Offset
	caught  bool
}

func follow(t *testing.T, rel *catalog.Relation, at stream.Offset, change ...func(*stream.Scan)) *following {
	t.Helper()
	s, err := Connector{}.Source(t.Context(), env(), rel)
	if err != nil {
		t.Fatal(err)
	}
	scan := stream.Scan{}
	for i := range rel.AllColumns() {
		scan.Columns = append(scan.Columns, i)
	}
	for _, c := range change {
		c(&scan)
	}
	r, err := s.Open(t.Context(), []stream.Position{{Split: split, Offset: at}}, scan)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return &following{T: t, reader: r, at: at}
}

var boundedScan = stream.Scan{Columns: []int{0}, Bounded: true}

func bounded(s *stream.Scan)  { s.Bounded = true }
func skipping(s *stream.Scan) { s.OnReject = stream.Skip }

// read reads once.
func (f *following) read() error {
	f.Helper()
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Text), types.Of(types.Text)}
	b := vec.NewBatch(ts[:len(feedColumns(f.reader))])
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	read, err := f.reader.Read(ctx, b)
	if err != nil {
		return err
	}
	for i := range b.Rows {
		var parts []string
		for c, v := range b.Cols {
			val := vec.Get(v, i, ts[c])
			text := "NULL"
			if !val.Null {
				text = string(types.AppendText(nil, val, types.DefaultFormat()))
			}
			parts = append(parts, text)
		}
		f.rows = append(f.rows, strings.Join(parts, " "))
	}
	f.rejects += len(read.Rejects)
	if f.caught = read.CaughtUp; read.Next != nil {
		f.at = slices.Clone(read.Next)
	}
	return nil
}

// feedColumns are the columns of a reader's scan.
func feedColumns(r stream.Reader) []int {
	switch r := r.(type) {
	case *pollReader:
		return r.scan.Columns
	case *eventReader:
		return r.scan.Columns
	}
	return nil
}

// until reads until there are so many rows and no more so far.
func (f *following) until(want ...string) {
	f.Helper()
	for {
		if err := f.read(); err != nil {
			f.Fatalf("%v, after %q", err, f.rows)
		}
		if f.caught && len(f.rows) >= len(want) {
			break
		}
	}
	if !slices.Equal(f.rows, want) {
		f.Fatalf("%q, want %q", f.rows, want)
	}
}

// all reads to the end.
func (f *following) all() []string {
	f.Helper()
	for {
		if err := f.read(); errors.Is(err, io.EOF) {
			return f.rows
		} else if err != nil {
			f.Fatal(err)
		}
	}
}

// answers serves what a function says.
func answers(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

// TestPoll reads answers in each format, and one that changes when it changes.
func TestPoll(t *testing.T) {
	for _, c := range []struct {
		answer  string
		options []string
		want    []string
	}{
		{`[{"id":1,"name":"a"},{"id":2}]`, nil, []string{"1 a", "2 NULL"}},
		{`{"id":7,"name":"one"}`, nil, []string{"7 one"}},
		{`{"data":{"items":[{"id":1,"name":"a"}]}}`, []string{"records", "data.items"}, []string{"1 a"}},
		{`{"result":[{"rows":[{"id":3,"name":"c"}]}]}`, []string{"records", "$.result[0].rows"}, []string{"3 c"}},
		{`{"result":null}`, []string{"records", "result"}, nil},
		{``, nil, nil},
		{"{\"id\":1,\"name\":\"a\"}\n\n{\"id\":2,\"name\":\"b\"}\n", []string{"format", "lines"}, []string{"1 a", "2 b"}},
		{"id,name\n1,\"a\nb\"\n2,c", []string{"format", "csv"}, []string{"1 a\nb", "2 c"}},
		{"name;id\nx;9\n", []string{"format", "csv", "csv.delimiter", ";", "csv.header", "true"}, []string{"9 x"}},
		{"1,a\n", []string{"format", "csv", "csv.header", "false"}, []string{"1 a"}},
	} {
		s := answers(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.answer) })
		if got := follow(t, feed(s.URL, c.options...), nil, bounded).all(); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.answer, got, c.want)
		}
	}
}

// TestPollUnchanged asks with what an answer was called, and reads it once, also behind
// a start.
func TestPollUnchanged(t *testing.T) {
	var version, asked, same atomic.Int64
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		tag := fmt.Sprintf(`"v%d"`, version.Load())
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			same.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, `[{"id":%d,"name":"v"}]`, version.Load())
	})
	f := follow(t, feed(s.URL), nil)
	f.until("0 v")
	for same.Load() < 3 {
		if err := f.read(); err != nil {
			t.Fatal(err)
		}
	}
	version.Store(1)
	f.until("0 v", "1 v")
	g := follow(t, feed(s.URL), f.at)
	if err := g.read(); err != nil || len(g.rows) > 0 || !g.caught {
		t.Errorf("behind a start: %q, %v", g.rows, err)
	}
	// Without an ETag, what an answer holds tells.
	plain := answers(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `[{"id":%d}]`, version.Load()) })
	h := follow(t, feed(plain.URL), nil)
	h.until("1 NULL")
	for range 3 {
		if err := h.read(); err != nil {
			t.Fatal(err)
		}
	}
	version.Store(2)
	h.until("1 NULL", "2 NULL")
}

// TestPollCursor goes on behind the last record, from any position, and reads each record
// once: by a cursor in the answer, and by a column's value.
func TestPollCursor(t *testing.T) {
	const rows = 3000
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		var parts []string
		for id := after + 1; id <= min(after+1500, rows); id++ {
			parts = append(parts, fmt.Sprintf(`{"id":%d,"name":"r"}`, id))
		}
		next := "null"
		if n := len(parts); n > 0 {
			next = strconv.Itoa(after + n)
		}
		fmt.Fprintf(w, `{"rows":[%s],"meta":{"next":%s}}`, strings.Join(parts, ","), next)
	})
	var want []string
	for id := range rows {
		want = append(want, fmt.Sprintf("%d r", id+1))
	}
	for _, how := range [][]string{{"cursor.path", "meta.next"}, {"cursor.column", "id"}} {
		rel := feed(s.URL, append(how, "records", "rows", "cursor.param", "after")...)
		if got := follow(t, rel, nil, bounded).all(); !slices.Equal(got, want) {
			t.Errorf("%q: %d rows, want %d", how, len(got), len(want))
		}
		var got []string
		var at stream.Offset
		for len(got) < rows {
			f := follow(t, rel, at) // a reader for each position
			for len(f.rows) == 0 {
				if err := f.read(); err != nil {
					t.Fatal(err)
				}
			}
			got, at = append(got, f.rows...), f.at
			f.reader.Close()
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, by a reader for each batch: %d rows, want %d", how, len(got), len(want))
		}
	}
}

// TestPollPages follows Link headers and pages in the answer, and knows records again by
// their key.
func TestPollPages(t *testing.T) {
	var s *httptest.Server
	s = answers(t, func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if r.URL.Path == "/circle" {
			w.Header().Set("Link", `<`+s.URL+`/circle?page=1>; rel="next"`)
			fmt.Fprintf(w, `[]`)
			return
		}
		body := fmt.Sprintf(`[{"id":%d,"name":"p"},{"id":%d,"name":"p"}]`, 2*page, 2*page+1)
		if page < 2 {
			w.Header().Set("Link", fmt.Sprintf(`<%s/?page=0>; rel="first", </?page=%d>; rel="next"`, s.URL, page+1))
		}
		if r.URL.Path == "/token" {
			next := ""
			if page < 2 {
				next = strconv.Itoa(page + 1)
			}
			body = fmt.Sprintf(`{"rows":%s,"next":"%s"}`, body, next)
		}
		fmt.Fprint(w, body)
	})
	want := []string{"0 p", "1 p", "2 p", "3 p", "4 p", "5 p"}
	if got := follow(t, feed(s.URL, "next", "link"), nil, bounded).all(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	token := feed(s.URL+"/token", "next", "next", "next.param", "page", "records", "rows", "key", "id")
	f := follow(t, token, nil)
	f.until(want...)
	for range 3 { // asked again it has nothing that was not there
		for f.caught = false; !f.caught; {
			if err := f.read(); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.until(want...)
	g := follow(t, token, f.at)
	for !g.caught {
		if err := g.read(); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.rows) > 0 {
		t.Errorf("behind a start %q come again", g.rows)
	}
	c := follow(t, feed(s.URL+"/circle", "next", "link"), nil)
	for {
		if err := c.read(); err != nil {
			if !strings.Contains(err.Error(), "in a circle") {
				t.Error(err)
			}
			return
		}
	}
}

// TestPollFaults are services that fail in every way: what passes is waited out, what
// does not is said.
func TestPollFaults(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for _, c := range []struct {
		name    string
		fail    func(w http.ResponseWriter, r *http.Request) // the first two times
		options []string
	}{
		{"half a body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `[{"id":1`)
		}, nil},
		{"hangs", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, []string{"timeout", "100ms"}},
		{"hangs in the body", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `[{"id":1`)
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, []string{"timeout", "100ms"}},
		{"503", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, nil},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, nil},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int64
			s := answers(t, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) <= 2 {
					c.fail(w, r)
					return
				}
				fmt.Fprint(w, `[{"id":1,"name":"ok"}]`)
			})
			if got := follow(t, feed(s.URL, append(c.options, "request_retries", "30")...), nil, bounded).all(); !slices.Equal(got, []string{"1 ok"}) {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestPollRefused are answers that no waiting makes better.
func TestPollRefused(t *testing.T) {
	t.Setenv("FEED_URL", "http://127.0.0.1:1/hidden/path")
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>sorry</html>")
		case "/long":
			fmt.Fprintf(w, `[{"id":1,"name":"%s"}]`, strings.Repeat("x", 50<<20))
		case "/401":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "token sesame is wrong")
		case "/404":
			w.WriteHeader(http.StatusNotFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/row":
			fmt.Fprint(w, `[{"id":"x"}]`)
		}
	})
	for _, c := range []struct {
		path string
		code sqlerr.Code
		text string
	}{
		{"/html", sqlerr.InvalidTextRepresentation, "its Content-Type is text/html"},
		{"/long", sqlerr.ProgramLimitExceeded, "more than 33554432 bytes"},
		{"/401", sqlerr.InvalidAuthorizationSpec, "HTTP status 401: token *** is wrong"},
		{"/404", sqlerr.InvalidParameterValue, "HTTP status 404"},
		{"/loop", sqlerr.InvalidParameterValue, "more than 10 redirects"},
		{"/away", sqlerr.InsufficientPrivilege, "it is not in http.allow"},
		{"/metadata", sqlerr.InsufficientPrivilege, "169.254.169.254"},
		{"/file", sqlerr.InsufficientPrivilege, "which is not followed"},
		{"/row", sqlerr.InvalidTextRepresentation, "record 1"},
	} {
		f := follow(t, feed(s.URL+c.path, "auth_token", "sesame"), nil, bounded)
		err := f.read()
		if sqlerr.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v, want %s with %q", c.path, err, c.code, c.text)
		}
		if e := sqlerr.From(err); c.path == "/404" && (e.Detail != "" || e.Hint != "Check url, and what the service takes.") {
			t.Errorf("%s: %q, %q: what was sent is nothing", c.path, e.Detail, e.Hint)
		}
	}
	// What does not decode may be passed over: a record, or an answer that is none.
	for path, want := range map[string]int{"/row": 1, "/html": 1} {
		f := follow(t, feed(s.URL+path), nil, bounded, skipping)
		if f.all(); f.rejects != want || len(f.rows) > 0 {
			t.Errorf("%s: %d rejects, want %d", path, f.rejects, want)
		}
	}
	// Nothing of a URL that lies elsewhere is shown but its host.
	e := env()
	e.AllowedEnv = []string{"FEED_URL"}
	rel := feed("", "url_env", "FEED_URL", "request_retries", "0")
	src, err := Connector{}.Source(t.Context(), e, rel)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(t.Context(), []stream.Position{{Split: split}}, stream.Scan{Columns: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = r.Read(t.Context(), vec.NewBatch([]types.Type{types.Of(types.Int8)}))
	if sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "http://127.0.0.1:1/***") {
		t.Errorf("a URL of the environment: %v", err)
	}
	if _, err := (Connector{}).Source(t.Context(), env(), rel); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("a variable that sql.allowed_env does not name: %v", err)
	}
}

// TestRedirect gives credentials to the URL's own host alone.
func TestRedirect(t *testing.T) {
	var there atomic.Value
	other := answers(t, func(w http.ResponseWriter, r *http.Request) {
		there.Store(r.Header.Get("Authorization") + r.Header.Get("X-Api-Key") + r.Header.Get("X-Own"))
		fmt.Fprint(w, `[{"id":1,"name":"there"}]`)
	})
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here" {
			fmt.Fprintf(w, `[{"id":1,"name":"%s"}]`, r.Header.Get("Authorization"))
			return
		}
		to := "/here"
		if r.URL.Path == "/away" {
			to = other.URL
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	})
	for path, want := range map[string]string{"/": "1 Bearer t", "/away": "1 there"} {
		if got := follow(t, feed(s.URL+path, "auth_token", "t", "api_key", "k", "headers", `{"X-Own":"o"}`), nil, bounded).all(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := there.Load(); got != "" {
		t.Errorf("the other place got %q", got)
	}
}

// TestSecretFile reads a key from a file, under file.roots only.
func TestSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := env()
	e.FileRoots = []string{filepath.Dir(path)}
	rel := feed("http://127.0.0.1/", "auth_token_file", path)
	c, err := readSource(e, rel)
	if err != nil || c.requests.header.Get("Authorization") != "Bearer abc" {
		t.Errorf("%v", err)
	}
	if _, err := readSource(env(), rel); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("without file.roots: %v", err)
	}
	if _, err := readSource(e, feed("http://127.0.0.1/", "auth_token_file", path, "auth_token", "x")); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("given twice: %v", err)
	}
}
