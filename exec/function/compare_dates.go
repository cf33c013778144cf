package function

import (
	"cmp"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Dates and timestamps of both kinds are compared without a conversion that may
// fail: a date past the last timestamp is greater than all of them.

func init() {
	type instant func(env *Env, v types.Value) int64
	plain := func(_ *Env, v types.Value) int64 { return v.I }
	local := func(_ *Env, v types.Value) int64 { return dateOrLast(v.I) }
	zoned := func(env *Env, v types.Value) int64 {
		m := dateOrLast(v.I)
		if m == lastInstant {
			return m
		}
		return types.LocalToInstant(m, env.Format)
	}
	shifted := func(env *Env, v types.Value) int64 { return types.LocalToInstant(v.I, env.Format) }
	for _, f := range []struct {
		comparisons
		volatility string
		l, r       instant
	}{
		{comparisons{pattern: "date_%_timestamp", left: "date", right: "timestamp", low: "date '2024-02-29'", high: "timestamp '2024-02-29 00:00:01'"}, "immutable", local, plain},
		{comparisons{pattern: "timestamp_%_date", left: "timestamp", right: "date", low: "timestamp '294276-12-31'", high: "date '5874897-12-31'"}, "immutable", plain, local},
		{comparisons{pattern: "date_%_timestamptz", left: "date", right: "timestamptz", low: "date '2024-02-29'", high: "timestamptz '2024-02-29 00:00:01+00'"}, "stable", zoned, plain},
		{comparisons{pattern: "timestamp_%_timestamptz", left: "timestamp", right: "timestamptz", low: "timestamp '2024-02-29 00:00:01'", high: "timestamptz '2024-02-29 00:00:02+00'"}, "stable", shifted, plain},
		{comparisons{pattern: "timestamptz_%_timestamp", left: "timestamptz", right: "timestamp", low: "timestamptz '2024-02-29 00:00:01+00'", high: "timestamp 'infinity'"}, "stable", plain, shifted},
		{comparisons{pattern: "timestamptz_%_date", left: "timestamptz", right: "date", low: "timestamptz '2024-02-28 23:59:59+00'", high: "date '2024-02-29'"}, "stable", plain, zoned},
	} {
		for op, word := range comparisonWords {
			op := comparison(op)
			define(strings.Replace(f.pattern, "%", word, 1)+"("+f.left+", "+f.right+") bool strict "+f.volatility, Definition{
				Value: func(env *Env, a []types.Value) (types.Value, error) {
					return boolean(op.holds(cmp.Compare(f.l(env, a[0]), f.r(env, a[1]))))
				}, Examples: f.examples(op),
			})
		}
	}
}

// lastInstant is greater than every timestamp but infinity.
const lastInstant = types.TimestampInfinity - 1

// dateOrLast is the date's midnight, or what is greater than all of them.
func dateOrLast(d int64) int64 {
	m, err := dateToTimestamp(d)
	if err != nil {
		return lastInstant
	}
	return m
}
