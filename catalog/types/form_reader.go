package types

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// formReader takes a binary form apart as PostgreSQL's pq_getmsg functions do.
// err is the first thing that was missing; what is read after it is zero.
type formReader struct {
	b   []byte
	err error
}

func (r *formReader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = errBinaryLength(nil, 4)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *formReader) byte() byte {
	if r.err == nil && len(r.b) == 0 {
		r.err = errBinaryLength(nil, 1)
	}
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *formReader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *formReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *formReader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *formReader) float64() float64 { return math.Float64frombits(r.uint64()) }

// cstring reads up to the next zero byte, and it.
func (r *formReader) cstring() string {
	if r.err != nil {
		return ""
	}
	end := strings.IndexByte(view(r.b), 0)
	if end < 0 {
		r.err = sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid string in message")
		return ""
	}
	s := string(r.b[:end])
	r.b = r.b[end+1:]
	if err := checkUTF8(s); err != nil {
		r.err = err
	}
	return s
}

// end is the first error, and one where something is left over.
func (r *formReader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = errBinaryLength(r.b, 0)
	}
	return r.err
}

// errForm is 22P03: a binary form that no value of the type has.
func errForm(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, format, args...)
}
