package state

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// heldBy locks a data directory in the name of a process.
func heldBy(t *testing.T, dir string, pid int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(strconv.Itoa(pid) + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return f
}

// deadProcess is the PID of one that has ended; zombie: nobody has heard of it.
func deadProcess(t *testing.T, zombie bool) int {
	t.Helper()
	c := exec.Command("true")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 1)) // the end of its output
	if zombie {
		t.Cleanup(func() { c.Wait() })
	} else if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

func TestLockOfAHolderThatDies(t *testing.T) {
	for name, zombie := range map[string]bool{"gone": false, "zombie": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			held := heldBy(t, dir, deadProcess(t, zombie))
			synctest.Test(t, func(t *testing.T) {
				got := make(chan error)
				go func() {
					l, err := lockDir(dir)
					if err == nil {
						err = l.release()
					}
					got <- err
				}()
				time.Sleep(lockWait / 2) // of the bubble
				select {
				case err := <-got:
					t.Fatalf("answered while the holder was dying: %v", err)
				default:
				}
				held.Close()
				if err := <-got; err != nil {
					t.Errorf("after the holder's end: %v", err)
				}
			})
		})
	}
}

func TestLockIsRefusedInTime(t *testing.T) {
	for name, test := range map[string]struct {
		pid   int
		after time.Duration
	}{
		"this process":              {os.Getpid(), 0},
		"one that lives":            {os.Getppid(), lockAlive},
		"one that never gets ready": {deadProcess(t, false), lockWait},
		"one without a name yet":    {0, lockAlive},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			heldBy(t, dir, test.pid)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := lockDir(dir)
				if want := (LockedError{Dir: dir, PID: test.pid}); err == nil || !errors.Is(err, ErrLocked) || err.Error() != want.Error() {
					t.Errorf("%v, want %v", err, want.Error())
				}
				if took := time.Since(start); took != test.after {
					t.Errorf("refused after %v, want %v", took, test.after)
				}
			})
		})
	}
}
