package function

import (
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// time_bucket is TimescaleDB's, which Grafana writes where its data source is told
// that there is a TimescaleDB: date_bin with an origin of its own, and with months.

// bucketOrigin is where buckets of days and less begin: Monday, 2000-01-03, so that
// weeks begin on Mondays. Buckets of months begin on 2000-01-01.
const bucketOrigin = 2 * microsPerDay

func init() {
	oids := map[string][2]int{"timestamptz": {9963, 9964}, "timestamp": {9965, 9966}, "date": {9967, 9968}}
	for _, t := range []string{"timestamptz", "timestamp", "date"} {
		unit := int64(1)
		week, hour := "2024-02-26 00:00:00", "2024-02-29 12:00:00"
		at, origin := t+" '2024-02-29 12:34:56'", t+" '2024-01-02 06:00:00'"
		month, moved := "2024-01-01 00:00:00", "2024-02-29 06:00:00"
		switch t {
		case "date":
			unit = microsPerDay
			week, hour, month, moved = "2024-02-26", "2024-02-29", "2024-01-01", "2024-02-29"
		case "timestamptz":
			week, hour, month, moved = week+"+00", hour+"+00", month+"+00", moved+"+00"
		}
		call := func(origin func(stride types.IntervalValue, a []types.Value) int64) ValueFunc {
			return func(_ *Env, a []types.Value) (types.Value, error) {
				m, err := timeBucket(a[0].Span, a[1].I, unit, origin(a[0].Span, a))
				return types.NewInt(a[1].Type.OID, m), err
			}
		}
		define(fmt.Sprintf("time_bucket(interval, %s) %s strict immutable oid %d", t, t, oids[t][0]), Definition{
			Value: call(func(stride types.IntervalValue, _ []types.Value) int64 {
				if stride.Months != 0 {
					return 0
				}
				return bucketOrigin
			}),
			Examples: oursAll(noTimescale, "time_bucket('1 week', "+at+")", week, "time_bucket('1 hour', "+at+")", hour, "time_bucket('3 months', "+at+")", month,
				"time_bucket('1 month 1 day', "+at+")", "ERROR 22023", "time_bucket('0 s', "+at+")", "ERROR 22008"),
		})
		define(fmt.Sprintf("time_bucket(interval, %s, %s) %s strict immutable oid %d", t, t, t, oids[t][1]), Definition{
			Value:    call(func(_ types.IntervalValue, a []types.Value) int64 { return a[2].I * unit }),
			Examples: oursAll(noTimescale, "time_bucket('1 day', "+at+", "+origin+")", moved),
		})
	}
}

const noTimescale = "PostgreSQL has it in the extension timescaledb"

func oursAll(why string, sqlAndText ...string) []Example {
	all := examples(sqlAndText...)
	for i := range all {
		all[i].Ours = why
	}
	return all
}

// timeBucket is the begin of t's bucket. t and the answer count units of that many
// microseconds since 2000-01-01, origin counts microseconds.
func timeBucket(stride types.IntervalValue, t, unit, origin int64) (int64, error) {
	if unit != 1 && (t == int64(types.DateInfinity) || t == int64(types.DateNegInfinity)) {
		return t, nil
	}
	if stride.Months == 0 {
		m, err := bin(stride, t*unit, origin)
		if err != nil || unit == 1 {
			return m, err
		}
		return floorDiv(m, unit), nil
	}
	switch {
	case stride.Days != 0 || stride.Micros != 0:
		return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "bucket of months cannot have days or time").
			WithHint("Write whole months, such as '3 months'.")
	case stride.Months < 0:
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "stride must be greater than zero")
	case unit == 1 && infiniteTimestamp(t):
		return t, nil
	}
	first := monthOf(origin)
	n := monthOf(t*unit) - first
	n -= ((n % int64(stride.Months)) + int64(stride.Months)) % int64(stride.Months)
	begin := time.Date(2000, time.January+time.Month(first+n), 1, 0, 0, 0, 0, time.UTC).UnixMicro() + types.UnixEpoch
	return floorDiv(begin, unit), nil
}

// monthOf counts the months from 2000-01 to a time's.
func monthOf(micros int64) int64 {
	t := time.UnixMicro(micros - types.UnixEpoch).UTC()
	return int64(t.Year()-2000)*12 + int64(t.Month()) - 1
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
