package types

// "char" is one byte: a high one prints and reads as \ooo, zero as nothing.
var _ = register(&Info{
	OID: Char, Name: "char", SQLName: "\"char\"", Array: 1002, Len: 1, ByVal: true, Align: 'c',
	Category: 'Z', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		if err := checkUTF8(s); err != nil {
			return Value{}, err
		}
		return NewString(Char, ParseChar(s)), nil
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return AppendChar(dst, v.S) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 1 {
			return Value{}, errBinaryLength(b, 1)
		}
		if b[0] == 0 {
			return NewString(Char, ""), nil
		}
		return NewString(Char, string(b)), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		if v.S == "" {
			return append(dst, 0)
		}
		return append(dst, v.S[0])
	},
	Compare: compareS,
})

// ParseChar is the byte that the text form of a "char" stands for: \ooo, else
// the first byte. The zero byte is the empty string.
func ParseChar(s string) string {
	if len(s) == 4 && s[0] == '\\' && s[1]-'0' < 8 && s[2]-'0' < 8 && s[3]-'0' < 8 {
		c := (s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0')
		if c == 0 {
			return ""
		}
		return string([]byte{c})
	}
	return s[:min(len(s), 1)]
}

// AppendChar appends the text form of a "char".
func AppendChar(dst []byte, s string) []byte {
	if s == "" || s[0] < 0x80 {
		return append(dst, s...)
	}
	c := s[0]
	return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
}
