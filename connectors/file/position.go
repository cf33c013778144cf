package file

import (
	"encoding/binary"
	"io/fs"
	"os"
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// identity names a file under whatever path it has.
type identity struct{ dev, ino uint64 }

func identityOf(info fs.FileInfo) identity {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(s.Dev), s.Ino}
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

// position is where a file's next record begins, and which file it was.
type position struct {
	offset int64
	id     identity
	shape  byte
}

// Shapes of a file: lines of records, or one JSON array, whose opening bracket
// is read, and its closing one too.
const (
	lines byte = iota
	array
	arrayEnd
)

func (p position) encode() stream.Offset {
	b := []byte{1, p.shape}
	b = binary.AppendUvarint(b, uint64(p.offset))
	b = binary.AppendUvarint(b, p.id.dev)
	return binary.AppendUvarint(b, p.id.ino)
}

func decodePosition(split stream.Split, b stream.Offset) (position, error) {
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for file %q is not one of a file", string(split))
	if len(b) < 2 || b[0] != 1 || b[1] > arrayEnd {
		return position{}, bad
	}
	p := position{shape: b[1]}
	b = b[2:]
	for _, to := range []func(uint64){
		func(x uint64) { p.offset = int64(x) }, func(x uint64) { p.id.dev = x }, func(x uint64) { p.id.ino = x },
	} {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			return position{}, bad
		}
		to(x)
		b = b[n:]
	}
	return p, nil
}
