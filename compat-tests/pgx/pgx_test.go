// Package pgx runs pgx's own tests, those of the version that the module uses,
// against a gateway.
package pgx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

const module = "github.com/jackc/pgx/v5"

// packages are those whose tests talk to a server.
var packages = []string{".", "./pgconn", "./pgtype", "./pgxpool", "./stdlib", "./tracelog"}

// TestSuite runs the tests and compares what fails with testdata/failing.txt,
// which gives the reason of each. A line that begins with ~ is of a test that may
// pass, too: it depends on time. One with ! is of a test that is not run: where it
// fails it never ends.
func TestSuite(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("takes a minute; FERRIS_TIER=long runs it")
	}
	g := gateway.Start(t, gateway.Options{})
	known := readKnown(t)
	var endless []string
	for name, k := range known {
		if k.endless {
			_, test, _ := strings.Cut(name, ".")
			endless = append(endless, "^"+test+"$")
			delete(known, name)
			t.Logf("not run: %s: %s", name, k.reason)
		}
	}
	results := runSuite(t, copied(t), strings.Join(endless, "|"), "postgres://postgres@"+g.Listen+"/postgres?sslmode=disable")
	count := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(results)) {
		r := results[name]
		count[r.action]++
		k, listed := known[name]
		switch {
		case r.action == "fail" && !listed:
			t.Errorf("%s fails:\n%s", name, r.output)
		case r.action == "pass" && listed && !k.maybe:
			t.Errorf("%s passes: take it out of testdata/failing.txt", name)
		}
	}
	for name := range known {
		if _, ok := results[name]; !ok {
			t.Errorf("testdata/failing.txt names %s, which there is not", name)
		}
	}
	t.Logf("of pgx's tests %d pass, %d fail, %d leave themselves out", count["pass"], count["fail"], count["skip"])
	if count["pass"] < 700 {
		t.Errorf("only %d tests passed: did they run?", count["pass"])
	}
}

type knownFailure struct {
	reason         string
	maybe, endless bool
}

func readKnown(t *testing.T) map[string]knownFailure {
	t.Helper()
	b, err := os.ReadFile("testdata/failing.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]knownFailure{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line, maybe := strings.CutPrefix(line, "~")
		line, endless := strings.CutPrefix(line, "!")
		name, reason, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("testdata/failing.txt: no reason in %q", line)
		}
		all[name] = knownFailure{reason, maybe, endless}
	}
	return all
}

// copied copies pgx out of the module cache, whose files cannot be written
// beside.
func copied(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("finding pgx: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "pgx")
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(out)))); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// result is how a test ended.
type result struct{ action, output string }

// runSuite returns the results of the tests by package and name; parts of tests
// count as their whole.
func runSuite(t *testing.T, dir, skip, url string) map[string]result {
	t.Helper()
	cmd := exec.Command("go", append([]string{"test", "-mod=mod", "-json", "-timeout", "10m", "-skip", skip}, packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PGX_TEST_DATABASE="+url)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdout, err := cmd.Output()
	if len(stdout) == 0 {
		t.Fatalf("running pgx's tests: %v\n%s", err, complaints.String())
	}
	all, outputs := map[string]result{}, map[string]*strings.Builder{}
	lines := bufio.NewScanner(bytes.NewReader(stdout))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		whole, _, part := strings.Cut(e.Test, "/")
		name := fmt.Sprintf("pgx%s.%s", strings.TrimPrefix(e.Package, module), whole)
		if outputs[name] == nil {
			outputs[name] = &strings.Builder{}
		}
		outputs[name].WriteString(e.Output)
		if !part && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
			all[name] = result{e.Action, outputs[name].String()}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
