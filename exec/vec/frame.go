package vec

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// A frame is a batch as bytes, for a file that only this process reads, and for
// the state of joins: buffers as they lie in memory, in the machine's byte order,
// one column after the other, each with its NULL bits. It has no names, no types and no checksum:
// who reads it brings columns of the same kinds, and bytes that are intact.

// errFrame is a frame that does not fit its columns.
var errFrame = errors.New("a frame does not fit its columns")

// AppendFrame appends b to dst. Every row must be live, and no column a *Const.
func AppendFrame(dst []byte, b *Batch) []byte {
	dst = binary.NativeEndian.AppendUint32(dst, uint32(b.Rows))
	if b.Ops == nil {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 1)
		for _, op := range b.Ops[:b.Rows] {
			dst = append(dst, byte(op))
		}
	}
	for _, c := range b.Cols {
		dst = appendColumn(dst, c)
	}
	return dst
}

// ReadFrame fills b, which it resets, with the rows of a frame.
func ReadFrame(src []byte, b *Batch) error {
	ops := b.Ops[:0]
	b.Reset()
	r := frameReader{rest: src}
	n := int(r.uint32())
	if r.byte() != 0 {
		for _, op := range r.take(n) {
			ops = append(ops, Op(op))
		}
		b.Ops = ops
	}
	for _, c := range b.Cols {
		readColumn(&r, c, n)
	}
	b.Rows = n
	if r.short || len(r.rest) > 0 {
		return errFrame
	}
	return nil
}

func appendColumn(dst []byte, v Vec) []byte {
	dst = appendBitmap(dst, v.Nulls())
	switch v := v.(type) {
	case *Fixed[bool]:
		return append(dst, raw(v.Values)...)
	case *Fixed[int16]:
		return append(dst, raw(v.Values)...)
	case *Fixed[int32]:
		return append(dst, raw(v.Values)...)
	case *Fixed[int64]:
		return append(dst, raw(v.Values)...)
	case *Fixed[uint32]:
		return append(dst, raw(v.Values)...)
	case *Fixed[float32]:
		return append(dst, raw(v.Values)...)
	case *Fixed[float64]:
		return append(dst, raw(v.Values)...)
	case *Fixed[types.IntervalValue]:
		return append(dst, raw(v.Values)...)
	case *Fixed[types.UUIDValue]:
		return append(dst, raw(v.Values)...)
	case *Bytes:
		if v.Len() == 0 {
			return appendOffsets(dst, nil, 0)
		}
		dst = appendOffsets(dst, v.Offsets, v.Len())
		return append(dst, v.Data[:v.Offsets[v.Len()]]...)
	case *Numeric:
		return appendNumeric(dst, v)
	case *List:
		dst = appendOffsets(dst, v.Offsets, v.Len())
		dst = appendDims(dst, v)
		return appendColumn(dst, v.Elem)
	}
	panic("vec: a constant has no frame")
}

func readColumn(r *frameReader, v Vec, n int) {
	readBitmap(r, v.Nulls())
	switch v := v.(type) {
	case *Fixed[bool]:
		v.Values = values(r, v.Values, n)
	case *Fixed[int16]:
		v.Values = values(r, v.Values, n)
	case *Fixed[int32]:
		v.Values = values(r, v.Values, n)
	case *Fixed[int64]:
		v.Values = values(r, v.Values, n)
	case *Fixed[uint32]:
		v.Values = values(r, v.Values, n)
	case *Fixed[float32]:
		v.Values = values(r, v.Values, n)
	case *Fixed[float64]:
		v.Values = values(r, v.Values, n)
	case *Fixed[types.IntervalValue]:
		v.Values = values(r, v.Values, n)
	case *Fixed[types.UUIDValue]:
		v.Values = values(r, v.Values, n)
	case *Bytes:
		v.Offsets = values(r, v.Offsets, n+1)
		if !r.short {
			v.Data = append(v.Data[:0], r.take(int(v.Offsets[n]))...)
		}
	case *Numeric:
		readNumeric(r, v, n)
	case *List:
		v.Offsets = values(r, v.Offsets, n+1)
		readDims(r, v, n)
		if !r.short {
			readColumn(r, v.Elem, int(v.Offsets[n]))
		}
	}
}

// raw is the memory of s.
func raw[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// values reads n values into the buffer of old.
func values[T any](r *frameReader, old []T, n int) []T {
	var one T
	src := r.take(n * int(unsafe.Sizeof(one)))
	if r.short {
		return old[:0]
	}
	if cap(old) < n {
		old = make([]T, n)
	}
	old = old[:n]
	copy(raw(old), src)
	return old
}

// appendOffsets appends n+1 offsets; a column without rows may have none.
func appendOffsets(dst []byte, offsets []int32, n int) []byte {
	if len(offsets) == 0 {
		return binary.NativeEndian.AppendUint32(dst, 0)
	}
	return append(dst, raw(offsets[:n+1])...)
}

func appendBitmap(dst []byte, m *Bitmap) []byte {
	if !m.any {
		return binary.NativeEndian.AppendUint32(dst, 0)
	}
	dst = binary.NativeEndian.AppendUint32(dst, uint32(len(m.words)))
	return append(dst, raw(m.words)...)
}

func readBitmap(r *frameReader, m *Bitmap) {
	m.words = values(r, m.words, int(r.uint32()))
	m.any = len(m.words) > 0
}

// What a frame of a Numeric has beside the low words.
const (
	frameHi = 1 << iota
	frameScales
	frameWide
)

func appendNumeric(dst []byte, v *Numeric) []byte {
	var has byte
	if v.Hi != nil {
		has |= frameHi
	}
	if v.Scales != nil {
		has |= frameScales
	}
	if v.Wide != nil {
		has |= frameWide
	}
	dst = append(dst, has)
	dst = binary.NativeEndian.AppendUint32(dst, uint32(v.Scale))
	dst = binary.NativeEndian.AppendUint32(dst, uint32(v.free))
	dst = append(dst, raw(v.Lo)...)
	if v.Hi != nil {
		dst = append(dst, raw(v.Hi)...)
	}
	if v.Scales != nil {
		dst = append(dst, raw(v.Scales)...)
	}
	if v.Wide == nil {
		return dst
	}
	for i, d := range v.Wide {
		if d == nil {
			continue
		}
		dst = binary.NativeEndian.AppendUint32(dst, uint32(i+1))
		at := len(dst)
		dst = binary.NativeEndian.AppendUint32(dst, 0)
		dst = types.AppendDecimalBinary(dst, *d)
		binary.NativeEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return binary.NativeEndian.AppendUint32(dst, 0)
}

func readNumeric(r *frameReader, v *Numeric, n int) {
	has := r.byte()
	v.Scale, v.free = int32(r.uint32()), int(r.uint32())
	v.Lo = values(r, v.Lo, n)
	if has&frameHi != 0 {
		v.Hi = values(r, v.spareHi, n)
	}
	if has&frameScales != 0 {
		v.Scales = values(r, v.spareScales, n)
		if v.Scales == nil {
			v.Scales = []int32{}
		}
	}
	if has&frameWide == 0 {
		return
	}
	v.Wide = make([]*types.Decimal, n)
	for row := int(r.uint32()); row > 0; row = int(r.uint32()) {
		d, err := types.DecimalFromBinary(r.take(int(r.uint32())))
		if err != nil || row > n {
			r.short = true
			return
		}
		v.Wide[row-1] = &d
	}
}

// appendDims appends the dimensions of the rows, each with their number plus
// one; 0 stands for none that are kept.
func appendDims(dst []byte, v *List) []byte {
	if v.Dims == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	for _, dims := range v.Dims {
		if dims == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, byte(len(dims)+1))
		dst = append(dst, raw(dims)...)
	}
	return dst
}

func readDims(r *frameReader, v *List, n int) {
	v.Dims = nil
	if r.byte() == 0 {
		return
	}
	for range n {
		var dims []types.Dim
		if k := int(r.byte()); k > 0 {
			dims = values(r, make([]types.Dim, k-1), k-1)
		}
		v.Dims = append(v.Dims, dims)
	}
}

// frameReader takes bytes from the front. short: there were not enough of them.
type frameReader struct {
	rest  []byte
	short bool
}

func (r *frameReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.short = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *frameReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *frameReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.NativeEndian.Uint32(b)
	}
	return 0
}
