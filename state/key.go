package state

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// ID is the UUID of a job; it names its keys, so a job dropped and made again has
// another. The catalog, the tables and the store's records have IDs that are no
// UUIDs.
type ID [16]byte

var (
	catalogID = ID{}
	metaID    = ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// NewID returns a random UUID (version 4).
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String is the UUID's usual text.
func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Space is a range of one job's keys: one operator's on one shard. Operators
// are numbered by the plan, below MaxOperator.
type Space struct {
	Operator uint32
	Shard    uint16
}

// MaxOperator is the first operator number that is not the caller's.
const MaxOperator = 1 << 31

// StagedOperator has what waits for sinks: the tokens of the epochs that they have not got
// stand for it. It is the caller's, but no export's.
const StagedOperator = 3

// The store's own operators: what an epoch carries beside pages.
const (
	opPositions = MaxOperator + iota
	opWatermarks
	opTokens
	opFollows
	opRedo // of the tables' ID
)

// keyFormat is the first byte of every key. Format 2 has other keys beside those
// of format 1, which lie as they did.
const keyFormat = 1

// A key in Badger is format (1 byte), ID (16), operator (4), shard (2), and the
// caller's key.
const (
	idLen     = 1 + 16
	prefixLen = idLen + 4 + 2
)

func appendID(dst []byte, id ID) []byte {
	return append(append(dst, keyFormat), id[:]...)
}

func appendSpace(dst []byte, id ID, sp Space) []byte {
	dst = appendID(dst, id)
	dst = binary.BigEndian.AppendUint32(dst, sp.Operator)
	return binary.BigEndian.AppendUint16(dst, sp.Shard)
}

// MaxKey and MaxValue bound one entry: pages are some kilobytes, blocks 256 KB.
const (
	MaxKey   = 32 << 10
	MaxValue = 512 << 10
)

// SizeError refuses a key or a value that is too large to be stored.
type SizeError struct {
	What       string // key or value
	Size, Most int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("a %s of %d bytes is larger than the %d that the state store takes", e.What, e.Size, e.Most)
}

func checkSize(key, value []byte) error {
	if len(key) > MaxKey {
		return &SizeError{"key", len(key), MaxKey}
	}
	if len(value) > MaxValue {
		return &SizeError{"value", len(value), MaxValue}
	}
	return nil
}
