package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestMovedObject: an object that is moved, removed, replaced or hidden between its listing
// and its reading is an error that names it, and says what to do.
func TestMovedObject(t *testing.T) {
	var status int
	var answer string // of reading it
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("ETag", `"abc"`)
			w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
			w.Header().Set("Content-Length", "9")
			return
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `<Error><Code>%s</Code><Message>It was moved.</Message></Error>`, answer)
	}))
	defer server.Close()
	env := &stream.Env{HTTPAllow: []string{"127.0.0.1"}, Metrics: &stream.Metrics{}}
	rel := &catalog.Relation{Name: "s", Kind: catalog.Stream, Connector: "s3", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}}}
	for _, o := range strings.Fields("path=s3://bucket/x.json access_key_id=a secret_access_key=b region=r request_retries=0 endpoint=" + server.URL) {
		k, v, _ := strings.Cut(o, "=")
		rel.Options = append(rel.Options, catalog.Option{Key: k, Value: v})
	}
	for _, c := range []struct {
		status  int
		answer  string
		code    sqlerr.Code
		text    string
		advises string
	}{
		{http.StatusNotFound, "NoSuchKey", sqlerr.UndefinedFile, "It was moved. (NoSuchKey)", "put it back"},
		{http.StatusNotFound, "NoSuchBucket", sqlerr.UndefinedTable, "(NoSuchBucket)", "Create bucket bucket"},
		{http.StatusPreconditionFailed, "PreconditionFailed", sqlerr.ConnectionFailure, "was replaced while it was read, at byte 0", "new names"},
		{http.StatusForbidden, "AccessDenied", sqlerr.InsufficientPrivilege, "(AccessDenied)", "s3:GetObject"},
		{http.StatusMovedPermanently, "PermanentRedirect", sqlerr.IOError, "(PermanentRedirect)", "Check endpoint, region and path_style"},
		{http.StatusForbidden, "InvalidObjectState", sqlerr.InsufficientPrivilege, "(InvalidObjectState)", "credentials"},
	} {
		status, answer = c.status, c.answer
		src, err := Connector{}.Source(t.Context(), env, rel)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Open(t.Context(), []stream.Position{{Split: "s3://bucket/x.json"}}, stream.Scan{Columns: []int{0}, Bounded: true})
		if err == nil {
			_, err = r.Read(t.Context(), vec.NewBatch([]types.Type{types.Of(types.Int8)}))
			if cerr := r.Close(); cerr != nil {
				t.Error(cerr)
			}
		}
		if e := sqlerr.From(err); err == nil || e.Code != c.code || !strings.Contains(e.Message, `object "s3://bucket/x.json"`) || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.advises) {
			t.Errorf("%s: %+v, want %s %s", c.answer, e, c.code, c.text)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
}
