package vec

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Imaged reports whether equal values of a type may be written differently, as 1.0 and
// 1.00 are, a day and 24 hours, and the two zeros. What PostgreSQL's *= compares is such
// a value's image.
func Imaged(t types.Type) bool {
	info := types.Lookup(t.OID)
	switch info.Phys {
	case types.PhysList:
		return Imaged(types.Of(info.Elem))
	case types.PhysFloat32, types.PhysFloat64, types.PhysInterval, types.PhysNumeric:
		return true
	case types.PhysBytes:
		return !Bytewise(t.OID)
	}
	return false
}

// HashImage combines into h, by physical row, what the images of a column's rows have that
// Hash leaves out: the rows of sel, or all where sel is nil. Rows that are equal and of
// which this is the same read the same. t is a type that is Imaged.
func HashImage(v Vec, t types.Type, sel []int32, h []uint64) {
	if c, ok := v.(*Const); ok {
		x := ImageOf(c.Of, 0)
		eachRow(c.N, sel, func(row int) { h[row] = combine(h[row], x) })
		return
	}
	eachRow(v.Len(), sel, func(row int) { h[row] = combine(h[row], ImageOf(v, row)) })
}

// ImageOf is what HashImage combines of one row.
func ImageOf(v Vec, row int) uint64 {
	if c, ok := v.(*Const); ok {
		v, row = c.Of, 0
	}
	if v.Nulls().Get(row) {
		return nullHash
	}
	switch v := v.(type) {
	case *Fixed[float32]:
		return zeroImage(float64(v.Values[row]))
	case *Fixed[float64]:
		return zeroImage(v.Values[row])
	case *Fixed[types.IntervalValue]:
		x := v.Values[row]
		return combine(combine(hashWord(uint64(int64(x.Months))), uint64(int64(x.Days))), uint64(x.Micros))
	case *Bytes:
		return HashBytes(v.At(row))
	case *Numeric:
		return uint64(v.At(row).Scale)
	case *List:
		return listImage(v, row)
	}
	return 0
}

// zeroImage tells the zeros apart.
func zeroImage(f float64) uint64 {
	if f == 0 && math.Signbit(f) {
		return 1
	}
	return 0
}

func listImage(v *List, row int) uint64 {
	h, elem := uint64(0), v.Elem
	for i, to := v.At(row); i < to; i++ {
		h = combine(h, ImageOf(elem, i))
	}
	return h
}
