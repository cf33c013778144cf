package types

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// LSN is a place in PostgreSQL's log.
const LSN OID = 3220

// orderedUint64 makes a value of 64 bits without a sign: its highest bit is
// turned over, so that columns of int64 order it.
func orderedUint64(oid OID, u uint64) Value { return NewInt(oid, int64(u^1<<63)) }

// Uint64 is the number of a value that is 64 bits without a sign: xid8, pg_lsn.
func (v Value) Uint64() uint64 { return uint64(v.I) ^ 1<<63 }

// NewXID8 returns a transaction id with its epoch.
func NewXID8(u uint64) Value { return orderedUint64(XID8, u) }

func recvUint64(oid OID) func(b []byte, _ int32) (Value, error) {
	return func(b []byte, _ int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		return orderedUint64(oid, binary.BigEndian.Uint64(b)), nil
	}
}

func appendUint64(dst []byte, v Value, _ *Format) []byte {
	return binary.BigEndian.AppendUint64(dst, v.Uint64())
}

var _ = register(&Info{
	OID: LSN, Name: "pg_lsn", SQLName: "pg_lsn", Array: 3221, Len: 8, ByVal: true, Align: 'd',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		hi, lo, ok := strings.Cut(s, "/")
		x, xok := lsnPart(hi)
		y, yok := lsnPart(lo)
		if !ok || !xok || !yok {
			return Value{}, errSyntax("pg_lsn", s)
		}
		return orderedUint64(LSN, x<<32|y), nil
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte {
		u := v.Uint64()
		dst = append(dst, strings.ToUpper(strconv.FormatUint(u>>32, 16))...)
		dst = append(dst, '/')
		return append(dst, strings.ToUpper(strconv.FormatUint(u&(1<<32-1), 16))...)
	},
	Recv: recvUint64(LSN), AppendBinary: appendUint64, Compare: compareI,
})

// lsnPart reads one to eight hexadecimal digits.
func lsnPart(s string) (u uint64, ok bool) {
	for i := range len(s) {
		d := digitValue(s[i])
		if d > 15 {
			return 0, false
		}
		u = u<<4 | uint64(d)
	}
	return u, len(s) >= 1 && len(s) <= 8
}
