package aggregate

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Keeper is an Aggregate whose groups can be written down and read back, by a
// later process too: what a job keeps of it. What Save writes is the format of a
// job's state: a change takes a new form of it, and code that reads both.
type Keeper interface {
	Aggregate
	// Save appends the state of group g to dst.
	Save(g int32, dst []byte) []byte
	// Load gives group g, which has seen no row, the state at the beginning of
	// src, and returns what comes after it.
	Load(g int32, src []byte) (rest []byte, err error)
}

var errKept = errors.New("the stored state of an aggregate is damaged")

// kept reads what Save wrote. After the first fault everything it returns is
// zero, and err says so.
type kept struct {
	b   []byte
	err error
}

func (k *kept) fail() { k.b, k.err = nil, errKept }

func (k *kept) int() int64 {
	v, n := binary.Varint(k.b)
	if n <= 0 {
		k.fail()
		return 0
	}
	k.b = k.b[n:]
	return v
}

func (k *kept) word() uint64 {
	if len(k.b) < 8 {
		k.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(k.b)
	k.b = k.b[8:]
	return v
}

func (k *kept) float() float64 { return math.Float64frombits(k.word()) }

func (k *kept) bool() bool { return k.int() != 0 }

// size is a count of things of which each takes at least one byte.
func (k *kept) size() int {
	n := k.int()
	if n < 0 || n > int64(len(k.b)) {
		k.fail()
		return 0
	}
	return int(n)
}

// bytes are valid while src is.
func (k *kept) bytes() []byte {
	n := k.size()
	b := k.b[:n:n]
	k.b = k.b[n:]
	return b
}

func (k *kept) value(t types.Type) types.Value {
	b := k.bytes()
	if len(b) == 0 || b[0] == 0 {
		return types.NullOf(t)
	}
	v, err := types.FromBinary(t, b[1:], types.DefaultFormat())
	if err != nil {
		k.fail()
	}
	return v
}

func (k *kept) decimal() types.Decimal { return k.value(types.Of(types.Numeric)).N }

func appendInt(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

func appendWord(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendFloat(dst []byte, v float64) []byte { return appendWord(dst, math.Float64bits(v)) }

func appendFlag(dst []byte, v bool) []byte {
	if v {
		return appendInt(dst, 1)
	}
	return appendInt(dst, 0)
}

func appendBytes(dst, b []byte) []byte { return append(appendInt(dst, int64(len(b))), b...) }

// appendValue appends a value: its length, a byte that is 0 for NULL, and its
// binary form.
func appendValue(dst []byte, v types.Value) []byte {
	if v.Null {
		return appendBytes(dst, []byte{0})
	}
	return appendBytes(dst, types.AppendBinary([]byte{1}, v, nil))
}

func appendDecimal(dst []byte, d types.Decimal) []byte { return appendValue(dst, types.NewNumeric(d)) }
