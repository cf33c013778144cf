package state

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// datasync makes what was written to a file durable. Of a file whose blocks are
// all there it writes those that changed, and nothing of the file system's own.
func datasync(f *os.File) error {
	defer runtime.KeepAlive(f)
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
