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
	size := -1               // of the object; -1: there is none
	answer := "NoSuchUpload" // of completing it
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		q := r.URL.Query()
		switch {
		case q.Has("uploadId") && r.Method == http.MethodPost:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `<Error><Code>%s</Code><Message>It is not there.</Message></Error>`, answer)
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
		answer  string
		size    int
		onLoss  string
		code    sqlerr.Code
		text    string
		advises string
	}{
		{"NoSuchUpload", 42, "fail", "", "", ""},
		{"NoSuchUpload", -1, "fail", sqlerr.UndefinedFile, `object "s3://bucket/x.json" is not there, nor is the upload that was to become it`, "on_data_loss"},
		{"NoSuchUpload", -1, "continue", "", "", ""},
		{"NoSuchUpload", 41, "fail", sqlerr.ObjectNotInPrerequisiteState, `object "s3://bucket/x.json" has 41 bytes, and 42 were written`, "a path of its own"},
		{"NoSuchUpload", 41, "continue", sqlerr.ObjectNotInPrerequisiteState, `object "s3://bucket/x.json" has 41 bytes, and 42 were written`, "a path of its own"},
		// Stores that know the upload for a while, or look for its object first.
		{"InvalidPart", 42, "fail", "", "", ""},
		{"InvalidPart", -1, "fail", sqlerr.UndefinedFile, `object "s3://bucket/x.json" is not there, nor is the upload that was to become it`, "on_data_loss"},
		{"NoSuchKey", 42, "fail", "", "", ""},
		{"NoSuchKey", -1, "fail", sqlerr.UndefinedFile, `object "s3://bucket/x.json" is not there, nor is the upload that was to become it`, "on_data_loss"},
		{"NoSuchKey", -1, "continue", "", "", ""},
		{"NoSuchBucket", 42, "continue", sqlerr.UndefinedTable, `writing object "s3://bucket/x.json"`, "Create bucket"},
		{"AccessDenied", -1, "continue", sqlerr.InsufficientPrivilege, `writing object "s3://bucket/x.json"`, "s3:PutObject"},
	} {
		size, answer = c.size, c.answer
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
			t.Errorf("%s, %d bytes, %s: %v", c.answer, c.size, c.onLoss, err)
		case c.code != "" && (err == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.advises)):
			t.Errorf("%s, %d bytes, %s: %+v, want %s %s", c.answer, c.size, c.onLoss, e, c.code, c.text)
		}
	}
}
