package vec

import (
	"strings"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Get returns a copy of one row as a value of type t.
func Get(v Vec, row int, t types.Type) types.Value {
	var val types.Value
	Borrow(&val, v, row, t)
	switch {
	case val.Null:
	case val.A != nil:
		for i := range val.A.Elems {
			val.A.Elems[i].S = strings.Clone(val.A.Elems[i].S)
		}
	default:
		val.S = strings.Clone(val.S)
	}
	return val
}

// Borrow sets *val to one row as a value of type t. Its strings are the
// column's own bytes: they change when the column does.
func Borrow(val *types.Value, v Vec, row int, t types.Type) {
	*val = types.Value{Type: t}
	if c, ok := v.(*Const); ok {
		v, row = c.Of, 0
	}
	if v.Nulls().Get(row) {
		val.Null = true
		return
	}
	switch v := v.(type) {
	case *Fixed[bool]:
		if v.Values[row] {
			val.I = 1
		}
	case *Fixed[int16]:
		val.I = int64(v.Values[row])
	case *Fixed[int32]:
		val.I = int64(v.Values[row])
	case *Fixed[int64]:
		val.I = v.Values[row]
	case *Fixed[uint32]:
		val.I = int64(v.Values[row])
	case *Fixed[float32]:
		val.F = float64(v.Values[row])
	case *Fixed[float64]:
		val.F = v.Values[row]
	case *Fixed[types.IntervalValue]:
		val.Span = v.Values[row]
	case *Fixed[types.UUIDValue]:
		val.S = stringOf(v.Values[row][:])
	case *Bytes:
		val.S = stringOf(v.At(row))
	case *Numeric:
		val.N = v.At(row)
	case *List:
		val.A = v.array(row)
	}
}

// stringOf is b without a copy.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (v *List) array(row int) *types.Array {
	from, to := v.At(row)
	a := &types.Array{Elem: v.Type, Dims: v.dims(row), Elems: make([]types.Value, to-from)}
	for i := from; i < to; i++ {
		Borrow(&a.Elems[i-from], v.Elem, i, v.Type)
	}
	return a
}

// Append adds a value of the column's type.
func Append(v Vec, val types.Value) {
	if val.Null {
		AppendNull(v)
		return
	}
	switch v := v.(type) {
	case *Fixed[bool]:
		v.Append(val.I != 0)
	case *Fixed[int16]:
		v.Append(int16(val.I))
	case *Fixed[int32]:
		v.Append(int32(val.I))
	case *Fixed[int64]:
		v.Append(val.I)
	case *Fixed[uint32]:
		v.Append(uint32(val.I))
	case *Fixed[float32]:
		v.Append(float32(val.F))
	case *Fixed[float64]:
		v.Append(val.F)
	case *Fixed[types.IntervalValue]:
		v.Append(val.Span)
	case *Fixed[types.UUIDValue]:
		var u types.UUIDValue
		copy(u[:], val.S)
		v.Append(u)
	case *Bytes:
		v.AppendString(val.S)
	case *Numeric:
		v.Append(val.N)
	case *List:
		for _, e := range val.A.Elems {
			Append(v.Elem, e)
		}
		v.EndRowDims(dimsOf(val.A))
	case *Const:
		panic("vec: a constant takes no row")
	}
}

// dimsOf returns nil for the dimensions that go without saying.
func dimsOf(a *types.Array) []types.Dim {
	if len(a.Dims) == 1 && a.Dims[0].Lower == 1 || len(a.Dims) == 0 {
		return nil
	}
	return a.Dims
}

// AppendNull adds a NULL.
func AppendNull(v Vec) {
	switch v := v.(type) {
	case *Fixed[bool]:
		v.AppendNull()
	case *Fixed[int16]:
		v.AppendNull()
	case *Fixed[int32]:
		v.AppendNull()
	case *Fixed[int64]:
		v.AppendNull()
	case *Fixed[uint32]:
		v.AppendNull()
	case *Fixed[float32]:
		v.AppendNull()
	case *Fixed[float64]:
		v.AppendNull()
	case *Fixed[types.IntervalValue]:
		v.AppendNull()
	case *Fixed[types.UUIDValue]:
		v.AppendNull()
	case *Bytes:
		v.AppendNull()
	case *Numeric:
		v.AppendNull()
	case *List:
		v.AppendNull()
	case *Const:
		panic("vec: a constant takes no row")
	}
}

// Pad appends rows that nobody reads, up to n rows.
func Pad(v Vec, n int) {
	switch v := v.(type) {
	case *Fixed[bool]:
		pad(v, n)
	case *Fixed[int16]:
		pad(v, n)
	case *Fixed[int32]:
		pad(v, n)
	case *Fixed[int64]:
		pad(v, n)
	case *Fixed[uint32]:
		pad(v, n)
	case *Fixed[float32]:
		pad(v, n)
	case *Fixed[float64]:
		pad(v, n)
	case *Fixed[types.IntervalValue]:
		pad(v, n)
	case *Fixed[types.UUIDValue]:
		pad(v, n)
	case *Bytes:
		v.Pad(n)
	case *Numeric:
		v.Pad(n)
	case *List:
		v.Pad(n)
	}
}

func pad[T Value](v *Fixed[T], n int) {
	var zero T
	for len(v.Values) < n {
		v.Values = append(v.Values, zero)
	}
}

// Flat returns v, or, of a constant, a new column with its rows written out.
func Flat(v Vec) Vec {
	c, ok := v.(*Const)
	if !ok {
		return v
	}
	out := Like(c.Of)
	for range c.N {
		appendRow(out, c.Of, 0)
	}
	return out
}

// Like returns an empty column of v's kind; of a constant, of its value's.
func Like(v Vec) Vec {
	switch v := v.(type) {
	case *Fixed[bool]:
		return &Fixed[bool]{}
	case *Fixed[int16]:
		return &Fixed[int16]{}
	case *Fixed[int32]:
		return &Fixed[int32]{}
	case *Fixed[int64]:
		return &Fixed[int64]{}
	case *Fixed[uint32]:
		return &Fixed[uint32]{}
	case *Fixed[float32]:
		return &Fixed[float32]{}
	case *Fixed[float64]:
		return &Fixed[float64]{}
	case *Fixed[types.IntervalValue]:
		return &Fixed[types.IntervalValue]{}
	case *Fixed[types.UUIDValue]:
		return &Fixed[types.UUIDValue]{}
	case *Bytes:
		return &Bytes{}
	case *Numeric:
		return &Numeric{}
	case *List:
		return &List{Elem: Like(v.Elem), Type: v.Type}
	case *Const:
		return Like(v.Of)
	}
	panic("vec: unknown column")
}
