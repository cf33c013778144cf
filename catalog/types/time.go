package types

import (
	"encoding/binary"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// ParseTime reads a time of day, in microseconds since midnight. A date before
// it and a zone after it are read and ignored, as in PostgreSQL.
func ParseTime(s string, f *Format) (int64, error) {
	if m, end, ok := fixedClock(s); ok && end == len(s) {
		return m, nil
	}
	r := &dateReader{f: f, zoned: true}
	fields, p := lexDates(s, dateWorkSize)
	if p == noProblem {
		p = r.decodeTime(fields)
	}
	if p != noProblem {
		return 0, dateError(p, s, "time", r.badZone)
	}
	return r.timeOfDay(), nil
}

// ParseTimeBytes is ParseTime of bytes; it keeps nothing of b.
func ParseTimeBytes(b []byte, f *Format) (int64, error) { return ParseTime(view(b), f) }

// decodeTime reads fields as a time of day.
func (r *dateReader) decodeTime(fields []field) problem {
	for i := range fields {
		set, skip, p := r.timeOnlyField(fields, i)
		if p != noProblem {
			return p
		}
		if skip {
			continue
		}
		if set&r.have != 0 {
			return badFormat
		}
		r.have |= set
	}
	if r.prefix != 0 {
		return badFormat
	}
	if p := r.validate(); p != noProblem {
		return p
	}
	if p := r.applyMeridiem(); p != noProblem {
		return p
	}
	if r.clockOverflows() {
		return fieldOverflow
	}
	if r.have&timeMask != timeMask {
		return badFormat
	}
	daylightMod := r.have&mask(wordDaylightMod) != 0
	switch {
	case r.zone != nil && daylightMod:
		return badFormat
	case r.zone != nil && r.abbrev == "" && r.have&dateMask != dateMask && !fixedZone(r.zone):
		return badFormat // the zone's offset hangs on a date
	case r.have&mask(wordZone) == 0 && daylightMod:
		return badFormat
	}
	return noProblem
}

// fixedZone reports whether the zone has had one offset at all times.
func fixedZone(loc *time.Location) bool {
	start, end := time.Unix(0, 0).In(loc).ZoneBounds()
	return start.IsZero() && end.IsZero()
}

func (r *dateReader) timeOnlyField(fields []field, i int) (set fieldMask, skip bool, p problem) {
	s := fields[i].text
	last := len(fields) - 1
	switch fields[i].kind {
	case fieldDate:
		// A date may stand first, before a time and perhaps a zone.
		if i == 0 && last >= 1 && (fields[last].kind == fieldDate || fields[1].kind == fieldTime) {
			set, p = r.dateParts(s)
			return set, false, p
		}
		if !isDigit(s[0]) {
			set, p = r.zoneName(s)
			return set, false, p
		}
		dash := indexByte(s, '-')
		if r.have&timeMask == timeMask || dash < 0 {
			return 0, false, badFormat
		}
		if r.offset, p = zoneOffset(s[dash:]); p != noProblem {
			return 0, false, p
		}
		set, p = r.runTogether(s[:dash], r.have|dateMask)
		return set | mask(wordZone), false, p
	case fieldTime:
		set, p = r.timeField(s)
	case fieldZone:
		r.offset, p = zoneOffset(s)
		set = mask(wordZone)
	case fieldNumber:
		set, p = r.timeOnlyNumber(fields, i)
	default:
		return r.timeOnlyWord(fields, i)
	}
	return set, false, p
}

func (r *dateReader) timeOnlyNumber(fields []field, i int) (set fieldMask, p problem) {
	s := fields[i].text
	if r.prefix != 0 {
		return r.labelled(s)
	}
	switch point := indexByte(s, '.'); {
	case point >= 0 && i == 0 && len(fields) >= 2 && fields[len(fields)-1].kind == fieldDate:
		return r.dateParts(s)
	case point > 2 || point < 0 && len(s) > 4:
		return r.runTogether(s, r.have|dateMask)
	case point >= 0:
		return 0, badFormat
	}
	return r.number(s, false, r.have|dateMask)
}

func (r *dateReader) timeOnlyWord(fields []field, i int) (set fieldMask, skip bool, p problem) {
	s := fields[i].text
	if _, zone := zoneAbbrev(s); zone {
		return r.wordField(fields, i)
	}
	w, ok := dateWord(s)
	switch {
	case ok && w.kind == wordReserved && w.value == valNow:
		r.setNow()
		return timeMask, false, noProblem
	case ok && w.kind == wordReserved && w.value != valZulu,
		ok && (w.kind == wordMonth || w.kind == wordWeekday):
		return 0, false, badFormat
	case ok && w.kind == wordISOTime:
		if r.prefix != 0 {
			return 0, false, badFormat
		}
		r.prefix = w.value
		return 0, false, noProblem
	}
	return r.wordField(fields, i)
}

var _ = register(&Info{
	OID: Time, Name: "time", SQLName: "time without time zone", Array: 1183, Len: 8, ByVal: true, Align: 'd',
	Category: 'D', Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		m, err := ParseTime(s, f)
		return NewInt(Time, RoundMicros(m, mod)), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return AppendTime(dst, v.I) },
	Recv: func(b []byte, mod int32) (Value, error) {
		if len(b) != 8 {
			return Value{}, errBinaryLength(b, 8)
		}
		m := int64(binary.BigEndian.Uint64(b))
		if m < 0 || m > microsPerDay {
			return Value{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "time out of range")
		}
		return NewInt(Time, RoundMicros(m, mod)), nil
	},
	AppendBinary: appendInt64,
	Compare:      compareI,
	ModIn:        precisionMod("TIME", ""),
	ModOut:       precisionText(" without time zone"),
	Coerce: func(v Value, mod int32, _ bool) (Value, error) {
		v.I = RoundMicros(v.I, mod)
		return v, nil
	},
})
