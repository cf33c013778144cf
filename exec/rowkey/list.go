package rowkey

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Arrays order by their elements, a NULL above all others, then by how many
// there are, then by their dimensions. What ends an array is below any element.
const (
	arrayEnd     = 0x00
	arrayElement = 0x01
	arrayNull    = 0x02
)

func appendList(dst []byte, v *vec.List, row int) []byte {
	from, to := v.At(row)
	k, nulls := kindOf(v.Type), v.Elem.Nulls()
	for i := from; i < to; i++ {
		if nulls.Get(i) {
			dst = append(dst, arrayNull)
			continue
		}
		dst = appendCell(append(dst, arrayElement), v.Elem, i, v.Type, k)
	}
	dst = append(dst, arrayEnd)
	dims := v.DimsAt(row)
	if dims == nil && from != to {
		return appendDims(dst, []types.Dim{{Len: int32(to - from), Lower: 1}})
	}
	return appendDims(dst, dims)
}

func appendArray(dst []byte, a *types.Array) []byte {
	k := kindOf(a.Elem)
	for _, e := range a.Elems {
		if e.Null {
			dst = append(dst, arrayNull)
			continue
		}
		dst = appendValue(append(dst, arrayElement), e, a.Elem, k)
	}
	dst = append(dst, arrayEnd)
	if len(a.Elems) == 0 {
		return appendDims(dst, nil)
	}
	return appendDims(dst, a.Dims)
}

func appendDims(dst []byte, dims []types.Dim) []byte {
	dst = append(dst, byte(len(dims)))
	for _, d := range dims {
		dst = binary.BigEndian.AppendUint32(dst, uint32(d.Len))
	}
	for _, d := range dims {
		dst = appendInt32(dst, d.Lower)
	}
	return dst
}
