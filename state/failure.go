package state

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrFailed is what errors.Is finds in every write after one that failed in the
// middle. What the disk then holds is not known, and a sync that succeeds after
// one that failed proves nothing; a start reads what is there.
var ErrFailed = errors.New("the state store has failed and takes no writes until the process is restarted")

// FailedError is ErrFailed with the write that broke off.
type FailedError struct{ Cause error }

func (e *FailedError) Error() string { return ErrFailed.Error() + ": " + e.Cause.Error() }

// SQLState is io_error.
func (e *FailedError) SQLState() string { return "58030" }

// Is makes errors.Is(err, ErrFailed) true.
func (e *FailedError) Is(target error) bool { return target == ErrFailed }

func (e *FailedError) Unwrap() error { return e.Cause }

// ErrNoSpace is what errors.Is finds where a write was refused for want of disk
// space. Nothing has been written; the write may be tried again.
var ErrNoSpace = errors.New("no space left for the state store")

// SpaceError says how much space there is.
type SpaceError struct {
	Dir        string
	Free, Need uint64 // bytes
	opens      bool   // the store, and does not write
}

func (e *SpaceError) Error() string {
	does := "writes"
	if e.opens {
		does = "opens"
	}
	return fmt.Sprintf("data directory %q has %d MB free, and the state store %s only while there are %d MB",
		e.Dir, e.Free>>20, does, e.Need>>20)
}

// SQLState is disk_full.
func (e *SpaceError) SQLState() string { return "53100" }

// Is makes errors.Is(err, ErrNoSpace) true.
func (e *SpaceError) Is(target error) bool { return target == ErrNoSpace }

// reserve is kept free. Badger writes through memory maps, in which a full disk
// is a SIGBUS, not an error: its logs and the tables that it writes in the
// background must always find room.
const reserve = 64 << 20

// openReserve is what must be free to open a store: the log of a new memory table and the
// tables that older ones become are mapped too, and so are reads of a log's holes.
const openReserve = 32 << 20

// roomToOpen refuses to open a store that could not map its files.
func roomToOpen(dir string, free func(dir string) (uint64, error)) error {
	n, err := free(dir)
	if err != nil {
		return fmt.Errorf("asking for the free space of data directory %s: %w", dir, err)
	}
	if n < openReserve {
		return fmt.Errorf("opening the state store: %w", &SpaceError{Dir: dir, Free: n, Need: openReserve, opens: true})
	}
	return nil
}

// freeSpace tells how many bytes there are for a directory.
func freeSpace(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// ready refuses a write before it is begun.
func (w *writer) ready() error {
	if err := w.broken(); err != nil {
		return err
	}
	if w.dir == "" {
		return nil
	}
	free, err := w.free(w.dir)
	if err != nil {
		return fmt.Errorf("asking for the free space of data directory %s: %w", w.dir, err)
	}
	if free < reserve {
		return &SpaceError{Dir: w.dir, Free: free, Need: reserve}
	}
	return nil
}

// broken is what a write that broke off left to say; nil: none did.
func (w *writer) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// fail notes a write that broke off.
func (w *writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = &FailedError{Cause: err}
	}
	return w.failed
}
