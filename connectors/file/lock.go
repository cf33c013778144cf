package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

const (
	// lockPatience is how long a transaction waits for others to end with a file.
	// A job, which holds its own for as long as it runs, waits for nobody.
	lockPatience = 5 * time.Second
	lockRetry    = 2 * time.Millisecond
)

// lock opens the file, makes it where it is not there, and keeps every other
// writer out until it is closed: those of this process come in their order, and
// one of them at a time asks for what other processes may hold. It returns the file's length, which is looked at
// under the lock: whoever had it before may have written, or removed the file.
func (s *sink) lock(ctx context.Context, patience time.Duration) (size int64, err error) {
	end := time.Now().Add(patience)
	s.turn = writers.enter(s.path, s.owner)
	if mine, err := s.turn.wait(ctx, patience); err != nil {
		return 0, err
	} else if !mine {
		return 0, s.busy()
	}
	for {
		created, err := s.openOrCreate()
		if err != nil {
			return 0, err
		}
		info, err := s.f.Stat()
		if err != nil {
			return 0, object.PathError("stat", s.path, err)
		}
		if !info.Mode().IsRegular() {
			return 0, sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a regular file", s.path)
		}
		held := syscall.Flock(int(s.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
		if !held {
			if info, err = s.f.Stat(); err != nil {
				return 0, object.PathError("stat", s.path, err)
			}
			if now, err := os.Stat(s.path); err == nil && os.SameFile(now, info) {
				if s.created = created && info.Size() == 0; created {
					err = syncDir(s.path)
				}
				return info.Size(), err
			}
		}
		err = s.f.Close()
		s.f = nil
		if err != nil {
			return 0, object.PathError("close", s.path, err)
		}
		if held && !time.Now().Before(end) {
			return 0, s.busy()
		}
		select {
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (s *sink) busy() error { return busy(s.path) }

func busy(path string) error {
	return sqlerr.Errorf(sqlerr.ObjectInUse, "file %q is being written by another job or transaction", path).
		WithHint("Give each job a file of its own, or stop the other one.")
}

// openOrCreate opens the file, and tells whether it made it.
func (s *sink) openOrCreate() (created bool, err error) {
	for try := 0; ; try++ {
		s.f, err = os.OpenFile(s.path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			s.f, err = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) && try < 100 {
				continue // somebody else was first; a link to nothing is there for ever
			}
			created = true
		}
		if err != nil {
			s.f = nil
			return false, unopened(s.path, err)
		}
		return created, nil
	}
}

// unopened is why a sink's file could not be opened.
func unopened(path string, err error) error {
	said := object.PathError("open", path, err)
	if e := sqlerr.From(said); e.Code == sqlerr.UndefinedFile {
		return e.WithHint("A sink makes its file, and not the folder: make it on the gateway's machine. A relative path begins at the gateway's working directory.")
	}
	return said
}
