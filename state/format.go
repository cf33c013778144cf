package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Format is the version of everything this package writes: the layout of keys,
// records and files. 1 had no tables, 2 no log of what their commits change, and 3 had
// it in Badger alone, under keys that are still read; a directory of any of them is
// one of format 4 without, and becomes it when it is opened.
const (
	Format       = 4
	oldestFormat = 1
)

// ErrFormat is what errors.Is finds in the error of opening a data directory of
// another format.
var ErrFormat = errors.New("data directory has another format")

// FormatError tells the two formats apart.
type FormatError struct {
	Dir           string
	Written, Read int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("data directory %q was written by format %d, this binary reads %d to %d", e.Dir, e.Written, oldestFormat, e.Read)
}

// Is makes errors.Is(err, ErrFormat) true.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

const (
	formatFile = "FORMAT"
	storeDir   = "store"
	redoDir    = "redo"
)

// checkFormat reads dir/FORMAT before anything touches the store, and writes it
// in a new directory.
func checkFormat(dir string) error {
	path := filepath.Join(dir, formatFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, storeDir)); err == nil {
			return fmt.Errorf("data directory %s: it holds a store, but no file %s says which format wrote it", dir, formatFile)
		}
		return writeFormat(dir)
	}
	if err != nil {
		return fmt.Errorf("reading the format of data directory %s: %w", dir, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(bytes.TrimSuffix(b, []byte("\n")))))
	if err != nil {
		return fmt.Errorf("reading %s: %q is no format number", path, b)
	}
	switch {
	case n < oldestFormat || n > Format:
		return &FormatError{Dir: dir, Written: n, Read: Format}
	case n < Format:
		// From here on a binary that would not see all of it refuses the directory.
		return writeFormat(dir)
	}
	return nil
}

// writeFormat makes the file whole or not at all: a store directory is made
// only after it is durable.
func writeFormat(dir string) error {
	tmp := filepath.Join(dir, formatFile+".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the format of data directory %s: %w", dir, err)
	}
	_, err = fmt.Fprintln(f, Format)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, formatFile))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("writing the format of data directory %s: %w", dir, err)
	}
	return nil
}

// Holds reports whether a directory is that of a store, of this process or another.
func Holds(dir string) bool {
	format, err := os.Stat(filepath.Join(dir, formatFile))
	if err != nil || !format.Mode().IsRegular() {
		return false
	}
	store, err := os.Stat(filepath.Join(dir, storeDir))
	return err == nil && store.IsDir()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
