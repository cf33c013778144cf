package memory

import (
	"os"
	"path/filepath"
	"syscall"
)

// tmpfile is O_TMPFILE, which package syscall does not have; its other half is
// O_DIRECTORY, whose bit depends on the machine.
const tmpfile = 0o20000000 | syscall.O_DIRECTORY

// openUnnamed makes a file without a name, or, on file systems that cannot, one
// that is unlinked at once.
func openUnnamed(dir string) (*os.File, error) {
	fd, err := syscall.Open(dir, syscall.O_RDWR|syscall.O_CLOEXEC|tmpfile, 0o600)
	switch err {
	case nil:
		return os.NewFile(uintptr(fd), filepath.Join(dir, filePrefix)), nil
	case syscall.EOPNOTSUPP, syscall.EISDIR, syscall.ENOENT, syscall.EINVAL, syscall.EINTR:
		return openNamed(dir)
	}
	return nil, &os.PathError{Op: "open", Path: dir, Err: err}
}
