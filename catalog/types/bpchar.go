package types

import (
	"strings"
	"unicode/utf8"
)

// character(n) holds its padding; comparison does not see it.
var _ = textType(&Info{
	OID: BPChar, Name: "bpchar", SQLName: "character", Array: 1014, Len: -1, Align: 'i', Category: 'S', Comparable: true,
	ModIn:  lengthMod("char"),
	ModOut: lengthText,
	Coerce: func(v Value, mod int32, explicit bool) (Value, error) {
		n := int(mod - 4)
		s, err := fitLength(v.S, n, "character", explicit)
		if err != nil {
			return v, err
		}
		if have := utf8.RuneCountInString(s); have < n {
			s += strings.Repeat(" ", n-have)
		}
		v.S = s
		return v, nil
	},
	Compare: func(a, b Value) int {
		return strings.Compare(strings.TrimRight(a.S, " "), strings.TrimRight(b.S, " "))
	},
})
