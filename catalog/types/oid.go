package types

import (
	"encoding/binary"
	"math"
)

// ParseOID reads an oid. As in PostgreSQL, a negative number that fits 32 bits
// wraps around, and hexadecimal and octal digits are read as C reads them.
func ParseOID(s string) (OID, error) {
	v, rest, err := leadingUint32(s, s, "oid")
	if err != nil {
		return 0, err
	}
	if trimSpace(rest) != "" {
		return 0, errSyntax("oid", s)
	}
	return v, nil
}

// leadingUint32 is strtoul at the head of t, which is part of s; name is the
// type in errors.
func leadingUint32(t, s, name string) (v OID, rest string, err error) {
	u, rest, ok := leadingUlong0(t)
	switch {
	case len(rest) == len(t):
		return 0, "", errSyntax(name, s)
	case !ok || u > math.MaxUint32 && int64(u) != int64(int32(u)):
		return 0, "", errRange(name, s)
	}
	return OID(u), rest, nil
}

func recvOID(oid OID) func(b []byte, _ int32) (Value, error) {
	return func(b []byte, _ int32) (Value, error) {
		if len(b) != 4 {
			return Value{}, errBinaryLength(b, 4)
		}
		return NewInt(oid, int64(binary.BigEndian.Uint32(b))), nil
	}
}

var _ = register(&Info{
	OID: Oid, Name: "oid", SQLName: "oid", Array: 1028, Len: 4, ByVal: true, Align: 'i',
	Category: 'N', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysUint32, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		v, err := ParseOID(s)
		return NewInt(Oid, int64(v)), err
	},
	AppendText:   appendIntText,
	Recv:         recvOID(Oid),
	AppendBinary: appendInt32,
	Compare:      compareI,
})
