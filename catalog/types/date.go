package types

import (
	"encoding/binary"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// ParseDate reads a date.
func ParseDate(s string, f *Format) (int32, error) {
	if d, ok := fixedDate(s); ok && len(s) == 10 {
		return int32(d), nil
	}
	r, err := readDate(s, "date", f)
	if err != nil {
		return 0, err
	}
	switch r.special {
	case valEpoch:
		return unixEpochJulian - epochJulian, nil
	case valLate:
		return DateInfinity, nil
	case valEarly:
		return DateNegInfinity, nil
	}
	j := -1
	if validJulian(r.year, r.month) {
		j = toJulian(r.year, r.month, r.day)
	}
	if j < 0 || j >= dateEndJulian {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range: \"%s\"", strings.Clone(s))
	}
	return int32(j - epochJulian), nil
}

// ParseDateBytes is ParseDate of bytes; it keeps nothing of b.
func ParseDateBytes(b []byte, f *Format) (int32, error) { return ParseDate(view(b), f) }

// readDate reads a date with an optional time; typ is named in errors.
func readDate(s, typ string, f *Format) (*dateReader, error) {
	r := &dateReader{f: f, zoned: true}
	fields, p := lexDates(s, dateWorkSize)
	if p == noProblem {
		p = r.decode(fields)
	}
	if p != noProblem {
		return nil, dateError(p, s, typ, r.badZone)
	}
	return r, nil
}

// dateError words why s is no value of typ.
func dateError(p problem, s, typ, zone string) error {
	text := strings.Clone(s)
	switch p {
	case fieldOverflow:
		return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text)
	case monthDayOverflow:
		return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case intervalOverflow:
		return sqlerr.Errorf(sqlerr.IntervalFieldOverflow, "interval field value out of range: \"%s\"", text)
	case zoneOverflow:
		return sqlerr.Errorf(sqlerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", text)
	case badZone:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "time zone \"%s\" not recognized", zone)
	}
	return sqlerr.Errorf(sqlerr.InvalidDatetimeFormat, "invalid input syntax for type %s: \"%s\"", typ, text)
}

var _ = register(&Info{
	OID: Date, Name: "date", SQLName: "date", Array: 1182, Len: 4, ByVal: true, Align: 'i',
	Category: 'D', Kind: 'b', Delim: ',', Phys: PhysInt32, Comparable: true,
	In: func(s string, _ int32, f *Format) (Value, error) {
		d, err := ParseDate(s, f)
		return NewInt(Date, int64(d)), err
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return AppendDate(dst, int32(v.I), f) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) != 4 {
			return Value{}, errBinaryLength(b, 4)
		}
		d := int32(binary.BigEndian.Uint32(b))
		if d != DateInfinity && d != DateNegInfinity && (d < -epochJulian || d >= dateEndJulian-epochJulian) {
			return Value{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range")
		}
		return NewInt(Date, int64(d)), nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v.I)) },
	Compare:      compareI,
})
