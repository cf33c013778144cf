package types

import (
	"encoding/binary"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// ParseTimestamp reads a timestamp; a zone in it is ignored, as in PostgreSQL.
func ParseTimestamp(s string, f *Format) (int64, error) {
	if m, end, ok := fixedStamp(s); ok {
		if end == len(s) {
			return m, nil
		}
		if _, ok := fixedOffset(s[end:]); ok {
			return m, nil
		}
	}
	r, err := readDate(s, "timestamp", f)
	if err != nil {
		return 0, err
	}
	r.offset = 0
	return r.stamp(s)
}

// ParseTimestampBytes is ParseTimestamp of bytes; it keeps nothing of b.
func ParseTimestampBytes(b []byte, f *Format) (int64, error) { return ParseTimestamp(view(b), f) }

// stamp is what was read as microseconds since 2000-01-01 UTC.
func (r *dateReader) stamp(s string) (int64, error) {
	switch r.special {
	case valEpoch:
		return UnixEpoch, nil
	case valLate:
		return TimestampInfinity, nil
	case valEarly:
		return TimestampNegInfinity, nil
	}
	if validJulian(r.year, r.month) {
		days := toJulian(r.year, r.month, r.day)
		// Days beyond the range by one may come back through the offset.
		if days >= -1 && days <= timestampEndJulian {
			m := int64(days-epochJulian)*microsPerDay + r.timeOfDay()
			if m += int64(r.offset) * microsPerSecond; ValidTimestamp(m) {
				return m, nil
			}
		}
	}
	return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", strings.Clone(s))
}

var _ = register(&Info{
	OID: Timestamp, Name: "timestamp", SQLName: "timestamp without time zone", Array: 1115, Len: 8, ByVal: true, Align: 'd',
	Category: 'D', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		m, err := ParseTimestamp(s, f)
		if err != nil {
			return Value{}, err
		}
		return coerceStamp(NewInt(Timestamp, m), mod, false)
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return AppendTimestamp(dst, v.I, f) },
	Recv: func(b []byte, mod int32) (Value, error) {
		m, err := recvStamp(b)
		if err != nil {
			return Value{}, err
		}
		return coerceStamp(NewInt(Timestamp, m), mod, false)
	},
	AppendBinary: appendInt64,
	Compare:      compareI,
	ModIn:        precisionMod("TIMESTAMP", ""),
	ModOut:       precisionText(" without time zone"),
	Coerce:       coerceStamp,
})

func appendInt64(dst []byte, v Value, _ *Format) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(v.I))
}

func recvStamp(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, errBinaryLength(b, 8)
	}
	m := int64(binary.BigEndian.Uint64(b))
	if m != TimestampInfinity && m != TimestampNegInfinity && !ValidTimestamp(m) {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range")
	}
	return m, nil
}

// coerceStamp rounds to the modifier's fraction digits.
func coerceStamp(v Value, mod int32, _ bool) (Value, error) {
	if mod < 0 || mod > 5 || v.I == TimestampInfinity || v.I == TimestampNegInfinity {
		return v, nil
	}
	v.I = RoundMicros(v.I, mod) // which may be just past the end, as in PostgreSQL
	return v, nil
}

// RoundMicros rounds microseconds half away from zero to digits, 0 to 6, after
// the second.
func RoundMicros(m int64, digits int32) int64 {
	if digits < 0 || digits > 5 {
		return m
	}
	unit := int64(pow10[6-digits])
	if m < 0 {
		return -((-m + unit/2) / unit * unit)
	}
	return (m + unit/2) / unit * unit
}

// precisionMod reads the modifier of the time types; more than six digits are
// six, as in PostgreSQL.
func precisionMod(name, suffix string) func([]int32) (int32, error) {
	return func(mods []int32) (int32, error) {
		if len(mods) != 1 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid type modifier")
		}
		if mods[0] < 0 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s(%d)%s precision must not be negative", name, mods[0], suffix)
		}
		return min(mods[0], 6), nil
	}
}

// precisionText writes the modifier of the time types before a suffix.
func precisionText(suffix string) func(int32) string {
	return func(mod int32) string {
		if mod < 0 {
			return suffix
		}
		return "(" + string(AppendInt(nil, int64(mod))) + ")" + suffix
	}
}
