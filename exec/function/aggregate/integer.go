package aggregate

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	sum := func(finish finishInteger) maker {
		return func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &integers{finish: finish}, nil }
	}
	define("sum(int2) int8", sum(sumInt64), example("(SELECT sum(x) FROM (VALUES (1::int2), (2::int2), (NULL)) AS v(x))", "3"))
	define("sum(int4) int8", sum(sumInt64), example("(SELECT sum(x) FROM (VALUES (2147483647), (1)) AS v(x))", "2147483648"))
	define("sum(int8) numeric", sum(sumNumeric), example("(SELECT sum(x) FROM (VALUES (9223372036854775807), (1)) AS v(x))", "9223372036854775808"))
	define("avg(int2) numeric", sum(average), example("(SELECT avg(x) FROM (VALUES (1::int2), (2::int2)) AS v(x))", "1.5000000000000000"))
	define("avg(int4) numeric", sum(average), example("(SELECT avg(x) FROM (VALUES (1), (1), (2)) AS v(x))", "1.3333333333333333"))
	define("avg(int8) numeric", sum(average), example("(SELECT avg(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS v(x))", "9223372036854775807"))
}

// finishInteger appends the result of a sum hi:lo of n values, n over 0.
type finishInteger func(hi int64, lo uint64, n int64, dst vec.Vec) error

func sumInt64(_ int64, lo uint64, _ int64, dst vec.Vec) error {
	dst.(*vec.Fixed[int64]).Append(int64(lo))
	return nil
}

func sumNumeric(hi int64, lo uint64, _ int64, dst vec.Vec) error {
	dst.(*vec.Numeric).Append(types.NewDecimal128(hi, lo, 0))
	return nil
}

func average(hi int64, lo uint64, n int64, dst vec.Vec) error {
	d, err := types.NewDecimal128(hi, lo, 0).Div(types.DecimalFromInt64(n))
	if err == nil {
		dst.(*vec.Numeric).Append(d)
	}
	return err
}

// integers sums int2, int4 and int8 in 128 bits.
type integers struct {
	finish finishInteger
	hi     []int64
	lo     []uint64
	n      []int64
}

func (a *integers) Grow(n int) {
	a.hi, a.lo, a.n = grown(a.hi, n), grown(a.lo, n), grown(a.n, n)
}

func (a *integers) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	switch v := vec.Flat(args[0]).(type) {
	case *vec.Fixed[int16]:
		addIntegers(a, v, groups, sel, ops)
	case *vec.Fixed[int32]:
		addIntegers(a, v, groups, sel, ops)
	case *vec.Fixed[int64]:
		addIntegers(a, v, groups, sel, ops)
	}
	return nil
}

func addIntegers[T int16 | int32 | int64](a *integers, v *vec.Fixed[T], groups, sel []int32, ops []vec.Op) {
	if ops == nil && !v.Nulls().Any() {
		if sel == nil {
			for row, g := range groups {
				a.add(g, int64(v.Values[row]))
			}
			return
		}
		for _, row := range sel {
			a.add(groups[row], int64(v.Values[row]))
		}
		return
	}
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		if sign > 0 {
			a.add(g, int64(v.Values[row]))
			return
		}
		x := int64(v.Values[row])
		lo, borrow := bits.Sub64(a.lo[g], uint64(x), 0)
		a.lo[g] = lo
		a.hi[g] -= x>>63 + int64(borrow)
		a.n[g]--
	})
}

func (a *integers) add(g int32, x int64) {
	lo, carry := bits.Add64(a.lo[g], uint64(x), 0)
	a.lo[g] = lo
	a.hi[g] += x>>63 + int64(carry)
	a.n[g]++
}

func (a *integers) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.n[g] <= 0 {
			vec.AppendNull(dst)
		} else if err := a.finish(a.hi[g], a.lo[g], a.n[g], dst); err != nil {
			return err
		}
	}
	return nil
}

func (a *integers) Bytes() int64 { return int64(cap(a.n)) * 24 }
