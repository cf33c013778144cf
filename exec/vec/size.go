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
		return nulls + int64(cap(v.Lo)+cap(v.Hi))*8 + int64(cap(v.Scales))*4 + int64(cap(v.Wide))*8
	case *List:
		return nulls + int64(cap(v.Offsets))*4 + MemSize(v.Elem)
	case *Const:
		return nulls + MemSize(v.Of)
	}
	return nulls
}
