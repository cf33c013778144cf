package function

import (
	"fmt"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func timestamp(m int64, err error) (types.Value, error) {
	return types.NewInt(types.Timestamp, m), err
}

func timestamptz(m int64, err error) (types.Value, error) {
	return types.NewInt(types.Timestamptz, m), err
}

func interval(span types.IntervalValue, err error) (types.Value, error) {
	return types.Value{Type: types.Of(types.Interval), Span: span}, err
}

func date(d int64) (types.Value, error) {
	if !infiniteDate(d) && (d > int64(maxDate) || d < int64(minDate)) {
		return types.Value{}, dateOutOfRange()
	}
	return types.NewInt(types.Date, d), nil
}

var (
	minDate, _ = types.DateToDays(-4712, 1, 1)
	maxDate, _ = types.DateToDays(5874897, 12, 31)
)

func init() {
	op := func(sig string, volatility string, f ValueFunc, ex ...string) {
		define(sig+" strict "+volatility, Definition{Value: f, Examples: examples(ex...)})
	}
	type vs = []types.Value
	op("timestamp_mi(timestamp, timestamp) interval", "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(between(a[0].I, a[1].I)) },
		"timestamp '2024-03-01 12:00' - timestamp '2024-02-28 13:30:00.5'", "1 day 22:29:59.5", "timestamp 'infinity' - timestamp '2024-01-01'", "ERROR 22008")
	op("timestamptz_mi(timestamptz, timestamptz) interval", "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(between(a[0].I, a[1].I)) },
		"timestamptz '2024-02-28 12:00+00' - timestamptz '2024-02-28 12:00+02'", "02:00:00")
	op("timestamp_pl_interval(timestamp, interval) timestamp", "immutable", func(_ *Env, a vs) (types.Value, error) { return timestamp(addToTimestamp(a[0].I, a[1].Span)) },
		"timestamp '2024-01-31 12:00' + interval '1 month'", "2024-02-29 12:00:00", "timestamp '2024-01-31' + interval '-13 months 2 days 01:00'", "2023-01-02 01:00:00", "timestamp 'infinity' + interval '1 day'", "infinity", "timestamp '294276-12-31' + interval '1 day'", "ERROR 22008")
	op("timestamp_mi_interval(timestamp, interval) timestamp", "immutable", func(_ *Env, a vs) (types.Value, error) {
		span, err := negative(a[1].Span)
		if err != nil {
			return types.Value{}, err
		}
		return timestamp(addToTimestamp(a[0].I, span))
	}, "timestamp '2024-03-31 12:00' - interval '1 month 1 day'", "2024-02-28 12:00:00")
	op("timestamptz_pl_interval(timestamptz, interval) timestamptz", "stable", func(env *Env, a vs) (types.Value, error) {
		return timestamptz(addToInstant(a[0].I, a[1].Span, env.Format))
	}, "timestamptz '2024-01-31 12:00+00' + interval '1 month 90 minutes'", "2024-02-29 13:30:00+00")
	op("timestamptz_mi_interval(timestamptz, interval) timestamptz", "stable", func(env *Env, a vs) (types.Value, error) {
		span, err := negative(a[1].Span)
		if err != nil {
			return types.Value{}, err
		}
		return timestamptz(addToInstant(a[0].I, span, env.Format))
	}, "timestamptz '2024-03-01 00:00+00' - interval '1 day'", "2024-02-29 00:00:00+00")
	op("interval_pl_timestamp(interval, timestamp) timestamp", "immutable", func(_ *Env, a vs) (types.Value, error) { return timestamp(addToTimestamp(a[1].I, a[0].Span)) },
		"interval '1 day' + timestamp '2024-02-28 01:00'", "2024-02-29 01:00:00")
	op("interval_pl_timestamptz(interval, timestamptz) timestamptz", "stable", func(env *Env, a vs) (types.Value, error) {
		return timestamptz(addToInstant(a[1].I, a[0].Span, env.Format))
	}, "interval '1 day' + timestamptz '2024-02-28 01:00+00'", "2024-02-29 01:00:00+00")
	op("date_pl_interval(date, interval) timestamp", "immutable", dateAdd(0, 1, false), "date '2024-01-31' + interval '1 month'", "2024-02-29 00:00:00")
	op("date_mi_interval(date, interval) timestamp", "immutable", dateAdd(0, 1, true), "date '2024-01-01' - interval '1 hour'", "2023-12-31 23:00:00")
	op("interval_pl_date(interval, date) timestamp", "immutable", dateAdd(1, 0, false), "interval '1 hour' + date '2024-01-01'", "2024-01-01 01:00:00")
	op("date_pli(date, int4) date", "immutable", func(_ *Env, a vs) (types.Value, error) { return dateShift(a[0].I, a[1].I) }, "date '2024-02-28' + 2", "2024-03-01")
	op("integer_pl_date(int4, date) date", "immutable", func(_ *Env, a vs) (types.Value, error) { return dateShift(a[1].I, a[0].I) }, "2 + date '2024-02-28'", "2024-03-01")
	op("date_mii(date, int4) date", "immutable", func(_ *Env, a vs) (types.Value, error) { return dateShift(a[0].I, -a[1].I) }, "date '2024-03-01' - 1", "2024-02-29", "date 'infinity' - 1", "infinity")
	op("date_mi(date, date) int4", "immutable", func(_ *Env, a vs) (types.Value, error) {
		if infiniteDate(a[0].I) || infiniteDate(a[1].I) {
			return types.Value{}, infiniteDates()
		}
		return int4(int(a[0].I - a[1].I))
	}, "date '2024-03-01' - date '2024-02-01'", "29", "date 'infinity' - date '2024-01-01'", "ERROR 22008")
	op("datetime_pl(date, time) timestamp", "immutable", func(_ *Env, a vs) (types.Value, error) { return dateTime(a[0].I, a[1].I) }, "date '2024-02-29' + time '01:02:03'", "2024-02-29 01:02:03")
	op("timedate_pl(time, date) timestamp", "immutable", func(_ *Env, a vs) (types.Value, error) { return dateTime(a[1].I, a[0].I) }, "time '01:02:03' + date '2024-02-29'", "2024-02-29 01:02:03")
	op("time_mi_time(time, time) interval", "immutable", func(_ *Env, a vs) (types.Value, error) {
		return interval(types.IntervalValue{Micros: a[0].I - a[1].I}, nil)
	}, "time '05:00' - time '06:30'", "-01:30:00")
	op("time_pl_interval(time, interval) time", "immutable", func(_ *Env, a vs) (types.Value, error) { return clock(a[0].I + a[1].Span.Micros%microsPerDay) }, "time '23:00' + interval '2 hours'", "01:00:00")
	op("time_mi_interval(time, interval) time", "immutable", func(_ *Env, a vs) (types.Value, error) { return clock(a[0].I - a[1].Span.Micros%microsPerDay) }, "time '01:00' - interval '2 hours'", "23:00:00")
	op("interval_pl_time(interval, time) time", "immutable", func(_ *Env, a vs) (types.Value, error) { return clock(a[1].I + a[0].Span.Micros%microsPerDay) }, "interval '2 hours' + time '23:00'", "01:00:00")
	op("interval_pl(interval, interval) interval", "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(addIntervals(a[0].Span, a[1].Span)) },
		"interval '1 day 2 hours' + interval '1 month 30 minutes'", "1 mon 1 day 02:30:00")
	op("interval_mi(interval, interval) interval", "immutable", func(_ *Env, a vs) (types.Value, error) {
		span, err := negative(a[1].Span)
		if err != nil {
			return types.Value{}, err
		}
		return interval(addIntervals(a[0].Span, span))
	}, "interval '1 day' - interval '2 hours'", "1 day -02:00:00")
	op("interval_um(interval) interval", "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(negative(a[0].Span)) }, "- (interval '1 day 2 hours')", "-1 days -02:00:00")
	op("interval_mul(interval, float8) interval", "immutable", func(_ *Env, a vs) (types.Value, error) {
		return interval(scaleInterval(a[0].Span, func(x float64) float64 { return x * a[1].F }))
	}, "interval '1 month 1 day' * 1.5::float8", "1 mon 16 days 12:00:00", "interval '1 hour' * 3.5", "03:30:00")
	op("mul_d_interval(float8, interval) interval", "immutable", func(_ *Env, a vs) (types.Value, error) {
		return interval(scaleInterval(a[1].Span, func(x float64) float64 { return x * a[0].F }))
	}, "2::float8 * interval '1 hour'", "02:00:00")
	op("interval_div(interval, float8) interval", "immutable", func(_ *Env, a vs) (types.Value, error) {
		if a[1].F == 0 {
			return types.Value{}, divisionByZero()
		}
		return interval(DivideInterval(a[0].Span, a[1].F))
	}, "interval '1 month' / 2::float8", "15 days", "interval '1 day' / 0::float8", "ERROR 22012")
	for _, f := range []struct {
		name string
		f    func(types.IntervalValue) (types.IntervalValue, error)
		ex   []string
	}{
		{"justify_hours", justifyHours, []string{"justify_hours(interval '50 hours')", "2 days 02:00:00"}},
		{"justify_days", justifyDays, []string{"justify_days(interval '65 days')", "2 mons 5 days"}},
		{"justify_interval", justifyInterval, []string{"justify_interval(interval '1 month -1 hour')", "29 days 23:00:00"}},
	} {
		op(fmt.Sprintf("%s(interval) interval", f.name), "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(f.f(a[0].Span)) }, f.ex...)
	}
}

func infiniteDates() error {
	return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "cannot subtract infinite dates")
}

func dateShift(d, n int64) (types.Value, error) {
	if infiniteDate(d) {
		return types.NewInt(types.Date, d), nil
	}
	return date(d + n)
}

func dateAdd(dateArg, spanArg int, minus bool) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) {
		m, err := dateToTimestamp(a[dateArg].I)
		if err != nil {
			return types.Value{}, err
		}
		span := a[spanArg].Span
		if minus {
			if span, err = negative(span); err != nil {
				return types.Value{}, err
			}
		}
		return timestamp(addToTimestamp(m, span))
	}
}

func dateTime(d, t int64) (types.Value, error) {
	m, err := dateToTimestamp(d)
	if err != nil || infiniteTimestamp(m) {
		return timestamp(m, err)
	}
	if !types.ValidTimestamp(m + t) {
		return types.Value{}, timestampOutOfRange()
	}
	return timestamp(m+t, nil)
}

// clock wraps a time of day around midnight.
func clock(m int64) (types.Value, error) {
	m %= microsPerDay
	if m < 0 {
		m += microsPerDay
	}
	return types.NewInt(types.Time, m), nil
}

func addIntervals(a, b types.IntervalValue) (types.IntervalValue, error) {
	months, days := int64(a.Months)+int64(b.Months), int64(a.Days)+int64(b.Days)
	micros := a.Micros + b.Micros
	if months != int64(int32(months)) || days != int64(int32(days)) || (micros^a.Micros)&(micros^b.Micros) < 0 {
		return a, intervalOutOfRange()
	}
	return types.IntervalValue{Micros: micros, Days: int32(days), Months: int32(months)}, nil
}

// scaleInterval multiplies or divides each part; what is left of a month goes
// to days of 30 to the month, and what is left of a day to the time.
func scaleInterval(v types.IntervalValue, scale func(float64) float64) (types.IntervalValue, error) {
	months, days := scale(float64(v.Months)), scale(float64(v.Days))
	if !(math.Abs(months) < 1<<31) || !(math.Abs(days) < 1<<31) {
		return v, intervalOutOfRange()
	}
	round := func(x float64) float64 { return math.RoundToEven(x*microsPerSecond) / microsPerSecond }
	wholeMonths, wholeDays := math.Trunc(months), math.Trunc(days)
	restDays := round((months - wholeMonths) * monthDays)
	seconds := round((days - wholeDays + restDays - math.Trunc(restDays)) * 86400)
	if math.Abs(seconds) >= 86400 {
		carry := math.Trunc(seconds / 86400)
		wholeDays += carry
		seconds -= carry * 86400
	}
	wholeDays += math.Trunc(restDays)
	micros := math.RoundToEven(scale(float64(v.Micros)) + seconds*microsPerSecond)
	if !(micros >= -1<<63 && micros < 1<<63) || math.Abs(wholeDays) >= 1<<31 {
		return v, intervalOutOfRange()
	}
	return types.IntervalValue{Micros: int64(micros), Days: int32(wholeDays), Months: int32(wholeMonths)}, nil
}

// DivideInterval is interval / float8, for n not zero.
func DivideInterval(v types.IntervalValue, n float64) (types.IntervalValue, error) {
	return scaleInterval(v, func(x float64) float64 { return x / n })
}

func justifyHours(v types.IntervalValue) (types.IntervalValue, error) {
	days := int64(v.Days) + v.Micros/microsPerDay
	micros := v.Micros % microsPerDay
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microsPerDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microsPerDay
	}
	if days != int64(int32(days)) {
		return v, intervalOutOfRange()
	}
	return types.IntervalValue{Months: v.Months, Days: int32(days), Micros: micros}, nil
}

func justifyDays(v types.IntervalValue) (types.IntervalValue, error) {
	months := int64(v.Months) + int64(v.Days/monthDays)
	days := v.Days % monthDays
	switch {
	case months > 0 && days < 0:
		months, days = months-1, days+monthDays
	case months < 0 && days > 0:
		months, days = months+1, days-monthDays
	}
	if months != int64(int32(months)) {
		return v, intervalOutOfRange()
	}
	return types.IntervalValue{Months: int32(months), Days: days, Micros: v.Micros}, nil
}

func justifyInterval(v types.IntervalValue) (types.IntervalValue, error) {
	days := int64(v.Days) + v.Micros/microsPerDay
	micros := v.Micros % microsPerDay
	months := int64(v.Months) + days/monthDays
	days %= monthDays
	switch {
	case months > 0 && (days < 0 || days == 0 && micros < 0):
		months, days = months-1, days+monthDays
	case months < 0 && (days > 0 || days == 0 && micros > 0):
		months, days = months+1, days-monthDays
	}
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microsPerDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microsPerDay
	}
	if months != int64(int32(months)) {
		return v, intervalOutOfRange()
	}
	return types.IntervalValue{Months: int32(months), Days: int32(days), Micros: micros}, nil
}
