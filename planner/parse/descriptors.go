//go:build unix

package parse

import (
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// spare is how many file descriptors must be free for a call of PostgreSQL's
// parser: it takes three, and dies where it gets none. The rest is for what
// other goroutines open meanwhile.
const spare = 16

// checkDescriptors returns an error where the process has too few file
// descriptors left for a call of PostgreSQL's parser.
func checkDescriptors() *sqlerr.Error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return nil
	}
	// The kernel gives the lowest number that is free: where one of the highest
	// is, all but surely the ones above it are too.
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, 0, syscall.F_DUPFD_CLOEXEC, uintptr(max(limit.Cur, spare)-spare))
	if errno == 0 {
		_ = syscall.Close(int(fd))
		if fd+spare/2 <= uintptr(limit.Cur) {
			return nil
		}
	}
	return tryDescriptors()
}

// tryDescriptors takes as many descriptors as must be free, and gives them back.
func tryDescriptors() *sqlerr.Error {
	var open []int
	defer func() {
		for _, fd := range open {
			_ = syscall.Close(fd)
		}
	}()
	for len(open) < spare {
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil {
			return sqlerr.Errorf(sqlerr.InsufficientResources, "out of file descriptors: %w; release and retry", err).
				WithHint("Close connections, or raise the limit on open files of the server's process.")
		}
		open = append(open, p[:]...)
	}
	return nil
}
