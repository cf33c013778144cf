package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// rotatedSuffix is what a rotated file's name has behind its old one: a number or
// a date.
var rotatedSuffix = regexp.MustCompile(`^[.-][0-9][0-9.:_TZ-]*$`)

// advance goes on with the file that was written after the one that was read to
// its end: the one that the path names now, or, where there were several rotations
// meanwhile, the oldest of those between, which lie beside it and were last written
// to after the one and not after the other. Where a rotation comes in between
// nothing happens; the next poll looks again.
func (in *input) advance() error {
	was, err := in.f.Stat()
	if err != nil {
		return object.PathError("stat", in.path, err)
	}
	newest, err := os.Stat(in.path)
	if err != nil {
		return nil //nolint:nilerr // the path names nothing just now
	}
	dir, base := filepath.Split(in.path)
	names, err := os.ReadDir(dir)
	if err != nil {
		return object.PathError("open directory", dir, err)
	}
	path, next := in.path, newest
	for _, n := range names {
		suffix, ok := strings.CutPrefix(n.Name(), base)
		if !ok || !rotatedSuffix.MatchString(suffix) {
			continue
		}
		if own, err := filepath.Match(filepath.Base(in.config.path), n.Name()); own || err != nil {
			continue // it is read by its own name
		}
		info, err := n.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		at := info.ModTime()
		if !at.After(was.ModTime()) || at.After(newest.ModTime()) || os.SameFile(info, was) || os.SameFile(info, newest) {
			continue
		}
		if os.SameFile(next, newest) || at.Before(next.ModTime()) {
			path, next = filepath.Join(dir, n.Name()), info
		}
	}
	if err := object.Regular(path); err != nil {
		return ignoreAbsent(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return ignoreAbsent(object.PathError("open", path, err))
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(info, next) {
		return errors.Join(err, f.Close())
	}
	return in.take(f, position{})
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
