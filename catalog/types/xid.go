package types

import "strconv"

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

// XID and CID are the ids of transactions and commands, without their epochs.
const (
	XID OID = 28
	CID OID = 29
)

var (
	_ = registerXID(XID, 1011, "xid")
	_ = registerXID(CID, 1012, "cid")
)

// XID8 is a transaction id with its epoch.
const XID8 OID = 5069

var _ = register(&Info{
	OID: XID8, Name: "xid8", SQLName: "xid8", Array: 271, Len: 8, ByVal: true, Align: 'd',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		u, rest, ok := leadingUlong0(s)
		switch {
		case !ok:
			return Value{}, errRange("xid8", s)
		case len(rest) == len(s) || skipSpace(rest) != "":
			return Value{}, errSyntax("xid8", s)
		}
		return orderedUint64(XID8, u), nil
	},
	AppendText:   func(dst []byte, v Value, _ *Format) []byte { return strconv.AppendUint(dst, v.Uint64(), 10) },
	Recv:         recvUint64(XID8),
	AppendBinary: appendUint64,
	Compare:      compareI,
})

// leadingUlong0 is C's strtoull in base 0: hexadecimal after 0x, octal after 0.
// rest is s itself where no number is; ok is false for one too large.
func leadingUlong0(s string) (u uint64, rest string, ok bool) {
	t := skipSpace(s)
	end := 0
	if t != "" && (t[0] == '-' || t[0] == '+') {
		end = 1
	}
	radix := int64(10)
	if len(t) > end && t[end] == '0' {
		radix = 8
		if len(t) > end+2 && t[end+1]|0x20 == 'x' && digitValue(t[end+2]) < 16 {
			radix, end = 16, end+2
		}
	}
	start := end
	for end < len(t) && digitValue(t[end]) < radix {
		end++
	}
	if end == start {
		return 0, s, true
	}
	u, err := strconv.ParseUint(t[start:end], int(radix), 64)
	if t[0] == '-' {
		u = -u
	}
	return u, t[end:], err == nil
}
