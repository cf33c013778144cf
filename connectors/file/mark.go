package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// A mark, .<name>.ferris beside the file, says who writes it, and how long it was
// when he began. It goes when he ends with nothing undecided. So a mark that is
// found is a crash's: what lies past its length, and past its owner's last token,
// is undecided. Where there is none all is decided, also what others have written
// since the owner of a token closed the file.

func (s *sink) markPath() string {
	return filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".ferris")
}

const markFormat = "ferris-file-1 %d %q %q\n" // length, owner, the owner's name

// crashed tells whether a writer of the file, which is size bytes long, has
// crashed, and how much was decided when it began; else that is all. Only the
// owner of a mark knows what it has committed since.
func (s *sink) crashed(size int64) (keep int64, crashed bool, err error) {
	b, err := os.ReadFile(s.markPath())
	if errors.Is(err, os.ErrNotExist) {
		return size, false, nil
	}
	if err != nil {
		return 0, false, object.PathError("read", s.markPath(), err)
	}
	var length int64
	var owner, name string
	if _, err := fmt.Sscanf(string(b), markFormat, &length, &owner, &name); err != nil || length < 0 || length > size {
		return size, false, nil //nolint:nilerr // it belongs to another file of this name
	}
	if owner != "" && owner != s.owner {
		return 0, false, sqlerr.Errorf(sqlerr.ObjectInUse, "file %q may hold rows that job %q has neither committed nor undone", s.path, name).
			WithHint("Start that job again; where it is no more, remove %q to keep the rows.", s.markPath())
	}
	return length, true, nil
}

// mark writes the mark.
func (s *sink) mark(name string) error {
	p := s.markPath()
	f, err := os.Create(p + ".new")
	if err != nil {
		return object.PathError("create", p, err)
	}
	_, err = fmt.Fprintf(f, markFormat, s.committed, s.owner, name)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(p+".new", p)
	}
	if err != nil {
		return object.PathError("write", p, err)
	}
	s.marked = true
	return syncDir(p)
}

// unmark removes the mark durably: nothing is undecided. A mark that a crash
// of the machine brought back would cut rows off that are committed.
func (s *sink) unmark() error {
	if err := os.Remove(s.markPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return object.PathError("remove", s.markPath(), err)
	}
	s.marked = false
	return syncDir(s.path)
}
