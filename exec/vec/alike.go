package vec

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// AnyShape reports whether two values of a type may be such that nothing orders
// them, nor tells whether they are equal: rows that are not of one relation, each of
// which says of itself what its columns are, and arrays of such.
func AnyShape(t types.Type) bool { return t.OID == types.Record || t.OID == types.RecordArray }

// Order is Compare of values of a type that is AnyShape. It fails where PostgreSQL
// does: at columns of rows that are not of one type, or of one without an order.
func Order(a Vec, i int, b Vec, j int, t types.Type) (int, error) {
	var x, y types.Value
	Borrow(&x, a, i, t)
	Borrow(&y, b, j, t)
	switch {
	case x.Null && y.Null:
		return 0, nil
	case x.Null:
		return 1, nil
	case y.Null:
		return -1, nil
	}
	return types.Order(x, y)
}

// Alike finds, of values of a type that is AnyShape, two that Order fails on, in
// whatever order they come: without comparing each with each.
//
// Two rows are compared up to the first column in which they differ, so they are
// comparable where what follows the same values is of the same type. While all rows
// have one header and types with an order, there is nothing to know beside it.
type Alike struct {
	header string
	mixed  bool                  // the places are noted
	places map[uint64]types.Type // what is at a place, by the hash of all that is before it
	hash   map[types.Type]Vec    // a column of one value of each type
}

// rowEnd is what is at a place where a row ends.
var rowEnd = types.Type{}

// Mixed reports whether a value makes it necessary to know those before it, none of
// which has been noted: they must all be given to Add, and what comes after them.
// It reports so once.
func (a *Alike) Mixed(v Vec, row int, t types.Type) bool {
	if a.mixed {
		return false
	}
	var val types.Value
	if Borrow(&val, v, row, t); val.Null {
		return false
	}
	if t.OID == types.Record {
		header := types.HeaderOf(val.S)
		if header == a.header {
			return false
		}
		if a.header == "" && ordered(val.S) {
			a.header = strings.Clone(header)
			return false
		}
	}
	a.mixed, a.places, a.hash = true, map[uint64]types.Type{}, map[types.Type]Vec{}
	return true
}

// Noting reports whether values are to be given to Add.
func (a *Alike) Noting() bool { return a.mixed }

// Bytes is what the places take.
func (a *Alike) Bytes() int64 { return 40 * int64(len(a.places)) }

// ordered reports whether all columns of a row have an order, and none holds rows
// that must be looked into.
func ordered(row string) bool {
	for _, c := range types.ReadRow(row).Cols {
		if AnyShape(c.Type) || types.NeedOrder(c.Type.OID) != nil {
			return false
		}
	}
	return true
}

// Add notes a value. It fails where the value is not comparable with one before it.
func (a *Alike) Add(v Vec, row int, t types.Type) error {
	var val types.Value
	Borrow(&val, v, row, t)
	_, err := a.value(k0, val)
	return err
}

// value notes a value that comes after what place is the hash of, and returns the
// place after it.
func (a *Alike) value(place uint64, v types.Value) (uint64, error) {
	switch {
	case v.Null:
		return combine(place, nullHash), nil
	case v.Type.OID == types.Record:
		return a.row(combine(place, k1), v.S)
	case v.Type.OID == types.RecordArray:
		for _, e := range v.A.Elems {
			var err error
			if place, err = a.value(place, e); err != nil {
				return 0, err
			}
		}
		return combine(place, k2), nil
	}
	col := a.hash[v.Type]
	if col == nil {
		col = newAny(v.Type)
		a.hash[v.Type] = col
	}
	col.Reset()
	Append(col, v)
	return combine(place, rowHash(col, v.Type)(0)), nil
}

func (a *Alike) row(place uint64, s string) (uint64, error) {
	r := types.ReadRow(s)
	for i, c := range r.Cols {
		if err := a.note(place, types.Of(c.Type.OID), i); err != nil {
			return 0, err
		}
		var err error
		if place, err = a.value(place, r.Vals[i]); err != nil {
			return 0, err
		}
	}
	return combine(place, k3), a.note(place, rowEnd, len(r.Cols))
}

// note notes what is at a place, column i of a row.
func (a *Alike) note(place uint64, t types.Type, i int) error {
	was, ok := a.places[place]
	switch {
	case !ok:
		a.places[place] = t
		return nil
	case was == rowEnd && t == rowEnd:
		return nil
	case was == rowEnd || t == rowEnd:
		return sqlerr.Errorf(sqlerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	case was != t:
		return sqlerr.Errorf(sqlerr.DatatypeMismatch, "cannot compare dissimilar column types %s and %s at record column %d",
			types.FormatType(was), types.FormatType(t), i+1)
	}
	return types.NeedOrder(t.OID)
}
