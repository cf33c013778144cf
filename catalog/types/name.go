package types

import (
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// nameLength is the most bytes that a name keeps.
const nameLength = 63

// CutName cuts an identifier to PostgreSQL's 63 bytes, at a character.
func CutName(s string) string {
	if len(s) <= nameLength {
		return s
	}
	end := nameLength
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

var _ = nameType()

func nameType() *Info {
	i := textType(&Info{
		OID: Name, Name: "name", SQLName: "name", Array: 1003, Len: 64, Align: 'c', Category: 'S', Comparable: true, Elem: Char,
	})
	read := i.In
	i.In = func(s string, mod int32, f *Format) (Value, error) {
		v, err := read(s, mod, f)
		v.S = CutName(v.S)
		return v, err
	}
	i.Recv = func(b []byte, mod int32) (Value, error) {
		v, err := read(string(b), mod, nil)
		if err == nil && len(v.S) > nameLength {
			return v, sqlerr.Errorf(sqlerr.NameTooLong, "identifier too long").
				WithDetail("Identifier must be less than 64 characters.")
		}
		return v, err
	}
	return i
}
