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
