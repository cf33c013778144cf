package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Bins are columns of one kind, at most 256, into which the rows of a column are
// put by the number of the bin and the row in it, both of which the caller counts:
// so rows of several columns go to the same places, which are worked out once.
type Bins interface {
	// Begin makes a bin's column anew and returns it. It has MaxRows rows, whose
	// values are none until they are put: who knows how many were cuts the rest
	// off (Truncate).
	Begin(bin uint8) Vec
	// Put writes the k-th row of sel of src to row at[k], below MaxRows, of the
	// column of bin to[k], for all k. src is of the bins' kind, or a constant.
	Put(src Vec, sel []int32, to []uint8, at []uint16)
}

// NewBins returns bins for values of type t, and whether there are such: values
// that are not of a fixed size of up to eight bytes have none.
func NewBins(t types.Type) (Bins, bool) {
	switch types.Lookup(t.OID).Phys {
	case types.PhysBool:
		return &fixedBins[bool]{}, true
	case types.PhysInt16:
		return &fixedBins[int16]{}, true
	case types.PhysInt32:
		return &fixedBins[int32]{}, true
	case types.PhysInt64:
		return &fixedBins[int64]{}, true
	case types.PhysUint32:
		return &fixedBins[uint32]{}, true
	case types.PhysFloat32:
		return &fixedBins[float32]{}, true
	case types.PhysFloat64:
		return &fixedBins[float64]{}, true
	}
	return nil, false
}

type fixedBins[T Value] struct {
	columns [256]*Fixed[T]
	values  [256]*[MaxRows]T
}

func (b *fixedBins[T]) Begin(bin uint8) Vec {
	values := new([MaxRows]T)
	b.columns[bin], b.values[bin] = &Fixed[T]{Values: values[:]}, values
	return b.columns[bin]
}

func (b *fixedBins[T]) Put(src Vec, sel []int32, to []uint8, at []uint16) {
	to, at = to[:len(sel)], at[:len(sel)]
	if c, ok := src.(*Const); ok {
		x := c.Of.(*Fixed[T]).Values[0]
		for k, bin := range to {
			b.values[bin][at[k]%MaxRows] = x
		}
		if c.IsNull() {
			for k, bin := range to {
				b.columns[bin].nulls.Set(int(at[k]))
			}
		}
		return
	}
	v := src.(*Fixed[T])
	if len(sel) == len(v.Values) { // every row, in order
		for k, x := range v.Values[:len(to)] {
			b.values[to[k]][at[k]%MaxRows] = x
		}
	} else {
		for k, row := range sel {
			b.values[to[k]][at[k]%MaxRows] = v.Values[row]
		}
	}
	if !v.nulls.any {
		return
	}
	for k, row := range sel {
		if v.nulls.Get(int(row)) {
			b.columns[to[k]].nulls.Set(int(at[k]))
		}
	}
}
