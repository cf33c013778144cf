// Package vec holds rows as columns: a Batch of up to MaxRows rows, one Vec a
// column, in Arrow's layout of values and offsets. Buffers are reused and a
// filter copies nothing: it writes the batch's selection. The package knows how
// values lie, not what they mean: types tells it that.
package vec

import (
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// MaxRows is the most rows that a batch holds.
const MaxRows = 1024

// Op says what a row of a changelog does. An update is a Delete and an Insert.
type Op uint8

// The two changes.
const (
	Insert Op = iota
	Delete
)

// Batch is a run of rows. A batch passed to a call is borrowed until the call
// returns; through a channel it is given. Rows counts physical rows, so every
// column has that length; Sel, where not nil, lists the live ones, ascending.
type Batch struct {
	Cols []Vec
	Ops  []Op    // nil: every row is an Insert
	Sel  []int32 // nil: every row is live
	Rows int
}

// Len is the number of live rows.
func (b *Batch) Len() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Rows
}

// Op returns the op of physical row i.
func (b *Batch) Op(i int) Op {
	if b.Ops == nil {
		return Insert
	}
	return b.Ops[i]
}

// Reset empties the batch and its columns, keeping their buffers.
func (b *Batch) Reset() {
	for _, c := range b.Cols {
		c.Reset()
	}
	b.Ops, b.Sel, b.Rows = nil, nil, 0
}

// Vec is one column. The set is closed: *Fixed[T], *Bytes, *Numeric, *List,
// *Const. A NULL row has its bit set in Nulls and a zero value in its place.
type Vec interface {
	Len() int
	// Nulls returns the column's NULL bits; the pointer is never nil.
	Nulls() *Bitmap
	// Reset empties the column, keeping its buffers. On a *Const it does nothing.
	Reset()
	sealed()
}

// Value lists the element types of Fixed.
type Value interface {
	bool | int16 | int32 | int64 | uint32 | float32 | float64 | types.IntervalValue | types.UUIDValue
}

// Fixed is a column of values of one size.
type Fixed[T Value] struct {
	Values []T
	nulls  Bitmap
}

// Len is the number of rows.
func (v *Fixed[T]) Len() int { return len(v.Values) }

// Nulls are the NULL bits.
func (v *Fixed[T]) Nulls() *Bitmap { return &v.nulls }

// Reset empties the column.
func (v *Fixed[T]) Reset()  { v.Values = v.Values[:0]; v.nulls.Reset() }
func (v *Fixed[T]) sealed() {}

// Append adds a value.
func (v *Fixed[T]) Append(x T) { v.Values = append(v.Values, x) }

// AppendNull adds a NULL.
func (v *Fixed[T]) AppendNull() {
	var zero T
	v.nulls.Set(len(v.Values))
	v.Values = append(v.Values, zero)
}

// Bytes is a column of byte strings: row i is Data[Offsets[i]:Offsets[i+1]].
// An empty column may have no offsets at all.
type Bytes struct {
	Offsets []int32 // rows+1, the first 0; nil: no rows
	Data    []byte
	nulls   Bitmap
}

// Len is the number of rows.
func (v *Bytes) Len() int { return max(len(v.Offsets)-1, 0) }

// Nulls are the NULL bits.
func (v *Bytes) Nulls() *Bitmap { return &v.nulls }

// Reset empties the column.
func (v *Bytes) Reset()  { v.Offsets, v.Data = v.Offsets[:0], v.Data[:0]; v.nulls.Reset() }
func (v *Bytes) sealed() {}

// At returns row i; the bytes belong to the column.
func (v *Bytes) At(i int) []byte { return v.Data[v.Offsets[i]:v.Offsets[i+1]:v.Offsets[i+1]] }

// Append adds a copy of b.
func (v *Bytes) Append(b []byte) {
	v.Data = append(v.Data, b...)
	v.EndRow()
}

// AppendSpan adds a copy of b[from:to]. Up to sixteen bytes go as two words, of which
// the rest is written over later.
func (v *Bytes) AppendSpan(b []byte, from, to int) {
	if n, at := to-from, len(v.Data); n <= 16 && at+16 <= cap(v.Data) && from+16 <= len(b) {
		dst := v.Data[at : at+16]
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(b[from:]))
		binary.LittleEndian.PutUint64(dst[8:], binary.LittleEndian.Uint64(b[from+8:]))
		v.Data = v.Data[:at+n]
	} else {
		v.Data = append(v.Data, b[from:to]...)
	}
	v.EndRow()
}

// AppendString adds a copy of s.
func (v *Bytes) AppendString(s string) {
	v.Data = append(v.Data, s...)
	v.EndRow()
}

// AppendNull adds a NULL.
func (v *Bytes) AppendNull() {
	v.nulls.Set(v.Len())
	v.EndRow()
}

// EndRow ends a row whose bytes the caller appended to Data itself. It panics
// with TooLong past what offsets can count.
func (v *Bytes) EndRow() {
	if len(v.Offsets) == 0 {
		v.Offsets = append(v.Offsets, 0)
	}
	if len(v.Data) > math.MaxInt32 {
		panic(TooLong{})
	}
	v.Offsets = append(v.Offsets, int32(len(v.Data)))
}

// TooLong is what a column panics with that would hold more than 2 GB, which is
// what its offsets can count. Whoever runs a plan recovers it as the statement's
// error: kernels have no error for the whole of a column.
type TooLong struct{}

func (TooLong) Error() string { return "the values of a batch hold more than 2 GB in one column" }

// Numeric is a column of exact decimals. Row i is the signed coefficient
// Hi[i]:Lo[i] (Hi nil: Lo[i] as an int64) times 10^-scale, where scale is
// Scales[i], or Scale for all where Scales is nil. Where Wide is not nil and
// Wide[i] is not nil, the value is there instead (NaN, infinities, wider than
// 128 bits).
type Numeric struct {
	Lo     []int64
	Hi     []int64 // nil: every coefficient fits 64 bits
	Scale  int32
	Scales []int32 // nil: Scale holds for all
	Wide   []*types.Decimal
	nulls  Bitmap

	// free rows at the beginning have no scale of their own: NULLs and padding.
	free int
	// What Hi and Scales were before Reset, to be used again.
	spareHi     []int64
	spareScales []int32
}

// Len is the number of rows.
func (v *Numeric) Len() int { return len(v.Lo) }

// Nulls are the NULL bits.
func (v *Numeric) Nulls() *Bitmap { return &v.nulls }

// Reset empties the column.
func (v *Numeric) Reset() {
	v.Lo = v.Lo[:0]
	if v.Hi != nil {
		v.spareHi = v.Hi[:0]
	}
	if v.Scales != nil {
		v.spareScales = v.Scales[:0]
	}
	v.Hi, v.Scales, v.Wide, v.Scale, v.free = nil, nil, nil, 0, 0
	v.nulls.Reset()
}
func (v *Numeric) sealed() {}

// List is a column of arrays: row i has the elements Elem[Offsets[i]:Offsets[i+1]]
// in row-major order. Dims[i] are its dimensions; Dims nil, or Dims[i] nil: one
// dimension with lower bound 1 (none where it has no element).
type List struct {
	Offsets []int32
	Elem    Vec
	Type    types.Type // of the elements
	Dims    [][]types.Dim
	nulls   Bitmap
}

// Len is the number of rows.
func (v *List) Len() int { return max(len(v.Offsets)-1, 0) }

// Nulls are the NULL bits.
func (v *List) Nulls() *Bitmap { return &v.nulls }

// Reset empties the column.
func (v *List) Reset() {
	v.Offsets, v.Dims = v.Offsets[:0], nil
	v.Elem.Reset()
	v.nulls.Reset()
}
func (v *List) sealed() {}

// Const is a column whose N rows all are the one row of Of.
type Const struct {
	Of    Vec // of length 1
	N     int
	nulls Bitmap
}

// Len is the number of rows.
func (v *Const) Len() int { return v.N }

// Nulls are the NULL bits of all rows; Flat's result has them too.
func (v *Const) Nulls() *Bitmap { return &v.nulls }

// Reset does nothing: a constant is nobody's buffer.
func (v *Const) Reset()  {}
func (v *Const) sealed() {}
