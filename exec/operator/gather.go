package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// gather appends to dst the rows named of one column of chunks, in any order.
func gather(dst vec.Vec, chunks []*vec.Batch, col int, refs []ref) {
	switch dst := dst.(type) {
	case *vec.Fixed[bool]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[int16]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[int32]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[int64]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[uint32]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[float32]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[float64]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[types.IntervalValue]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Fixed[types.UUIDValue]:
		gatherFixed(dst, chunks, col, refs)
	case *vec.Bytes:
		gatherBytes(dst, chunks, col, refs)
	default:
		for _, r := range refs {
			vec.AppendRow(dst, chunks[r>>32].Cols[col], int(int32(r)))
		}
	}
}

func gatherFixed[T vec.Value](dst *vec.Fixed[T], chunks []*vec.Batch, col int, refs []ref) {
	if len(refs) < 2*len(chunks) {
		for _, r := range refs {
			v, row := chunks[r>>32].Cols[col].(*vec.Fixed[T]), int(int32(r))
			if v.Nulls().Get(row) {
				dst.AppendNull()
			} else {
				dst.Append(v.Values[row])
			}
		}
		return
	}
	var near [16][]T
	values := near[:0]
	nullable := false
	for _, c := range chunks {
		v := c.Cols[col].(*vec.Fixed[T])
		values = append(values, v.Values)
		nullable = nullable || v.Nulls().Any()
	}
	for _, r := range refs {
		dst.Append(values[r>>32][int32(r)])
	}
	if !nullable {
		return
	}
	at := dst.Len() - len(refs)
	for i, r := range refs {
		if chunks[r>>32].Cols[col].Nulls().Get(int(int32(r))) {
			dst.Nulls().Set(at + i)
		}
	}
}

func gatherBytes(dst *vec.Bytes, chunks []*vec.Batch, col int, refs []ref) {
	for _, r := range refs {
		src, row := chunks[r>>32].Cols[col].(*vec.Bytes), int(int32(r))
		if src.Nulls().Get(row) {
			dst.AppendNull()
			continue
		}
		dst.Data = append(dst.Data, src.Data[src.Offsets[row]:src.Offsets[row+1]]...)
		dst.EndRow()
	}
}
