package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	of := func(all bool) maker {
		return func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &booleans{all: all}, nil }
	}
	const from = " FROM (VALUES (true), (false), (NULL)) AS v(x))"
	define("bool_and(bool) bool", of(true), example("(SELECT bool_and(x)"+from, "f"))
	define("every(bool) bool", of(true), example("(SELECT every(x)"+from, "f"))
	define("bool_or(bool) bool", of(false), example("(SELECT bool_or(x)"+from, "t"))
}

// booleans counts, so that rows can be taken out.
type booleans struct {
	all           bool
	trues, falses []int64
}

func (a *booleans) Grow(n int) { a.trues, a.falses = grown(a.trues, n), grown(a.falses, n) }

func (a *booleans) Shrink(n int) { a.trues, a.falses = shrunk(a.trues, n), shrunk(a.falses, n) }

func (a *booleans) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Fixed[bool])
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		if v.Values[row] {
			a.trues[g] += sign
		} else {
			a.falses[g] += sign
		}
	})
	return nil
}

func (a *booleans) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[bool])
	for _, g := range groups {
		switch {
		case a.trues[g]+a.falses[g] <= 0:
			out.AppendNull()
		case a.all:
			out.Append(a.falses[g] <= 0)
		default:
			out.Append(a.trues[g] > 0)
		}
	}
	return nil
}

func (a *booleans) Bytes() int64 { return int64(cap(a.trues)) * 16 }
