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

// quietPolls is how often the end of a file that was rotated is looked at before
// it is left; what is still written to it meanwhile is read first.
const quietPolls = 3

// advance goes on with the file that was written after the one that was read to
// its end: the one that the path names now, or, where there were several rotations
// meanwhile, the oldest of those between. Where a rotation comes in between
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
	path, next, err := between(in.path, was, newest, func(string, fs.FileInfo) bool { return false })
	if err != nil {
		return err
	}
	if next == nil {
		path, next = in.path, newest
	}
	f, err := openAs(path, next)
	if f == nil || err != nil {
		return err
	}
	return in.take(f, position{})
}

// between finds the oldest of the files that were rotated between two that had
// the same path: they lie beside it and were last written to after the one and
// not after the other. next is nil where there is none.
func between(path string, was, newest fs.FileInfo, skip func(base string, info fs.FileInfo) bool) (found string, next fs.FileInfo, err error) {
	dir, base := filepath.Split(path)
	names, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, object.PathError("open directory", dir, err)
	}
	for _, n := range names {
		suffix, ok := strings.CutPrefix(n.Name(), base)
		if !ok || !rotatedSuffix.MatchString(suffix) {
			continue
		}
		info, err := n.Info()
		if err != nil || !info.Mode().IsRegular() || skip(n.Name(), info) {
			continue
		}
		at := info.ModTime()
		if !at.After(was.ModTime()) || at.After(newest.ModTime()) || os.SameFile(info, was) || os.SameFile(info, newest) {
			continue
		}
		if next == nil || at.Before(next.ModTime()) {
			found, next = filepath.Join(dir, n.Name()), info
		}
	}
	return found, next, nil
}

// openAs opens the file that the path named a moment ago; nil: it does no more.
func openAs(path string, was fs.FileInfo) (*os.File, error) {
	if err := object.Regular(path); err != nil {
		return nil, ignoreAbsent(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, ignoreAbsent(object.PathError("open", path, err))
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(info, was) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
