package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// MemSize is about how many bytes a column's buffers hold.
func MemSize(v Vec) int64 {
	nulls := int64(cap(v.Nulls().words)) * 8
	switch v := v.(type) {
	case *Fixed[bool]:
		return nulls + int64(cap(v.Values))
	case *Fixed[int16]:
		return nulls + int64(cap(v.Values))*2
	case *Fixed[int32]:
		return nulls + int64(cap(v.Values))*4
	case *Fixed[int64]:
		return nulls + int64(cap(v.Values))*8
	case *Fixed[uint32]:
		return nulls + int64(cap(v.Values))*4
	case *Fixed[float32]:
		return nulls + int64(cap(v.Values))*4
	case *Fixed[float64]:
		return nulls + int64(cap(v.Values))*8
	case *Fixed[types.IntervalValue]:
		return nulls + int64(cap(v.Values))*16
	case *Fixed[types.UUIDValue]:
		return nulls + int64(cap(v.Values))*16
	case *Bytes:
		return nulls + int64(cap(v.Offsets))*4 + int64(cap(v.Data))
	case *Numeric:
		return nulls + int64(cap(v.Lo)+cap(v.Hi))*8 + int64(cap(v.Scales))*4 + wideBytes(v.Wide)
	case *List:
		return nulls + int64(cap(v.Offsets))*4 + int64(cap(v.Dims))*(24+8) + MemSize(v.Elem)
	case *Const:
		return nulls + MemSize(v.Of)
	}
	return nulls
}

// wideBytes takes each value that is wide for one of a few words: an exact count
// would have to visit them all.
func wideBytes(wide []*types.Decimal) int64 { return int64(cap(wide)) * (8 + 32) }

// BatchSize is about how many bytes a batch's buffers hold.
func BatchSize(b *Batch) int64 {
	n := int64(cap(b.Ops)) + 4*int64(cap(b.Sel))
	for _, c := range b.Cols {
		n += MemSize(c)
	}
	return n
}
