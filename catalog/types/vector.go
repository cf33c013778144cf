package types

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// int2vector and oidvector are arrays of the system catalogs: one dimension from
// zero, no NULL, written with spaces.

// maxVector is the most elements that the text of an int2vector may have.
const maxVector = 100

func vectorOf(oid OID, elem *Info, elems []Value) Value {
	a := &Array{Elem: Of(elem.OID), Elems: elems, Dims: []Dim{{Len: int32(len(elems)), Lower: 0}}}
	return Value{Type: Of(oid), A: a}
}

// NewVector returns an int2vector or an oidvector.
func NewVector(oid OID, items []int64) Value {
	elem := Lookup(Lookup(oid).Elem)
	elems := make([]Value, len(items))
	for i, x := range items {
		elems[i] = NewInt(elem.OID, x)
	}
	return vectorOf(oid, elem, elems)
}

func registerVector(oid, array OID, name string, elem *Info, read func(s, whole string) (int64, string, error)) {
	compare := compareOIDVectors
	if oid == Int2Vector {
		compare = func(a, b Value) int { return compareArrays(a.A, b.A, elem) }
	}
	register(&Info{
		OID: oid, Name: name, SQLName: name, Array: array, Elem: elem.OID, Len: -1, Align: 'i',
		Category: 'A', Kind: 'b', Delim: ',', Phys: PhysList, Comparable: true,
		In: func(s string, _ int32, _ *Format) (Value, error) {
			var elems []Value
			for rest := skipSpace(s); rest != ""; rest = skipSpace(rest) {
				if oid == Int2Vector && len(elems) == maxVector {
					return Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "int2vector has too many elements")
				}
				var x int64
				var err error
				if x, rest, err = read(rest, s); err != nil {
					return Value{}, err
				}
				elems = append(elems, NewInt(elem.OID, x))
			}
			return vectorOf(oid, elem, elems), nil
		},
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			for i, e := range v.A.Elems {
				if i > 0 {
					dst = append(dst, ' ')
				}
				dst = elem.AppendText(dst, e, f)
			}
			return dst
		},
		Recv: func(b []byte, _ int32) (Value, error) {
			v, err := recvArray(b, elem, -1, func(item []byte) (Value, error) { return elem.Recv(item, -1) })
			if err != nil {
				return v, err
			}
			if len(v.A.Dims) != 1 || v.A.Dims[0].Lower != 0 {
				return v, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid %s data", name)
			}
			for _, e := range v.A.Elems {
				if e.Null {
					return v, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid %s data", name)
				}
			}
			return vectorOf(oid, elem, v.A.Elems), nil
		},
		AppendBinary: func(dst []byte, v Value, f *Format) []byte { return appendArrayBinary(dst, v.A, elem, f) },
		Compare:      compare,
	})
}

// compareOIDVectors orders by length, then elements; an int2vector is ordered as
// other arrays are.
func compareOIDVectors(a, b Value) int {
	if c := compareInt(int64(len(a.A.Elems)), int64(len(b.A.Elems))); c != 0 {
		return c
	}
	for i := range a.A.Elems {
		if c := compareInt(a.A.Elems[i].I, b.A.Elems[i].I); c != 0 {
			return c
		}
	}
	return 0
}

// Arrays come last: package variables, which are the other types, are made
// before init runs.
func init() {
	registerVector(Int2Vector, 1006, "int2vector", Lookup(Int2), func(s, whole string) (int64, string, error) {
		v, rest, ok := leadingInt64(s)
		switch {
		case len(rest) == len(s):
			return 0, "", errSyntax("smallint", s)
		case !ok || v != int64(int16(v)):
			return 0, "", errRange("smallint", s)
		case rest != "" && rest[0] != ' ':
			return 0, "", errSyntax("smallint", s)
		}
		return v, rest, nil
	})
	registerVector(OidVector, 1013, "oidvector", Lookup(Oid), func(s, whole string) (int64, string, error) {
		v, rest, err := leadingUint32(s, s, "oid")
		return int64(v), rest, err
	})
	registerArrays()
}

// registerArrays adds the array types of everything with a column.
func registerArrays() {
	for _, i := range All() {
		if i.Array == 0 || i.Phys == PhysNone {
			continue
		}
		registerArray(i, "_"+strings.TrimPrefix(i.Name, "\""))
	}
}
