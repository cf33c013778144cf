package types

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// refcursor is the name of a cursor: text of another name.
var _ = textType(&Info{OID: 1790, Name: "refcursor", SQLName: "refcursor", Array: 2201, Len: -1, Align: 'i', Category: 'U'})

// A snapshot is xmin:xmax:xip,...: which transactions had ended. Its value is
// those numbers, eight bytes each.
var (
	_ = registerSnapshot(&Info{OID: 5038, Name: "pg_snapshot", SQLName: "pg_snapshot", Array: 5039})
	_ = registerSnapshot(&Info{OID: 2970, Name: "txid_snapshot", SQLName: "txid_snapshot", Array: 2949})
)

func registerSnapshot(i *Info) *Info {
	oid := i.OID
	i.Len, i.Align, i.Category, i.Kind, i.Delim, i.Phys = -1, 'd', 'U', 'b', ',', PhysBytes
	i.In = func(s string, _ int32, _ *Format) (Value, error) {
		xs, ok := parseSnapshot(s)
		if !ok {
			return Value{}, errSyntax("pg_snapshot", s)
		}
		return newSnapshot(oid, xs), nil
	}
	i.AppendText = appendSnapshot
	i.Recv = func(b []byte, _ int32) (Value, error) { return recvSnapshot(oid, b) }
	i.AppendBinary = func(dst []byte, v Value, _ *Format) []byte {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.S)/8-2))
		return append(dst, v.S...)
	}
	i.Compare = compareS
	return register(i)
}

func newSnapshot(oid OID, xs []uint64) Value {
	b := make([]byte, 0, 8*len(xs))
	for _, x := range xs {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return NewString(oid, string(b))
}

func appendSnapshot(dst []byte, v Value, _ *Format) []byte {
	for i := 0; i < len(v.S); i += 8 {
		dst = strconv.AppendUint(dst, binary.BigEndian.Uint64([]byte(v.S[i:i+8])), 10)
		switch {
		case i < 16:
			dst = append(dst, ':')
		case i+8 < len(v.S):
			dst = append(dst, ',')
		}
	}
	return dst
}

// parseSnapshot reads xmin, xmax and the transactions between them, which
// ascend; one that is there twice counts once.
func parseSnapshot(s string) (xs []uint64, ok bool) {
	next := func(s string, end byte) (rest string, ok bool) {
		x, rest, _ := leadingUlong(s)
		if rest == "" || rest[0] != end {
			return s, false
		}
		xs = append(xs, x)
		return rest[1:], true
	}
	rest, ok := next(s, ':')
	if !ok {
		return nil, false
	}
	if rest, ok = next(rest, ':'); !ok {
		return nil, false
	}
	xmin, xmax := xs[0], xs[1]
	if xmin == 0 || xmax == 0 || xmax < xmin {
		return nil, false
	}
	for rest != "" {
		x, after, _ := leadingUlong(rest)
		if x < xmin || x >= xmax || len(xs) > 2 && x < xs[len(xs)-1] {
			return nil, false
		}
		if len(xs) == 2 || x != xs[len(xs)-1] {
			xs = append(xs, x)
		}
		switch {
		case strings.HasPrefix(after, ","):
			rest = after[1:]
		case after == "":
			rest = ""
		default:
			return nil, false
		}
	}
	return xs, true
}

func recvSnapshot(oid OID, b []byte) (Value, error) {
	bad := func() (Value, error) { return Value{}, errForm("invalid external pg_snapshot data") }
	r := formReader{b: b}
	n := int32(r.uint32())
	if r.err != nil {
		return Value{}, r.err
	}
	if n < 0 || n > (1<<30-1-24)/8 {
		return bad()
	}
	xs := []uint64{r.uint64(), r.uint64()}
	if r.err != nil {
		return Value{}, r.err
	}
	if xs[0] == 0 || xs[1] == 0 || xs[0] > xs[1] || int64(xs[0]) < 0 || int64(xs[1]) < 0 {
		return bad()
	}
	last := uint64(0)
	for range n {
		x := r.uint64()
		if r.err != nil {
			return Value{}, r.err
		}
		if x < last || x < xs[0] || x > xs[1] {
			return bad()
		}
		xs, last = append(xs, x), x
	}
	return newSnapshot(oid, slices.Concat(xs[:2], slices.Compact(xs[2:]))), r.end()
}
