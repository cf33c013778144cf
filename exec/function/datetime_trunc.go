package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	define("date_trunc(text, timestamp) timestamp strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if infiniteTimestamp(a[1].I) {
				return a[1], nil
			}
			unit, err := unitOf(a[0].S, timestampName)
			if err != nil {
				return types.Value{}, err
			}
			return timestamp(truncate(unit, a[0].S, timestampName, a[1].I))
		},
		Examples: examples("date_trunc('hour', timestamp '2024-02-29 12:34:56.789')", "2024-02-29 12:00:00", "date_trunc('week', timestamp '2024-02-29 12:00')", "2024-02-26 00:00:00",
			"date_trunc('quarter', timestamp '2024-02-29')", "2024-01-01 00:00:00", "date_trunc('decade', timestamp '1999-05-05')", "1990-01-01 00:00:00", "date_trunc('century', timestamp '2000-05-05')", "1901-01-01 00:00:00",
			"date_trunc('milliseconds', timestamp '2024-02-29 12:34:56.789123')", "2024-02-29 12:34:56.789", "date_trunc('dow', timestamp '2024-02-29')", "ERROR 22023", "date_trunc('x', timestamp '2024-02-29')", "ERROR 22023"),
	})
	define("date_trunc(text, timestamptz) timestamptz strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return timestamptz(truncateInstant(a[0].S, a[1].I, env.Format))
		}, Examples: examples("date_trunc('day', timestamptz '2024-02-29 12:34:56+00')", "2024-02-29 00:00:00+00"),
	})
	define("date_trunc(text, timestamptz, text) timestamptz strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			if infiniteTimestamp(a[1].I) {
				return a[1], nil
			}
			f, err := zoned(env.Format, a[2].S, a[1].I, false)
			if err != nil {
				return types.Value{}, err
			}
			return timestamptz(truncateInstant(a[0].S, a[1].I, f))
		}, Examples: examples("date_trunc('day', timestamptz '2024-02-29 12:34:56+00', 'Asia/Tokyo')", "2024-02-28 15:00:00+00", "date_trunc('day', timestamptz '2024-02-29 12:34:56+00', 'Mars/Base')", "ERROR 22023"),
	})
	define("date_trunc(text, interval) interval strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return interval(truncateInterval(a[0].S, a[1].Span))
		}, Examples: examples("date_trunc('hour', interval '2 days 03:40:50')", "2 days 03:00:00", "date_trunc('year', interval '14 months')", "1 year", "date_trunc('week', interval '8 days')", "ERROR 0A000"),
	})
	for _, t := range []string{"timestamp", "timestamptz"} {
		oid := types.Timestamp
		want := "2024-02-29 12:30:00"
		if t == "timestamptz" {
			oid, want = types.Timestamptz, want+"+00"
		}
		define("date_bin(interval, "+t+", "+t+") "+t+" strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				m, err := bin(a[0].Span, a[1].I, a[2].I)
				return types.NewInt(oid, m), err
			},
			Examples: examples("date_bin('15 minutes', "+t+" '2024-02-29 12:34:56', "+t+" '2000-01-01')", want,
				"date_bin('1 month', "+t+" '2024-02-29', "+t+" '2000-01-01')", "ERROR 0A000", "date_bin('0 minutes', "+t+" '2024-02-29', "+t+" '2000-01-01')", "ERROR 22008"),
		})
	}
}

// truncate cuts a timestamp down to a unit.
func truncate(unit, word, typ string, m int64) (int64, error) {
	c := civilOf(m)
	switch unit {
	case "microseconds":
		return m, nil
	case "milliseconds":
		c.micros -= c.micros % 1000
		return c.timestamp()
	case "second":
		c.micros = 0
		return c.timestamp()
	case "minute":
		c.second, c.micros = 0, 0
		return c.timestamp()
	case "hour":
		c.minute, c.second, c.micros = 0, 0, 0
		return c.timestamp()
	}
	c.setTime(0)
	year := func(y int) {
		c.year, c.month, c.day = y, 1, 1
	}
	switch unit {
	case "day":
	case "week":
		c.year, c.month, c.day = isoWeekStart(c.isoWeek())
	case "month":
		c.day = 1
	case "quarter":
		c.month, c.day = (c.month-1)/3*3+1, 1
	case "year":
		year(c.year)
	case "decade":
		year(c.dateField("decade") * 10)
	case "century":
		year(firstYear(c.dateField("century"), 100))
	case "millennium":
		year(firstYear(c.dateField("millennium"), 1000))
	default:
		return 0, unitUnknown(word, typ)
	}
	return c.timestamp()
}

// firstYear is the year in which a century or millennium begins: 1901 for the
// 20th.
func firstYear(n, length int) int {
	if n > 0 {
		return (n-1)*length + 1
	}
	return n*length + 1
}

// truncateInstant cuts on the clock of a zone. Units of a day and more find the
// zone's offset at the result; smaller ones keep that of the instant.
func truncateInstant(word string, m int64, f *types.Format) (int64, error) {
	const name = "timestamp with time zone"
	if infiniteTimestamp(m) {
		return m, nil
	}
	unit, err := unitOf(word, name)
	if err != nil {
		return 0, err
	}
	local := types.InstantToLocal(m, f)
	cut, err := truncate(unit, word, name, local)
	if err != nil {
		return 0, err
	}
	switch unit {
	case "microseconds", "milliseconds", "second", "minute", "hour":
		return cut - (local - m), nil
	}
	return types.LocalToInstant(cut, f), nil
}

func truncateInterval(word string, v types.IntervalValue) (types.IntervalValue, error) {
	unit, err := unitOf(word, "interval")
	if err != nil {
		return v, err
	}
	months := func(n int32) types.IntervalValue { return types.IntervalValue{Months: v.Months - v.Months%n} }
	micros := func(n int64) types.IntervalValue {
		v.Micros -= v.Micros % n
		return v
	}
	switch unit {
	case "microseconds":
		return v, nil
	case "milliseconds":
		return micros(1000), nil
	case "second":
		return micros(microsPerSecond), nil
	case "minute":
		return micros(60 * microsPerSecond), nil
	case "hour":
		return micros(3600 * microsPerSecond), nil
	case "day":
		v.Micros = 0
		return v, nil
	case "month":
		return months(1), nil
	case "quarter":
		return months(3), nil
	case "year":
		return months(12), nil
	case "decade":
		return months(120), nil
	case "century":
		return months(1200), nil
	case "millennium":
		return months(12000), nil
	case "week":
		return v, unitUnsupported(word, "interval").(*sqlerr.Error).WithDetail("Months usually have fractional weeks.")
	}
	return v, unitUnknown(word, "interval")
}

// bin is the beginning of the stride that m is in, strides being counted from
// origin.
func bin(stride types.IntervalValue, m, origin int64) (int64, error) {
	if infiniteTimestamp(m) {
		return m, nil
	}
	switch step := int64(stride.Days)*microsPerDay + stride.Micros; {
	case infiniteTimestamp(origin):
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "origin out of range")
	case stride.Months != 0:
		return 0, sqlerr.Unsupported("Give the stride in days or smaller units, or use date_trunc.", "timestamps cannot be binned into intervals containing months or years")
	case step <= 0:
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "stride must be greater than zero")
	case (m-origin < m) != (origin > 0):
		return 0, intervalOutOfRange()
	default:
		rest := (m - origin) % step
		if rest < 0 {
			rest += step
		}
		return m - rest, nil
	}
}
