package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// The newer family of polymorphic types, whose arguments need only a common type.
const (
	anyCompatible         types.OID = 5077
	anyCompatibleArray    types.OID = 5078
	anyCompatibleNonArray types.OID = 5079
)

// anyEnum is anyelement that must be an enum.
const anyEnum types.OID = 3500

func polymorphic(oid types.OID) bool {
	switch oid {
	case types.AnyElement, types.AnyArray, types.AnyNonArray, anyCompatible, anyCompatibleArray, anyCompatibleNonArray,
		types.AnyRange, types.AnyMultirange, anyEnum:
		return true
	}
	return false
}

func polymorphicArray(oid types.OID) bool { return oid == types.AnyArray || oid == anyCompatibleArray }

// generics are what the polymorphic arguments of a call have in common.
type generics struct {
	elem   types.OID // of anyelement and anyarray
	ranged types.OID // anyrange; elem is its subtype
	compat types.OID // of the anycompatible family
}

// resolveGenerics finds the types that the polymorphic arguments stand for; ok
// is false where they contradict each other.
func (b *binder) resolveGenerics(actual, declared []types.OID) (g generics, ok bool) {
	var compat []operand
	for i, d := range declared {
		a := actual[i]
		if !polymorphic(d) || a == types.Unknown {
			continue
		}
		elem := a
		if d == types.AnyRange || d == types.AnyMultirange {
			ranged := a
			if d == types.AnyMultirange {
				ranged = types.RangeOfMulti(a)
			}
			if types.MultirangeOf(ranged) == 0 || g.ranged != 0 && g.ranged != ranged {
				return g, false
			}
			g.ranged, elem = ranged, types.RangeSubtype(ranged)
		} else if polymorphicArray(d) {
			if elem = elemType(a); elem == 0 {
				return g, false
			}
		} else if d == anyEnum && !types.IsEnum(a) {
			return g, false
		} else if (d == types.AnyNonArray || d == anyCompatibleNonArray) && elemType(a) != 0 {
			return g, false
		}
		switch d {
		case types.AnyElement, types.AnyArray, types.AnyNonArray, types.AnyRange, types.AnyMultirange, anyEnum:
			if g.elem != 0 && g.elem != elem {
				return g, false
			}
			g.elem = elem
		default:
			compat = append(compat, operand{e: &plan.Column{Typ: types.Of(elem)}, loc: -1})
		}
	}
	if slices.Contains(declared, anyEnum) && !types.IsEnum(g.elem) {
		return g, false
	}
	if len(compat) > 0 {
		g.compat = b.commonType(compat, "")
		if g.compat == types.Invalid {
			return g, false
		}
		for _, o := range compat {
			if !b.canCoerce(o.e.Type().OID, g.compat, implicit) {
				return g, false
			}
		}
	}
	return g, true
}

func (b *binder) genericsConsistent(actual, declared []types.OID) bool {
	_, ok := b.resolveGenerics(actual, declared)
	return ok
}

// concrete replaces the polymorphic types of a call's declared arguments and
// result by what they stand for.
func (b *binder) concrete(actual, declared []types.OID, ret types.OID, loc int32) ([]types.OID, types.OID) {
	any := polymorphic(ret)
	for _, d := range declared {
		any = any || polymorphic(d)
	}
	if !any {
		return declared, ret
	}
	g, ok := b.resolveGenerics(actual, declared)
	if !ok {
		b.failf(sqlerr.DatatypeMismatch, -1, "arguments declared \"%s\" are not all alike", "anyelement")
	}
	needElem := false
	compat := false
	for _, d := range declared {
		switch d {
		case types.AnyElement, types.AnyArray, types.AnyNonArray, types.AnyRange, types.AnyMultirange, anyEnum:
			needElem = true
		case anyCompatible, anyCompatibleArray, anyCompatibleNonArray:
			compat = true
		}
	}
	if compat && g.compat == 0 {
		g.compat = types.Text
	}
	if needElem && g.elem == 0 {
		b.failf(sqlerr.DatatypeMismatch, -1, "could not determine polymorphic type because input has type %s", "unknown")
	}
	if g.ranged == 0 {
		for _, d := range append(slices.Clone(declared), ret) {
			if d == types.AnyRange || d == types.AnyMultirange {
				b.failf(sqlerr.DatatypeMismatch, -1, "could not determine polymorphic type %s because input has type %s", types.FormatType(types.Of(d)), "unknown")
			}
		}
	}
	to := func(t types.OID) types.OID {
		switch t {
		case types.AnyElement, types.AnyNonArray, anyEnum:
			return g.elem
		case types.AnyArray:
			return b.arrayOf(g.elem, loc)
		case types.AnyRange:
			return g.ranged
		case types.AnyMultirange:
			return types.MultirangeOf(g.ranged)
		case anyCompatible, anyCompatibleNonArray:
			return g.compat
		case anyCompatibleArray:
			return b.arrayOf(g.compat, loc)
		}
		return t
	}
	out := make([]types.OID, len(declared))
	for i, d := range declared {
		out[i] = to(d)
		if polymorphicArray(d) && actual[i] != types.Unknown && d == types.AnyArray {
			out[i] = actual[i]
		}
	}
	return out, to(ret)
}

func (b *binder) arrayOf(elem types.OID, loc int32) types.OID {
	a := arrayType(elem)
	if a == 0 {
		b.failf(sqlerr.UndefinedObject, loc, "could not find array type for data type %s", b.formatType(elem))
	}
	return a
}
