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
}
