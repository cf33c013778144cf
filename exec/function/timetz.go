package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions of time with time zone.

const dayMicros = 24 * 60 * 60 * 1000000

// timetzAt is a timetz whose time has been brought back into the day.
func timetzAt(micros int64, west int32) (types.Value, error) {
	if micros %= dayMicros; micros < 0 {
		micros += dayMicros
	}
	return types.NewTimetz(types.TimetzValue{Micros: micros, West: west}), nil
}

// zoneWest is the session's offset at an instant, in seconds west.
func zoneWest(env *Env, instant int64) int32 {
	return int32((instant - types.InstantToLocal(instant, env.Format)) / 1000000)
}

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("time(timetz) time strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return types.NewInt(types.Time, types.TimetzOf(a[0]).Micros), nil
	}, "(timetz '10:00:01.5+02')::time", "10:00:01.5")
	op("timetz(time) timetz strict stable", func(env *Env, a vs) (types.Value, error) {
		today := types.InstantToLocal(env.TransactionTime, env.Format)
		midnight := today - ((today%dayMicros)+dayMicros)%dayMicros
		instant := types.LocalToInstant(midnight+a[0].I, env.Format)
		return types.NewTimetz(types.TimetzValue{Micros: a[0].I, West: zoneWest(env, instant)}), nil
	}, "(time '10:00')::timetz", "10:00:00+00")
	op("timetz(timestamptz) timetz strict stable", func(env *Env, a vs) (types.Value, error) {
		if a[0].I == types.TimestampInfinity || a[0].I == types.TimestampNegInfinity {
			return null(types.Timetz)
		}
		return timetzAt(types.InstantToLocal(a[0].I, env.Format), zoneWest(env, a[0].I))
	}, "(timestamptz '2024-02-29 10:00+02')::timetz", "08:00:00+00", "(timestamptz 'infinity')::timetz", "NULL")
	op("timetz_pl_interval(timetz, interval) timetz strict immutable", func(_ *Env, a vs) (types.Value, error) {
		t := types.TimetzOf(a[0])
		return timetzAt(t.Micros+a[1].Span.Micros%dayMicros, t.West)
	}, "timetz '23:00+02' + interval '1 day 2 hours'", "01:00:00+02")
	op("timetz_mi_interval(timetz, interval) timetz strict immutable", func(_ *Env, a vs) (types.Value, error) {
		t := types.TimetzOf(a[0])
		return timetzAt(t.Micros-a[1].Span.Micros%dayMicros, t.West)
	}, "timetz '01:00+02' - interval '2 hours'", "23:00:00+02")
	op("timezone(interval, timetz) timetz strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if a[0].Span.Months != 0 || a[0].Span.Days != 0 {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "interval time zone \"%s\" must not include months or days",
				types.AppendInterval(nil, a[0].Span, types.DefaultFormat()))
		}
		t := types.TimetzOf(a[1])
		west := -int32(a[0].Span.Micros / 1000000)
		return timetzAt(t.Micros+int64(t.West-west)*1000000, west)
	}, "timetz '10:00+02' AT TIME ZONE interval '-05:00'", "03:00:00-05", "timetz '10:00+02' AT TIME ZONE interval '1 day'", "ERROR 22023")
	op("timezone(text, timetz) timetz strict stable", func(env *Env, a vs) (types.Value, error) {
		f, err := zoned(env.Format, a[0].S, env.TransactionTime, false)
		if err != nil {
			return types.Value{}, err
		}
		t := types.TimetzOf(a[1])
		west := int32((env.TransactionTime - types.InstantToLocal(env.TransactionTime, f)) / 1000000)
		return timetzAt(t.Micros+int64(t.West-west)*1000000, west)
	}, "timetz '10:00+02' AT TIME ZONE 'EST'", "03:00:00-05", "timetz '10:00+02' AT TIME ZONE 'Asia/Tokyo'", "17:00:00+09", "timetz '10:00+02' AT TIME ZONE 'Nowhere'", "ERROR 22023")
	op("interval_pl_timetz(interval, timetz) timetz strict immutable", func(_ *Env, a vs) (types.Value, error) {
		t := types.TimetzOf(a[1])
		return timetzAt(t.Micros+a[0].Span.Micros%dayMicros, t.West)
	}, "interval '1 day 2 hours' + timetz '23:00+02'", "01:00:00+02")
	at := func(day, clock int) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			m, err := dateToTimestamp(a[day].I)
			if err != nil || infiniteTimestamp(m) {
				return timestamptz(m, err)
			}
			t := types.TimetzOf(a[clock])
			if m += t.Micros + int64(t.West)*1000000; !types.ValidTimestamp(m) {
				return types.Value{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range for timestamp")
			}
			return timestamptz(m, nil)
		}
	}
	op("datetimetz_pl(date, timetz) timestamptz strict immutable", at(0, 1), "date '2024-02-29' + timetz '10:00+02'", "2024-02-29 08:00:00+00", "date 'infinity' + timetz '10:00+02'", "infinity")
	op("timetzdate_pl(timetz, date) timestamptz strict immutable", at(1, 0), "timetz '01:00+02' + date '2024-03-01'", "2024-02-29 23:00:00+00")
	op("timestamptz(date, timetz) timestamptz strict immutable", at(0, 1), "timestamptz(date '2024-02-29', timetz '10:00+02')", "2024-02-29 08:00:00+00")
}
