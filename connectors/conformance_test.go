package connectors

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/notify"
)

// withServer need a server: compat-tests/systems puts them through the suite.
var withServer = []string{"database", "s3"}

// TestConformance puts every listed connector through the suite.
func TestConformance(t *testing.T) {
	for _, c := range All() {
		if slices.Contains(withServer, c.Name()) {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			fixture := fixtures[c.Name()]
			if fixture == nil {
				t.Fatalf("connector %q has no fixture", c.Name())
			}
			conformance.Run(t, c, fixture)
		})
	}
}

// fixtures has an entry for every connector that needs no server.
var fixtures = map[string]func(t *testing.T, c stream.Connector) *conformance.Fixture{
	"generator": func(_ *testing.T, c stream.Connector) *conformance.Fixture {
		return &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "rows", fmt.Sprint(conformance.Rows)), Rows: conformance.Rows,
			Live: conformance.Declare(c, "l", catalog.Stream, "rate", "1"),
		}
	},
	"blackhole": func(_ *testing.T, c stream.Connector) *conformance.Fixture {
		return &conformance.Fixture{Sink: conformance.Declare(c, "k", catalog.Sink)}
	},
	"stdout": func(t *testing.T, c stream.Connector) *conformance.Fixture {
		var out bytes.Buffer
		f := &conformance.Fixture{Sink: conformance.Declare(c, "k", catalog.Sink), Env: &stream.Env{Stdout: &out}, TakesBack: true}
		f.Holds = func(t *testing.T) []int64 { return conformance.IDs(t, out.String()) }
		return f
	},
	"notify": func(t *testing.T, c stream.Connector) *conformance.Fixture {
		hub := notify.NewHub(notify.DefaultLimit)
		l := hub.Listen(1, func() {})
		l.Add("rows")
		f := &conformance.Fixture{
			Sink: conformance.Declare(c, "k", catalog.Sink, "channel", "rows"), Env: &stream.Env{Notify: hub}, TakesBack: true,
			Required: catalog.Options{{Key: "channel", Value: "rows"}},
		}
		var heard strings.Builder
		f.Holds = func(t *testing.T) []int64 {
			for _, n := range l.Take() {
				heard.WriteString(n.Payload + "\n")
			}
			return conformance.IDs(t, heard.String())
		}
		return f
	},
	"file": func(t *testing.T, c stream.Connector) *conformance.Fixture {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.json"), filepath.Join(dir, "out.json")
		var lines strings.Builder
		for i := range conformance.Rows {
			fmt.Fprintf(&lines, "{\"id\":%d}\n", i)
		}
		for path, content := range map[string]string{in: lines.String(), filepath.Join(dir, "live.json"): ""} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "path", in), Rows: conformance.Rows,
			Live:      conformance.Declare(c, "l", catalog.Stream, "path", filepath.Join(dir, "live.json"), "follow", "true"),
			Sink:      conformance.Declare(c, "k", catalog.Sink, "path", out),
			Env:       &stream.Env{FileRoots: []string{dir}},
			TakesBack: true,
			Required:  catalog.Options{{Key: "path", Value: in}},
			Holds: func(t *testing.T) []int64 {
				b, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				return conformance.IDs(t, string(b))
			},
		}
	},
	"http": func(t *testing.T, c stream.Connector) *conformance.Fixture {
		var mu sync.Mutex
		var lines strings.Builder
		taken := map[string]bool{}
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			if key := r.Header.Get("Idempotency-Key"); err == nil && !taken[key] { // as a service that heeds it
				taken[key] = true
				lines.Write(body)
			}
		}))
		t.Cleanup(server.Close)
		options := []string{"url", server.URL, "body", "lines"}
		feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/live" {
				fmt.Fprint(w, "[]")
				return
			}
			for i := range conformance.Rows {
				fmt.Fprintf(w, "{\"id\":%d}\n", i)
			}
		}))
		t.Cleanup(feed.Close)
		return &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "url", feed.URL, "format", "lines"), Rows: conformance.Rows,
			Live:      conformance.Declare(c, "l", catalog.Stream, "url", feed.URL+"/live", "poll_interval", "10ms"),
			Sink:      conformance.Declare(c, "k", catalog.Sink, options...),
			Env:       &stream.Env{HTTPAllow: []string{"127.0.0.1"}},
			TakesBack: true,
			Required:  catalog.Options{{Key: "url", Value: server.URL}},
			Holds: func(t *testing.T) []int64 {
				mu.Lock()
				defer mu.Unlock()
				return conformance.IDs(t, lines.String())
			},
		}
	},
	"kafka": func(t *testing.T, c stream.Connector) *conformance.Fixture {
		broker, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		f := &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "topic", "in"), Rows: conformance.Rows,
			Live:     conformance.Declare(c, "l", catalog.Stream, "topic", "live"),
			Sink:     conformance.Declare(c, "k", catalog.Sink, "topic", "out"),
			Env:      &stream.Env{Brokers: broker.Addr()},
			Required: catalog.Options{{Key: "topic", Value: "in"}},
		}
		f.Prepare()
		// A sink makes its topic; nothing else of it is needed here.
		for _, topic := range []string{"live", "out"} {
			mk := &conformance.Fixture{Connector: c, Env: f.Env, Sink: conformance.Declare(c, "mk", catalog.Sink, "topic", topic)}
			if err := mk.OpenSink(t, stream.SinkOptions{}).Close(); err != nil {
				t.Fatal(err)
			}
		}
		// The topic is filled through the connector's own sink.
		fill := &conformance.Fixture{Connector: c, Env: f.Env, Sink: conformance.Declare(c, "fill", catalog.Sink, "topic", "in", "linger.ms", "0", "batch.size", "4096")}
		s := fill.OpenSink(t, stream.SinkOptions{})
		for i := int64(0); i < conformance.Rows; i += 500 {
			fill.Write(t, s, i, i+500)
		}
		if _, err := s.Prepare(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		f.Holds = func(t *testing.T) []int64 {
			out := &conformance.Fixture{Connector: c, Env: f.Env, Source: conformance.Declare(c, "o", catalog.Stream, "topic", "out")}
			return out.Read(t, nil)
		}
		return f
	},
}

// TestEveryPackageIsListed: a folder beside this file is a connector in All, or
// one of those that connectors share.
func TestEveryPackageIsListed(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "format" || e.Name() == "object" || e.Name() == "testdata" {
			continue
		}
		if !slices.ContainsFunc(All(), func(c stream.Connector) bool { return c.Name() == e.Name() }) {
			t.Errorf("connectors/%s is not in All", e.Name())
		}
	}
}
