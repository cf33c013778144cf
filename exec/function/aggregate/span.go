package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	define("sum(interval) interval", func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &spans{}, nil },
		example("(SELECT sum(x) FROM (VALUES ('1 day'::interval), ('2 hours'::interval)) AS v(x))", "1 day 02:00:00"))
	define("avg(interval) interval", func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &spans{average: true}, nil },
		example("(SELECT avg(x) FROM (VALUES ('1 mon 1 day'::interval), ('2 hours'::interval), (NULL)) AS v(x))", "15 days 13:00:00"))
}

// spans sums intervals part by part, in 64 bits each.
type spans struct {
	average bool

	micros, days, months, n []int64
}

func (a *spans) Grow(n int) {
	a.micros, a.days, a.months, a.n = grown(a.micros, n), grown(a.days, n), grown(a.months, n), grown(a.n, n)
}

func (a *spans) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Fixed[types.IntervalValue])
	overflow := false
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		x := v.Values[row]
		sum := a.micros[g] + sign*x.Micros
		if (a.micros[g] < 0) == (sign*x.Micros < 0) && (sum < 0) != (a.micros[g] < 0) {
			overflow = true
			return
		}
		a.micros[g] = sum
		a.days[g] += sign * int64(x.Days)
		a.months[g] += sign * int64(x.Months)
		a.n[g] += sign
	})
	if overflow {
		return errSpan()
	}
	return nil
}

func errSpan() error { return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "interval out of range") }

func (a *spans) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[types.IntervalValue])
	for _, g := range groups {
		if a.n[g] <= 0 {
			out.AppendNull()
			continue
		}
		s := types.IntervalValue{Micros: a.micros[g], Days: int32(a.days[g]), Months: int32(a.months[g])}
		if int64(s.Days) != a.days[g] || int64(s.Months) != a.months[g] {
			return errSpan()
		}
		if a.average {
			var err error
			if s, err = function.DivideInterval(s, float64(a.n[g])); err != nil {
				return err
			}
		}
		out.Append(s)
	}
	return nil
}

func (a *spans) Bytes() int64 { return int64(cap(a.n)) * 32 }
