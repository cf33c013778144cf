package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
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

const (
	// lockWait is how long a holder that is dying is waited for: a start right
	// after kill -9 finds it still giving back its memory and files.
	lockWait = 5 * time.Second
	// lockAlive is for how long a holder must be found alive before the lock is
	// refused: what has been killed shows it only when it next runs.
	lockAlive = 200 * time.Millisecond
	lockPoll  = 10 * time.Millisecond
)

// LockDir takes a directory for this process alone until release is called, or
// the process ends. Where another has it the error is a *LockedError.
func LockDir(dir string) (release func() error, err error) {
	l, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}

func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of data directory %s: %w", dir, err)
	}
	if err := waitLock(f, dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &dirLock{f: f}
	if err := l.writePID(); err != nil {
		return nil, errors.Join(fmt.Errorf("locking data directory %s: %w", dir, err), l.release())
	}
	return l, nil
}

// waitLock takes the lock, waiting for a holder that is dying.
func waitLock(f *os.File, dir string) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	start := time.Now()
	alive := start // since when the holder has been found so
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("locking data directory %s: %w", dir, err)
		}
		pid, now := readPID(f), time.Now()
		if pid != 0 && isDying(pid) {
			alive = now
		}
		if pid == os.Getpid() || now.Sub(alive) >= lockAlive || now.Sub(start) >= lockWait {
			return &LockedError{Dir: dir, PID: pid}
		}
		<-tick.C
	}
}

// isDying reports whether a process has ended, or will as soon as it runs.
func isDying(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	// Linux says more: (state, ppid, pgrp, session, tty, tpgid, flags) follow the
	// name, which may hold anything. Elsewhere there is no such file.
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 7 {
		return false
	}
	const exiting = 0x4 // PF_EXITING
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return fields[0] == "Z" || fields[0] == "X" || err == nil && flags&exiting != 0 || killed(pid)
}

// killed reports whether SIGKILL waits for a process.
func killed(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		name, set, _ := strings.Cut(line, ":")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		if bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64); err == nil && bits&(1<<(syscall.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
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
