// Package objects runs a real S3 store, versitygw over a folder, on a free loopback
// port, and a proxy before it that fails as a store does.
package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// Version is the versitygw that compat-tests/install.sh builds.
const Version = "v1.8.0"

// Keys of the store's administrator.
const (
	Key    = "tester"
	Secret = "quite-a-secret"
)

// Server is a running store. Its buckets are folders of Root.
type Server struct {
	Addr   string
	Root   string
	side   string
	binary string
	cmd    *exec.Cmd
	log    *bytes.Buffer
	done   chan struct{}
	API    *minio.Client
}

// Start runs a store until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := cache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "bin", "versitygw-"+Version)
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("versitygw is not installed; run compat-tests/install.sh (make deps): %v", err)
	}
	s := &Server{Addr: gateway.FreeAddr(), Root: t.TempDir(), side: t.TempDir()}
	if s.API, err = minio.New(s.Addr, &minio.Options{Creds: credentials.NewStaticV4(Key, Secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath}); err != nil {
		t.Fatal(err)
	}
	s.binary = binary
	s.Restart(t)
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the store's log:\n%s", s.log)
		}
	})
	return s
}

// Restart starts the process, after Stop; what was stored is there.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.log, s.done = &bytes.Buffer{}, make(chan struct{})
	s.cmd = exec.Command(s.binary, "--port", s.Addr, "--quiet", "posix", "--sidecar", s.side, s.Root)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+Key, "ROOT_SECRET_KEY="+Secret)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting versitygw: %v", err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if _, err := s.API.ListBuckets(ctx); err == nil {
			return
		}
		select {
		case <-s.done:
			t.Fatalf("versitygw has ended:\n%s", s.log)
		case <-ctx.Done():
			t.Fatal("versitygw does not answer")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop kills the process.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// URL is the store's endpoint.
func (s *Server) URL() string { return "http://" + s.Addr }

// Bucket makes a bucket.
func (s *Server) Bucket(t testing.TB, name string) {
	t.Helper()
	if err := s.API.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("making bucket %s: %v", name, err)
	}
}

// Put writes an object.
func (s *Server) Put(t testing.TB, bucket, key, content string) {
	t.Helper()
	if _, err := s.API.PutObject(t.Context(), bucket, key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{}); err != nil {
		t.Fatalf("writing %s: %v", key, err)
	}
}

// Remove removes an object.
func (s *Server) Remove(t testing.TB, bucket, key string) {
	t.Helper()
	if err := s.API.RemoveObject(t.Context(), bucket, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatalf("removing %s: %v", key, err)
	}
}

// All are the objects of a bucket below a prefix, by key.
func (s *Server) All(t testing.TB, bucket, prefix string) map[string][]byte {
	t.Helper()
	all, err := s.all(t.Context(), bucket, prefix)
	if err != nil {
		t.Fatalf("reading bucket %s: %v", bucket, err)
	}
	return all
}

func (s *Server) all(ctx context.Context, bucket, prefix string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for o := range s.API.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, o.Err
		}
		if strings.HasSuffix(o.Key, "/") {
			continue
		}
		r, err := s.API.GetObject(ctx, bucket, o.Key, minio.GetObjectOptions{})
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Key, err)
		}
		all[o.Key] = b
	}
	return all, nil
}

// Uploads are the keys of multipart uploads that are neither completed nor aborted.
func (s *Server) Uploads(t testing.TB, bucket string) []string {
	t.Helper()
	var keys []string
	for u := range s.API.ListIncompleteUploads(t.Context(), bucket, "", true) {
		if u.Err != nil {
			t.Fatalf("listing uploads of %s: %v", bucket, u.Err)
		}
		keys = append(keys, u.Key)
	}
	slices.Sort(keys)
	return keys
}

// Proxy stands before a store and fails where it is told to.
type Proxy struct {
	Addr   string
	target string
	server *http.Server

	mu   sync.Mutex
	rule func(w http.ResponseWriter, r *http.Request) bool
	seen []*http.Request
	sent int64
	// going are the requests that are not answered yet, of which sent has nothing; idle is
	// told when there is none.
	going int
	idle  *sync.Cond
}

// Before starts a proxy that ends with the test.
func (s *Server) Before(t testing.TB) *Proxy {
	t.Helper()
	p := &Proxy{Addr: gateway.FreeAddr(), target: s.URL()}
	p.idle = sync.NewCond(&p.mu)
	p.server = &http.Server{Addr: p.Addr, Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.server.ListenAndServe()
	}()
	t.Cleanup(func() {
		p.Fail(nil)
		_ = p.server.Close()
		<-done
	})
	return p
}

// URL is the proxy's endpoint.
func (p *Proxy) URL() string { return "http://" + p.Addr }

// Fail sets what becomes of requests: a rule that answers one returns true. nil: all
// are passed on.
func (p *Proxy) Fail(rule func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Requests are those that were made since the last call: their methods, paths,
// queries and headers.
func (p *Proxy) Requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// Sent is how many bytes of objects were passed on since the last call, when all requests
// are answered.
func (p *Proxy) Sent() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.going > 0 {
		p.idle.Wait()
	}
	n := p.sent
	p.sent = 0
	return n
}

// serve passes a request on with the host that it was signed for.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	rule := p.rule
	p.seen = append(p.seen, r.Clone(context.Background()))
	p.going++
	p.mu.Unlock()
	sent := int64(0)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sent += sent
		if p.going--; p.going == 0 {
			p.idle.Broadcast()
		}
	}()
	if rule != nil && rule(w, r) {
		return
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", strings.TrimPrefix(p.target, "http://"), ""
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	n, _ := io.Copy(w, resp.Body)
	if r.Method == http.MethodGet && resp.Header.Get("ETag") != "" { // no listing
		sent = n
	}
}

// Refuse answers with an S3 error.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>refused by the test</Message></Error>`, code)
}
