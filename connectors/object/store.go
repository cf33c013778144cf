package object

import (
	"context"
	"io"
	"io/fs"
	"os"
)

// Store is where files lie: directories of this machine, or objects of another
// system.
type Store interface {
	// List is what a path or pattern names now, sorted.
	List(ctx context.Context, pattern string) ([]string, error)
	// Resolve is the path under which one is opened; 42501 where it may not be read.
	Resolve(path string) (string, error)
	// Open opens one at its beginning.
	Open(ctx context.Context, path string) (File, error)
	// Whole reports whether what lies there is written once, in one piece: it does
	// not grow, and nothing is renamed. Noun is what messages call it.
	Whole() bool
	Noun() string
}

// File is one that is open. ReadAt is one request where it lies elsewhere, so that
// few and long ones are better than many.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
}

// Waiting is a File whose reads wait for another system: those that follow end with
// ctx. What was opened under another context stays open.
type Waiting interface{ Under(ctx context.Context) }

// Identified is what a FileInfo's Sys of another system is: two numbers that tell one
// from all others that ever had its name.
type Identified interface{ Identity() [2]uint64 }

// Local are the files of this machine that lie under the roots.
type Local struct{ Roots []string }

// List is Store's.
func (l Local) List(_ context.Context, pattern string) ([]string, error) {
	return Glob(pattern, l.Roots)
}

// Resolve is Store's.
func (l Local) Resolve(path string) (string, error) { return Resolve(path, l.Roots) }

// Open is Store's. The path is a resolved one.
func (l Local) Open(_ context.Context, path string) (File, error) {
	if err := Regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, PathError("open", path, err)
	}
	return f, nil
}

// Whole is Store's: a file may be written to while it is read.
func (Local) Whole() bool { return false }

// Noun is Store's.
func (Local) Noun() string { return "file" }
