package http

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestEventStream cuts events as the HTML standard says, however the bytes come.
func TestEventStream(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"data: a\n\n", "message//a"},
		{"\xef\xbb\xbfdata:a\r\ndata: b\r\n\r\nid: 7\revent: x\rdata\r\r", "message//a\nb|x/7/"},
		{": comment\n\nid: 1\n\ndata: c\n\ndata: d", "message/1/c"},
		{"data: {\"a\":\ndata: 1}\nid: z\nunknown: y\nretry: 15\n\nid\ndata: e\n\n", "message/z/{\"a\":\n1}|message//e"},
		{"id: a\x00b\ndata: f\n\n", "message//f"},
		{"data:  two spaces\n\n", "message// two spaces"},
		{"event: lonely\n\ndata: g\n\n", "message//g"},
		{"data: " + strings.Repeat("x", 200) + "\n\ndata: h\n\n", "message//(long)|message//h"},
		{"data: " + strings.Repeat("x", 60) + "\ndata: " + strings.Repeat("x", 60) + "\n\n", "message//(long)"},
	} {
		for _, in := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			s := newEventStream(in, 100, "")
			var got []string
			for {
				e, err := s.next()
				if err != nil {
					break
				}
				if e.long {
					e.data = []byte("(long)")
				}
				got = append(got, fmt.Sprintf("%s/%s/%s", e.kind, e.id, e.data))
			}
			if strings.Join(got, "|") != c.want {
				t.Errorf("%q: %q, want %q", c.text, strings.Join(got, "|"), c.want)
			}
		}
	}
}

// TestEvents follows a service that hangs up after every few events, and goes on behind
// the last one's id: each event comes once, also to a reader that begins at a position.
func TestEvents(t *testing.T) {
	const last = 20
	var connections atomic.Int64
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := connections.Add(1); {
		case n%5 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case n%7 == 0:
			panic(http.ErrAbortHandler)
		}
		after, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
		if after == last {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, "retry: 1\n\n: hello\n\n")
		for id := after + 1; id <= min(after+3, last); id++ {
			fmt.Fprintf(w, "id: %d\nevent: kind%d\ndata: {\"id\":%d,\ndata: \"name\":\"n\"}\n\n", id, id%2, id)
		}
		fmt.Fprintf(w, "id: 999\ndata: {\"id\":999") // which is none
	})
	var want []string
	for id := 1; id <= last; id++ {
		want = append(want, fmt.Sprintf("%d n %d kind%d", id, id, id%2))
	}
	rel := feed(s.URL, "mode", "sse", "request_retries", "10")
	if got := follow(t, rel, nil).all(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	f := follow(t, rel, nil)
	for len(f.rows) == 0 {
		if err := f.read(); err != nil {
			t.Fatal(err)
		}
	}
	g := follow(t, rel, f.at)
	if got := append(f.rows, g.all()...); !slices.Equal(got, want) {
		t.Errorf("behind a start: %q, want %q", got, want)
	}
	odd := follow(t, feed(s.URL, "mode", "sse", "event", "kind1", "request_retries", "10"), nil).all()
	if len(odd) != last/2 {
		t.Errorf("of one type: %q", odd)
	}
}

// TestEventsRefused are answers that are no stream of events, silence, and events that do
// not decode.
func TestEventsRefused(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	var silent atomic.Int64
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
			return
		case "/403":
			w.WriteHeader(http.StatusForbidden)
			return
		case "/silent":
			if silent.Add(1) > 2 {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "id: 1\ndata: {\"id\":1}\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-done:
			case <-r.Context().Done():
			}
			return
		}
		if r.Header.Get("Last-Event-ID") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: nonsense\n\ndata: {\"id\":2,\"name\":\"%s\"}\n\nid: 3\ndata: {\"id\":3}\n\n", strings.Repeat("x", 3000))
	})
	for path, code := range map[string]sqlerr.Code{"/json": sqlerr.InvalidParameterValue, "/403": sqlerr.InvalidAuthorizationSpec, "/bad": sqlerr.InvalidTextRepresentation} {
		f := follow(t, feed(s.URL+path, "mode", "sse"), nil)
		var err error
		for err == nil {
			err = f.read()
		}
		if sqlerr.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", path, err, code)
		}
	}
	f := follow(t, feed(s.URL+"/bad", "mode", "sse", "max_body", "2KB"), nil, skipping)
	if got := f.all(); !slices.Equal(got, []string{"3 NULL 3 message"}) || f.rejects != 2 {
		t.Errorf("%q, and %d rejects", got, f.rejects)
	}
	g := follow(t, feed(s.URL+"/silent", "mode", "sse", "idle_timeout", "50ms"), nil)
	if got := g.all(); len(got) != 2 {
		t.Errorf("a silent connection is not made anew: %q", got)
	}
	src, err := Connector{}.Source(t.Context(), env(), feed(s.URL, "mode", "sse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Open(t.Context(), nil, boundedScan); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("to the end: %v", err)
	}
	if err := errors.Join(f.reader.Close(), f.reader.Close()); err != nil {
		t.Error(err)
	}
}
