package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Truncate removes the rows of v from row n on. A decoder takes back with it
// what it wrote of a record that turned out bad. On a *Const it does nothing.
func Truncate(v Vec, n int) {
	if v.Len() <= n {
		return
	}
	switch v := v.(type) {
	case *Fixed[bool]:
		v.truncate(n)
	case *Fixed[int16]:
		v.truncate(n)
	case *Fixed[int32]:
		v.truncate(n)
	case *Fixed[int64]:
		v.truncate(n)
	case *Fixed[uint32]:
		v.truncate(n)
	case *Fixed[float32]:
		v.truncate(n)
	case *Fixed[float64]:
		v.truncate(n)
	case *Fixed[types.IntervalValue]:
		v.truncate(n)
	case *Fixed[types.UUIDValue]:
		v.truncate(n)
	case *Bytes:
		v.Offsets = v.Offsets[:n+1]
		v.Data = v.Data[:v.Offsets[n]]
		v.nulls.truncate(n)
	case *Numeric:
		v.Lo = v.Lo[:n]
		if v.Hi != nil {
			v.Hi = v.Hi[:n]
		}
		if v.Scales != nil {
			v.Scales = v.Scales[:n]
		}
		if len(v.Wide) > n {
			v.Wide = v.Wide[:n]
		}
		v.free = min(v.free, n)
		v.nulls.truncate(n)
	case *List:
		v.Offsets = v.Offsets[:n+1]
		if v.Dims != nil {
			v.Dims = v.Dims[:n]
		}
		Truncate(v.Elem, int(v.Offsets[n]))
		v.nulls.truncate(n)
	}
}

func (v *Fixed[T]) truncate(n int) {
	v.Values = v.Values[:n]
	v.nulls.truncate(n)
}

// truncate removes the rows from n on.
func (m *Bitmap) truncate(n int) {
	if w := n >> 6; w < len(m.words) {
		m.words[w] &= 1<<(uint(n)&63) - 1
		m.words = m.words[:w+1]
	}
}
