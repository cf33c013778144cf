package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	numerics := func(average bool) maker {
		return func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
			return &numerics{average: average, retracts: retracts}, nil
		}
	}
	define("sum(numeric) numeric", numerics(false),
		example("(SELECT sum(x) FROM (VALUES (1.10), (2.2)) AS v(x))", "3.30"),
		example("(SELECT sum(x) FROM (VALUES (1.10), ('NaN'::numeric)) AS v(x))", "NaN"))
	define("avg(numeric) numeric", numerics(true), example("(SELECT avg(x) FROM (VALUES (1.10), (2.2)) AS v(x))", "1.6500000000000000"))
}

// numerics sums exactly. The sum's scale is the greatest of its values', as
// PostgreSQL's is; NaN and the infinities are counted beside it, so that taking
// one out leaves the rest.
//
// Batches whose coefficients all have 64 bits and one scale, the first such
// batch's, go to narrow; sum has everything else, and is made when that comes.
type numerics struct {
	average  bool
	retracts bool
	narrow   []exactSum
	scale    int32 // of narrow
	scaled   bool  // scale is known
	sum      []types.Decimal
	n        []int64 // values in sum, and special ones
	special  map[int32]*specials
	// scales counts the values of each scale in sum, by group, where rows are
	// taken out.
	scales []map[int32]int64
}

// specials counts the values of a group that are no number.
type specials struct{ nan, inf, negInf int64 }

func (a *numerics) Grow(n int) {
	a.narrow = grown(a.narrow, n)
	if a.sum != nil {
		a.growSum()
	}
}

func (a *numerics) growSum() {
	n := len(a.narrow)
	a.sum, a.n = grown(a.sum, n), grown(a.n, n)
	if a.retracts {
		a.scales = grown(a.scales, n)
	}
}

func (a *numerics) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Numeric)
	if v.Narrow() {
		if !a.scaled {
			a.scale, a.scaled = v.Scale, true
		}
		if v.Scale == a.scale {
			addExactly(a.narrow, v.Lo, v.Nulls(), groups, sel, ops)
			return nil
		}
	}
	if a.sum == nil {
		a.growSum()
	}
	var failed error
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		a.n[g] += sign
		d := v.At(row)
		if d.Wide != nil && !d.IsFinite() {
			a.count(g, d, sign)
			return
		}
		if a.retracts {
			if a.scales[g] == nil {
				a.scales[g] = map[int32]int64{}
			}
			a.scales[g][d.Scale] += sign
		}
		if sign < 0 {
			d = d.Neg()
		}
		sum, err := a.sum[g].Add(d)
		if err != nil {
			failed = err
			return
		}
		a.sum[g] = sum
	})
	return failed
}

// values is how many values group g has.
func (a *numerics) values(g int32) int64 {
	if a.n == nil {
		return a.narrow[g].n
	}
	return a.narrow[g].n + a.n[g]
}

func (a *numerics) count(g int32, d types.Decimal, sign int64) {
	if a.special == nil {
		a.special = map[int32]*specials{}
	}
	s := a.special[g]
	if s == nil {
		s = &specials{}
		a.special[g] = s
	}
	switch {
	case d.IsNaN():
		s.nan += sign
	case d.Sign() > 0:
		s.inf += sign
	default:
		s.negInf += sign
	}
}

func (a *numerics) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Numeric)
	for _, g := range groups {
		n := a.values(g)
		if n <= 0 {
			out.AppendNull()
			continue
		}
		d, err := a.value(g)
		if err == nil && a.average {
			d, err = d.Div(types.DecimalFromInt64(n))
		}
		if err != nil {
			return err
		}
		out.Append(d)
	}
	return nil
}

// value is the sum of group g.
func (a *numerics) value(g int32) (types.Decimal, error) {
	if s := a.special[g]; s != nil {
		switch {
		case s.nan > 0 || s.inf > 0 && s.negInf > 0:
			return types.DecimalNaN, nil
		case s.inf > 0:
			return types.DecimalInf, nil
		case s.negInf > 0:
			return types.DecimalNegInf, nil
		}
	}
	hi, lo := a.narrow[g].words()
	d := types.NewDecimal128(hi, lo, a.scale)
	if a.n == nil {
		return d, nil
	}
	sum, err := d.Add(a.sum[g])
	if err != nil {
		return sum, err
	}
	return sum.Round(a.scaleOf(g))
}

// scaleOf is the greatest scale of the values that group g has.
func (a *numerics) scaleOf(g int32) int32 {
	narrow := a.narrow[g].n
	if !a.retracts {
		if narrow > 0 {
			return max(a.sum[g].Scale, a.scale)
		}
		return a.sum[g].Scale
	}
	scale := int32(0)
	// A value may have come to one of narrow and sum and gone from the other.
	if narrow+a.scales[g][a.scale] > 0 {
		scale = a.scale
	}
	for s, n := range a.scales[g] {
		if n > 0 && s != a.scale {
			scale = max(scale, s)
		}
	}
	return scale
}

func (a *numerics) Bytes() int64 {
	n := int64(cap(a.narrow))*24 + int64(cap(a.n))*(8+32)
	if a.retracts {
		n += int64(len(a.scales)) * 64
	}
	return n
}
