package vec

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// New returns an empty column for values of type t. It panics where no column
// of t can exist; bind refuses such types.
func New(t types.Type) Vec {
	info := types.Lookup(t.OID)
	if info == nil {
		panic(fmt.Sprintf("vec: no type with OID %d", t.OID))
	}
	switch info.Phys {
	case types.PhysBool:
		return &Fixed[bool]{}
	case types.PhysInt16:
		return &Fixed[int16]{}
	case types.PhysInt32:
		return &Fixed[int32]{}
	case types.PhysInt64:
		return &Fixed[int64]{}
	case types.PhysUint32:
		return &Fixed[uint32]{}
	case types.PhysFloat32:
		return &Fixed[float32]{}
	case types.PhysFloat64:
		return &Fixed[float64]{}
	case types.PhysInterval:
		return &Fixed[types.IntervalValue]{}
	case types.PhysUUID:
		return &Fixed[types.UUIDValue]{}
	case types.PhysBytes:
		return &Bytes{}
	case types.PhysNumeric:
		return &Numeric{}
	case types.PhysList:
		elem := types.Of(info.Elem)
		elem.Mod = t.Mod
		return &List{Elem: New(elem), Type: elem}
	}
	panic(fmt.Sprintf("vec: type %s has no column", info.Name))
}

// NewBatch returns an empty batch with one column a type.
func NewBatch(ts []types.Type) *Batch {
	b := &Batch{Cols: make([]Vec, len(ts))}
	for i, t := range ts {
		b.Cols[i] = New(t)
	}
	return b
}

// NewConst returns a column of n rows that all are val.
func NewConst(val types.Value, n int) *Const {
	of := New(val.Type)
	Append(of, val)
	return ConstOf(of, n)
}

// ConstOf returns a column of n rows that all are the one row of of, which it
// keeps.
func ConstOf(of Vec, n int) *Const {
	c := &Const{Of: of}
	c.SetLen(n)
	return c
}

// SetLen changes the number of rows.
func (v *Const) SetLen(n int) {
	if v.Of.Nulls().Get(0) {
		v.nulls.Reset()
		v.nulls.SetAll(n)
	}
	v.N = n
}

// IsNull reports whether the one value is NULL.
func (v *Const) IsNull() bool { return v.Of.Nulls().Get(0) }
