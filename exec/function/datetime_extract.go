package function

import (
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// units are the words of EXTRACT and date_trunc, cut to ten characters as
// PostgreSQL's parser of dates cuts them.
var units = func() map[string]string {
	m := map[string]string{}
	for unit, words := range map[string]string{
		"microseconds": "us usec usecs useconds microsecond microsecon", "milliseconds": "ms msec msecs mseconds milliseconds millisecon",
		"second": "s sec second seconds secs", "minute": "m min minute minutes mins", "hour": "h hour hours hr hrs",
		"day": "d day days", "week": "w week weeks", "month": "mon month months mons", "quarter": "qtr quarter",
		"year": "y year years yr yrs", "decade": "dec decade decades decs", "century": "c cent century centuries",
		"millennium": "mil millennium millennia mils", "epoch": "epoch", "dow": "dow", "isodow": "isodow", "doy": "doy",
		"isoyear": "isoyear", "julian": "j jd julian", "timezone": "timezone", "timezone_hour": "timezone_hour", "timezone_minute": "timezone_minute",
	} {
		for _, w := range strings.Fields(words) {
			m[w[:min(len(w), 10)]] = unit
		}
	}
	m["timezone_h"], m["timezone_m"] = "timezone_hour", "timezone_minute"
	return m
}()

func unitOf(word, typ string) (string, error) {
	w := strings.ToLower(word)
	unit, ok := units[w[:min(len(w), 10)]]
	if !ok {
		return "", unitUnknown(w, typ)
	}
	return unit, nil
}

func unitUnknown(word, typ string) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unit \"%s\" not recognized for type %s", strings.ToLower(word), typ)
}

func unitUnsupported(word, typ string) error {
	return sqlerr.Errorf(sqlerr.FeatureNotSupported, "unit \"%s\" not supported for type %s", strings.ToLower(word), typ).
		WithHint("Cast the value to a type that has this field, or extract another one.")
}

// extractor computes a field of a value; ok is false where it is NULL, as most
// fields of infinity are.
type extractor func(env *Env, word string, v types.Value) (d types.Decimal, ok bool, err error)

func init() {
	for _, f := range []struct {
		typ, volatility string
		extract         extractor
		ex              [2][]Example
	}{
		{"timestamp", "immutable", extractTimestamp, [2][]Example{
			examples("extract(year FROM timestamp '2024-02-29 12:34:56.789')", "2024", "extract(second FROM timestamp '2024-02-29 12:34:56.789')", "56.789000", "extract(milliseconds FROM timestamp '2024-02-29 12:34:56.789')", "56789.000",
				"extract(week FROM timestamp '2021-01-03')", "53", "extract(isoyear FROM timestamp '2021-01-03')", "2020", "extract(dow FROM timestamp '2024-02-29')", "4", "extract(isodow FROM timestamp '2024-03-03')", "7", "extract(doy FROM timestamp '2024-03-01')", "61",
				"extract(quarter FROM timestamp '2024-05-01')", "2", "extract(century FROM timestamp '2000-12-31')", "20", "extract(millennium FROM timestamp '2001-01-01')", "3", "extract(decade FROM timestamp '1999-01-01')", "199", "extract(epoch FROM timestamp '2024-02-29 12:34:56.789')", "1709210096.789000",
				"extract(julian FROM timestamp '2024-02-29 12:00')", "2460370.50000000000000000000", "extract(year FROM timestamp 'infinity')", "Infinity", "extract(hour FROM timestamp 'infinity')", "NULL", "extract(timezone FROM timestamp '2024-01-01')", "ERROR 0A000", "extract(fortnight FROM timestamp '2024-01-01')", "ERROR 22023", "extract(year FROM timestamp '0044-03-15 BC')", "-44", "extract(microseconds FROM timestamp '2024-02-29 12:34:56.789')", "56789000"),
			examples("date_part('hour', timestamp '2024-02-29 12:34:56')", "12", "date_part('second', timestamp '2024-02-29 12:34:56.5')", "56.5")}},
		{"timestamptz", "stable", extractInstant, [2][]Example{
			examples("extract(hour FROM timestamptz '2024-02-29 12:34:56+02')", "10", "extract(timezone FROM timestamptz '2024-02-29 12:00+02')", "0", "extract(epoch FROM timestamptz '2024-02-29 12:34:56.789+00')", "1709210096.789000"),
			examples("date_part('epoch', timestamptz '2024-02-29 12:34:56.789+00')", "1709210096.789")}},
		{"date", "immutable", extractDate, [2][]Example{
			examples("extract(month FROM date '2024-02-29')", "2", "extract(epoch FROM date '2024-02-29')", "1709164800", "extract(hour FROM date '2024-02-29')", "ERROR 0A000", "extract(julian FROM date '2024-02-29')", "2460370"),
			examples("date_part('hour', date '2024-02-29')", "0")}},
		{"time", "immutable", extractTime, [2][]Example{
			examples("extract(minute FROM time '12:34:56.7')", "34", "extract(epoch FROM time '01:00:00.5')", "3600.500000", "extract(day FROM time '01:00')", "ERROR 0A000"),
			examples("date_part('second', time '12:34:56.7')", "56.7")}},
		{"timetz", "immutable", extractTimetz, [2][]Example{
			examples("extract(hour FROM timetz '12:34:56.7+05:30')", "12", "extract(epoch FROM timetz '12:34:56.7-01')", "48896.700000", "extract(timezone FROM timetz '12:00-05:30')", "-19800", "extract(timezone_hour FROM timetz '12:00-05:30')", "-5",
				"extract(timezone_minute FROM timetz '12:00-05:30')", "-30", "extract(day FROM timetz '01:00+00')", "ERROR 0A000"),
			examples("date_part('second', timetz '12:34:56.7+01')", "56.7", "date_part('epoch', timetz '00:00+01')", "-3600")}},
		{"interval", "immutable", extractInterval, [2][]Example{
			examples("extract(day FROM interval '40 days 1 minute')", "40", "extract(epoch FROM interval '1 year 1 month 1 day 00:00:01.5')", "34236001.500000", "extract(hour FROM interval '50 hours')", "50", "extract(month FROM interval '14 months')", "2", "extract(quarter FROM interval '14 months')", "1", "extract(second FROM interval '-1.5 seconds')", "-1.500000"),
			examples("date_part('year', interval '14 months')", "1")}},
	} {
		extract := f.extract
		volatility := f.volatility
		define("extract(text, "+f.typ+") numeric strict "+volatility, Definition{Examples: f.ex[0],
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				d, ok, err := extract(env, a[0].S, a[1])
				if err == nil && !ok {
					return null(types.Numeric)
				}
				return types.NewNumeric(d), err
			}})
		part := extract
		if f.typ == "date" {
			part = func(env *Env, word string, v types.Value) (types.Decimal, bool, error) {
				m, err := dateToTimestamp(v.I)
				if err != nil {
					return types.Decimal{}, false, err
				}
				return extractTimestamp(env, word, types.NewInt(types.Timestamp, m))
			}
		}
		define("date_part(text, "+f.typ+") float8 strict "+volatility, Definition{Examples: f.ex[1],
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				d, ok, err := part(env, a[0].S, a[1])
				if err == nil && !ok {
					return null(types.Float8)
				}
				if err != nil {
					return types.Value{}, err
				}
				x, err := d.Float64()
				return types.NewFloat(types.Float8, x), err
			}})
	}
}

func whole(i int) (types.Decimal, bool, error) { return types.DecimalFromInt64(int64(i)), true, nil }

func scaled(i int64, scale int32) (types.Decimal, bool, error) {
	return types.NewDecimal(i, scale), true, nil
}

const timestampName = "timestamp without time zone"

func extractTimestamp(_ *Env, word string, v types.Value) (types.Decimal, bool, error) {
	unit, err := unitOf(word, timestampName)
	if err != nil {
		return types.Decimal{}, false, err
	}
	return extractCivil(unit, word, timestampName, v.I, v.I)
}

func extractInstant(env *Env, word string, v types.Value) (types.Decimal, bool, error) {
	const name = "timestamp with time zone"
	unit, err := unitOf(word, name)
	if err != nil {
		return types.Decimal{}, false, err
	}
	local := types.InstantToLocal(v.I, env.Format)
	east := int((local - v.I) / microsPerSecond)
	switch {
	case !strings.HasPrefix(unit, "timezone"):
		return extractCivil(unit, word, name, local, v.I)
	case infiniteTimestamp(v.I):
		return types.Decimal{}, false, nil
	case unit == "timezone":
		return whole(east)
	case unit == "timezone_hour":
		return whole(east / 3600)
	}
	return whole(east / 60 % 60)
}

// infiniteField is a field of infinity: NULL, unless it grows for ever.
func infiniteField(unit string, negative bool) (types.Decimal, bool, error) {
	switch unit {
	case "year", "decade", "century", "millennium", "julian", "isoyear", "epoch":
		if negative {
			return types.DecimalNegInf, true, nil
		}
		return types.DecimalInf, true, nil
	}
	return types.Decimal{}, false, nil
}

// extractCivil takes a field of local; epoch counts from instant.
func extractCivil(unit, word, typ string, local, instant int64) (types.Decimal, bool, error) {
	if infiniteTimestamp(local) {
		return infiniteField(unit, local == types.TimestampNegInfinity)
	}
	c := civilOf(local)
	switch unit {
	case "microseconds":
		return scaled(int64(c.second)*microsPerSecond+int64(c.micros), 0)
	case "milliseconds":
		return scaled(int64(c.second)*microsPerSecond+int64(c.micros), 3)
	case "second":
		return scaled(int64(c.second)*microsPerSecond+int64(c.micros), 6)
	case "minute":
		return whole(c.minute)
	case "hour":
		return whole(c.hour)
	case "epoch":
		// The last years are more microseconds from 1970 than an int64 counts;
		// there PostgreSQL divides, which rounds.
		if instant > math.MaxInt64+types.UnixEpoch {
			d, err := types.DecimalFromInt64(instant).Sub(types.DecimalFromInt64(types.UnixEpoch))
			if err == nil {
				d, err = d.Div(types.DecimalFromInt64(microsPerSecond))
			}
			if err == nil {
				d, err = d.Round(6)
			}
			return d, true, err
		}
		return scaled(instant-types.UnixEpoch, 6)
	case "julian":
		day := types.DecimalFromInt64(int64(c.julian()))
		part, err := types.DecimalFromInt64(c.timeOfDay()).Div(types.DecimalFromInt64(microsPerDay))
		if err != nil {
			return day, false, err
		}
		d, err := day.Add(part)
		return d, true, err
	case "timezone", "timezone_hour", "timezone_minute":
		return types.Decimal{}, false, unitUnsupported(word, typ)
	}
	return whole(c.dateField(unit))
}

// dateField is a field of the date.
func (c civil) dateField(unit string) int {
	switch y := c.year; unit {
	case "day":
		return c.day
	case "month":
		return c.month
	case "quarter":
		return (c.month-1)/3 + 1
	case "week":
		_, week := c.isoWeek()
		return week
	case "isoyear":
		year, _ := c.isoWeek()
		if year <= 0 {
			year--
		}
		return year
	case "dow":
		return (c.julian() + 1) % 7
	case "isodow":
		return c.julian()%7 + 1
	case "doy":
		return c.julian() - civil{year: y, month: 1, day: 1}.julian() + 1
	case "decade":
		if y >= 0 {
			return y / 10
		}
		return -((8 - (y - 1)) / 10)
	case "century":
		if y > 0 {
			return (y + 99) / 100
		}
		return -((99 - (y - 1)) / 100)
	case "millennium":
		if y > 0 {
			return (y + 999) / 1000
		}
		return -((999 - (y - 1)) / 1000)
	}
	if c.year > 0 {
		return c.year
	}
	return c.year - 1
}

func extractDate(_ *Env, word string, v types.Value) (types.Decimal, bool, error) {
	unit, err := unitOf(word, "date")
	if err != nil {
		return types.Decimal{}, false, err
	}
	switch unit {
	case "microseconds", "milliseconds", "second", "minute", "hour", "timezone", "timezone_hour", "timezone_minute":
		return types.Decimal{}, false, unitUnsupported(word, "date")
	}
	if infiniteDate(v.I) {
		return infiniteField(unit, v.I == int64(types.DateNegInfinity))
	}
	switch unit {
	case "epoch":
		return scaled(v.I*86400-types.UnixEpoch/microsPerSecond, 0)
	case "julian":
		return whole(int(v.I) + julianEpoch)
	}
	var c civil
	c.year, c.month, c.day = types.DaysToDate(int32(v.I))
	return whole(c.dateField(unit))
}

func extractTime(_ *Env, word string, v types.Value) (types.Decimal, bool, error) {
	const name = "time without time zone"
	unit, err := unitOf(word, name)
	if err != nil {
		return types.Decimal{}, false, err
	}
	var c civil
	c.setTime(v.I)
	switch unit {
	case "microseconds":
		return scaled(v.I%(60*microsPerSecond), 0)
	case "milliseconds":
		return scaled(v.I%(60*microsPerSecond), 3)
	case "second":
		return scaled(v.I%(60*microsPerSecond), 6)
	case "minute":
		return whole(c.minute)
	case "hour":
		return whole(c.hour)
	case "epoch":
		return scaled(v.I, 6)
	}
	return types.Decimal{}, false, unitUnsupported(word, name)
}

func extractTimetz(env *Env, word string, v types.Value) (types.Decimal, bool, error) {
	const name = "time with time zone"
	unit, err := unitOf(word, name)
	if err != nil {
		return types.Decimal{}, false, err
	}
	t := types.TimetzOf(v)
	switch unit {
	case "timezone":
		return whole(int(-t.West))
	case "timezone_hour":
		return whole(int(-t.West / 3600))
	case "timezone_minute":
		return whole(int(-t.West / 60 % 60))
	case "epoch":
		return scaled(t.Micros+int64(t.West)*microsPerSecond, 6)
	case "microseconds", "milliseconds", "second", "minute", "hour":
		return extractTime(env, word, types.NewInt(types.Time, t.Micros))
	}
	return types.Decimal{}, false, unitUnsupported(word, name)
}

func extractInterval(_ *Env, word string, v types.Value) (types.Decimal, bool, error) {
	unit, err := unitOf(word, "interval")
	if err != nil {
		return types.Decimal{}, false, err
	}
	years, months, m := int(v.Span.Months/12), int(v.Span.Months%12), v.Span.Micros
	switch unit {
	case "microseconds":
		return scaled(m%(60*microsPerSecond), 0)
	case "milliseconds":
		return scaled(m%(60*microsPerSecond), 3)
	case "second":
		return scaled(m%(60*microsPerSecond), 6)
	case "minute":
		return whole(int(m / (60 * microsPerSecond) % 60))
	case "hour":
		return whole(int(m / (3600 * microsPerSecond)))
	case "day":
		return whole(int(v.Span.Days))
	case "month":
		return whole(months)
	case "quarter":
		return whole(months/3 + 1)
	case "year":
		return whole(years)
	case "decade":
		return whole(years / 10)
	case "century":
		return whole(years / 100)
	case "millennium":
		return whole(years / 1000)
	case "epoch":
		// A year has 365.25 days: in quarters of a day all is integral.
		seconds := (int64(years)*1461 + int64(months)*monthDays*4 + int64(v.Span.Days)*4) * (86400 / 4)
		d, err := types.DecimalFromInt64(seconds).Add(types.NewDecimal(m, 6))
		return d, true, err
	}
	return types.Decimal{}, false, unitUnsupported(word, "interval")
}
