package gateway

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

var (
	plainBinary  = sync.OnceValues(func() (string, error) { return build("ferris-sql") })
	mortalBinary = sync.OnceValues(func() (string, error) { return build("ferris-sql-faultpoints", "-tags", "faultpoints") })
)

// Binary builds cmd/ferris-sql, once a test binary, and returns its path. It stays in bin/tests,
// so that the next test binary links it only where the tree has changed meanwhile; who edits the
// tree while tests run may have later gateways of theirs run the newer one.
func Binary() (string, error) { return plainBinary() }

func build(name string, flags ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	if err := readSources(root); err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin", "tests")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a folder for ferris-sql: %w", err)
	}
	// One at a time: a build that is over leaves to the next nothing to do, and nobody starts
	// a file of which half is there.
	lock, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("locking %s: %w", dir, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "./cmd/ferris-sql")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building ferris-sql: %w\n%s", err, out)
	}
	return path, nil
}

// readSources reads the folders that the binary may be built of. `go test` answers from its cache
// while what a test's packages import and what the test reads are as they were, and a test that
// starts the binary imports nothing of it: without this it would be "ok (cached)" for another tree.
func readSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the tree: %w", err)
		}
		if !d.IsDir() || path == root {
			return nil
		}
		if name := d.Name(); strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || filepath.Dir(path) == root && (name == "bin" || name == "compat-tests") {
			return filepath.SkipDir
		}
		return nil
	})
}

// Root is the folder of go.mod.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("finding go.mod: %w", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(out))), nil
}
