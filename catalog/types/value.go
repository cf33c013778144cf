package types

// Value is one SQL value with its type. Which field holds it follows from the
// type's Phys; the others are zero. It is for constants, parameters and paths
// that are not hot: batches hold columns (exec/vec), not Values.
type Value struct {
	Type Type
	Null bool
	I    int64
	F    float64
	S    string
	N    Decimal
	Span IntervalValue
	A    *Array
}

// Array is a PostgreSQL array: elements in row-major order, with a size and a
// lower bound for each dimension. No dimension: the empty array '{}'.
type Array struct {
	Elem  Type
	Dims  []Dim
	Elems []Value
}

// Dim is one dimension of an array.
type Dim struct {
	Len   int32
	Lower int32 // PostgreSQL's default is 1
}

// Null returns NULL of type t.
func NullOf(t Type) Value { return Value{Type: t, Null: true} }

// NewBool returns a boolean.
func NewBool(b bool) Value {
	v := Value{Type: Of(Bool)}
	if b {
		v.I = 1
	}
	return v
}

// NewInt returns an integer-like value (int2, int4, int8, oid, date, time,
// timestamp, timestamptz) of the given type.
func NewInt(oid OID, i int64) Value { return Value{Type: Of(oid), I: i} }

// NewFloat returns a float4 or float8.
func NewFloat(oid OID, f float64) Value { return Value{Type: Of(oid), F: f} }

// NewString returns a value of a type whose Phys is PhysBytes.
func NewString(oid OID, s string) Value { return Value{Type: Of(oid), S: s} }

// NewText returns a text.
func NewText(s string) Value { return NewString(Text, s) }

// NewNumeric returns a numeric without modifier.
func NewNumeric(d Decimal) Value { return Value{Type: Of(Numeric), N: d} }

// NewArray returns an array of one dimension, lower bound 1.
func NewArray(elem Type, elems []Value) Value {
	a := &Array{Elem: elem, Elems: elems}
	if len(elems) > 0 {
		a.Dims = []Dim{{Len: int32(len(elems)), Lower: 1}}
	}
	return Value{Type: Of(Lookup(elem.OID).Array), A: a}
}

// Bool is the value of a boolean.
func (v Value) Bool() bool { return v.I != 0 }
