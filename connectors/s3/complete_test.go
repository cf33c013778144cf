package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestCommittedObject: an upload that a committed token names and that is gone has become
// its object, which is then as long as was written; one that is not there, or is another,
// is an error, as its rows are committed.
func TestCommittedObject(t *testing.T) {
	size := -1 // of the object; -1: there is none
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		q := r.URL.Query()
		switch {
		case q.Has("uploadId") && r.Method == http.MethodPost:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist.</Message></Error>`)
		case q.Has("uploads"):
			fmt.Fprint(w, `<ListMultipartUploadsResult></ListMultipartUploadsResult>`)
		case r.Method == http.MethodHead && size < 0:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", `"abc"`)
			w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
			w.Header().Set("Content-Length", fmt.Sprint(size))
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	env := &stream.Env{HTTPAllow: []string{"127.0.0.1"}, Metrics: &stream.Metrics{}}
	left, err := token{Objects: []made{{Key: "x.json", ID: "u1", Closed: true, Parts: []part{{Number: 1, ETag: "abc", Size: 40}, {Number: 3, ETag: "abc", Size: 2}}}}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size    int
		onLoss  string
		code    sqlerr.Code
		text    string
		advises string
	}{
		{42, "fail", "", "", ""},
		{-1, "fail", sqlerr.UndefinedFile, `object "s3://bucket/x.json" is not there, nor is the upload that was to become it`, "on_data_loss"},
		{-1, "continue", "", "", ""},
		{41, "fail", sqlerr.ObjectNotInPrerequisiteState, `object "s3://bucket/x.json" has 41 bytes, and 42 were written`, "a path of its own"},
		{41, "continue", sqlerr.ObjectNotInPrerequisiteState, `object "s3://bucket/x.json" has 41 bytes, and 42 were written`, "a path of its own"},
	} {
		size = c.size
		rel := &catalog.Relation{Name: "s", Kind: catalog.Sink, Connector: "s3", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}}}
		for _, o := range strings.Fields("path=s3://bucket/x.json access_key_id=a secret_access_key=b region=r request_retries=0 endpoint=" + server.URL + " on_data_loss=" + c.onLoss) {
			k, v, _ := strings.Cut(o, "=")
			rel.Options = append(rel.Options, catalog.Option{Key: k, Value: v})
		}
		s, err := Connector{}.Sink(t.Context(), env, rel, stream.SinkOptions{Job: "j", ID: "1", Committed: 1, Token: left})
		if err == nil {
			err = s.Close()
		}
		e := sqlerr.From(err)
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%d bytes, %s: %v", c.size, c.onLoss, err)
		case c.code != "" && (err == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.advises)):
			t.Errorf("%d bytes, %s: %+v, want %s %s", c.size, c.onLoss, e, c.code, c.text)
		}
	}
}
