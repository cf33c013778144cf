package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	define("sum(money) money", func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &moneySum{}, nil },
		example("(SELECT sum(x) FROM (VALUES ('1.50'::money), (NULL), ('-20'::money)) AS v(x))", "-$18.50"),
		example("(SELECT sum(x) FROM (VALUES ('92233720368547758.07'::money), ('0.01'::money)) AS v(x))", "ERROR 22003"))
}

// moneySum sums hundredths; past 64 bits it fails.
type moneySum struct{ cents, n []int64 }

func (a *moneySum) Grow(n int) { a.cents, a.n = grown(a.cents, n), grown(a.n, n) }

func (a *moneySum) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Fixed[int64])
	overflow := false
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		was, x := a.cents[g], sign*v.Values[row]
		sum := was + x
		overflow = overflow || (was^sum)&(x^sum) < 0
		a.cents[g] = sum
		a.n[g] += sign
	})
	if overflow {
		return types.OutOfRange("money")
	}
	return nil
}

func (a *moneySum) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[int64])
	for _, g := range groups {
		if a.n[g] <= 0 {
			out.AppendNull()
		} else {
			out.Append(a.cents[g])
		}
	}
	return nil
}

func (a *moneySum) Bytes() int64 { return int64(cap(a.n)) * 16 }
