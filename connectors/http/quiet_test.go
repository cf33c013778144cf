package http

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestListening bounds the silence of a body while it is read, each time anew, and not
// while nobody reads it.
func TestListening(t *testing.T) {
	silence := time.AfterFunc(time.Hour, func() {})
	silence.Stop()
	reads := 0
	l := listening{silence: silence, most: time.Hour, body: readerFunc(func(b []byte) (int, error) {
		reads++
		if !silence.Stop() {
			t.Errorf("read %d is not bounded", reads)
		}
		silence.Reset(time.Hour)
		return copy(b, ": here\n"), nil
	})}
	for range 3 {
		if _, err := l.Read(make([]byte, 100)); err != nil || silence.Stop() {
			t.Errorf("it is bounded while nobody reads: %v", err)
		}
	}
	if reads != 3 {
		t.Errorf("%d reads", reads)
	}
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestEventsAhead: long events that nobody takes are not received without end.
func TestEventsAhead(t *testing.T) {
	s, err := Connector{}.Source(t.Context(), env(), feed("http://127.0.0.1/", "mode", "sse"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := newEventReader(&reading{source: s.(*source), scan: stream.Scan{Columns: []int{0}}, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1)})
	long := received{event: event{data: make([]byte, aheadBytes/4)}}
	for range 4 {
		if !r.pass(long) {
			t.Fatal("there is room")
		}
	}
	r.taken(<-r.events)
	if !r.pass(long) {
		t.Fatal("there is room again")
	}
	cancel()
	for range 64 {
		r.pass(long)
	}
	if n := len(r.events); n != 4 {
		t.Errorf("%d events lie ready", n)
	}
}

// TestRedirectTellsNothing: a place that an answer leads to is not told the URL that was
// asked, whose query may have a key.
func TestRedirectTellsNothing(t *testing.T) {
	var told atomic.Value
	other := answers(t, func(w http.ResponseWriter, r *http.Request) {
		told.Store(r.Header.Get("Referer"))
		_, _ = io.WriteString(w, `[{"id":1}]`)
	})
	s := answers(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	if got := follow(t, feed(s.URL+"/?api_key=sEcret"), nil, bounded).all(); !slices.Equal(got, []string{"1 NULL"}) {
		t.Errorf("%q", got)
	}
	if got := told.Load(); got != "" {
		t.Errorf("the other place was told %q", got)
	}
}

// TestListed writes the keys of one request into a path and a query as each has them.
func TestListed(t *testing.T) {
	c, err := readSource(env(), feed("http://127.0.0.1/of/{name}?names={name}", "lookup.keys", "list"))
	if err != nil {
		t.Fatal(err)
	}
	l := &lookup{source: &source{config: c}}
	for _, k := range []struct {
		names []string
		want  string
	}{
		{[]string{"a b", "c,d/e"}, "/of/a%20b,c%2Cd%2Fe?names=a+b,c%2Cd%2Fe"}, {[]string{".."}, "/of/%2E%2E?names=.."},
	} {
		r, err := l.listed(k.names)
		if got := fmt.Sprint(r.url); err != nil || !strings.HasSuffix(got, k.want) {
			t.Errorf("%q: %s, %v, want %s", k.names, got, err, k.want)
		}
	}
}

// TestHiddenURL: of a URL that is read from a file a service's answer shows nothing.
func TestHiddenURL(t *testing.T) {
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "no such place: %s, key %s", r.URL.RequestURI(), r.URL.Query().Get("key"))
	})
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte(s.URL+"/hooks/sEcret?key=hidDen"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := env()
	e.FileRoots = []string{filepath.Dir(path)}
	rel := feed("", "url_file", path)
	rel.Options = slices.DeleteFunc(rel.Options, func(o catalog.Option) bool { return o.Key == "url" })
	_, err := Connector{}.Inferrer(e).Infer(t.Context(), rel)
	if err == nil || !strings.Contains(err.Error(), "no such place") || strings.Contains(err.Error(), "sEcret") || strings.Contains(err.Error(), "hidDen") {
		t.Errorf("%v", err)
	}
}

// TestTogetherNumbers: a number is found however many zeros it ends with.
func TestTogetherNumbers(t *testing.T) {
	l := &lookup{source: &source{rel: &catalog.Relation{Columns: []catalog.Column{{Name: "n", Type: types.Of(types.Numeric)}, {Name: "t", Type: types.Of(types.Text)}}}}, scan: stream.LookupScan{Keys: []int{0, 1}}}
	for number, want := range map[string]string{"1.50": "1.5", "1.00": "1", "100": "100", "-0.10": "-0.1", "NaN": "NaN"} {
		values := []string{number, "1.50"}
		if l.level(values); values[0] != want || values[1] != "1.50" {
			t.Errorf("%s: %q", number, values)
		}
	}
}
