package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Choose fills dst, which it resets, with n rows: row i is row i of
// from[pick[i]], or one that nobody reads where pick[i] is negative. A column
// that no row picks may be nil.
func Choose(dst Vec, from []Vec, pick []int16, n int) {
	dst.Reset()
	switch dst := dst.(type) {
	case *Fixed[bool]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[int16]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[int32]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[int64]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[uint32]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[float32]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[float64]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[types.IntervalValue]:
		chooseFixed(dst, from, pick, n)
	case *Fixed[types.UUIDValue]:
		chooseFixed(dst, from, pick, n)
	default:
		for i, p := range pick[:n] {
			if p < 0 {
				Pad(dst, i+1)
				continue
			}
			AppendRow(dst, from[p], i)
		}
	}
}

func chooseFixed[T Value](dst *Fixed[T], from []Vec, pick []int16, n int) {
	out := dst.Resize(n)
	for k, src := range from {
		if src == nil {
			continue
		}
		if c, ok := src.(*Const); ok {
			val, null := c.Of.(*Fixed[T]).Values[0], c.IsNull()
			for i, p := range pick[:n] {
				if int(p) != k {
					continue
				}
				out[i] = val
				if null {
					dst.nulls.Set(i)
				}
			}
			continue
		}
		s := src.(*Fixed[T])
		for i, p := range pick[:n] {
			if int(p) == k {
				out[i] = s.Values[i]
			}
		}
		for i := range s.nulls.Rows {
			if i < n && int(pick[i]) == k {
				dst.nulls.Set(i)
			}
		}
	}
}
