package object

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, out := filepath.Join(dir, "root"), filepath.Join(dir, "out")
	for _, d := range []string{root, out, filepath.Join(dir, "rootother")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"inside": filepath.Join(root, "a"), "outside": out, "dangling": filepath.Join(out, "none"), "relative": "../out"} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	for path, ok := range map[string]bool{
		"root/a": true, "root/new/deep/a": true, "root/inside": true, "root": true, "root/..a": true,
		"root/../out/a": false, "rootother/a": false, "root/outside/a": false, "root/dangling": false, "root/relative/a": false, "": false,
	} {
		_, err := Resolve(filepath.Join(dir, path), []string{root})
		if ok != (err == nil) || !ok && sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
			t.Errorf("%s: %v, want allowed %v", path, err, ok)
		}
	}
	if _, err := Resolve(root, nil); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("without roots: %v", err)
	}
}

// TestStore: nothing in a store is read or written, though it lies under a root.
func TestStore(t *testing.T) {
	data, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.Open(state.Options{Dir: filepath.Join(data, "state")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Symlink(filepath.Join(data, "state", "redo"), filepath.Join(data, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "rows"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{
		"state": false, "state/FORMAT": false, "state/new": false, "state/store/MANIFEST": false, "state/redo/1": false, "link/1": false,
		"rows/../state/FORMAT": false, "rows": true, "new": true, "FORMAT": true,
	} {
		_, err := Resolve(data+"/"+path, []string{data})
		if ok != (err == nil) || !ok && sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
			t.Errorf("%s: %v, want allowed %v", path, err, ok)
		}
		if err != nil && !strings.Contains(sqlerr.From(err).Hint, "another directory") {
			t.Errorf("%s: %v, without a hint", path, err)
		}
	}
	for _, pattern := range []string{"state/*", "*/FORMAT", "link/*"} {
		if got, err := Glob(filepath.Join(data, pattern), []string{data}); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
			t.Errorf("%s: %q %v, want 42501", pattern, got, err)
		}
	}
	if got, err := Glob(filepath.Join(data, "r*"), []string{data}); err != nil || len(got) != 1 {
		t.Errorf("files beside the store: %q %v", got, err)
	}
	if got, err := Glob(filepath.Join(data, "[rs]*"), []string{data}); err != nil || len(got) != 1 {
		t.Errorf("a pattern that the store's directory fits: %q %v, want the file", got, err)
	}
}

func TestGlob(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"x[1]/b.json", "x[1]/a.json", "x[1]/c.csv", "y/a.json"} {
		p := filepath.Join(dir, f)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Glob(filepath.Join(dir, "*", "a.json"), []string{dir})
	if want := []string{filepath.Join(dir, "x[1]/a.json"), filepath.Join(dir, "y/a.json")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	// A root whose own name has brackets.
	got, err = Glob(filepath.Join(dir, "y", "*.json"), []string{dir})
	if want := []string{filepath.Join(dir, "y/a.json")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err = Glob(filepath.Join(dir, "none", "*"), []string{dir}); sqlerr.CodeOf(err) != sqlerr.UndefinedFile {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestCodecs(t *testing.T) {
	for path, want := range map[string]Codec{"a.json": None, "a.GZ": Gzip, "a.json.zst": Zstd, "a.json.sz": Snappy, "a.csv.lz4": LZ4} {
		c := Auto.For(path)
		if c != want {
			t.Errorf("%s: %s, want %s", path, c, want)
		}
		var frames []byte
		var err error
		for _, part := range []string{"one ", strings.Repeat("two ", 1000), "three"} {
			if frames, err = c.Append(frames, []byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := c.Reader(bytes.NewReader(frames))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != "one "+strings.Repeat("two ", 1000)+"three" {
			t.Errorf("%s: %d bytes, %v", c, len(got), err)
		}
		r.Close()
	}
}

func TestPathError(t *testing.T) {
	for err, want := range map[error]string{
		os.ErrNotExist:    `58P01 could not open file "/x": No such file or directory`,
		os.ErrPermission:  `42501 could not open file "/x": Permission denied`,
		syscall.ENOSPC:    `53100 could not open file "/x": No space left on device`,
		syscall.EIO:       `58030 could not open file "/x": input/output error`,
		syscall.EMFILE:    `53000 could not open file "/x": too many open files`,
		syscall.Errno(39): `58030 could not open file "/x": directory not empty`,
	} {
		e := sqlerr.From(PathError("open", "/x", &os.PathError{Op: "open", Path: "/x", Err: err}))
		if got := string(e.Code) + " " + e.Message; got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// TestGlobURL: a pattern may be a URL, as a path may.
func TestGlobURL(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a-1.csv")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pattern := "file://" + filepath.Join(dir, "a-*.csv")
	want, err := Resolve(path, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Glob(pattern, []string{dir})
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q names %q, %v; want %q", pattern, got, err, want)
	}
	if err := Allowed(pattern, []string{dir}); err != nil || !Names(pattern, path, []string{dir}) {
		t.Errorf("%q: %v", pattern, err)
	}
	if _, err := Glob(pattern, []string{filepath.Join(dir, "other")}); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("outside the roots: %v", err)
	}
}
