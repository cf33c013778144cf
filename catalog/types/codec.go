package types

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Parse reads the text form of a value of type t and applies t's modifier.
func Parse(t Type, s string, f *Format) (Value, error) {
	i := Lookup(t.OID)
	if i == nil || i.In == nil {
		return Value{}, noForm(t, "input")
	}
	v, err := i.In(s, t.Mod, f)
	v.Type = t
	return v, err
}

// AppendText appends the text form of v, which is not NULL.
func AppendText(dst []byte, v Value, f *Format) []byte {
	return Lookup(v.Type.OID).AppendText(dst, v, f)
}

// AppendBinary appends the binary form of v, which is not NULL, without its
// length word. Only what an enum's value is called is taken from f, which may be
// nil where v holds none.
func AppendBinary(dst []byte, v Value, f *Format) []byte {
	return Lookup(v.Type.OID).AppendBinary(dst, v, f)
}

// FromBinary reads the binary form of a value of type t and applies t's
// modifier. It keeps nothing of b. f may be nil where t is neither a row type
// nor an enum.
func FromBinary(t Type, b []byte, f *Format) (Value, error) {
	i := Lookup(t.OID)
	if i != nil && i.Kind == 'e' {
		v, err := i.In(string(b), -1, f)
		v.Type = t
		return v, err
	}
	if elem := enumElem(t.OID); elem != nil {
		return recvArray(b, elem, -1, func(b []byte) (Value, error) { return elem.In(string(b), -1, f) })
	}
	if relation := RowRelation(t.OID); relation != 0 {
		row := func(b []byte) (Value, error) { return recvRow(RowType(relation), b, f) }
		if isRowType(t.OID) {
			return row(b)
		}
		return recvArray(b, Lookup(i.Elem), -1, row)
	}
	if i == nil || i.Recv == nil {
		return Value{}, noForm(t, "binary input")
	}
	v, err := i.Recv(b, t.Mod)
	v.Type = t
	return v, err
}

// Compare orders two values of one type that are not NULL: -1, 0 or 1.
func Compare(a, b Value) int { return Lookup(a.Type.OID).Compare(a, b) }

// Coerce applies the modifier of t to v. An explicit cast truncates where an
// assignment raises 22001.
func Coerce(v Value, t Type, explicit bool) (Value, error) {
	i := Lookup(t.OID)
	if t.Mod >= 0 && !v.Null && i.Coerce != nil {
		var err error
		if v, err = i.Coerce(v, t.Mod, explicit); err != nil {
			return v, err
		}
	}
	v.Type = t
	return v, nil
}

func noForm(t Type, what string) error {
	return sqlerr.Errorf(sqlerr.UndefinedFunction, "no %s function available for type %s", what, FormatType(t))
}
