package wire_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/wire"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func scripts(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("finding %s: %d scripts, %v", pattern, len(paths), err)
	}
	m := map[string]string{}
	for _, p := range paths {
		m[strings.TrimSuffix(filepath.Base(p), ".txt")] = p
	}
	return m
}

// TestPostgres holds the scripts to a real PostgreSQL: with -rewrite it writes
// them.
func TestPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	s := postgres.Start(t)
	target := wire.Target{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port()), User: "postgres", Database: "postgres"}
	for name, path := range scripts(t, "testdata/*.txt") {
		t.Run(name, func(t *testing.T) { target.Run(t, path) })
	}
}

// TestGateway holds the gateway to the same answers, and to those of
// testdata/ferris that PostgreSQL cannot give.
func TestGateway(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(settings, []byte("auth.superuser: postgres\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Args: []string{"--config", settings}})
	pid := regexp.MustCompile(`with PID [0-9]+`)
	target := wire.Target{Addr: p.Listen, User: "postgres", Database: "postgres", Rewriter: func(line string) string { return pid.ReplaceAllString(line, "with PID n") }}
	for name, path := range scripts(t, "testdata/*.txt") {
		t.Run(name, func(t *testing.T) { target.Run(t, path) })
	}
	for name, path := range scripts(t, "testdata/ferris/*.txt") {
		t.Run("ferris/"+name, func(t *testing.T) { target.Run(t, path) })
	}
}
