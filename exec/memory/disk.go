package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Settings of what is written to disk.
const (
	DirectorySetting = "sql.spill_directory"
	DiskSetting      = "sql.spill_limit_mb"
)

// Disk is the folder of spill files, and the count of their bytes. Any goroutine
// may use it.
//
// A spill file has no name: where the system can, it is made without one, else it
// is unlinked as soon as it is open. So the system frees it with the last
// descriptor, whatever becomes of the process, and nothing has to be cleaned up
// after a kill, nor locked against another process that uses the same folder.
// (What can be left is an empty file, by a kill between the two calls; NewDisk
// removes those, which harms nobody: their owners are about to.)
type Disk struct {
	dir   string
	limit int64 // bytes; 0: none
	used  atomic.Int64
	files atomic.Int64
	open  func(dir string) (*os.File, error)

	mu   sync.Mutex
	made bool // the folder is there
}

// Names of spill files begin with it, for the moment that they have one.
const filePrefix = "ferris-spill-"

// NewDisk returns a folder that holds at most limit bytes of spill files; 0: as
// many as there is room for. The folder is made when the first file is.
func NewDisk(dir string, limit int64) *Disk {
	return &Disk{dir: dir, limit: limit, open: openUnnamed}
}

// Used is the number of bytes in files now.
func (d *Disk) Used() int64 { return d.used.Load() }

// Files is the number of files that are open.
func (d *Disk) Files() int64 { return d.files.Load() }

// create opens a new file.
func (d *Disk) create() (*os.File, error) {
	if err := d.prepare(); err != nil {
		return nil, err
	}
	f, err := d.open(d.dir)
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return nil, sqlerr.Errorf(sqlerr.InsufficientResources, "out of file descriptors: opening a spill file in %s: %w", d.dir, err)
	case err != nil:
		return nil, d.explain("opening", err)
	}
	d.files.Add(1)
	return f, nil
}

// prepare makes the folder, and removes the empty files that a kill left, until
// that has succeeded once.
func (d *Disk) prepare() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return d.explain("making the folder of", err)
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return d.explain("looking for old ones of", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filePrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.explain("removing an old one of", err)
		}
	}
	d.made = true
	return nil
}

// take counts n more bytes, before they are written.
func (d *Disk) take(n int64) error {
	used := d.used.Add(n)
	if d.limit == 0 || used <= d.limit {
		return nil
	}
	d.used.Add(-n)
	return sqlerr.Errorf(sqlerr.DiskFull, "disk full: spill files in %s would hold %s, over their limit of %s", d.dir, megabytes(used), megabytes(d.limit)).
		WithDetail("The limit is set by %s = %d.", DiskSetting, d.limit>>20).
		WithHint("Let the query keep fewer rows, or raise %s or %s.", DiskSetting, QuerySetting)
}

func (d *Disk) give(n int64) { d.used.Add(-n) }

// explain says what a failure of the file system means to a client.
func (d *Disk) explain(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return sqlerr.Errorf(sqlerr.DiskFull, "disk full: %s spill files in %s, which hold %s: %w", doing, d.dir, megabytes(d.Used()), err).
			WithHint("Free space there, choose another folder with %s, or raise %s.", DirectorySetting, QuerySetting)
	}
	return sqlerr.Errorf(sqlerr.IOError, "%s spill files in %s: %w", doing, d.dir, err).
		WithHint("The folder is set by %s.", DirectorySetting)
}

// openNamed makes a file and unlinks it.
func openNamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, filePrefix+"*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("unlinking %s: %w", f.Name(), errors.Join(err, f.Close()))
	}
	return f, nil
}
