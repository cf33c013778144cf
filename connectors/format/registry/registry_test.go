package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

// TestMadeUpIDs: ids that no schema has are not remembered without end.
func TestMadeUpIDs(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error_code":40403,"message":"Schema not found"}`))
	}))
	defer web.Close()
	cl, err := sr.NewClient(sr.URLs(web.URL))
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{url: web.URL, cl: cl, byID: map[uint32]*Schema{}, failed: map[uint32]failure{}}
	for id := range uint32(2*mostFailed + 1) {
		_, err := c.ByID(t.Context(), id)
		if unknown := (*Unknown)(nil); !errors.As(err, &unknown) || len(c.failed) > mostFailed {
			t.Fatalf("id %d: %v, %d remembered", id, err, len(c.failed))
		}
	}
}

// TestRedirects: a registry sends requests nowhere but to its own host.
func TestRedirects(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/schemas/ids/1":
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		case "/schemas/ids/2":
			http.Redirect(w, r, "/v2/schemas/ids/2", http.StatusTemporaryRedirect)
		default:
			_, _ = w.Write([]byte(`{"schema":"\"string\""}`))
		}
	}))
	defer web.Close()
	c, err := Open(Config{URL: web.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.ByID(t.Context(), 1); err == nil || asked {
		t.Errorf("a schema from another host: %+v, %v", s, err)
	}
	if s, err := c.ByID(t.Context(), 2); err != nil || s.Text != `"string"` {
		t.Errorf("a schema from elsewhere on the host: %+v, %v", s, err)
	}
}
