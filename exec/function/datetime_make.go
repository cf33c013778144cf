package function

import (
	"math"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("timestamp(date) timestamp strict immutable", func(_ *Env, a vs) (types.Value, error) { return timestamp(dateToTimestamp(a[0].I)) },
		"(date '2024-02-29')::timestamp", "2024-02-29 00:00:00", "(date 'infinity')::timestamp", "infinity")
	op("timestamp(timestamptz) timestamp strict stable", func(env *Env, a vs) (types.Value, error) {
		return timestamp(types.InstantToLocal(a[0].I, env.Format), nil)
	}, "(timestamptz '2024-02-29 12:00+02')::timestamp", "2024-02-29 10:00:00")
	op("timestamptz(timestamp) timestamptz strict stable", func(env *Env, a vs) (types.Value, error) {
		return timestamptz(types.LocalToInstant(a[0].I, env.Format), nil)
	}, "(timestamp '2024-02-29 12:00')::timestamptz", "2024-02-29 12:00:00+00")
	op("timestamptz(date) timestamptz strict stable", func(env *Env, a vs) (types.Value, error) {
		m, err := dateToTimestamp(a[0].I)
		return timestamptz(types.LocalToInstant(m, env.Format), err)
	}, "(date '2024-02-29')::timestamptz", "2024-02-29 00:00:00+00")
	op("date(timestamp) date strict immutable", func(_ *Env, a vs) (types.Value, error) { return date(timestampToDate(a[0].I)) },
		"(timestamp '2024-02-29 23:59')::date", "2024-02-29", "(timestamp '1999-12-31 23:59')::date", "1999-12-31")
	op("date(timestamptz) date strict stable", func(env *Env, a vs) (types.Value, error) {
		return date(timestampToDate(types.InstantToLocal(a[0].I, env.Format)))
	}, "(timestamptz '2024-02-29 23:59-02')::date", "2024-03-01")
	op("time(timestamp) time strict immutable", func(_ *Env, a vs) (types.Value, error) { return timeOf(a[0].I) },
		"(timestamp '1999-02-28 23:59:01.5')::time", "23:59:01.5", "(timestamp 'infinity')::time", "NULL")
	op("time(timestamptz) time strict stable", func(env *Env, a vs) (types.Value, error) {
		return timeOf(types.InstantToLocal(a[0].I, env.Format))
	}, "(timestamptz '2024-02-29 23:59-02')::time", "01:59:00")
	op("time(interval) time strict immutable", func(_ *Env, a vs) (types.Value, error) { return timeValue(a[0].Span.Micros) },
		"(interval '1 day -01:00')::time", "23:00:00")
	op("interval(time) interval strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return interval(types.IntervalValue{Micros: a[0].I}, nil)
	}, "(time '01:02:03')::interval", "01:02:03")
	op("to_timestamp(float8) timestamptz strict immutable", func(_ *Env, a vs) (types.Value, error) { return timestamptz(fromUnix(a[0].F)) },
		"to_timestamp(1709210096.789)", "2024-02-29 12:34:56.789+00", "to_timestamp('Infinity'::float8)", "infinity", "to_timestamp('NaN'::float8)", "ERROR 22008")
	op("make_date(int4, int4, int4) date strict immutable", func(_ *Env, a vs) (types.Value, error) {
		shown := a[0].I // in the error PostgreSQL counts years BC from 0 here
		if shown < 0 {
			shown++
		}
		d, err := makeDate(a[0].I, a[1].I, a[2].I, shown)
		return types.NewInt(types.Date, int64(d)), err
	}, "make_date(2024, 2, 29)", "2024-02-29", "make_date(2023, 2, 29)", "ERROR 22008", "make_date(-44, 3, 15)", "0044-03-15 BC")
	op("make_time(int4, int4, float8) time strict immutable", func(_ *Env, a vs) (types.Value, error) {
		m, err := makeTime(a[0].I, a[1].I, a[2].F)
		return types.NewInt(types.Time, m), err
	}, "make_time(8, 15, 23.5)", "08:15:23.5", "make_time(25, 0, 0)", "ERROR 22008")
	op("make_timestamp(int4, int4, int4, int4, int4, float8) timestamp strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return timestamp(makeTimestamp(a))
	}, "make_timestamp(2024, 2, 29, 8, 15, 23.5)", "2024-02-29 08:15:23.5")
	op("make_timestamptz(int4, int4, int4, int4, int4, float8) timestamptz strict stable", func(env *Env, a vs) (types.Value, error) {
		m, err := makeTimestamp(a)
		return timestamptz(types.LocalToInstant(m, env.Format), err)
	}, "make_timestamptz(2024, 2, 29, 8, 15, 23.5)", "2024-02-29 08:15:23.5+00")
	op("timezone(text, timestamptz) timestamp strict immutable", func(env *Env, a vs) (types.Value, error) {
		if infiniteTimestamp(a[1].I) {
			return timestamp(a[1].I, nil)
		}
		f, err := zoned(env.Format, a[0].S, a[1].I, false)
		if err != nil {
			return types.Value{}, err
		}
		return timestamp(inRange(types.InstantToLocal(a[1].I, f)))
	}, "timestamptz '2024-02-29 12:00+00' AT TIME ZONE 'America/New_York'", "2024-02-29 07:00:00", "timestamptz '2024-02-29 12:00+00' AT TIME ZONE 'Nowhere'", "ERROR 22023")
	op("timezone(text, timestamp) timestamptz strict immutable", func(env *Env, a vs) (types.Value, error) {
		if infiniteTimestamp(a[1].I) {
			return timestamptz(a[1].I, nil)
		}
		f, err := zoned(env.Format, a[0].S, a[1].I, true)
		if err != nil {
			return types.Value{}, err
		}
		return timestamptz(inRange(types.LocalToInstant(a[1].I, f)))
	}, "timestamp '2024-07-01 12:00' AT TIME ZONE 'America/New_York'", "2024-07-01 16:00:00+00")
	op("timezone(interval, timestamptz) timestamp strict immutable", func(_ *Env, a vs) (types.Value, error) { return atOffset(types.Timestamp, a, 1) },
		"timestamptz '2024-02-29 12:00+00' AT TIME ZONE interval '-05:00'", "2024-02-29 07:00:00", "timestamptz '2024-02-29 12:00+00' AT TIME ZONE interval '1 month'", "ERROR 22023")
	op("timezone(interval, timestamp) timestamptz strict immutable", func(_ *Env, a vs) (types.Value, error) { return atOffset(types.Timestamptz, a, -1) },
		"timestamp '2024-02-29 12:00' AT TIME ZONE interval '-05:00'", "2024-02-29 17:00:00+00")
	op("age(timestamp, timestamp) interval strict immutable", func(_ *Env, a vs) (types.Value, error) { return interval(age(spanEnd(a[0].I), spanEnd(a[1].I))) },
		"age(timestamp '2001-04-10', timestamp '1957-06-13')", "43 years 9 mons 27 days", "age(timestamp '2024-01-01', timestamp '2024-03-31 12:00')", "-2 mons -30 days -12:00:00")
	op("age(timestamptz, timestamptz) interval strict immutable", func(env *Env, a vs) (types.Value, error) {
		return interval(age(localEnd(a[0].I, env.Format), localEnd(a[1].I, env.Format)))
	}, "age(timestamptz '2024-03-01+00', timestamptz '2024-02-01+00')", "1 mon")
	op("age(timestamp) interval strict stable", func(env *Env, a vs) (types.Value, error) {
		return interval(age(today(env), spanEnd(a[0].I)))
	}, "age(current_date::timestamp - interval '1 month 3 days') > interval '1 month'", "t")
	op("age(timestamptz) interval strict stable", func(env *Env, a vs) (types.Value, error) {
		return interval(age(today(env), localEnd(a[0].I, env.Format)))
	}, "age(current_date::timestamptz)", "00:00:00")
	op("isfinite(date) bool strict immutable", func(_ *Env, a vs) (types.Value, error) { return boolean(!infiniteDate(a[0].I)) }, "isfinite(date 'infinity')", "f")
	op("isfinite(timestamp) bool strict immutable", func(_ *Env, a vs) (types.Value, error) { return boolean(!infiniteTimestamp(a[0].I)) }, "isfinite(timestamp '2024-01-01')", "t")
	op("isfinite(timestamptz) bool strict immutable", func(_ *Env, a vs) (types.Value, error) { return boolean(!infiniteTimestamp(a[0].I)) }, "isfinite(timestamptz '-infinity')", "f")
	op("isfinite(interval) bool strict immutable", func(*Env, vs) (types.Value, error) { return boolean(true) }, "isfinite(interval '1 day')", "t")
}

func midnight(m int64) int64 { return timestampToDate(m) * microsPerDay }

func timeOf(m int64) (types.Value, error) {
	if infiniteTimestamp(m) {
		return null(types.Time)
	}
	return timeValue(m)
}

// fromUnix is the instant of seconds since 1970.
func fromUnix(seconds float64) (int64, error) {
	switch {
	case math.IsInf(seconds, 1):
		return types.TimestampInfinity, nil
	case math.IsInf(seconds, -1):
		return types.TimestampNegInfinity, nil
	case seconds != seconds:
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp cannot be NaN")
	}
	m := math.RoundToEven((seconds + float64(types.UnixEpoch/microsPerSecond)) * microsPerSecond)
	if !(math.Abs(m) < 1<<63) || !types.ValidTimestamp(int64(m)) {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range: \"%g\"", seconds)
	}
	return int64(m), nil
}

func makeDate(year, month, day, shown int64) (int32, error) {
	y := year
	if y < 0 {
		y++
	}
	d, ok := types.DateToDays(int(y), int(month), int(day))
	if !ok || year == 0 {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", shown, month, day)
	}
	return d, nil
}

func makeTime(hour, minute int64, second float64) (int64, error) {
	micros := math.RoundToEven(second * microsPerSecond)
	m := (hour*60+minute)*60*microsPerSecond + int64(micros)
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(micros >= 0 && micros <= 60*microsPerSecond) || m > microsPerDay {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%02g", hour, minute, second)
	}
	return m, nil
}

func makeTimestamp(a []types.Value) (int64, error) {
	d, err := makeDate(a[0].I, a[1].I, a[2].I, a[0].I)
	if err != nil {
		return 0, err
	}
	t, err := makeTime(a[3].I, a[4].I, a[5].F)
	if err != nil {
		return 0, err
	}
	m := int64(d)*microsPerDay + t
	if !types.ValidTimestamp(m) {
		return 0, timestampOutOfRange()
	}
	return m, nil
}

// atOffset is AT TIME ZONE with an interval.
func atOffset(oid types.OID, a []types.Value, sign int64) (types.Value, error) {
	span, m := a[0].Span, a[1].I
	if infiniteTimestamp(m) {
		return types.NewInt(oid, m), nil
	}
	if span.Months != 0 || span.Days != 0 {
		shown := types.AppendInterval(nil, span, types.DefaultFormat())
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "interval time zone \"%s\" must not include months or days", shown)
	}
	m, err := inRange(m + sign*(span.Micros-span.Micros%microsPerSecond))
	return types.NewInt(oid, m), err
}

// inRange refuses a timestamp before the first or after the last.
func inRange(m int64) (int64, error) {
	if !types.ValidTimestamp(m) {
		return 0, timestampOutOfRange()
	}
	return m, nil
}

// moment is an end of what age measures: the time on the clock, and what orders it.
type moment struct {
	civil
	at int64
}

func spanEnd(at int64) moment { return moment{civilOf(at), at} }

// localEnd is an instant on the clock of f's zone. As in PostgreSQL 16, infinity is
// the last microsecond that there is a number for.
func localEnd(at int64, f *types.Format) moment {
	if at != types.TimestampInfinity {
		return moment{civilOf(types.InstantToLocal(at, f)), at}
	}
	m := spanEnd(at)
	// No zone is so far east that the next day had begun.
	m.setTime(m.timeOfDay() + types.InstantToLocal(at-microsPerDay, f) - (at - microsPerDay))
	return m
}

func today(env *Env) moment {
	return spanEnd(midnight(types.InstantToLocal(env.TransactionTime, env.Format)))
}

// age is the difference by the calendar, in years, months and days.
func age(a, b moment) (types.IntervalValue, error) {
	if a.at == types.TimestampNegInfinity || b.at == types.TimestampNegInfinity {
		return types.IntervalValue{}, timestampOutOfRange()
	}
	negative := a.at < b.at
	later, earlier := a, b
	if negative {
		later, earlier = earlier, later
	}
	months := (later.year-earlier.year)*12 + later.month - earlier.month
	days := later.day - earlier.day
	micros := later.timeOfDay() - earlier.timeOfDay()
	if micros < 0 {
		micros += microsPerDay
		days--
	}
	if days < 0 {
		// The days borrowed are those of the earlier one's month.
		days += daysIn(earlier.year, earlier.month)
		months--
	}
	if negative {
		months, days, micros = -months, -days, -micros
	}
	return types.IntervalValue{Months: int32(months), Days: int32(days), Micros: micros}, nil
}

// clockNow is the wall clock in microseconds since 2000-01-01.
func clockNow() int64 { return time.Now().UnixMicro() + types.UnixEpoch }

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	transaction := func(env *Env, _ vs) (types.Value, error) { return timestamptz(env.TransactionTime, nil) }
	op("now() timestamptz strict stable", transaction, examples("now() = transaction_timestamp()", "t")...)
	op("transaction_timestamp() timestamptz strict stable", transaction, examples("transaction_timestamp() <= clock_timestamp()", "t")...)
	op("statement_timestamp() timestamptz strict stable", func(env *Env, _ vs) (types.Value, error) {
		return timestamptz(env.StatementTime, nil)
	}, examples("statement_timestamp() >= transaction_timestamp()", "t")...)
	op("clock_timestamp() timestamptz strict volatile", func(*Env, vs) (types.Value, error) { return timestamptz(clockNow(), nil) },
		examples("clock_timestamp() >= now()", "t")...)
	op("timeofday() text strict volatile", func(env *Env, _ vs) (types.Value, error) {
		return text(time.Now().In(env.Format.TimeZone).Format("Mon Jan 02 15:04:05.000000 2006 MST"))
	}, examples("length(timeofday()) > 20", "t")...)
	op("timestamp() timestamptz strict stable oid 9903", transaction, Example{SQL: `"timestamp"() = now()`, Text: "t", Ours: "PostgreSQL has no timestamp()"})
	op("pg_sleep(float8) void strict volatile", sleep, examples("pg_sleep(0::float8)", "")...)
}

// sleep waits, until the statement is cancelled at the latest.
func sleep(env *Env, a []types.Value) (types.Value, error) {
	timer := time.NewTimer(time.Duration(max(a[0].F, 0) * float64(time.Second)))
	defer timer.Stop()
	var done <-chan struct{}
	if env.Context != nil {
		done = env.Context.Done()
	}
	select {
	case <-timer.C:
		return types.NewString(types.Void, ""), nil
	case <-done:
		return types.Value{}, env.Context.Err()
	}
}
