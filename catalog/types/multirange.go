package types

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
)

// A multirange's value is that of its ranges, one after the other.

func registerMultirange(t *rangeType, array OID, name string, align byte) {
	comparison := compareS
	var key func(dst, b []byte) []byte
	if t.sub == Numeric {
		key = t.appendKey
		comparison = func(a, b Value) int { return slices.CompareFunc(RangesOf(a), RangesOf(b), CompareRanges) }
	}
	register(&Info{
		OID: t.multi, Name: name, SQLName: name, Array: array, Len: -1, Align: align,
		Category: 'R', Kind: 'm', Delim: ',', Phys: PhysBytes, Comparable: true,
		In: func(s string, _ int32, f *Format) (Value, error) { return t.parseMulti(s, f) },
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			dst = append(dst, '{')
			for i, r := range RangesOf(v) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = t.appendText(dst, r, f)
			}
			return append(dst, '}')
		},
		Recv: func(b []byte, _ int32) (Value, error) { return t.recvMulti(b) },
		AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
			ranges := RangesOf(v)
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(ranges)))
			for _, r := range ranges {
				at := len(dst)
				dst = t.appendBinary(append(dst, 0, 0, 0, 0), r)
				binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
			}
			return dst
		},
		Compare:   comparison,
		AppendKey: key,
	})
}

// RangesOf are the ranges of a multirange, ascending.
func RangesOf(v Value) []Range {
	var all []Range
	t := rangeTypes[v.Type.OID]
	for s := v.S; s != ""; {
		var r Range
		r, s = t.decode(s)
		all = append(all, r)
	}
	return all
}

// NewMultirange makes a multirange of canonical ranges: it leaves out empty
// ones, and joins those that overlap or touch.
func NewMultirange(multi OID, ranges []Range) Value {
	v, _ := multirangeUntil(multi, ranges, nil)
	return v
}

// multirangeUntil is NewMultirange that gives up with the error of ended, where that is
// not nil and returns one.
func multirangeUntil(multi OID, ranges []Range, ended func() error) (Value, error) {
	t := rangeTypes[multi]
	order := make([]int32, len(ranges))
	for i := range order {
		order[i] = int32(i)
	}
	err := blocksort.Sort(order, func(a, b int32) int {
		if c := CompareRanges(ranges[a], ranges[b]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	}, ended)
	if err != nil {
		return Value{}, err
	}
	var joined []Range
	for k, i := range order {
		if k%blocksort.Block == blocksort.Block-1 && ended != nil {
			if err := ended(); err != nil {
				return Value{}, err
			}
		}
		r := ranges[i]
		if r.Empty {
			continue
		}
		if n := len(joined); n > 0 && (Overlap(joined[n-1], r) || Adjacent(joined[n-1], r)) {
			joined[n-1] = unite(joined[n-1], r)
			continue
		}
		joined = append(joined, r)
	}
	var b []byte
	for _, r := range joined {
		b = t.encode(b, r)
	}
	return NewString(multi, string(b)), nil
}

// unite is the range of two that overlap or touch; of bounds that are equal it
// has the second's, which may be written otherwise.
func unite(a, b Range) Range {
	if CompareBounds(a.Lower, true, b.Lower, true) < 0 {
		b.Lower = a.Lower
	}
	if CompareBounds(a.Upper, false, b.Upper, false) > 0 {
		b.Upper = a.Upper
	}
	return b
}

// Overlap reports whether two ranges have something in common.
func Overlap(a, b Range) bool {
	return !a.Empty && !b.Empty && CompareBounds(a.Lower, true, b.Upper, false) <= 0 && CompareBounds(b.Lower, true, a.Upper, false) <= 0
}

// Adjacent reports whether one range begins where the other ends, with nothing
// between them and nothing in common.
func Adjacent(a, b Range) bool {
	touch := func(upper, lower Bound) bool {
		return !upper.Infinite && !lower.Infinite && Compare(upper.Value, lower.Value) == 0 && upper.Inclusive != lower.Inclusive
	}
	return !a.Empty && !b.Empty && (touch(a.Upper, b.Lower) || touch(b.Upper, a.Lower))
}

func (t *rangeType) parseMulti(s string, f *Format) (Value, error) {
	bad := func(detail string) (Value, error) { return Value{}, errMalformed("multirange", s, detail) }
	rest := skipSpace(s)
	if rest == "" || rest[0] != '{' {
		return bad("Missing left brace.")
	}
	rest = rest[1:]
	var ranges []Range
	ended := f.ended()
	for seen := 0; ; seen++ {
		if seen%1024 == 1023 && ended != nil {
			if err := ended(); err != nil {
				return Value{}, err
			}
		}
		rest = skipSpace(rest)
		switch {
		case rest == "":
			return bad("Unexpected end of input.")
		case rest[0] == '[' || rest[0] == '(':
			n := rangeLength(rest)
			if n == 0 {
				return bad("Unexpected end of input.")
			}
			v, err := t.parse(rest[:n], f)
			if err != nil {
				return Value{}, err
			}
			v.Type = Of(t.oid)
			ranges, rest = append(ranges, RangeOf(v)), rest[n:]
		case rest[0] == '}' && seen == 0:
			if skipSpace(rest[1:]) != "" {
				return bad("Junk after closing right brace.")
			}
			return NewMultirange(t.multi, nil), nil
		case hasPrefixFold(rest, rangeEmptyWord):
			rest = rest[len(rangeEmptyWord):]
		default:
			return bad("Expected range start.")
		}
		rest = skipSpace(rest)
		switch {
		case rest == "":
			return bad("Unexpected end of input.")
		case rest[0] == ',':
			rest = rest[1:]
			continue
		case rest[0] != '}':
			return bad("Expected comma or end of multirange.")
		}
		if skipSpace(rest[1:]) != "" {
			return bad("Junk after closing right brace.")
		}
		return multirangeUntil(t.multi, ranges, ended)
	}
}

// rangeLength is the length of the range at the head of s, 0 where it does not
// end.
func rangeLength(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			for i < len(s) && isSpace(s[i]) {
				i++
			}
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ']' || c == ')'):
			return i + 1
		}
	}
	return 0
}

func (t *rangeType) recvMulti(b []byte) (Value, error) {
	r := formReader{b: b}
	n := r.uint32()
	var ranges []Range
	for range n {
		form := r.take(int(int32(r.uint32())))
		if r.err != nil {
			return Value{}, r.err
		}
		v, err := t.recv(form)
		if err != nil {
			return Value{}, err
		}
		v.Type = Of(t.oid)
		ranges = append(ranges, RangeOf(v))
	}
	if r.err == nil && len(r.b) > 0 {
		return Value{}, errMessageFormat()
	}
	return NewMultirange(t.multi, ranges), r.err
}
