package aggregate

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// The aggregates over pairs (y, x); a row with a NULL in either is left out.

func init() {
	flat := func(m *moment) bool { return m.n < 1 || m.xx == 0 }
	for _, f := range []struct {
		name   string
		finish func(m *moment) (float64, bool)
		want   string
	}{
		{"corr", func(m *moment) (float64, bool) {
			return m.xy / math.Sqrt(float64(m.xx*m.yy)), m.n >= 1 && m.xx != 0 && m.yy != 0
		}, "0.9933992677987828"},
		{"covar_pop", func(m *moment) (float64, bool) { return m.xy / m.n, m.n >= 1 }, "1.6666666666666667"},
		{"covar_samp", func(m *moment) (float64, bool) { return m.xy / (m.n - 1), m.n >= 2 }, "2.5"},
		{"regr_avgx", func(m *moment) (float64, bool) { return m.x / m.n, m.n >= 1 }, "2"},
		{"regr_avgy", func(m *moment) (float64, bool) { return m.y / m.n, m.n >= 1 }, "4.333333333333333"},
		{"regr_sxx", func(m *moment) (float64, bool) { return m.xx, m.n >= 1 }, "2"},
		{"regr_syy", func(m *moment) (float64, bool) { return m.yy, m.n >= 1 }, "12.666666666666666"},
		{"regr_sxy", func(m *moment) (float64, bool) { return m.xy, m.n >= 1 }, "5"},
		{"regr_slope", func(m *moment) (float64, bool) { return m.xy / m.xx, !flat(m) }, "2.5"},
		{"regr_intercept", func(m *moment) (float64, bool) { return (m.y - m.x*m.xy/m.xx) / m.n, !flat(m) }, "-0.6666666666666666"},
		{"regr_r2", func(m *moment) (float64, bool) {
			if m.yy == 0 {
				return 1, !flat(m)
			}
			return float64(m.xy*m.xy) / float64(m.xx*m.yy), !flat(m)
		}, "0.986842105263158"},
	} {
		define(f.name+"(float8, float8) float8", func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
			return newMoments(retracts, 2, f.finish), nil
		}, example("(SELECT "+f.name+"(y, x) FROM (VALUES (2::float8, 1::float8), (4, 2), (7, 3), (NULL, 4), (5, NULL)) AS v(y, x))", f.want),
			example("(SELECT "+f.name+"(y, x) FROM (VALUES (NULL::float8, 1::float8)) AS v(y, x))", "NULL"))
	}
	define("regr_count(float8, float8) int8", func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &pairs{}, nil },
		example("(SELECT regr_count(y, x) FROM (VALUES (2::float8, 1::float8), (NULL, 4), (5, NULL)) AS v(y, x))", "1"))
}

// pairs counts the rows without a NULL.
type pairs struct{ n []int64 }

func (a *pairs) Grow(n int) { a.n = grown(a.n, n) }

func (a *pairs) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	eachPair(2, groups, args, sel, ops, func(g int32, _, _ float64, sign int64) { a.n[g] += sign })
	return nil
}

func (a *pairs) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[int64])
	for _, g := range groups {
		out.Append(a.n[g])
	}
	return nil
}

func (a *pairs) Bytes() int64 { return int64(cap(a.n)) * 8 }
