package aggregate

import (
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
	if out := dst.(*vec.Numeric); hi == int64(lo)>>63 {
		out.AppendInt64(int64(lo), 0)
	} else {
		out.Append(types.NewDecimal128(hi, lo, 0))
	}
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
	sums   []exactSum
}

func (a *integers) Grow(n int) { a.sums = grown(a.sums, n) }

func (a *integers) Shrink(n int) { a.sums = shrunk(a.sums, n) }

func (a *integers) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	switch v := vec.Flat(args[0]).(type) {
	case *vec.Fixed[int16]:
		addExactly(a.sums, v.Values, v.Nulls(), groups, sel, ops)
	case *vec.Fixed[int32]:
		addExactly(a.sums, v.Values, v.Nulls(), groups, sel, ops)
	case *vec.Fixed[int64]:
		addExactly(a.sums, v.Values, v.Nulls(), groups, sel, ops)
	}
	return nil
}

func (a *integers) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		s := a.sums[g]
		if s.n <= 0 {
			vec.AppendNull(dst)
			continue
		}
		hi, lo := s.words()
		if err := a.finish(hi, lo, s.n, dst); err != nil {
			return err
		}
	}
	return nil
}

func (a *integers) Bytes() int64 { return int64(cap(a.sums)) * 24 }
