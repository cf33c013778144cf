package file

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// identity names a file under whatever path it has, for as long as there is one.
type identity struct{ dev, ino uint64 }

func identityOf(info fs.FileInfo) identity {
	switch s := info.Sys().(type) {
	case *syscall.Stat_t:
		return identity{uint64(s.Dev), s.Ino}
	case object.Identified:
		id := s.Identity()
		return identity{id[0], id[1]}
	}
	return identity{}
}

func stat(path string) (identity, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, 0, err
	}
	return identityOf(info), info.Size(), nil
}

// fingerprint tells a file from a later one that was given its inode: the
// CRC-32C of its first n bytes. n = 0: nothing is known.
type fingerprint struct {
	n   int64
	sum uint32
}

// fingerprintBytes is how many bytes are told apart at most; no more than what
// has been read, since the rest may not be written yet.
const fingerprintBytes = 256

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprintOf is that of a file which is read up to an offset. A file that
// cannot be read has none: the next read says why.
func fingerprintOf(f io.ReaderAt, offset int64) fingerprint {
	var head [fingerprintBytes]byte
	n, err := f.ReadAt(head[:min(offset, fingerprintBytes)], 0)
	if err != nil && err != io.EOF {
		return fingerprint{}
	}
	return fingerprint{n: int64(n), sum: crc32.Checksum(head[:n], castagnoli)}
}

// of reports whether f begins as the file did that the fingerprint was taken of.
func (p fingerprint) of(f io.ReaderAt) bool {
	return p.n == 0 || fingerprintOf(f, p.n) == p
}

// position is where a file's next record begins, and which file it was.
type position struct {
	offset int64
	id     identity
	shape  byte
	// done: the file was rotated away and read to its end, and those written
	// after it are read by others. It may be missing without a loss.
	done bool
	head fingerprint
}

// Shapes of a file: lines of records, or one JSON array, whose opening bracket
// is read, and its closing one too.
const (
	lines byte = iota
	array
	arrayEnd
)

// Positions begin with the number of their format. Those of format 1 have
// neither flags nor fingerprint; they are read for ever and not written.
const (
	plainFormat  = 1
	markedFormat = 2

	doneFlag = 1
)

func (p position) encode() stream.Offset {
	flags := byte(0)
	if p.done {
		flags = doneFlag
	}
	b := []byte{markedFormat, p.shape, flags}
	for _, x := range []uint64{uint64(p.offset), p.id.dev, p.id.ino, uint64(p.head.n), uint64(p.head.sum)} {
		b = binary.AppendUvarint(b, x)
	}
	return b
}

func decodePosition(split stream.Split, b stream.Offset) (position, error) {
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for file %q is not one of a file", string(split))
	if len(b) > 0 && b[0] > markedFormat {
		return position{}, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for file %q has format %d, and this version reads formats up to %d", string(split), b[0], markedFormat).
			WithHint("It was written by a later version; go on with that one.")
	}
	if len(b) < 3 || b[0] == 0 || b[1] > arrayEnd {
		return position{}, bad
	}
	p := position{shape: b[1]}
	to := []func(uint64){func(x uint64) { p.offset = int64(x) }, func(x uint64) { p.id.dev = x }, func(x uint64) { p.id.ino = x }}
	if b[0] == plainFormat {
		b = b[2:]
	} else {
		p.done = b[2]&doneFlag != 0
		b = b[3:]
		to = append(to, func(x uint64) { p.head.n = int64(x) }, func(x uint64) { p.head.sum = uint32(x) })
	}
	for _, set := range to {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			return position{}, bad
		}
		set(x)
		b = b[n:]
	}
	if p.offset < 0 || p.head.n < 0 || p.head.n > fingerprintBytes {
		return position{}, bad
	}
	return p, nil
}
