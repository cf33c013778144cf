package types

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// HasEquality reports whether values of a type can be told apart: a btree or a hash
// index could be over it.
func HasEquality(oid OID) bool {
	if oid == XID || oid == CID {
		return true // no order, but a hash
	}
	info := Lookup(oid)
	if info == nil {
		return false
	}
	if info.Phys == PhysList && info.Elem != 0 {
		return HasEquality(info.Elem)
	}
	return info.Comparable
}

// NeedEquality fails where a type has no equality.
func NeedEquality(oid OID) error {
	if HasEquality(oid) {
		return nil
	}
	return sqlerr.Errorf(sqlerr.UndefinedFunction, "could not identify an equality operator for type %s", FormatType(Of(oid)))
}

// NeedOrder fails where a type has no order.
func NeedOrder(oid OID) error {
	if info := Lookup(oid); info != nil && info.Comparable {
		return nil
	}
	return sqlerr.Errorf(sqlerr.UndefinedFunction, "could not identify a comparison function for type %s", FormatType(Of(oid)))
}

// Order is Compare that fails where PostgreSQL does: at rows whose columns are
// not of the same types, and elements or columns that have no order.
func Order(a, b Value) (int, error) {
	switch {
	case a.A != nil && b.A != nil:
		if err := NeedOrder(a.A.Elem.OID); err != nil {
			return 0, err
		}
		return orderArrays(a.A, b.A, Order)
	case IsRow(a.Type.OID):
		return CompareRows(a.S, b.S)
	}
	return Compare(a, b), nil
}

// Same reports whether two values are equal, and fails where PostgreSQL does.
func Same(a, b Value) (bool, error) {
	switch {
	case a.A != nil && b.A != nil:
		if !sameDims(a.A.Dims, b.A.Dims) {
			return false, nil
		}
		if err := NeedEquality(a.A.Elem.OID); err != nil {
			return false, err
		}
		c, err := orderArrays(a.A, b.A, unequal)
		return c == 0, err
	case IsRow(a.Type.OID):
		return EqualRows(a.S, b.S)
	}
	return Compare(a, b) == 0, nil
}

func sameDims(a, b []Dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// orderArrays orders arrays by their elements, NULL above everything, then by
// their shapes.
func orderArrays(a, b *Array, order func(x, y Value) (int, error)) (int, error) {
	for i := range min(len(a.Elems), len(b.Elems)) {
		x, y := a.Elems[i], b.Elems[i]
		switch {
		case x.Null && y.Null:
			continue
		case x.Null:
			return 1, nil
		case y.Null:
			return -1, nil
		}
		if c, err := order(x, y); c != 0 || err != nil {
			return c, err
		}
	}
	return compareShapes(a, b), nil
}
