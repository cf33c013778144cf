package types

import (
	"encoding/binary"
	"strconv"
)

// Transaction and command ids, which PostgreSQL's catalogs and drivers ask for.
func registerXID(oid, array OID, name string) bool {
	register(&Info{
		OID: oid, Name: name, SQLName: name, Array: array, Len: 4, ByVal: true, Align: 'i',
		Category: 'U', Kind: 'b', Delim: ',', Phys: PhysUint32,
		In: func(s string, _ int32, _ *Format) (Value, error) {
			v, rest, err := leadingUint32(s, s, name)
			if err == nil && trimSpace(rest) != "" {
				err = errSyntax(name, s)
			}
			return NewInt(oid, int64(v)), err
		},
		AppendText:   appendIntText,
		Recv:         recvOID(oid),
		AppendBinary: appendInt32,
		Compare:      compareI,
	})
	return true
}

var (
	_ = registerXID(28, 1011, "xid")
	_ = registerXID(29, 1012, "cid")
)

// XID8 is a transaction id with its epoch.
const XID8 OID = 5069

// An xid8 is unsigned; its 64 bits lie in Value.I.
var _ = register(&Info{
	OID: XID8, Name: "xid8", SQLName: "xid8", Array: 271, Len: 8, ByVal: true, Align: 'd',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		u, err := strconv.ParseUint(trimSpace(s), 10, 64)
		if err != nil {
			return Value{}, errSyntax("xid8", s)
		}
		return NewInt(XID8, int64(u)), nil
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return strconv.AppendUint(dst, uint64(v.I), 10) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		return NewInt(XID8, int64(binary.BigEndian.Uint64(b))), nil
	},
	AppendBinary: appendInt64,
	Compare: func(a, b Value) int {
		// The sign bit turned over makes signed order unsigned.
		return compareInt(a.I^-1<<63, b.I^-1<<63)
	},
})
