package types

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The fields of INTERVAL YEAR TO MONTH and its like, as PostgreSQL's modifier
// has them: a mask over the precision of seconds.
const (
	rangeMonth  = 1 << 1
	rangeYear   = 1 << 2
	rangeDay    = 1 << 3
	rangeHour   = 1 << 10
	rangeMinute = 1 << 11
	rangeSecond = 1 << 12
	rangeFull   = 0x7fff

	rangeMinuteSecond = rangeMinute | rangeSecond

	fullPrecision = 0xffff
)

func intervalRange(mod int32) int32 {
	if mod < 0 {
		return rangeFull
	}
	return mod >> 16 & 0x7fff
}

// defaultUnit is the unit of a last number without one: the modifier's
// rightmost field.
func defaultUnit(mod int32) wordKind {
	switch intervalRange(mod) {
	case rangeYear:
		return wordYear
	case rangeMonth, rangeYear | rangeMonth:
		return wordMonth
	case rangeDay:
		return wordDay
	case rangeHour, rangeDay | rangeHour:
		return wordHour
	case rangeMinute, rangeHour | rangeMinute, rangeDay | rangeHour | rangeMinute:
		return wordMinute
	}
	return wordSecond
}

// ParseInterval reads an interval.
func ParseInterval(s string, f *Format) (IntervalValue, error) { return parseInterval(s, -1, f) }

func parseInterval(s string, mod int32, f *Format) (IntervalValue, error) {
	var t span
	fields, p := lexDates(s, delayWorkSize)
	if p == noProblem {
		t, p = decodeInterval(fields, mod, f)
	}
	if p == badFormat {
		t, p = decodeISOInterval(s)
	}
	if p == fieldOverflow {
		p = intervalOverflow
	}
	if p != noProblem {
		return IntervalValue{}, dateError(p, s, "interval", "")
	}
	months := int64(t.years)*12 + int64(t.months)
	if months != int64(int32(months)) {
		return IntervalValue{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "interval out of range")
	}
	return fitInterval(IntervalValue{t.micros, t.days, int32(months)}, mod), nil
}

// fitInterval applies a modifier: it drops the fields below the range and
// rounds the seconds.
func fitInterval(v IntervalValue, mod int32) IntervalValue {
	if mod < 0 {
		return v
	}
	switch r := intervalRange(mod); r {
	case rangeYear:
		return IntervalValue{Months: v.Months / 12 * 12}
	case rangeMonth, rangeYear | rangeMonth:
		return IntervalValue{Months: v.Months}
	case rangeDay:
		v.Micros = 0
	case rangeHour, rangeDay | rangeHour:
		v.Micros -= v.Micros % microsPerHour
	case rangeMinute, rangeHour | rangeMinute, rangeDay | rangeHour | rangeMinute:
		v.Micros -= v.Micros % microsPerMinute
	}
	if p := mod & 0xffff; p < 6 {
		v.Micros = RoundMicros(v.Micros, p)
	}
	return v
}

func intervalMod(mods []int32) (int32, error) {
	switch len(mods) {
	case 1:
		if mods[0] == rangeFull {
			return -1, nil
		}
		return mods[0]<<16 | fullPrecision, nil
	case 2:
		if mods[1] < 0 {
			return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "INTERVAL(%d) precision must not be negative", mods[1])
		}
		return mods[0]<<16 | min(mods[1], 6), nil
	}
	return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid INTERVAL type modifier")
}

func intervalModText(mod int32) string {
	if mod < 0 {
		return ""
	}
	fields := ""
	r := intervalRange(mod)
	if r != rangeFull {
		first := ""
		for _, u := range []struct {
			bit  int32
			name string
		}{{rangeYear, "year"}, {rangeMonth, "month"}, {rangeDay, "day"}, {rangeHour, "hour"}, {rangeMinute, "minute"}, {rangeSecond, "second"}} {
			if r&u.bit == 0 {
				continue
			}
			if first == "" {
				first = " " + u.name
				fields = first
				continue
			}
			fields = first + " to " + u.name
		}
	}
	if p := mod & 0xffff; p != fullPrecision {
		fields += "(" + string(AppendInt(nil, int64(p))) + ")"
	}
	return fields
}

// compareInterval orders by the whole length, a month being 30 days.
func compareInterval(a, b IntervalValue) int {
	length := func(v IntervalValue) int128 {
		days := int64(v.Months)*30 + int64(v.Days)
		x, _ := mul64(days, microsPerDay).add(int128From(v.Micros))
		return x
	}
	return length(a).cmp(length(b))
}

// Compare orders intervals by their whole length, a month being 30 days and a
// day 24 hours: -1, 0, 1.
func (v IntervalValue) Compare(w IntervalValue) int { return compareInterval(v, w) }

var _ = register(&Info{
	OID: Interval, Name: "interval", SQLName: "interval", Array: 1187, Len: 16, Align: 'd',
	Category: 'T', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysInterval, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		v, err := parseInterval(s, mod, f)
		return Value{Type: Of(Interval), Span: v}, err
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return AppendInterval(dst, v.Span, f) },
	Recv: func(b []byte, mod int32) (Value, error) {
		if len(b) != 16 {
			return Value{}, errBinaryLength(b, 16)
		}
		v := IntervalValue{
			Micros: int64(binary.BigEndian.Uint64(b)),
			Days:   int32(binary.BigEndian.Uint32(b[8:])),
			Months: int32(binary.BigEndian.Uint32(b[12:])),
		}
		return Value{Type: Of(Interval), Span: fitInterval(v, mod)}, nil
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Span.Micros))
		dst = binary.BigEndian.AppendUint32(dst, uint32(v.Span.Days))
		return binary.BigEndian.AppendUint32(dst, uint32(v.Span.Months))
	},
	Compare: func(a, b Value) int { return compareInterval(a.Span, b.Span) },
	ModIn:   intervalMod,
	ModOut:  intervalModText,
	Coerce: func(v Value, mod int32, _ bool) (Value, error) {
		v.Span = fitInterval(v.Span, mod)
		return v, nil
	},
})
