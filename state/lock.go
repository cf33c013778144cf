package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrLocked is what errors.Is finds in the error of opening a data directory
// that is open already. errors.As finds a *LockedError with the particulars.
var ErrLocked = errors.New("data directory is in use")

// LockedError names the directory and its holder.
type LockedError struct {
	Dir string
	PID int // 0: the holder has not written it yet
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data directory %q is in use by another process", e.Dir)
	}
	return fmt.Sprintf("data directory %q is in use by process %d", e.Dir, e.PID)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

const lockFile = "LOCK"

// dirLock is a lock of the kernel's on dir/LOCK: it ends with its holder,
// however that ends, so the file itself is never removed.
type dirLock struct{ f *os.File }

func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of data directory %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{Dir: dir, PID: readPID(f)}
		}
		return nil, fmt.Errorf("locking data directory %s: %w", dir, err)
	}
	l := &dirLock{f: f}
	if err := l.writePID(); err != nil {
		return nil, errors.Join(fmt.Errorf("locking data directory %s: %w", dir, err), l.release())
	}
	return l, nil
}

func (l *dirLock) writePID() error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}

// release gives the lock up; closing the file is what does it.
func (l *dirLock) release() error { return l.f.Close() }
