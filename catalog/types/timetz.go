package types

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Timetz is a time of day with the offset of its zone.
const Timetz OID = 1266

// maxZoneSeconds is the first offset that a timetz may not have.
const maxZoneSeconds = 16 * 60 * 60

// TimetzValue is a timetz taken apart.
type TimetzValue struct {
	Micros int64 // since midnight, in its zone
	West   int32 // seconds west of UTC
}

// UTC is the instant of the day that orders timetz, then the zone does.
func (t TimetzValue) UTC() int64 { return t.Micros + int64(t.West)*microsPerSecond }

// NewTimetz returns a timetz. Its value is 12 bytes whose order is a btree's:
// the instant in UTC, then the zone, the sign bit of each turned over.
func NewTimetz(t TimetzValue) Value {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(t.UTC())^1<<63)
	binary.BigEndian.PutUint32(b[8:], uint32(t.West)^1<<31)
	return NewString(Timetz, string(b[:]))
}

// TimetzOf takes a timetz apart.
func TimetzOf(v Value) TimetzValue {
	b := []byte(v.S)
	t := TimetzValue{West: int32(binary.BigEndian.Uint32(b[8:]) ^ 1<<31)}
	t.Micros = int64(binary.BigEndian.Uint64(b)^1<<63) - int64(t.West)*microsPerSecond
	return t
}

// ParseTimetz reads a time of day with a zone, the session's where none is
// named. A zone whose offset changes needs a date before the time.
func ParseTimetz(s string, f *Format) (TimetzValue, error) {
	r := &dateReader{f: f, zoned: true}
	fields, p := lexDates(s, dateWorkSize)
	if p == noProblem {
		p = r.decodeTime(fields)
	}
	if p == noProblem {
		p = r.timeZone()
	}
	if p != noProblem {
		return TimetzValue{}, dateError(p, s, "time with time zone", r.badZone)
	}
	return TimetzValue{Micros: r.timeOfDay(), West: int32(r.offset)}, nil
}

// timeZone finds the offset of a time of day: today's where there is no date.
func (r *dateReader) timeZone() problem {
	if r.zone != nil && r.abbrev == "" && fixedZone(r.zone) || r.zone == nil && r.have&mask(wordZone) != 0 {
		if r.zone != nil {
			r.offset = -localOffset(0, r.zone)
		}
		return noProblem
	}
	if r.have&dateMask != dateMask {
		clock := r.moment
		r.setNow()
		r.hour, r.min, r.sec, r.micros = clock.hour, clock.min, clock.sec, clock.micros
	}
	return r.applyZone()
}

var _ = register(&Info{
	OID: Timetz, Name: "timetz", SQLName: "time with time zone", Array: 1270, Len: 12, Align: 'd',
	Category: 'D', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		t, err := ParseTimetz(s, f)
		t.Micros = RoundMicros(t.Micros, mod)
		return NewTimetz(t), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte {
		t := TimetzOf(v)
		return appendOffset(AppendTime(dst, t.Micros), -int(t.West))
	},
	Recv: func(b []byte, mod int32) (Value, error) {
		r := formReader{b: b}
		t := TimetzValue{Micros: int64(r.uint64())}
		if r.err == nil && (t.Micros < 0 || t.Micros > microsPerDay) {
			return Value{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "time out of range")
		}
		t.West = int32(r.uint32())
		if r.err == nil && (t.West <= -maxZoneSeconds || t.West >= maxZoneSeconds) {
			return Value{}, sqlerr.Errorf(sqlerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range")
		}
		t.Micros = RoundMicros(t.Micros, mod)
		return NewTimetz(t), r.end()
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		t := TimetzOf(v)
		dst = binary.BigEndian.AppendUint64(dst, uint64(t.Micros))
		return binary.BigEndian.AppendUint32(dst, uint32(t.West))
	},
	Compare: compareS,
	ModIn:   precisionMod("TIME", " WITH TIME ZONE"),
	ModOut:  precisionText(" with time zone"),
	Coerce: func(v Value, mod int32, _ bool) (Value, error) {
		t := TimetzOf(v)
		t.Micros = RoundMicros(t.Micros, mod)
		return NewTimetz(t), nil
	},
})
