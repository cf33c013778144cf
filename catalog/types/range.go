package types

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// PostgreSQL's range types.
const (
	Int4Range OID = 3904
	NumRange  OID = 3906
	TsRange   OID = 3908
	TstzRange OID = 3910
	DateRange OID = 3912
	Int8Range OID = 3926

	NumMultirange OID = 4532

	AnyRange      OID = 3831
	AnyMultirange OID = 4537
)

// Bound is one end of a range.
type Bound struct {
	Value     Value // of the subtype; nothing where Infinite
	Infinite  bool
	Inclusive bool
}

// Range is a range taken apart. The bounds of an empty one say nothing.
type Range struct {
	Empty        bool
	Lower, Upper Bound
}

// Flags of the binary form.
const (
	rangeEmpty      = 0x01
	rangeLowerInc   = 0x02
	rangeUpperInc   = 0x04
	rangeLowerInf   = 0x08
	rangeUpperInf   = 0x10
	rangeEmptyWord  = "empty"
	rangeFlagsKnown = rangeEmpty | rangeLowerInc | rangeUpperInc | rangeLowerInf | rangeUpperInf
)

// rangeType is what ranges of one kind know of their bounds.
type rangeType struct {
	oid, sub, multi OID
	// step is the bound after one, of a subtype without values between; nil:
	// there are.
	step func(v Value) (Value, error)
}

var rangeTypes = map[OID]*rangeType{}

func registerRange(oid, array, sub, multi, multiArray OID, name string, align byte, step func(Value) (Value, error)) *rangeType {
	r := &rangeType{oid: oid, sub: sub, multi: multi, step: step}
	rangeTypes[oid], rangeTypes[multi] = r, r
	comparison := compareS
	var key func(dst, b []byte) []byte
	if sub == Numeric {
		comparison, key = r.compare, r.appendKey
	}
	register(&Info{
		OID: oid, Name: name, SQLName: name, Array: array, Len: -1, Align: align,
		Category: 'R', Kind: 'r', Delim: ',', Phys: PhysBytes, Comparable: true,
		In:           func(s string, _ int32, f *Format) (Value, error) { return r.parse(s, f) },
		AppendText:   func(dst []byte, v Value, f *Format) []byte { return r.appendText(dst, RangeOf(v), f) },
		Recv:         func(b []byte, _ int32) (Value, error) { return r.recv(b) },
		AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return r.appendBinary(dst, RangeOf(v)) },
		Compare:      comparison,
		AppendKey:    key,
	})
	registerMultirange(r, multiArray, strings.Replace(name, "range", "multirange", 1), align)
	return r
}

var _ = func() bool {
	registerRange(Int4Range, 3905, Int4, 4451, 6150, "int4range", 'i', func(v Value) (Value, error) {
		if v.I == math.MaxInt32 {
			return v, OutOfRange("integer")
		}
		v.I++
		return v, nil
	})
	registerRange(Int8Range, 3927, Int8, 4536, 6157, "int8range", 'd', func(v Value) (Value, error) {
		if v.I == math.MaxInt64 {
			return v, OutOfRange("bigint")
		}
		v.I++
		return v, nil
	})
	registerRange(DateRange, 3913, Date, 4535, 6155, "daterange", 'i', func(v Value) (Value, error) {
		if v.I == int64(DateInfinity) || v.I == int64(DateNegInfinity) {
			return v, nil
		}
		if v.I++; v.I > lastDate {
			return v, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range")
		}
		return v, nil
	})
	registerRange(NumRange, 3907, Numeric, 4532, 6151, "numrange", 'i', nil)
	registerRange(TsRange, 3909, Timestamp, 4533, 6152, "tsrange", 'd', nil)
	registerRange(TstzRange, 3911, Timestamptz, 4534, 6153, "tstzrange", 'd', nil)
	return true
}()

// lastDate is 5874897-12-31, the last date there is.
const lastDate = 2145031948

// RangeSubtype is the type of the bounds of a range or multirange type, 0 for
// other types.
func RangeSubtype(oid OID) OID {
	if r := rangeTypes[oid]; r != nil {
		return r.sub
	}
	return Invalid
}

// MultirangeOf is the multirange type of a range type, and RangeOfMulti the
// other way; 0 for other types.
func MultirangeOf(oid OID) OID {
	if r := rangeTypes[oid]; r != nil && r.oid == oid {
		return r.multi
	}
	return Invalid
}

// RangeOfMulti is the range type of a multirange type, 0 for other types.
func RangeOfMulti(oid OID) OID {
	if r := rangeTypes[oid]; r != nil && r.multi == oid {
		return r.oid
	}
	return Invalid
}

// NewRange makes a range of the type and brings it to its canonical form. The
// bounds must be of its subtype.
func NewRange(oid OID, r Range) (Value, error) {
	t := rangeTypes[oid]
	r, err := t.canonical(r)
	if err != nil {
		return Value{}, err
	}
	return NewString(oid, string(t.encode(nil, r))), nil
}

// canonical empties what holds nothing and, where the subtype has steps, makes
// bounds inclusive below and exclusive above.
func (t *rangeType) canonical(r Range) (Range, error) {
	if r.Empty {
		return Range{Empty: true}, nil
	}
	r.Lower.Inclusive = r.Lower.Inclusive && !r.Lower.Infinite
	r.Upper.Inclusive = r.Upper.Inclusive && !r.Upper.Infinite
	if !r.Lower.Infinite && !r.Upper.Infinite {
		switch c := Compare(r.Lower.Value, r.Upper.Value); {
		case c > 0:
			return r, sqlerr.Errorf(sqlerr.DataException, "range lower bound must be less than or equal to range upper bound")
		case c == 0 && !(r.Lower.Inclusive && r.Upper.Inclusive):
			return Range{Empty: true}, nil
		}
	}
	if t.step == nil {
		return r, nil
	}
	stepped := func(b *Bound, inclusive bool) error {
		if b.Infinite || b.Inclusive == inclusive {
			return nil
		}
		if t.sub == Date && (b.Value.I == int64(DateInfinity) || b.Value.I == int64(DateNegInfinity)) {
			return nil // an infinite date has no next one, and stays as it is
		}
		b.Inclusive = inclusive
		var err error
		b.Value, err = t.step(b.Value)
		return err
	}
	if err := stepped(&r.Lower, true); err != nil {
		return r, err
	}
	if err := stepped(&r.Upper, false); err != nil {
		return r, err
	}
	if !r.Lower.Infinite && !r.Upper.Infinite && Compare(r.Lower.Value, r.Upper.Value) == 0 && !(r.Lower.Inclusive && r.Upper.Inclusive) {
		return Range{Empty: true}, nil
	}
	return r, nil
}

// The value of a range is bytes whose order is a btree's, but for numeric's:
// 0 for empty, else 1 and the bounds. A bound is 0 or 2 where it is infinite,
// else 1, the bound and how it is inclusive: below, inclusive comes first.

func (t *rangeType) encode(dst []byte, r Range) []byte {
	if r.Empty {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	dst = t.encodeBound(dst, r.Lower, 0, !r.Lower.Inclusive)
	return t.encodeBound(dst, r.Upper, 2, r.Upper.Inclusive)
}

func (t *rangeType) encodeBound(dst []byte, b Bound, infinite byte, second bool) []byte {
	if b.Infinite {
		return append(dst, infinite)
	}
	dst = append(dst, 1)
	switch t.sub {
	case Int4, Date:
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.Value.I)^1<<31)
	case Numeric:
		at := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), b.Value, nil)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	default:
		dst = binary.BigEndian.AppendUint64(dst, uint64(b.Value.I)^1<<63)
	}
	if second {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// RangeOf takes a range apart.
func RangeOf(v Value) Range {
	r, _ := rangeTypes[v.Type.OID].decode(v.S)
	return r
}

// decode reads one range at the head of s.
func (t *rangeType) decode(s string) (r Range, rest string) {
	if s[0] == 0 {
		return Range{Empty: true}, s[1:]
	}
	var second bool
	r.Lower, second, s = t.decodeBound(s[1:])
	r.Lower.Inclusive = !r.Lower.Infinite && !second
	r.Upper, second, s = t.decodeBound(s)
	r.Upper.Inclusive = second
	return r, s
}

func (t *rangeType) decodeBound(s string) (b Bound, second bool, rest string) {
	if s[0] != 1 {
		return Bound{Infinite: true}, false, s[1:]
	}
	s = s[1:]
	n := 8
	switch t.sub {
	case Int4, Date:
		n = 4
		b.Value = NewInt(t.sub, int64(int32(binary.BigEndian.Uint32([]byte(s[:4]))^1<<31)))
	case Numeric:
		n = 4 + int(binary.BigEndian.Uint32([]byte(s[:4])))
		b.Value, _ = FromBinary(Of(Numeric), []byte(s[4:n]), nil)
	default:
		b.Value = NewInt(t.sub, int64(binary.BigEndian.Uint64([]byte(s[:8]))^1<<63))
	}
	return b, s[n] == 1, s[n+1:]
}

func (t *rangeType) compare(a, b Value) int {
	x, _ := t.decode(a.S)
	y, _ := t.decode(b.S)
	return CompareRanges(x, y)
}

// appendKey appends ranges with their bounds as short as they can be written:
// [1.0,2) is [1,2).
func (t *rangeType) appendKey(dst, b []byte) []byte {
	for s := view(b); s != ""; {
		var r Range
		r, s = t.decode(s)
		r.Lower.Value.N = r.Lower.Value.N.TrimScale()
		r.Upper.Value.N = r.Upper.Value.N.TrimScale()
		dst = t.encode(dst, r)
	}
	return dst
}

// CompareRanges orders ranges as a btree does: the empty one first, then by
// their lower bounds, then by their upper ones.
func CompareRanges(a, b Range) int {
	switch {
	case a.Empty && b.Empty:
		return 0
	case a.Empty:
		return -1
	case b.Empty:
		return 1
	}
	if c := CompareBounds(a.Lower, true, b.Lower, true); c != 0 {
		return c
	}
	return CompareBounds(a.Upper, false, b.Upper, false)
}

// CompareBounds orders two bounds, each a lower or an upper one.
func CompareBounds(a Bound, aLower bool, b Bound, bLower bool) int {
	side := func(lower bool) int {
		if lower {
			return -1
		}
		return 1
	}
	switch {
	case a.Infinite && b.Infinite:
		return compareInt(int64(side(aLower)), int64(side(bLower)))
	case a.Infinite:
		return side(aLower)
	case b.Infinite:
		return -side(bLower)
	}
	if c := Compare(a.Value, b.Value); c != 0 {
		return c
	}
	// An exclusive lower bound is just above, an exclusive upper one just below.
	shift := func(b Bound, lower bool) int {
		if b.Inclusive {
			return 0
		}
		return -side(lower)
	}
	return compareInt(int64(shift(a, aLower)), int64(shift(b, bLower)))
}
