package vec

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// CopyRows appends rows of src to dst, a column of the same kind: those of sel,
// or all where sel is nil.
func CopyRows(dst, src Vec, sel []int32) {
	if c, ok := src.(*Const); ok {
		n := c.N
		if sel != nil {
			n = len(sel)
		}
		for range n {
			appendRow(dst, c.Of, 0)
		}
		return
	}
	switch dst := dst.(type) {
	case *Fixed[bool]:
		copyFixed(dst, src.(*Fixed[bool]), sel)
	case *Fixed[int16]:
		copyFixed(dst, src.(*Fixed[int16]), sel)
	case *Fixed[int32]:
		copyFixed(dst, src.(*Fixed[int32]), sel)
	case *Fixed[int64]:
		copyFixed(dst, src.(*Fixed[int64]), sel)
	case *Fixed[uint32]:
		copyFixed(dst, src.(*Fixed[uint32]), sel)
	case *Fixed[float32]:
		copyFixed(dst, src.(*Fixed[float32]), sel)
	case *Fixed[float64]:
		copyFixed(dst, src.(*Fixed[float64]), sel)
	case *Fixed[types.IntervalValue]:
		copyFixed(dst, src.(*Fixed[types.IntervalValue]), sel)
	case *Fixed[types.UUIDValue]:
		copyFixed(dst, src.(*Fixed[types.UUIDValue]), sel)
	case *Bytes:
		copyBytes(dst, src.(*Bytes), sel)
	case *Numeric:
		copyNumeric(dst, src.(*Numeric), sel)
	case *List:
		copyList(dst, src.(*List), sel)
	default:
		panic("vec: a constant takes no row")
	}
}

func copyNulls(dst *Bitmap, at int, src *Bitmap, sel []int32) {
	if !src.any {
		return
	}
	if sel == nil {
		for row := range src.Rows {
			dst.Set(at + row)
		}
		return
	}
	for i, row := range sel {
		if src.Get(int(row)) {
			dst.Set(at + i)
		}
	}
}

func copyFixed[T Value](dst, src *Fixed[T], sel []int32) {
	copyNulls(&dst.nulls, len(dst.Values), &src.nulls, sel)
	if sel == nil {
		at := len(dst.Values)
		dst.Values = grow(dst.Values, len(src.Values))
		copy(dst.Values[at:], src.Values)
		return
	}
	at := len(dst.Values)
	dst.Values = grow(dst.Values, len(sel))
	to := dst.Values[at:]
	for i, row := range sel {
		to[i] = src.Values[row]
	}
}

// grow lengthens s by n elements of any value.
func grow[T any](s []T, n int) []T {
	if len(s)+n > cap(s) {
		bigger := make([]T, len(s)+n, max(len(s)+n, 2*cap(s)))
		copy(bigger, s)
		return bigger
	}
	return s[:len(s)+n]
}

func copyBytes(dst, src *Bytes, sel []int32) {
	copyNulls(&dst.nulls, dst.Len(), &src.nulls, sel)
	if len(dst.Offsets) == 0 {
		dst.Offsets = append(dst.Offsets, 0)
	}
	if sel == nil {
		if src.Len() == 0 {
			return
		}
		first := src.Offsets[0]
		shift := int32(len(dst.Data)) - first
		dst.Data = append(dst.Data, src.Data[first:src.Offsets[src.Len()]]...)
		if len(dst.Data) > math.MaxInt32 {
			panic(TooLong{})
		}
		for _, o := range src.Offsets[1:] {
			dst.Offsets = append(dst.Offsets, o+shift)
		}
		return
	}
	for _, row := range sel {
		dst.Data = append(dst.Data, src.Data[src.Offsets[row]:src.Offsets[row+1]]...)
		dst.Offsets = append(dst.Offsets, int32(len(dst.Data)))
	}
	if len(dst.Data) > math.MaxInt32 {
		panic(TooLong{})
	}
}

func copyNumeric(dst, src *Numeric, sel []int32) {
	if src.Narrow() && dst.Narrow() && (dst.Scale == src.Scale || len(dst.Lo) == 0) {
		if len(dst.Lo) == 0 {
			dst.Scale = src.Scale
		}
		copyNulls(&dst.nulls, len(dst.Lo), &src.nulls, sel)
		if sel == nil {
			dst.Lo = append(dst.Lo, src.Lo...)
			return
		}
		for _, row := range sel {
			dst.Lo = append(dst.Lo, src.Lo[row])
		}
		return
	}
	eachRow(len(src.Lo), sel, func(row int) { appendRow(dst, src, row) })
}

func copyList(dst, src *List, sel []int32) {
	eachRow(src.Len(), sel, func(row int) { appendRow(dst, src, row) })
}

func eachRow(n int, sel []int32, f func(row int)) {
	if sel == nil {
		for i := range n {
			f(i)
		}
		return
	}
	for _, row := range sel {
		f(int(row))
	}
}

// AppendRow appends one row of src, a column of the same kind or a constant.
func AppendRow(dst, src Vec, row int) {
	if c, ok := src.(*Const); ok {
		src, row = c.Of, 0
	}
	appendRow(dst, src, row)
}

func appendRow(dst, src Vec, row int) {
	if src.Nulls().Get(row) {
		AppendNull(dst)
		return
	}
	switch dst := dst.(type) {
	case *Fixed[bool]:
		dst.Append(src.(*Fixed[bool]).Values[row])
	case *Fixed[int16]:
		dst.Append(src.(*Fixed[int16]).Values[row])
	case *Fixed[int32]:
		dst.Append(src.(*Fixed[int32]).Values[row])
	case *Fixed[int64]:
		dst.Append(src.(*Fixed[int64]).Values[row])
	case *Fixed[uint32]:
		dst.Append(src.(*Fixed[uint32]).Values[row])
	case *Fixed[float32]:
		dst.Append(src.(*Fixed[float32]).Values[row])
	case *Fixed[float64]:
		dst.Append(src.(*Fixed[float64]).Values[row])
	case *Fixed[types.IntervalValue]:
		dst.Append(src.(*Fixed[types.IntervalValue]).Values[row])
	case *Fixed[types.UUIDValue]:
		dst.Append(src.(*Fixed[types.UUIDValue]).Values[row])
	case *Bytes:
		dst.Append(src.(*Bytes).At(row))
	case *Numeric:
		dst.Append(src.(*Numeric).At(row))
	case *List:
		s := src.(*List)
		from, to := s.At(row)
		for i := from; i < to; i++ {
			appendRow(dst.Elem, s.Elem, i)
		}
		var dims []types.Dim
		if s.Dims != nil {
			dims = s.Dims[row]
		}
		dst.EndRowDims(dims)
	default:
		panic("vec: a constant takes no row")
	}
}

// CopyInto appends b's live rows to dst, whose columns have the same kinds.
func (b *Batch) CopyInto(dst *Batch) {
	for i, c := range b.Cols {
		CopyRows(dst.Cols[i], c, b.Sel)
	}
	n := b.Len()
	if b.Ops != nil || dst.Ops != nil {
		for len(dst.Ops) < dst.Rows {
			dst.Ops = append(dst.Ops, Insert)
		}
		eachRow(b.Rows, b.Sel, func(row int) { dst.Ops = append(dst.Ops, b.Op(row)) })
	}
	if dst.Sel != nil {
		for i := range n {
			dst.Sel = append(dst.Sel, int32(dst.Rows+i))
		}
	}
	dst.Rows += n
}

// Compact returns a batch of b's live rows with no selection: b itself where
// it has none, else scratch, which it resets first.
func (b *Batch) Compact(scratch *Batch) *Batch {
	if b.Sel == nil {
		return b
	}
	if scratch.Cols == nil {
		for _, c := range b.Cols {
			scratch.Cols = append(scratch.Cols, Like(c))
		}
	}
	ops := scratch.Ops[:0]
	scratch.Reset()
	if b.Ops != nil {
		scratch.Ops = ops
		if scratch.Ops == nil {
			scratch.Ops = make([]Op, 0, MaxRows)
		}
	}
	b.CopyInto(scratch)
	return scratch
}
