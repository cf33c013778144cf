//go:build unix

package parse

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestDescriptors parses where no file can be opened: PostgreSQL's parser itself
// dies of it.
func TestDescriptors(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	low := syscall.Rlimit{Cur: min(old.Cur, 256), Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip("the limit on open files cannot be lowered:", err)
	}
	var files []*os.File
	release := func(n int) {
		for ; n > 0 && len(files) > 0; n-- {
			files[0].Close()
			files = files[1:]
		}
	}
	t.Cleanup(func() {
		release(len(files))
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	})
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for range 4 {
		_, err := Parse("SELECT 1")
		if sqlerr.CodeOf(err) != sqlerr.InsufficientResources || !errors.Is(err, syscall.EMFILE) {
			t.Fatalf("with %d files open: %v, want %s", len(files), err, sqlerr.InsufficientResources)
		}
		release(3)
	}
	release(spare)
	if _, err := Parse("SELECT 1"); err != nil {
		t.Fatalf("with descriptors free again: %v", err)
	}
}
