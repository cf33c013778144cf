package aggregate

import (
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// spread says which of the variance family is computed.
type spread struct{ sample, root bool }

func init() {
	for _, f := range []struct {
		name string
		spread
		numerics, floats string
	}{
		{"variance", spread{sample: true}, "1.6666666666666667", "1.6666666666666667"},
		{"var_samp", spread{sample: true}, "1.6666666666666667", "1.6666666666666667"},
		{"var_pop", spread{}, "1.2500000000000000", "1.25"},
		{"stddev", spread{sample: true, root: true}, "1.2909944487358056", "1.2909944487358056"},
		{"stddev_samp", spread{sample: true, root: true}, "1.2909944487358056", "1.2909944487358056"},
		{"stddev_pop", spread{root: true}, "1.1180339887498948", "1.118033988749895"},
	} {
		for _, t := range []string{"int2", "int4", "int8", "numeric"} {
			from := " FROM (VALUES (1::" + t + "), (2), (3), (4), (NULL)) AS v(x))"
			define(f.name+"("+t+") numeric", func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
				return &variance{spread: f.spread, sum: numerics{retracts: retracts}, squares: numerics{retracts: retracts}}, nil
			}, example("(SELECT "+f.name+"(x)"+from, f.numerics))
		}
		for _, t := range []string{"float4", "float8"} {
			from := " FROM (VALUES (1::" + t + "), (2), (3), (4), (NULL)) AS v(x))"
			define(f.name+"("+t+") float8", func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
				return newMoments(retracts, 1, func(m *moment) (float64, bool) { return f.spread.of(m.n, m.xx) }), nil
			}, example("(SELECT "+f.name+"(x)"+from, f.floats))
		}
	}
	extra := function.Lookup("variance", types.Numeric)
	extra.Examples = append(extra.Examples,
		example("(SELECT variance(x) FROM (VALUES (1.5), (2.25), (-100.125)) AS v(x))", "3468.1406250000000000"),
		example("(SELECT variance(x) FROM (VALUES (5.0)) AS v(x))", "NULL"), example("(SELECT variance(x) FROM (VALUES (5.0), (5)) AS v(x))", "0"),
		example("(SELECT variance(x) FROM (VALUES (1.0), ('NaN'::numeric)) AS v(x))", "NaN"))
}

// variance keeps the exact sums of the values and of their squares.
type variance struct {
	spread
	sum, squares numerics
}

func (a *variance) Grow(n int) {
	a.sum.Grow(n)
	a.squares.Grow(n)
}

func (a *variance) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	in := vec.Flat(args[0])
	at := decimalAt(in)
	values := vec.New(types.Of(types.Numeric)).(*vec.Numeric)
	squares := vec.New(types.Of(types.Numeric)).(*vec.Numeric)
	var failed error
	next := 0
	each(groups, in, sel, nil, func(row int, _ int32, _ int64) {
		for ; next < row; next++ {
			values.AppendNull()
			squares.AppendNull()
		}
		d := at(row)
		square := d
		if d.IsFinite() {
			var err error
			if square, err = d.Mul(d); err != nil {
				failed = err
			}
		}
		values.Append(d)
		squares.Append(square)
		next++
	})
	for ; next < len(groups); next++ {
		values.AppendNull()
		squares.AppendNull()
	}
	if failed != nil {
		return failed
	}
	if err := a.sum.Add(groups, []vec.Vec{values}, sel, ops); err != nil {
		return err
	}
	return a.squares.Add(groups, []vec.Vec{squares}, sel, ops)
}

// decimalAt reads a column of integers or numerics.
func decimalAt(v vec.Vec) func(row int) types.Decimal {
	switch v := v.(type) {
	case *vec.Fixed[int16]:
		return func(row int) types.Decimal { return types.DecimalFromInt64(int64(v.Values[row])) }
	case *vec.Fixed[int32]:
		return func(row int) types.Decimal { return types.DecimalFromInt64(int64(v.Values[row])) }
	case *vec.Fixed[int64]:
		return func(row int) types.Decimal { return types.DecimalFromInt64(v.Values[row]) }
	}
	return v.(*vec.Numeric).At
}

func (a *variance) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Numeric)
	for _, g := range groups {
		if n := a.sum.values(g); n <= 0 || a.sample && n == 1 {
			out.AppendNull()
			continue
		}
		d, err := a.value(g)
		if err != nil {
			return err
		}
		out.Append(d)
	}
	return nil
}

// value is (N sum(x²) - sum(x)²) / N(N-1), or / N²: PostgreSQL's
// numeric_stddev_internal, whose scale is that of the division.
func (a *variance) value(g int32) (types.Decimal, error) {
	n := types.DecimalFromInt64(a.sum.values(g))
	sum, err := a.sum.value(g)
	if err != nil || !sum.IsFinite() {
		return types.DecimalNaN, err
	}
	squares, err := a.squares.value(g)
	if err != nil {
		return sum, err
	}
	of := n
	if a.sample {
		of = types.DecimalFromInt64(a.sum.values(g) - 1)
	}
	for _, product := range []struct {
		to   *types.Decimal
		x, y types.Decimal
	}{{&squares, n, squares}, {&sum, sum, sum}, {&of, n, of}} {
		if *product.to, err = product.x.Mul(product.y); err != nil {
			return sum, err
		}
	}
	difference, err := squares.Sub(sum)
	if err != nil || difference.Sign() <= 0 {
		return types.DecimalFromInt64(0), err
	}
	quotient, err := difference.Div(of)
	if err != nil || !a.root {
		return quotient, err
	}
	return rootOf(quotient)
}

// rootOf is the square root to the value's own scale, which is
// not what sqrt(numeric) gives.
func rootOf(d types.Decimal) (types.Decimal, error) {
	const guard = 4
	scale := d.Scale
	x := new(big.Int).Set(d.Big())
	ten := big.NewInt(10)
	x.Mul(x, new(big.Int).Exp(ten, big.NewInt(int64(scale)+2*guard), nil))
	x.Sqrt(x)
	root, err := types.DecimalFromBig(x, scale+guard)
	if err != nil {
		return root, err
	}
	return root.Round(scale)
}

func (a *variance) Bytes() int64 { return a.sum.Bytes() + a.squares.Bytes() }
