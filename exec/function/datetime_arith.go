package function

import (
	"fmt"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
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

// timeValue is a time of day, wrapped around midnight.
func timeValue(m int64) (types.Value, error) { return types.NewInt(types.Time, clock(m)), nil }

func date(d int64) (types.Value, error) {
	if !infiniteDate(d) && (d > int64(maxDate) || d < int64(minDate)) {
		return types.Value{}, dateOutOfRange()
	}
	return types.NewInt(types.Date, d), nil
}

var (
	minDate, _ = types.DateToDays(-4713, 11, 24)
	maxDate, _ = types.DateToDays(5874897, 12, 31)
)

func init() {
	op := func(sig string, volatility string, f ValueFunc, ex ...string) {
		define(sig+" strict "+volatility, Definition{Value: f, Examples: examples(ex...)})
	}
	pair := func(sig string, volatility string, kernel VectorFunc, ex ...string) {
		define(sig+" strict "+volatility, Definition{Vector: kernel, Examples: examples(ex...)})
	}
	type vs = []types.Value
	type span = types.IntervalValue
	pair("timestamp_mi(timestamp, timestamp) interval", "immutable", pairwise(between),
		"timestamp '2024-03-01 12:00' - timestamp '2024-02-28 13:30:00.5'", "1 day 22:29:59.5", "timestamp 'infinity' - timestamp '2024-01-01'", "ERROR 22008")
	pair("timestamptz_mi(timestamptz, timestamptz) interval", "immutable", pairwise(between),
		"timestamptz '2024-02-28 12:00+00' - timestamptz '2024-02-28 12:00+02'", "02:00:00")
	pair("timestamp_pl_interval(timestamp, interval) timestamp", "immutable", pairwise(timestampPlus),
		"timestamp '2024-01-31 12:00' + interval '1 month'", "2024-02-29 12:00:00", "timestamp '2024-01-31' + interval '-13 months 2 days 01:00'", "2023-01-02 01:00:00", "timestamp 'infinity' + interval '1 day'", "infinity", "timestamp '294276-12-31' + interval '1 day'", "ERROR 22008")
	pair("timestamp_mi_interval(timestamp, interval) timestamp", "immutable", pairwise(minus(timestampPlus)),
		"timestamp '2024-03-31 12:00' - interval '1 month 1 day'", "2024-02-28 12:00:00")
	pair("timestamptz_pl_interval(timestamptz, interval) timestamptz", "stable", pairwise(instantPlus),
		"timestamptz '2024-01-31 12:00+00' + interval '1 month 90 minutes'", "2024-02-29 13:30:00+00")
	pair("timestamptz_mi_interval(timestamptz, interval) timestamptz", "stable", pairwise(minus(instantPlus)),
		"timestamptz '2024-03-01 00:00+00' - interval '1 day'", "2024-02-29 00:00:00+00")
	pair("interval_pl_timestamp(interval, timestamp) timestamp", "immutable", pairwise(swapped(timestampPlus)),
		"interval '1 day' + timestamp '2024-02-28 01:00'", "2024-02-29 01:00:00")
	pair("interval_pl_timestamptz(interval, timestamptz) timestamptz", "stable", pairwise(swapped(instantPlus)),
		"interval '1 day' + timestamptz '2024-02-28 01:00+00'", "2024-02-29 01:00:00+00")
	pair("date_pl_interval(date, interval) timestamp", "immutable", pairwise(datePlus), "date '2024-01-31' + interval '1 month'", "2024-02-29 00:00:00")
	pair("date_mi_interval(date, interval) timestamp", "immutable", pairwise(minus(datePlus)), "date '2024-01-01' - interval '1 hour'", "2023-12-31 23:00:00")
	pair("interval_pl_date(interval, date) timestamp", "immutable", pairwise(swapped(datePlus)), "interval '1 hour' + date '2024-01-01'", "2024-01-01 01:00:00")
	pair("date_pli(date, int4) date", "immutable", pairwise(dateShift), "date '2024-02-28' + 2", "2024-03-01")
	pair("integer_pl_date(int4, date) date", "immutable", pairwise(swapped(dateShift)), "2 + date '2024-02-28'", "2024-03-01")
	pair("date_mii(date, int4) date", "immutable", pairwise(func(env *Env, d, n int32) (int32, error) { return shiftDate(d, -int64(n)) }),
		"date '2024-03-01' - 1", "2024-02-29", "date 'infinity' - 1", "infinity", "date '1999-12-31' - (-2147483648)", "ERROR 22008")
	pair("date_mi(date, date) int4", "immutable", pairwise(func(_ *Env, x, y int32) (int32, error) {
		if infiniteDate(int64(x)) || infiniteDate(int64(y)) {
			return 0, infiniteDates()
		}
		return x - y, nil
	}), "date '2024-03-01' - date '2024-02-01'", "29", "date 'infinity' - date '2024-01-01'", "ERROR 22008")
	pair("datetime_pl(date, time) timestamp", "immutable", pairwise(dateTime), "date '2024-02-29' + time '01:02:03'", "2024-02-29 01:02:03")
	pair("timedate_pl(time, date) timestamp", "immutable", pairwise(swapped(dateTime)), "time '01:02:03' + date '2024-02-29'", "2024-02-29 01:02:03")
	pair("time_mi_time(time, time) interval", "immutable", pairwise(func(_ *Env, x, y int64) (span, error) { return span{Micros: x - y}, nil }),
		"time '05:00' - time '06:30'", "-01:30:00")
	pair("time_pl_interval(time, interval) time", "immutable", pairwise(func(_ *Env, m int64, s span) (int64, error) { return clock(m + s.Micros%microsPerDay), nil }), "time '23:00' + interval '2 hours'", "01:00:00")
	pair("time_mi_interval(time, interval) time", "immutable", pairwise(func(_ *Env, m int64, s span) (int64, error) { return clock(m - s.Micros%microsPerDay), nil }), "time '01:00' - interval '2 hours'", "23:00:00")
	pair("interval_pl_time(interval, time) time", "immutable", pairwise(func(_ *Env, s span, m int64) (int64, error) { return clock(m + s.Micros%microsPerDay), nil }), "interval '2 hours' + time '23:00'", "01:00:00")
	pair("interval_pl(interval, interval) interval", "immutable", pairwise(intervalPlus), "interval '1 day 2 hours' + interval '1 month 30 minutes'", "1 mon 1 day 02:30:00")
	pair("interval_mi(interval, interval) interval", "immutable", pairwise(minus(intervalPlus)), "interval '1 day' - interval '2 hours'", "1 day -02:00:00")
	op("interval_um(interval) interval", "immutable", func(_ *Env, a vs) (types.Value, error) { return interval(negative(a[0].Span)) }, "- (interval '1 day 2 hours')", "-1 days -02:00:00")
	pair("interval_mul(interval, float8) interval", "immutable", pairwise(intervalTimes), "interval '1 month 1 day' * 1.5::float8", "1 mon 16 days 12:00:00", "interval '1 hour' * 3.5", "03:30:00")
	pair("mul_d_interval(float8, interval) interval", "immutable", pairwise(swapped(intervalTimes)), "2::float8 * interval '1 hour'", "02:00:00")
	pair("interval_div(interval, float8) interval", "immutable", pairwise(func(_ *Env, s span, n float64) (span, error) {
		if n == 0 {
			return s, divisionByZero()
		}
		return DivideInterval(s, n)
	}), "interval '1 month' / 2::float8", "15 days", "interval '1 day' / 0::float8", "ERROR 22012")
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

func dateShift(_ *Env, d, n int32) (int32, error) { return shiftDate(d, int64(n)) }

func shiftDate(d int32, n int64) (int32, error) {
	if infiniteDate(int64(d)) {
		return d, nil
	}
	at := int64(d) + n
	if at > int64(maxDate) || at < int64(minDate) {
		return 0, dateOutOfRange()
	}
	return int32(at), nil
}

// minus is a sum with its second operand negated.
func minus[A, O vec.Value](plus func(*Env, A, types.IntervalValue) (O, error)) func(*Env, A, types.IntervalValue) (O, error) {
	return func(env *Env, x A, s types.IntervalValue) (O, error) {
		s, err := negative(s)
		if err != nil {
			var zero O
			return zero, err
		}
		return plus(env, x, s)
	}
}

func timestampPlus(_ *Env, m int64, s types.IntervalValue) (int64, error) {
	return addToTimestamp(m, s)
}

func instantPlus(env *Env, m int64, s types.IntervalValue) (int64, error) {
	return addToInstant(m, s, env.Format)
}

func datePlus(_ *Env, d int32, s types.IntervalValue) (int64, error) {
	m, err := dateToTimestamp(int64(d))
	if err != nil {
		return 0, err
	}
	return addToTimestamp(m, s)
}

func dateTime(_ *Env, d int32, t int64) (int64, error) {
	m, err := dateToTimestamp(int64(d))
	if err != nil || infiniteTimestamp(m) {
		return m, err
	}
	if !types.ValidTimestamp(m + t) {
		return 0, timestampOutOfRange()
	}
	return m + t, nil
}

// clock wraps a time of day around midnight.
func clock(m int64) int64 {
	m %= microsPerDay
	if m < 0 {
		m += microsPerDay
	}
	return m
}

func intervalPlus(_ *Env, a, b types.IntervalValue) (types.IntervalValue, error) {
	return addIntervals(a, b)
}

func intervalTimes(_ *Env, v types.IntervalValue, n float64) (types.IntervalValue, error) {
	if v.Months == 0 && v.Days == 0 { // most are: the rest of scaleInterval adds zeros
		micros := math.RoundToEven(float64(v.Micros) * n)
		if micros >= -1<<63 && micros < 1<<63 && !math.IsInf(n, 0) {
			return types.IntervalValue{Micros: int64(micros)}, nil
		}
	}
	return scaleInterval(v, func(x float64) float64 { return x * n })
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
