package s3

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// customerKey is 32 bytes in base64.
const customerKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// TestEncryption: every request that reads or writes bytes has the headers of its kind
// of encryption, over https with an authority of one's own, and no other has them.
func TestEncryption(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]http.Header{}
	const content = `{"id":7}` + "\n"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		q := r.URL.Query()
		what := r.Method
		w.Header().Set("ETag", `"abc"`)
		switch {
		case q.Has("uploads") && r.Method == http.MethodPost:
			what = "begin"
			fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
		case q.Has("uploads"):
			what = "list"
			fmt.Fprint(w, `<ListMultipartUploadsResult></ListMultipartUploadsResult>`)
		case q.Has("list-type"):
			what = "list"
			fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`)
		case q.Has("partNumber"):
			what = "part"
		case q.Has("uploadId"):
			what = "complete"
			fmt.Fprint(w, `<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>x.json</Key><ETag>"abc"</ETag></CompleteMultipartUploadResult>`)
		default:
			w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			if r.Method == http.MethodGet {
				fmt.Fprint(w, content)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		seen[what] = r.Header.Clone()
	}))
	defer server.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	env := &stream.Env{FileRoots: []string{dir}, HTTPAllow: []string{"127.0.0.1"}, Metrics: &stream.Metrics{}}
	const generic, kms, customer = "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Customer-Key"
	for _, c := range []struct {
		options string
		want    map[string]map[string]string // of a request, its headers
	}{
		{"", nil},
		{"sse=aes256", map[string]map[string]string{"begin": {generic: "AES256"}}},
		{"sse=kms sse.kms_key_id=key-1", map[string]map[string]string{"begin": {generic: "aws:kms", kms: "key-1"}}},
		{"sse=customer sse.customer_secret_key=" + customerKey, map[string]map[string]string{
			"begin": {customer: customerKey}, "part": {customer: customerKey}, "GET": {customer: customerKey}, "HEAD": {customer: customerKey},
		}},
	} {
		clear(seen)
		rel := &catalog.Relation{Name: "s", Kind: catalog.Sink, Connector: "s3", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}}}
		for _, o := range strings.Fields("path=s3://bucket/x.json access_key_id=a secret_access_key=b endpoint=" + server.URL + " tls.ca_file=" + ca + " " + c.options) {
			k, v, _ := strings.Cut(o, "=")
			rel.Options = append(rel.Options, catalog.Option{Key: k, Value: v})
		}
		s, err := Connector{}.Sink(t.Context(), env, rel, stream.SinkOptions{})
		if err != nil {
			t.Fatalf("%q: %v", c.options, err)
		}
		b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		b.Cols[0].(*vec.Fixed[int64]).Append(7)
		b.Rows = 1
		if _, err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		token, err := s.Prepare(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), 1, token); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(token), customerKey) {
			t.Errorf("%q: the token has the key", c.options)
		}
		rel.Kind = catalog.Stream
		src, err := Connector{}.Source(t.Context(), env, rel)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Open(t.Context(), []stream.Position{{Split: "s3://bucket/x.json"}}, stream.Scan{Columns: []int{0}, Bounded: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(t.Context(), b); err != nil || b.Rows != 1 {
			t.Errorf("%q: %d rows, %v", c.options, b.Rows, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
		for what, h := range seen {
			for _, key := range []string{generic, kms, customer} {
				if got, want := h.Get(key), c.want[what][key]; got != want {
					t.Errorf("%q: %s has %s = %q, want %q", c.options, what, key, got, want)
				}
			}
		}
		for _, what := range []string{"begin", "part", "complete", "GET", "HEAD"} {
			if seen[what] == nil {
				t.Errorf("%q: there was no %s", c.options, what)
			}
		}
	}
}
