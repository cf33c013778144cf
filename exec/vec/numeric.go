package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// At returns row i with its own scale.
func (v *Numeric) At(i int) types.Decimal {
	if v.Wide != nil && v.Wide[i] != nil {
		return *v.Wide[i]
	}
	lo := v.Lo[i]
	d := types.Decimal{Hi: lo >> 63, Lo: uint64(lo), Scale: v.Scale}
	if v.Hi != nil {
		d.Hi = v.Hi[i]
	}
	if v.Scales != nil {
		d.Scale = v.Scales[i]
	}
	return d
}

// Append adds a decimal.
func (v *Numeric) Append(d types.Decimal) {
	i := len(v.Lo)
	v.Lo = append(v.Lo, int64(d.Lo))
	v.endRow(i, d.Hi, d.Scale)
	if d.Wide != nil {
		for len(v.Wide) < i {
			v.Wide = append(v.Wide, nil)
		}
		wide := d
		v.Wide = append(v.Wide[:i], &wide)
	}
}

// AppendInt64 adds coef times 10^-scale.
func (v *Numeric) AppendInt64(coef int64, scale int32) {
	i := len(v.Lo)
	v.Lo = append(v.Lo, coef)
	if scale != v.Scale || !v.Narrow() {
		v.endRow(i, coef>>63, scale)
	}
}

// AppendInt64s adds each of coefs times 10^-scale.
func (v *Numeric) AppendInt64s(coefs []int64, scale int32) {
	for i, c := range coefs {
		if i > 0 && v.Narrow() {
			// The first has settled the scale.
			v.Lo = append(v.Lo, coefs[i:]...)
			return
		}
		v.AppendInt64(c, scale)
	}
}

// AppendNull adds a NULL.
func (v *Numeric) AppendNull() {
	v.nulls.Set(len(v.Lo))
	v.AppendZero()
}

// AppendZero adds a zero of whatever scale the column has.
func (v *Numeric) AppendZero() {
	i := len(v.Lo)
	v.Lo = append(v.Lo, 0)
	v.endRow(i, 0, v.Scale)
	if v.free == i {
		v.free++
	}
}

// endRow completes row i, whose low word is in place.
func (v *Numeric) endRow(i int, hi int64, scale int32) {
	if v.Hi != nil {
		v.Hi = append(v.Hi, hi)
	} else if hi != v.Lo[i]>>63 {
		v.widen(i)
		v.Hi = append(v.Hi, hi)
	}
	switch {
	case v.Scales != nil:
		v.Scales = append(v.Scales, scale)
	case scale == v.Scale:
	case v.free == i:
		v.Scale = scale
	default:
		v.scatter(i)
		v.Scales = append(v.Scales, scale)
	}
	if v.Wide != nil && len(v.Wide) == i {
		v.Wide = append(v.Wide, nil)
	}
}

// widen gives the first n rows a high word.
func (v *Numeric) widen(n int) {
	hi := v.spareHi[:0]
	for _, lo := range v.Lo[:n] {
		hi = append(hi, lo>>63)
	}
	v.Hi = hi
}

// scatter gives the first n rows a scale each.
func (v *Numeric) scatter(n int) {
	s := v.spareScales[:0]
	for range n {
		s = append(s, v.Scale)
	}
	v.Scales = s
	if v.Scales == nil {
		v.Scales = []int32{}
	}
}

// Narrow reports whether every row is Lo[i] times 10^-Scale.
func (v *Numeric) Narrow() bool { return v.Hi == nil && v.Scales == nil && v.Wide == nil }
