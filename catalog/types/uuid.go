package types

import "strings"

const hexDigits = "0123456789abcdef"

// hexValues are the values of hexadecimal digits, 255 for other bytes.
var hexValues = func() (t [256]byte) {
	for c := range t {
		t[c] = 255
		if v := digitValue(byte(c)); v < 16 {
			t[c] = byte(v)
		}
	}
	return t
}()

// AppendUUID appends a uuid as 8-4-4-4-12 hexadecimal digits.
func AppendUUID(dst []byte, u UUIDValue) []byte {
	var b [36]byte
	at := 0
	for i, c := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[at] = '-'
			at++
		}
		b[at], b[at+1] = hexDigits[c>>4], hexDigits[c&15]
		at += 2
	}
	return append(dst, b[:]...)
}

// ParseUUID reads a uuid: 32 hexadecimal digits in any case, a hyphen after any
// group of four, the whole perhaps in braces.
func ParseUUID(s string) (UUIDValue, error) {
	var u UUIDValue
	t := s
	if strings.HasPrefix(t, "{") {
		t = t[1:]
		if !strings.HasSuffix(t, "}") {
			return u, errSyntax("uuid", s)
		}
		t = t[:len(t)-1]
	}
	for i := range u {
		if len(t) < 2 {
			return u, errSyntax("uuid", s)
		}
		hi, lo := hexValues[t[0]], hexValues[t[1]]
		if hi|lo > 15 {
			return u, errSyntax("uuid", s)
		}
		u[i] = hi<<4 | lo
		t = t[2:]
		if i%2 == 1 && i < 15 && t != "" && t[0] == '-' {
			t = t[1:]
		}
	}
	if t != "" {
		return u, errSyntax("uuid", s)
	}
	return u, nil
}

// ParseUUIDBytes is ParseUUID of bytes; it keeps nothing of b.
func ParseUUIDBytes(b []byte) (UUIDValue, error) { return ParseUUID(view(b)) }

// NewUUID returns a uuid.
func NewUUID(u UUIDValue) Value { return NewString(UUID, string(u[:])) }

// UUID is the value of a uuid.
func (v Value) UUID() UUIDValue { return UUIDValue([]byte(v.S)) }

var _ = register(&Info{
	OID: UUID, Name: "uuid", SQLName: "uuid", Array: 2951, Len: 16, Align: 'c',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysUUID, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		u, err := ParseUUID(s)
		return NewUUID(u), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return AppendUUID(dst, v.UUID()) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 16 {
			return Value{}, errBinaryLength(b, 16)
		}
		return NewString(UUID, string(b)), nil
	},
	AppendBinary: appendS,
	Compare:      compareS,
})

// appendS appends values whose binary form is Value.S.
func appendS(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) }

// compareS orders values that lie in Value.S by their bytes.
func compareS(a, b Value) int { return strings.Compare(a.S, b.S) }
