// Package registry runs a real schema registry for tests, Apicurio Registry, beside the
// fake: a process on free loopback ports that keeps its schemas in memory.
// compat-tests/install.sh fetches it into the cache.
package registry

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/child"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

//go:embed pom.xml
var pom string

// startTimeout bounds how long the registry may take until it answers.
const startTimeout = 3 * time.Minute

// Registry is one that speaks Confluent's protocol, and is empty at first; schemas must be
// BACKWARD compatible where a subject says nothing else.
type Registry struct {
	URL     string
	Admin   *sr.Client
	Checks  bool // it refuses what is not compatible
	process *child.Process
}

// Both runs a test with the fake registry, and with the real one.
func Both(t *testing.T, test func(t *testing.T, r *Registry)) {
	t.Helper()
	t.Run("fake", func(t *testing.T) {
		fake := srfake.New()
		t.Cleanup(fake.Close)
		r := &Registry{URL: fake.URL()}
		r.connect(t)
		test(t, r)
	})
	t.Run("Apicurio", func(t *testing.T) { test(t, emptied(t)) })
}

func (r *Registry) connect(t testing.TB) {
	t.Helper()
	var err error
	// A request that comes first may take long, as what answers it is loaded.
	if r.Admin, err = sr.NewClient(sr.URLs(r.URL), sr.HTTPClient(&http.Client{Timeout: time.Minute})); err != nil {
		t.Fatal(err)
	}
	if err := r.Level(t.Context(), "", sr.CompatBackward); err != nil {
		t.Fatal(err)
	}
}

// Level sets a subject's compatibility; "": that of all that have none.
func (r *Registry) Level(ctx context.Context, subject string, level sr.CompatibilityLevel) error {
	for _, result := range r.Admin.SetCompatibility(ctx, sr.SetCompatibility{Level: level}, subject) {
		if result.Err != nil {
			return fmt.Errorf("setting the compatibility of subject %q: %w", subject, result.Err)
		}
	}
	return nil
}

// Put registers a schema and returns its id.
func (r *Registry) Put(t testing.TB, subject string, s sr.Schema) int {
	t.Helper()
	id, err := r.Admin.RegisterSchema(t.Context(), subject, s, -1, -1)
	if err != nil {
		t.Fatalf("registering %s for %q: %v", s.Schema, subject, err)
	}
	return id
}

// shared is the registry that the tests of a binary use one after the other: it takes long
// to start. It ends with the binary.
var shared struct {
	sync.Mutex
	*Registry
}

// emptied is the real registry, without what the test before had in it. Tests that use it do not run in parallel.
func emptied(t testing.TB) *Registry {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.Registry == nil {
		shared.Registry = start(t)
	}
	// What others refer to cannot go before them.
	var left error
	for range 4 {
		if left = shared.empty(t.Context()); left == nil {
			break
		}
	}
	if left != nil {
		t.Fatal(left)
	}
	shared.connect(t)
	return shared.Registry
}

// empty deletes all subjects that may go, and returns why one may not.
func (r *Registry) empty(ctx context.Context) error {
	subjects, err := r.Admin.Subjects(ctx)
	for _, s := range subjects {
		for _, how := range []sr.DeleteHow{sr.SoftDelete, sr.HardDelete} {
			if _, failed := r.Admin.DeleteSubject(ctx, s, how); failed != nil && !gone(failed) {
				err = errors.Join(err, fmt.Errorf("deleting subject %q: %w", s, failed))
			}
		}
	}
	return err
}

func gone(err error) bool {
	var re *sr.ResponseError
	return errors.As(err, &re) && re.StatusCode == http.StatusNotFound
}

// start starts a real registry, which ends with the binary.
func start(t testing.TB) *Registry {
	t.Helper()
	jars, err := cache.Jars(pom, "apicurio")
	if err != nil {
		t.Fatal(err)
	}
	runners, err := filepath.Glob(filepath.Join(filepath.Dir(jars), "*-runner.jar"))
	if err != nil || len(runners) != 1 {
		t.Fatalf("finding Apicurio's jar beside %s: %v, %v", jars, runners, err)
	}
	host, port, err := net.SplitHostPort(gateway.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	_, management, err := net.SplitHostPort(gateway.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Dquarkus.http.host="+host, "-Dquarkus.http.port="+port, "-Dquarkus.management.host="+host, "-Dquarkus.management.port="+management,
		"-Dquarkus.log.console.stderr=true", `-Dquarkus.log.category."io.quarkus".level=INFO`, "-Dquarkus.http.access-log.enabled=false", "-jar", runners[0])
	// Not the test's context: the process may be shared.
	p, err := child.Start(context.Background(), cmd, child.Options{Name: "Apicurio", Ready: "Listening on:", Timeout: startTimeout, Orphan: syscall.SIGKILL, Kill: syscall.SIGKILL})
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{URL: "http://" + net.JoinHostPort(host, port) + "/apis/ccompat/v7", Checks: true, process: p}
	r.connect(t)
	// Whom it is tested with waits a few seconds at most.
	for _, s := range []sr.Schema{{Schema: `"string"`}, {Schema: `{"type":"object","properties":{}}`, Type: sr.TypeJSON}, {Schema: `syntax = "proto3"; message M {}`, Type: sr.TypeProtobuf}} {
		subject := "warm-" + s.Type.String()
		id := r.Put(t, subject, s)
		if _, err := r.Admin.SchemaByID(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Admin.CheckCompatibility(t.Context(), subject, -1, s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Pause stops a real registry, which then takes requests and answers none, until resume.
func (r *Registry) Pause(t testing.TB) (resume func()) {
	t.Helper()
	if err := r.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume = sync.OnceFunc(func() { _ = r.process.Signal(syscall.SIGCONT) })
	t.Cleanup(resume)
	return resume
}
