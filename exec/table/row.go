package table

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// The key of a row is its id, eight bytes, so that rows are in order of
// insertion. Its value is the number of the transaction that wrote it, the
// number of the statement in that, and the row.

func rowKey(dst []byte, id int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(id)) }

func rowID(key []byte) int64 { return int64(binary.BigEndian.Uint64(key)) }

func (d *Desc) appendRow(dst []byte, txn, command uint64, cols []vec.Vec, row int) []byte {
	dst = binary.AppendUvarint(dst, txn)
	dst = binary.AppendUvarint(dst, command)
	return d.layout.Append(dst, cols, row)
}

// rowBody is a stored row without what stands before it.
func rowBody(value []byte) []byte {
	for range 2 {
		n := 0
		for value[n] >= 0x80 {
			n++
		}
		value = value[n+1:]
	}
	return value
}

// rowCommand is the statement of its transaction that wrote a row.
func rowCommand(value []byte) uint64 {
	_, n := binary.Uvarint(value)
	c, _ := binary.Uvarint(value[n:])
	return c
}

// rowWriter is the transaction that wrote a row.
func rowWriter(value []byte) uint64 {
	x, _ := binary.Uvarint(value)
	return x
}

// An entry of an index that is not unique, or of which a key is NULL, has the
// row id at the end of its key and no value; another has it as its value.

func indexValue(dst []byte, id int64) []byte { return binary.AppendUvarint(dst, uint64(id)) }

// indexRow is the row that an entry is about.
func indexRow(key, value []byte) int64 {
	if len(value) == 0 {
		return rowID(key[len(key)-8:])
	}
	id, _ := binary.Uvarint(value)
	return int64(id)
}
