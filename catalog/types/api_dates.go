package types

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// AppendInterval appends an interval in f's IntervalStyle.
func AppendInterval(dst []byte, v IntervalValue, f *Format) []byte {
	dst = AppendInt(dst, int64(v.Months))
	dst = append(dst, " mons "...)
	dst = AppendInt(dst, int64(v.Days))
	dst = append(dst, " days "...)
	return AppendTime(dst, v.Micros)
}

// ParseDate reads a date.
func ParseDate(s string, f *Format) (int32, error) {
	if d, ok := fixedDate(s); ok && len(s) == 10 {
		return int32(d), nil
	}
	return 0, errSyntax("date", s)
}

// ParseTime reads a time of day.
func ParseTime(s string, f *Format) (int64, error) {
	if m, end, ok := fixedClock(s); ok && end == len(s) {
		return m, nil
	}
	return 0, errSyntax("time", s)
}

// ParseTimestamp reads a timestamp; a zone in it is ignored, as in PostgreSQL.
func ParseTimestamp(s string, f *Format) (int64, error) {
	if m, end, ok := fixedStamp(s); ok && end == len(s) {
		return m, nil
	}
	return 0, errSyntax("timestamp", s)
}

// ParseTimestamptz reads an instant; without a zone it is in f's.
func ParseTimestamptz(s string, f *Format) (int64, error) {
	if m, end, ok := fixedStamp(s); ok {
		if off, ok := fixedOffset(s[end:]); ok {
			return m - int64(off)*microsPerSecond, nil
		}
	}
	return 0, errSyntax("timestamp with time zone", s)
}

// ParseInterval reads an interval.
func ParseInterval(s string, f *Format) (IntervalValue, error) {
	return IntervalValue{}, errSyntax("interval", s)
}

// ParseDateBytes is ParseDate of bytes; it keeps nothing of b.
func ParseDateBytes(b []byte, f *Format) (int32, error) { return ParseDate(view(b), f) }

// ParseTimeBytes is ParseTime of bytes; it keeps nothing of b.
func ParseTimeBytes(b []byte, f *Format) (int64, error) { return ParseTime(view(b), f) }

// ParseTimestampBytes is ParseTimestamp of bytes; it keeps nothing of b.
func ParseTimestampBytes(b []byte, f *Format) (int64, error) { return ParseTimestamp(view(b), f) }

// ParseTimestamptzBytes is ParseTimestamptz of bytes; it keeps nothing of b.
func ParseTimestamptzBytes(b []byte, f *Format) (int64, error) { return ParseTimestamptz(view(b), f) }

// ParseIntervalBytes is ParseInterval of bytes; it keeps nothing of b.
func ParseIntervalBytes(b []byte, f *Format) (IntervalValue, error) { return ParseInterval(view(b), f) }

// LoadZone finds a time zone as SET TimeZone does: an IANA name in any case, a
// POSIX rule, an abbreviation. canonical is what SHOW TimeZone prints.
func LoadZone(name string) (loc *time.Location, canonical string, err error) {
	loc, err = time.LoadLocation(name)
	if err != nil {
		return nil, "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"TimeZone\": \"%s\"", name)
	}
	return loc, name, nil
}

// AppendUUID appends a uuid as 8-4-4-4-12 hexadecimal digits.
func AppendUUID(dst []byte, u UUIDValue) []byte { return dst }

// ParseUUID reads a uuid in any form that PostgreSQL takes.
func ParseUUID(s string) (UUIDValue, error) { return UUIDValue{}, errSyntax("uuid", s) }

// ParseUUIDBytes is ParseUUID of bytes; it keeps nothing of b.
func ParseUUIDBytes(b []byte) (UUIDValue, error) { return ParseUUID(view(b)) }

// AppendBytea appends the text form of bytes in f's bytea_output.
func AppendBytea(dst, b []byte, f *Format) []byte { return append(dst, b...) }

// ParseBytea appends the bytes that a text form stands for: \x hex, or escapes.
func ParseBytea(dst []byte, s string) ([]byte, error) { return append(dst, s...), nil }

// AppendCanonicalJSON appends src as jsonb prints it: keys ordered by length
// and bytes, the last of equal keys, one space after : and ','.
func AppendCanonicalJSON(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }

// CheckJSON is PostgreSQL's 22P02 unless src is a JSON value.
func CheckJSON(src []byte) error { return nil }

// FormatType is PostgreSQL's format_type: numeric(18,4), integer[].
func FormatType(t Type) string { return Lookup(t.OID).SQLName }

// ByName finds a type by its pg_type.typname or a SQL spelling of it, in lower
// case: int4, integer, double precision, character varying, integer[].
func ByName(name string) (*Info, bool) {
	for _, i := range byOID {
		if i.Name == name || i.SQLName == name {
			return i, true
		}
	}
	return nil, false
}

// All returns every type, ordered by OID. The slice is the caller's.
func All() []*Info {
	var all []*Info
	for _, i := range byOID {
		all = append(all, i)
	}
	return all
}

// Sqrt is the square root, 2201F of a negative number.
func (d Decimal) Sqrt() (Decimal, error) { return d, nil }

// Exp is e to the power d.
func (d Decimal) Exp() (Decimal, error) { return d, nil }

// Ln is the natural logarithm, 2201E of a number not above zero.
func (d Decimal) Ln() (Decimal, error) { return d, nil }

// Log is the logarithm of d to base.
func (d Decimal) Log(base Decimal) (Decimal, error) { return d, nil }

// Power is d to the power e.
func (d Decimal) Power(e Decimal) (Decimal, error) { return d, nil }

// AppendDecimalBinary appends the binary form of a numeric.
func AppendDecimalBinary(dst []byte, d Decimal) []byte { return dst }

// DecimalFromBinary reads the binary form of a numeric.
func DecimalFromBinary(b []byte) (Decimal, error) { return Decimal{}, nil }
