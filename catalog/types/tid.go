package types

import (
	"encoding/binary"
	"math"
	"strconv"
)

// TID is the place of a row: a block and an offset in it.
const TID OID = 27

// The value is the binary form, four bytes and two, which orders it.
var _ = register(&Info{
	OID: TID, Name: "tid", SQLName: "tid", Array: 1010, Len: 6, Align: 's',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, _ int32, _ *Format) (Value, error) {
		block, offset, ok := parseTID(s)
		if !ok {
			return Value{}, errSyntax("tid", s)
		}
		b := binary.BigEndian.AppendUint32(nil, block)
		return NewString(TID, string(binary.BigEndian.AppendUint16(b, offset))), nil
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte {
		b := []byte(v.S)
		dst = AppendInt(append(dst, '('), int64(binary.BigEndian.Uint32(b)))
		dst = AppendInt(append(dst, ','), int64(binary.BigEndian.Uint16(b[4:])))
		return append(dst, ')')
	},
	Recv: func(b []byte, _ int32) (Value, error) {
		r := formReader{b: b}
		form := r.take(4)
		r.uint16()
		if r.err == nil {
			form = b[:6]
		}
		return NewString(TID, string(form)), r.end()
	},
	AppendBinary: appendS,
	Compare:      compareS,
})

// parseTID reads (block,offset). As in PostgreSQL anything may stand before the
// parenthesis and after the other one, and a block may be negative.
func parseTID(s string) (block uint32, offset uint16, ok bool) {
	var parts []string
	for i := 0; i < len(s) && len(parts) < 2 && s[i] != ')'; i++ {
		if s[i] == ',' || s[i] == '(' && len(parts) == 0 {
			parts = append(parts, s[i+1:])
		}
	}
	if len(parts) < 2 {
		return 0, 0, false
	}
	b, rest, ok := leadingUlong(parts[0])
	if !ok || rest == "" || rest[0] != ',' || b > math.MaxUint32 && int64(b) != int64(int32(b)) {
		return 0, 0, false
	}
	o, rest, ok := leadingUlong(parts[1])
	if !ok || rest == "" || rest[0] != ')' || o > math.MaxUint16 {
		return 0, 0, false
	}
	return uint32(b), uint16(o), true
}

// leadingUlong is C's strtoul in base 10; no digits at all are zero,
// and one too large is the largest, not ok.
func leadingUlong(s string) (u uint64, rest string, ok bool) {
	t := skipSpace(s)
	sign := t != "" && (t[0] == '-' || t[0] == '+')
	end := 0
	if sign {
		end = 1
	}
	start := end
	for end < len(t) && isDigit(t[end]) {
		end++
	}
	if end == start {
		return 0, s, true
	}
	u, err := strconv.ParseUint(t[start:end], 10, 64)
	if sign && t[0] == '-' && err == nil {
		u = -u
	}
	return u, t[end:], err == nil
}
