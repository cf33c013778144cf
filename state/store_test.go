package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// eachStore runs a test in memory and on disk.
func eachStore(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("memory", func(t *testing.T) { test(t, open(t, Options{InMemory: true})) })
	t.Run("disk", func(t *testing.T) { test(t, open(t, Options{Dir: t.TempDir()})) })
}

func TestSecondOpenerIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	_, err := Open(Options{Dir: dir})
	var locked *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) {
		t.Fatalf("second Open: %v, want ErrLocked", err)
	}
	if want := (LockedError{Dir: dir, PID: os.Getpid()}); *locked != want {
		t.Errorf("locked by %+v, want %+v", *locked, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
}

func TestFormatIsChecked(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, formatFile)
	if err := os.WriteFile(path, []byte("7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir})
	var format *FormatError
	if !errors.As(err, &format) || !errors.Is(err, ErrFormat) {
		t.Fatalf("Open of another format: %v, want ErrFormat", err)
	}
	if want := (FormatError{Dir: dir, Written: 7, Read: Format}); *format != want {
		t.Errorf("%+v, want %+v", *format, want)
	}
	for _, older := range []string{"1\n", "2\n", "3\n"} {
		if err := os.WriteFile(path, []byte(older), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, Options{Dir: dir}).Close(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "4\n" {
			t.Errorf("a directory of format %q that was opened says format %q, %v", older, b, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("a store without a FORMAT was opened")
	}
}

func TestCatalogUpdateIsDurable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	err := s.Update(func(w *Writer) error {
		w.Set([]byte("a"), []byte("1"))
		w.Set([]byte("b"), []byte("2"))
		w.Set([]byte("b"), []byte("3"))
		w.Set([]byte("c"), []byte("4"))
		w.Delete([]byte("c"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err = s.Update(func(w *Writer) error { w.Delete([]byte("a")); return boom })
	if !errors.Is(err, boom) {
		t.Fatalf("Update: %v, want boom", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	got := ""
	err = s.Scan(nil, func(k, v []byte) error { got += string(k) + "=" + string(v) + " "; return nil })
	if want := "a=1 b=3 "; err != nil || got != want {
		t.Errorf("after reopening: %q %v, want %q", got, err, want)
	}
}

// TestLogsThatWereNeverBegun: the process died while Badger was making a file.
func TestLogsThatWereNeverBegun(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	j := begun(t, s)
	prepare(t, j, 1, "a", "1")
	ok(t, j.Commit(1))
	ok(t, s.Close())
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		ok(t, os.WriteFile(filepath.Join(dir, storeDir, name), nil, 0o600))
	}
	s = open(t, Options{Dir: dir})
	expect(t, "committed", committed(t, s, s.Job(j.ID())), "a=1 ")
}

// TestMemory holds what is set aside for a store to what its database may take.
func TestMemory(t *testing.T) {
	s, err := Open(Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o := s.db.Opts()
	if want := int64(o.NumMemtables+1)*o.MemTableSize + o.BlockCacheSize + o.IndexCacheSize; Memory != want {
		t.Errorf("Memory = %d, and the database takes %d", Memory, want)
	}
}
