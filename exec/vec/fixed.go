package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Resize gives the column n rows, without NULLs; their values are whatever the
// buffer held. A kernel calls it and writes the rows it computes.
func (v *Fixed[T]) Resize(n int) []T {
	if cap(v.Values) < n {
		v.Values = make([]T, n, max(n, MaxRows))
	}
	v.Values = v.Values[:n]
	v.nulls.Reset()
	return v.Values
}

// ZeroNulls puts the zero value in the place of every NULL.
func (v *Fixed[T]) ZeroNulls() {
	if !v.nulls.any {
		return
	}
	var zero T
	for i := range v.nulls.Rows {
		if i >= len(v.Values) {
			return
		}
		v.Values[i] = zero
	}
}

// Pad appends empty rows up to n rows.
func (v *Bytes) Pad(n int) {
	if len(v.Offsets) == 0 {
		v.Offsets = append(v.Offsets, 0)
	}
	end := int32(len(v.Data))
	for len(v.Offsets) <= n {
		v.Offsets = append(v.Offsets, end)
	}
}

// Pad appends zeros up to n rows.
func (v *Numeric) Pad(n int) {
	for len(v.Lo) < n {
		v.AppendZero()
	}
}

// EndRow ends a row whose elements the caller appended to Elem itself, as one
// dimension of lower bound 1.
func (v *List) EndRow() { v.EndRowDims(nil) }

// EndRowDims is EndRow with dimensions, which the column keeps; nil: one of
// lower bound 1.
func (v *List) EndRowDims(dims []types.Dim) {
	if len(v.Offsets) == 0 {
		v.Offsets = append(v.Offsets, 0)
	}
	row := len(v.Offsets) - 1
	v.Offsets = append(v.Offsets, int32(v.Elem.Len()))
	if dims != nil && v.Dims == nil {
		v.Dims = make([][]types.Dim, row)
	}
	if v.Dims != nil {
		v.Dims = append(v.Dims, dims)
	}
}

// AppendNull adds a NULL.
func (v *List) AppendNull() {
	v.nulls.Set(v.Len())
	v.EndRow()
}

// Pad appends empty rows up to n rows.
func (v *List) Pad(n int) {
	for v.Len() < n {
		v.EndRow()
	}
}

// At returns the range of Elem's rows that row i holds.
func (v *List) At(i int) (from, to int) { return int(v.Offsets[i]), int(v.Offsets[i+1]) }

// DimsAt returns the dimensions of row i as they are kept: nil where it has one
// of lower bound 1, or none.
func (v *List) DimsAt(i int) []types.Dim {
	if v.Dims == nil {
		return nil
	}
	return v.Dims[i]
}

// dims returns the dimensions of row i, written out.
func (v *List) dims(i int) []types.Dim {
	if v.Dims != nil && v.Dims[i] != nil {
		return v.Dims[i]
	}
	from, to := v.At(i)
	if from == to {
		return nil
	}
	return []types.Dim{{Len: int32(to - from), Lower: 1}}
}
