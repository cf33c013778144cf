package vec

// Scatter appends the k-th row of sel of src to dst[to[k]], for all k. The
// columns of dst are of src's kind, and there is one for every number in to, at
// most 256.
func Scatter(dst []Vec, src Vec, sel []int32, to []uint8) {
	switch src := src.(type) {
	case *Fixed[bool]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[int16]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[int32]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[int64]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[uint32]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[float32]:
		scatterFixed(dst, src, sel, to)
	case *Fixed[float64]:
		scatterFixed(dst, src, sel, to)
	default:
		for k, row := range sel {
			AppendRow(dst[to[k]], src, int(row))
		}
	}
}

func scatterFixed[T Value](dst []Vec, src *Fixed[T], sel []int32, to []uint8) {
	var cols [256]*Fixed[T]
	for i, v := range dst {
		cols[i] = v.(*Fixed[T])
		if cols[i].Values == nil {
			cols[i].Values = make([]T, 0, MaxRows)
		}
	}
	values := src.Values
	if src.nulls.any {
		for k, row := range sel {
			if src.nulls.Get(int(row)) {
				cols[to[k]].AppendNull()
			} else {
				cols[to[k]].Append(values[row])
			}
		}
		return
	}
	for k, row := range sel {
		v := cols[to[k]]
		v.Values = append(v.Values, values[row])
	}
}
