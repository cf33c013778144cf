// Package parquet turns Parquet files into columns and back. A Reader decodes the
// columns that somebody reads, page by page, and passes over row groups that no row of
// can match; the pages' values go into the batch's columns with no row between. All of a
// file's lengths and counts are believed only as far as its bytes bear them out. The
// package knows nothing of where a file lies: it reads an io.ReaderAt.
package parquet

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

var magic = [4]byte{'P', 'A', 'R', '1'}

// maxFooter is the longest footer that is read.
const maxFooter = 128 << 20

// wholeFile is how long a file is at most that is read at once when it is opened.
const wholeFile = 64 << 10

// Settings say how a file is read.
type Settings struct {
	// Window is how many bytes of a column are asked for at a time; 0: 1 MB.
	Window int
}

// File is a file whose footer has been read. It is read-only and any goroutines' who
// have Readers of it.
type File struct {
	r        io.ReaderAt
	size     int64
	settings Settings
	footer   *footer
	root     *node
	leaves   []*node
	begin    int64 // where the footer lies
}

// Open reads the footer of a file of so many bytes: 8 bytes and the footer, or all of a
// small file. Every read of it is one call of r, for bytes that are needed alone.
func Open(r io.ReaderAt, size int64, s Settings) (*File, error) {
	if s.Window <= 0 {
		s.Window = 1 << 20
	}
	if size < int64(2*len(magic)+4) {
		return nil, corrupt("it has %d bytes", size)
	}
	if size <= wholeFile {
		b := make([]byte, size)
		if err := readFull(r, b, 0); err != nil {
			return nil, err
		}
		r = inMemory(b)
	}
	var tail [8]byte
	if err := readFull(r, tail[:], size-8); err != nil {
		return nil, err
	}
	switch string(tail[4:]) {
	case string(magic[:]):
	case "PARE":
		return nil, sqlerr.Unsupported("Write it without encryption.", "an encrypted Parquet file is not supported")
	default:
		return nil, corrupt("it does not end in PAR1, so it is cut off, or is no Parquet file")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-int64(len(magic))-8 {
		return nil, corrupt("its footer is said to be %d bytes long, and it has %d", n, size)
	}
	if n > maxFooter {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the footer of a Parquet file is %d bytes long, and %d are read", n, maxFooter)
	}
	b := make([]byte, n)
	if err := readFull(r, b, size-8-n); err != nil {
		return nil, err
	}
	f := &File{r: r, size: size, settings: s, begin: size - 8 - n}
	var err error
	if f.footer, err = readFooter(b); err != nil {
		return nil, err
	}
	if f.root, f.leaves, err = f.footer.tree(); err != nil {
		return nil, err
	}
	return f, f.check()
}

// check finds counts that contradict each other.
func (f *File) check() error {
	var rows int64
	for i := range f.footer.groups {
		g := &f.footer.groups[i]
		if len(g.chunks) != len(f.leaves) {
			return corrupt("row group %d has %d columns, and the schema has %d", i, len(g.chunks), len(f.leaves))
		}
		if g.rows < 0 || g.rows > 1<<48 {
			return corrupt("row group %d is said to have %d rows", i, g.rows)
		}
		for k, c := range g.chunks {
			if n := f.leaves[k]; n.rep == 0 && c.values != g.rows && !c.encrypted {
				return corrupt("row group %d has %d rows, and %d values in column %q", i, g.rows, c.values, n.path)
			}
		}
		if rows += g.rows; rows > 1<<48 {
			return corrupt("it is said to have more than %d rows", int64(1)<<48)
		}
	}
	return nil
}

// Rows is how many rows the file has.
func (f *File) Rows() int64 {
	var n int64
	for i := range f.footer.groups {
		n += f.footer.groups[i].rows
	}
	return n
}

// Groups is how many row groups the file has.
func (f *File) Groups() int { return len(f.footer.groups) }

// Chunk is where the values of a flat column lie in a row group, by the footer: the byte
// where they begin, and how many there are. ok: there is such a column.
func (f *File) Chunk(group int, column string) (from, length int64, ok bool) {
	for i, n := range f.leaves {
		if n.path == column {
			c := &f.footer.groups[group].chunks[i]
			return c.begin(), c.size, true
		}
	}
	return 0, 0, false
}

// readFull fills b from an offset.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return corrupt("it ends at byte %d, where more was", off+int64(n))
	}
	return err
}

// inMemory is a file's bytes.
type inMemory []byte

func (m inMemory) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(b, m[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
