// Package object is what the connectors of files and of object stores share:
// which paths may be touched, and compression by extension. It knows nothing of
// records.
package object

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Resolve returns path as an absolute one with its symbolic links followed, as
// far as it exists. A path that is not under one of the roots is 42501; links
// that lead out of them are not under them. So is one in a store, which lies under
// the roots where the data directory does: none but its server touches it.
func Resolve(path string, roots []string) (string, error) {
	abs, err := filepath.Abs(strings.TrimPrefix(path, "file://"))
	if err != nil {
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "could not resolve path %q: %w", path, err)
	}
	resolved := follow(abs)
	for _, root := range roots {
		r, err := filepath.Abs(root)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(follow(r), resolved)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			if err := notStored(path, resolved); err != nil {
				return "", err
			}
			return resolved, nil
		}
	}
	e := sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for path %q: it is not under file.roots", path)
	if len(roots) == 0 {
		return "", e.WithHint("No path may be read or written; name directories in file.roots of the server's configuration.")
	}
	return "", e.WithHint("Allowed are %s; others are named in file.roots of the server's configuration.", strings.Join(roots, ", "))
}

// notStored refuses what lies in a store, or is one.
func notStored(path, resolved string) error {
	for dir := resolved; ; dir = filepath.Dir(dir) {
		if state.Holds(dir) {
			return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for path %q: it belongs to the store in %q", path, dir).
				WithHint("Files of the store are the server's alone; name one in another directory.")
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// follow resolves symbolic links in the longest part of the path that exists.
func follow(abs string) string {
	rest := ""
	for p := abs; ; {
		if r, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Join(r, rest)
		}
		// A link that leads nowhere would be created at its target.
		if to, err := os.Readlink(p); err == nil {
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(p), to)
			}
			return filepath.Join(to, rest)
		}
		up := filepath.Dir(p)
		if up == p {
			return abs
		}
		rest = filepath.Join(filepath.Base(p), rest)
		p = up
	}
}

// IsGlob reports whether the path is a pattern.
func IsGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

// Allowed is 42501 for a path or pattern that is not under one of the roots, as
// far as that is seen without reading a directory.
func Allowed(pattern string, roots []string) error {
	_, err := Resolve(literal(pattern), roots)
	return err
}

// literal is the directory before a pattern's first wildcard; a path that is no
// pattern is itself.
func literal(pattern string) string {
	pattern = strings.TrimPrefix(pattern, "file://") // whose slashes are none of a path
	for IsGlob(pattern) {
		pattern = filepath.Dir(pattern)
	}
	return pattern
}

// Glob lists the regular files that the path or pattern names, sorted, each
// under one of the roots. A path that is no pattern must exist.
func Glob(pattern string, roots []string) ([]string, error) {
	if !IsGlob(pattern) {
		p, err := Resolve(pattern, roots)
		if err != nil {
			return nil, err
		}
		return []string{p}, Regular(p)
	}
	// The part before the first wildcard must be allowed, so that a pattern
	// tells nothing of what lies elsewhere.
	dir := literal(pattern)
	base, err := Resolve(dir, roots)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(base); err != nil {
		return nil, PathError("open directory", base, err)
	}
	rel, err := filepath.Rel(dir, strings.TrimPrefix(pattern, "file://"))
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid path pattern %q: %w", pattern, err)
	}
	names, err := filepath.Glob(filepath.Join(escape(base), rel))
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid path pattern %q: %w", pattern, err)
	}
	var files []string
	for _, n := range names {
		if state.Holds(n) {
			continue // a directory, which no pattern means
		}
		p, err := Resolve(n, roots)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went away since it was listed
		}
		if err != nil {
			return nil, PathError("stat", p, err)
		}
		if info.Mode().IsRegular() {
			files = append(files, p)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// Names reports whether a path or pattern names a file, which need not exist: by its
// path, or, where it is there, by another that is linked to it.
func Names(pattern, path string, roots []string) bool {
	p, err := Resolve(path, roots)
	if err != nil {
		return false
	}
	return named(pattern, p, roots) || linked(pattern, p, roots)
}

// linked reports whether one of the files that a path or pattern names is the file.
func linked(pattern, file string, roots []string) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	files, err := Glob(pattern, roots)
	return err == nil && slices.ContainsFunc(files, func(f string) bool {
		other, err := os.Stat(f)
		return err == nil && os.SameFile(info, other)
	})
}

// named reports whether a path or pattern is that of a file.
func named(pattern, p string, roots []string) bool {
	dir := literal(pattern)
	base, err := Resolve(dir, roots)
	if err != nil {
		return false
	}
	if !IsGlob(pattern) {
		return base == p
	}
	rel, err := filepath.Rel(dir, strings.TrimPrefix(pattern, "file://"))
	if err != nil {
		return false
	}
	yes, err := filepath.Match(filepath.Join(escape(base), rel), p)
	return err == nil && yes
}

// escape makes a directory's name literal in a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Regular returns an error where path is not an existing regular file.
func Regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return PathError("open", path, err)
	}
	if !info.Mode().IsRegular() {
		return sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a regular file", path)
	}
	return nil
}

// PathError words an operating system's error as PostgreSQL does, with its
// SQLSTATE: could not open file "x": No such file or directory.
func PathError(verb, path string, err error) error {
	var said *sqlerr.Error
	if errors.As(err, &said) {
		return err // a store's, in its words
	}
	code, text := sqlerr.IOError, err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	what := "file"
	if strings.HasSuffix(verb, " directory") {
		verb, what = strings.TrimSuffix(verb, " directory"), "directory"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return sqlerr.Errorf(sqlerr.UndefinedFile, "could not %s %s %q: %w", verb, what, path, worded{"No such file or directory", err}).
			WithHint("The path is one of the gateway's machine; a relative one begins at the gateway's working directory.")
	case errors.Is(err, fs.ErrPermission):
		code, text = sqlerr.InsufficientPrivilege, "Permission denied"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e := sqlerr.Errorf(sqlerr.DiskFull, "could not %s %s %q: No space left on device", verb, what, path)
		return e.WithHint("Check free disk space.")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		code = sqlerr.InsufficientResources
	}
	return sqlerr.Errorf(code, "could not %s %s %q: %w", verb, what, path, worded{text, err})
}

// worded is an error in PostgreSQL's words.
type worded struct {
	text string
	err  error
}

func (w worded) Error() string { return w.text }

func (w worded) Unwrap() error { return w.err }
