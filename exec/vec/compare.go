package vec

import (
	"bytes"
	"cmp"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Equal reports whether row i of a and row j of b, columns of type t, are not
// distinct: two NULLs are equal.
func Equal(a Vec, i int, b Vec, j int, t types.Type) bool {
	if c, ok := a.(*Const); ok {
		a, i = c.Of, 0
	}
	if c, ok := b.(*Const); ok {
		b, j = c.Of, 0
	}
	an, bn := a.Nulls().Get(i), b.Nulls().Get(j)
	if an || bn {
		return an && bn
	}
	switch a := a.(type) {
	case *Fixed[int64]:
		return a.Values[i] == b.(*Fixed[int64]).Values[j]
	case *Fixed[int32]:
		return a.Values[i] == b.(*Fixed[int32]).Values[j]
	case *Fixed[types.UUIDValue]:
		return a.Values[i] == b.(*Fixed[types.UUIDValue]).Values[j]
	case *Bytes:
		x, y := a.At(i), b.(*Bytes).At(j)
		if Bytewise(t.OID) {
			return bytes.Equal(x, y)
		}
	}
	return compareRows(a, i, b, j, t) == 0
}

// Compare orders row i of a and row j of b, columns of type t, as a btree
// does: -1, 0 or 1. NULL is greater than everything, and equal to NULL.
func Compare(a Vec, i int, b Vec, j int, t types.Type) int {
	if c, ok := a.(*Const); ok {
		a, i = c.Of, 0
	}
	if c, ok := b.(*Const); ok {
		b, j = c.Of, 0
	}
	an, bn := a.Nulls().Get(i), b.Nulls().Get(j)
	switch {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return compareRows(a, i, b, j, t)
}

// CompareJSONBUntil is Compare of columns of jsonb that gives up with the error of
// ended, which it asks all the while.
func CompareJSONBUntil(a Vec, i int, b Vec, j int, ended func() error) (int, error) {
	if c, ok := a.(*Const); ok {
		a, i = c.Of, 0
	}
	if c, ok := b.(*Const); ok {
		b, j = c.Of, 0
	}
	if a.Nulls().Get(i) || b.Nulls().Get(j) {
		return Compare(a, i, b, j, types.Of(types.JSONB)), nil
	}
	return types.CompareJSONBUntil(stringOf(a.(*Bytes).At(i)), stringOf(b.(*Bytes).At(j)), ended)
}

// compareRows orders two rows that are not NULL, of columns that are no
// constants.
func compareRows(a Vec, i int, b Vec, j int, t types.Type) int {
	switch a := a.(type) {
	case *Fixed[bool]:
		x, y := a.Values[i], b.(*Fixed[bool]).Values[j]
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	case *Fixed[int16]:
		return cmp.Compare(a.Values[i], b.(*Fixed[int16]).Values[j])
	case *Fixed[int32]:
		return cmp.Compare(a.Values[i], b.(*Fixed[int32]).Values[j])
	case *Fixed[int64]:
		return cmp.Compare(a.Values[i], b.(*Fixed[int64]).Values[j])
	case *Fixed[uint32]:
		return cmp.Compare(a.Values[i], b.(*Fixed[uint32]).Values[j])
	case *Fixed[float32]:
		return CompareFloat(float64(a.Values[i]), float64(b.(*Fixed[float32]).Values[j]))
	case *Fixed[float64]:
		return CompareFloat(a.Values[i], b.(*Fixed[float64]).Values[j])
	case *Fixed[types.IntervalValue]:
		return CompareInterval(a.Values[i], b.(*Fixed[types.IntervalValue]).Values[j])
	case *Fixed[types.UUIDValue]:
		x, y := &a.Values[i], &b.(*Fixed[types.UUIDValue]).Values[j]
		return bytes.Compare(x[:], y[:])
	case *Bytes:
		x, y := a.At(i), b.(*Bytes).At(j)
		switch t.OID {
		case types.BPChar:
			return bytes.Compare(bytes.TrimRight(x, " "), bytes.TrimRight(y, " "))
		case types.JSONB, types.NumRange, types.NumMultirange, types.TSQuery:
			if bytes.Equal(x, y) {
				return 0
			}
			return types.Compare(types.Value{Type: t, S: stringOf(x)}, types.Value{Type: t, S: stringOf(y)})
		}
		if types.IsRow(t.OID) {
			if bytes.Equal(x, y) {
				return 0
			}
			c, _ := types.CompareRows(stringOf(x), stringOf(y))
			return c
		}
		return bytes.Compare(x, y)
	case *Numeric:
		return compareNumeric(a, i, b.(*Numeric), j)
	case *List:
		return compareList(a, i, b.(*List), j)
	}
	panic("vec: unknown column")
}

// Bytewise reports whether values of a type that lies in Bytes are equal where
// their bytes are, and ordered as these.
func Bytewise(oid types.OID) bool {
	switch oid {
	case types.BPChar, types.JSONB, types.NumRange, types.NumMultirange, types.TSQuery:
		return false
	}
	return !types.IsRow(oid)
}

func compareNumeric(a *Numeric, i int, b *Numeric, j int) int {
	if a.Narrow() && b.Narrow() && a.Scale == b.Scale {
		return cmp.Compare(a.Lo[i], b.Lo[j])
	}
	return a.At(i).Compare(b.At(j))
}

// compareList orders arrays as PostgreSQL does: by their elements, then by
// number of elements, of dimensions, and by the dimensions. A NULL element is
// greater than any other.
func compareList(a *List, i int, b *List, j int) int {
	af, at := a.At(i)
	bf, bt := b.At(j)
	for k := range min(at-af, bt-bf) {
		if c := Compare(a.Elem, af+k, b.Elem, bf+k, a.Type); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(at-af, bt-bf); c != 0 {
		return c
	}
	ad, bd := a.dims(i), b.dims(j)
	if c := cmp.Compare(len(ad), len(bd)); c != 0 {
		return c
	}
	for k := range ad {
		if c := cmp.Compare(ad[k].Len, bd[k].Len); c != 0 {
			return c
		}
	}
	for k := range ad {
		if c := cmp.Compare(ad[k].Lower, bd[k].Lower); c != 0 {
			return c
		}
	}
	return 0
}

// CompareFloat orders floats as PostgreSQL does: NaN equals itself and is
// greater than all else.
func CompareFloat(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	case x != x && y != y:
		return 0
	case x != x:
		return 1
	}
	return -1
}

// CompareInterval orders intervals by their length, a month being 30 days and
// a day 24 hours.
func CompareInterval(x, y types.IntervalValue) int {
	if x == y {
		return 0
	}
	xd, xm := intervalSpan(x)
	yd, ym := intervalSpan(y)
	if c := cmp.Compare(xd, yd); c != 0 {
		return c
	}
	return cmp.Compare(xm, ym)
}

const microsPerDay = 24 * 60 * 60 * 1000000

// intervalSpan is an interval's length in whole days and the microseconds of
// the day left, which are not negative.
func intervalSpan(v types.IntervalValue) (days, micros int64) {
	days, micros = v.Micros/microsPerDay, v.Micros%microsPerDay
	if micros < 0 {
		days, micros = days-1, micros+microsPerDay
	}
	return days + int64(v.Months)*30 + int64(v.Days), micros
}
