package types

import "strings"

// AppendBool appends t or f.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 't')
	}
	return append(dst, 'f')
}

// ParseBool reads a boolean: any unique prefix of true, false, yes, no, on,
// off, or 1 or 0, in any case, white space around it.
func ParseBool(s string) (bool, error) {
	t := trimSpace(s)
	if t == "" {
		return false, errSyntax("boolean", s)
	}
	switch lower(t[0]) {
	case 't':
		if prefixFold("true", t) {
			return true, nil
		}
	case 'f':
		if prefixFold("false", t) {
			return false, nil
		}
	case 'y':
		if prefixFold("yes", t) {
			return true, nil
		}
	case 'n':
		if prefixFold("no", t) {
			return false, nil
		}
	case 'o':
		if strings.EqualFold(t, "on") {
			return true, nil
		}
		if len(t) > 1 && prefixFold("off", t) {
			return false, nil
		}
	case '1', '0':
		if len(t) == 1 {
			return t[0] == '1', nil
		}
	}
	return false, errSyntax("boolean", s)
}

// ParseBoolBytes is ParseBool of bytes; it keeps nothing of b.
func ParseBoolBytes(b []byte) (bool, error) { return ParseBool(view(b)) }

// prefixFold reports whether t begins word, in any case.
func prefixFold(word, t string) bool {
	return len(t) <= len(word) && strings.EqualFold(word[:len(t)], t)
}

var _ = register(&Info{
	OID: Bool, Name: "bool", SQLName: "boolean", Array: 1000, Len: 1, ByVal: true, Align: 'c',
	Category: 'B', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysBool, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		b, err := ParseBool(s)
		return NewBool(b), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return AppendBool(dst, v.I != 0) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 1 {
			return Value{}, errBinaryLength(b, 1)
		}
		return NewBool(b[0] != 0), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return append(dst, byte(v.I)) },
	Compare:      compareI,
})

// compareI orders values that lie in Value.I.
func compareI(a, b Value) int { return compareInt(a.I, b.I) }
