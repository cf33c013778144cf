package avro

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// span reads a length and returns where the bytes that it counts begin and end; to
// is -1 where there are not so many.
func span(b []byte, i int) (from, to int) {
	u, i := wire.Uvarint(b, i)
	if i < 0 || u&1 != 0 || u>>1 > uint64(len(b)-i) {
		return 0, -1
	}
	return i, i + int(u>>1)
}

func appendVarint(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

func appendBytes[T []byte | string](dst []byte, s T) []byte {
	return append(appendVarint(dst, int64(len(s))), s...)
}
