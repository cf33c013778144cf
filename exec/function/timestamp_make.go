package function

import (
	"math"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions that make timestamps and intervals of their parts, or move them in a
// zone that is named.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("make_interval(optional years int4 = 0, optional months int4 = 0, optional weeks int4 = 0, optional days int4 = 0, optional hours int4 = 0, optional mins int4 = 0, optional secs float8 = 0) interval strict immutable",
		func(_ *Env, a vs) (types.Value, error) { return interval(makeInterval(a)) },
		"make_interval(1, 2, 3, 4, 5, 6, 7.5)", "1 year 2 mons 25 days 05:06:07.5", "make_interval()", "00:00:00", "make_interval(0, 0, 0, 10)", "10 days", "make_interval(0, 0, 0, 0, 0, 0, 'NaN')", "ERROR 22008", "make_interval(0, 0, 0, 0, -1, 30)", "-00:30:00")
	span := Lookup("make_interval", types.Int4, types.Int4, types.Int4, types.Int4, types.Int4, types.Int4, types.Float8)
	span.Examples = append(span.Examples, Example{SQL: "make_interval(200000000)", Text: "ERROR 22008", Ours: "PostgreSQL 16's months wrap around; 17 answers the same"})
	op("make_timestamptz(year int4, month int4, mday int4, hour int4, min int4, sec float8, timezone text) timestamptz strict stable", func(_ *Env, a vs) (types.Value, error) {
		m, err := makeTimestamp(a)
		if err != nil {
			return types.Value{}, err
		}
		f, err := makeZone(a[6].S, m)
		if err != nil {
			return types.Value{}, err
		}
		return timestamptz(types.LocalToInstant(m, f), nil)
	}, "make_timestamptz(2024, 2, 29, 8, 15, 23.5, 'America/New_York')", "2024-02-29 13:15:23.5+00", "make_timestamptz(2024, 2, 29, 8, 15, 23.5, 'Mars/Base')", "ERROR 22023",
		"make_timestamptz(2024, 2, 29, 8, 15, 23.5, '+03')", "2024-02-29 05:15:23.5+00", "make_timestamptz(2024, 2, 29, 8, 15, 23.5, 'PDT')", "2024-02-29 15:15:23.5+00", "make_timestamptz(2024, 2, 29, 8, 15, 23.5, '3')", "ERROR 22023")
	op("timestamp(date, time) timestamp strict immutable", func(env *Env, a vs) (types.Value, error) { return timestamp(dateTime(env, int32(a[0].I), a[1].I)) },
		`"timestamp"(date '2024-02-29', time '12:30')`, "2024-02-29 12:30:00")
	op("timestamptz(date, time) timestamptz strict stable", func(env *Env, a vs) (types.Value, error) {
		m, err := dateTime(env, int32(a[0].I), a[1].I)
		return timestamptz(types.LocalToInstant(m, env.Format), err)
	}, `"timestamptz"(date '2024-02-29', time '12:30')`, "2024-02-29 12:30:00+00")
	for _, f := range []struct{ name, value, want string }{
		{"timestamp", "timestamp '2024-02-29 12:30:01.256'", "2024-02-29 12:30:01.26"},
		{"timestamptz", "timestamptz '2024-02-29 12:30:01.256+00'", "2024-02-29 12:30:01.26+00"},
	} {
		op(f.name+"("+f.name+", int4) "+f.name+" strict immutable", func(_ *Env, a vs) (types.Value, error) {
			if a[0].I == types.TimestampInfinity || a[0].I == types.TimestampNegInfinity || a[1].I == -1 {
				return a[0], nil
			}
			if a[1].I < 0 || a[1].I > 6 {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "timestamp(%d) precision must be between 0 and 6", a[1].I)
			}
			a[0].I = types.RoundMicros(a[0].I, int32(a[1].I))
			return a[0], nil
		}, `"`+f.name+`"(`+f.value+`, 2)`, f.want, `"`+f.name+`"(`+f.value+`, 7)`, "ERROR 22023", `"`+f.name+`"('infinity'::`+f.name+`, 7)`, "infinity")
	}
	op("time(time, int4) time strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return types.NewInt(types.Time, types.RoundMicros(a[0].I, int32(max(a[1].I, -1)))), nil
	}, `"time"(time '12:30:01.256', 2)`, "12:30:01.26", `"time"(time '12:30:01.256', 70)`, "12:30:01.256")
	op("timetz(timetz, int4) timetz strict immutable", func(_ *Env, a vs) (types.Value, error) {
		t := types.TimetzOf(a[0])
		t.Micros = types.RoundMicros(t.Micros, int32(max(a[1].I, -1)))
		return types.NewTimetz(t), nil
	}, `"timetz"(timetz '12:30:01.256+02', 2)`, "12:30:01.26+02", `"timetz"(timetz '23:59:59.9+02', 0)`, "24:00:00+02")
	for _, f := range []struct {
		name string
		span func(types.IntervalValue) types.IntervalValue
		want [2]string
	}{
		{"date_add", func(v types.IntervalValue) types.IntervalValue { return v }, [2]string{"2024-04-01 11:00:00+00", "2024-03-31 22:00:00+00"}},
		{"date_subtract", func(v types.IntervalValue) types.IntervalValue {
			return types.IntervalValue{Months: -v.Months, Days: -v.Days, Micros: -v.Micros}
		}, [2]string{"2024-03-30 11:00:00+00", "2024-03-29 23:00:00+00"}},
	} {
		op(f.name+"(timestamptz, interval) timestamptz strict stable", func(env *Env, a vs) (types.Value, error) {
			return timestamptz(addToInstant(a[0].I, f.span(a[1].Span), env.Format))
		}, f.name+"(timestamptz '2024-03-31 11:00+00', interval '1 day')", f.want[0])
		op(f.name+"(timestamptz, interval, text) timestamptz strict immutable", func(_ *Env, a vs) (types.Value, error) {
			return inZone(a[2].S, func(z *types.Format) (int64, error) { return addToInstant(a[0].I, f.span(a[1].Span), z) })
		}, f.name+"(timestamptz '2024-03-30 23:00+00', interval '1 day', 'Europe/Warsaw')", f.want[1])
	}
	define("generate_series(timestamptz, timestamptz, interval, text) setof timestamptz strict immutable", Definition{
		Set: func(_ *Env, a vs) (Set, error) {
			z, err := zoneFormat(a[3].S)
			if err != nil {
				return nil, err
			}
			return newTimeSeries(a, func(m int64) (int64, error) { return addToInstant(m, a[2].Span, z) })
		},
		Examples: examples("generate_series(timestamptz '2024-03-30 23:00+00', timestamptz '2024-04-01 00:00+00', interval '1 day', 'Europe/Warsaw')", "2024-03-30 23:00:00+00, 2024-03-31 22:00:00+00")})
}

// makeZone is a format of the zone of make_timestamptz: an offset is east of
// Greenwich there, with its sign.
func makeZone(zone string, local int64) (*types.Format, error) {
	if zone != "" && zone[0] >= '0' && zone[0] <= '9' {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid input syntax for type %s: \"%s\"", "numeric time zone", zone).
			WithHint("Numeric time zones must have \"-\" or \"+\" as first character.")
	}
	if zone == "" || zone[0] != '+' && zone[0] != '-' {
		return zoned(types.DefaultFormat(), zone, local, true)
	}
	v, err := types.Parse(types.Of(types.Timestamptz), "2000-01-01 00:00:00"+zone, types.DefaultFormat())
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "numeric time zone \"%s\" out of range", zone)
	}
	f := *types.DefaultFormat()
	f.TimeZone, f.TimeZoneName = types.FixedZone(int(-v.I / microsPerSecond))
	return &f, nil
}

// zoneFormat is a format of a zone that is named.
func zoneFormat(zone string) (*types.Format, error) {
	loc, err := zoneOf(zone)
	if err != nil {
		return nil, err
	}
	f := *types.DefaultFormat()
	f.TimeZone = loc
	return &f, nil
}

func zoneOf(zone string) (*time.Location, error) {
	loc, _, err := types.LoadZone(zone)
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "time zone \"%s\" not recognized", zone)
	}
	return loc, nil
}

func inZone(zone string, compute func(f *types.Format) (int64, error)) (types.Value, error) {
	f, err := zoneFormat(zone)
	if err != nil {
		return types.Value{}, err
	}
	return timestamptz(compute(f))
}

// makeInterval adds up parts, of which the last may be absent.
func makeInterval(a []types.Value) (types.IntervalValue, error) {
	var part [6]int64
	for i := range min(len(a), len(part)) {
		part[i] = a[i].I
	}
	seconds := 0.0
	if len(a) > 6 {
		seconds = a[6].F
	}
	months := part[0]*12 + part[1]
	days := part[2]*7 + part[3]
	micros := math.RoundToEven(seconds * microsPerSecond)
	total := float64((part[4]*60+part[5])*60*microsPerSecond) + micros
	if months != int64(int32(months)) || days != int64(int32(days)) || !(math.Abs(total) < 1<<63) {
		return types.IntervalValue{}, intervalOutOfRange()
	}
	return types.IntervalValue{Months: int32(months), Days: int32(days), Micros: (part[4]*60+part[5])*60*microsPerSecond + int64(micros)}, nil
}
