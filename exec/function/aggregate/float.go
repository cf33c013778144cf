package aggregate

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	floats := func(kind floatKind) maker {
		return func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
			if retracts {
				return &exactFloats{kind: kind}, nil
			}
			return &floats{kind: kind}, nil
		}
	}
	define("sum(float4) float4", floats(sumFloat4), example("(SELECT sum(x) FROM (VALUES (1.5::real), (2.25::real)) AS v(x))", "3.75"))
	define("sum(float8) float8", floats(sumFloat8), example("(SELECT sum(x) FROM (VALUES (0.1::float8), (0.2::float8)) AS v(x))", "0.30000000000000004"))
	define("avg(float4) float8", floats(avgFloat), example("(SELECT avg(x) FROM (VALUES (1::real), (2::real)) AS v(x))", "1.5"))
	define("avg(float8) float8", floats(avgFloat), example("(SELECT avg(x) FROM (VALUES (1::float8), (2::float8)) AS v(x))", "1.5"))
}

type floatKind uint8

const (
	sumFloat4 floatKind = iota // added up as float4, as PostgreSQL does
	sumFloat8
	avgFloat
)

// append adds a result; a sum of numbers that is none is 22003.
func (k floatKind) append(dst vec.Vec, sum float64, n int64, infinite bool) error {
	if math.IsInf(sum, 0) && !infinite {
		return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
	}
	switch k {
	case sumFloat4:
		dst.(*vec.Fixed[float32]).Append(float32(sum))
	case sumFloat8:
		dst.(*vec.Fixed[float64]).Append(sum)
	default:
		dst.(*vec.Fixed[float64]).Append(sum / float64(n))
	}
	return nil
}

// floats adds in the order of the rows.
type floats struct {
	kind     floatKind
	sum      []float64
	n        []int64
	infinite []bool // an argument was infinite
}

func (a *floats) Grow(n int) {
	a.sum, a.n, a.infinite = grown(a.sum, n), grown(a.n, n), grown(a.infinite, n)
}

func (a *floats) Shrink(n int) {
	a.sum, a.n, a.infinite = shrunk(a.sum, n), shrunk(a.n, n), shrunk(a.infinite, n)
}

func (a *floats) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	switch v := vec.Flat(args[0]).(type) {
	case *vec.Fixed[float32]:
		each(groups, v, sel, ops, func(row int, g int32, _ int64) { a.add(g, float64(v.Values[row])) })
	case *vec.Fixed[float64]:
		if v.Nulls().Any() || a.kind == sumFloat4 {
			each(groups, v, sel, ops, func(row int, g int32, _ int64) { a.add(g, v.Values[row]) })
			return nil
		}
		if sel == nil {
			values := v.Values[:len(groups)]
			for row, g := range groups {
				a.addFloat8(g, values[row])
			}
			return nil
		}
		for _, row := range sel {
			a.addFloat8(groups[row], v.Values[row])
		}
	}
	return nil
}

func (a *floats) add(g int32, x float64) {
	a.addFloat8(g, x)
	if a.kind == sumFloat4 {
		a.sum[g] = float64(float32(a.sum[g]))
	}
}

func (a *floats) addFloat8(g int32, x float64) {
	a.sum[g] += x
	a.n[g]++
	if x-x != 0 { // infinite, or NaN
		a.infinite[g] = a.infinite[g] || math.IsInf(x, 0)
	}
}

func (a *floats) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.n[g] == 0 {
			vec.AppendNull(dst)
		} else if err := a.kind.append(dst, a.sum[g], a.n[g], a.infinite[g]); err != nil {
			return err
		}
	}
	return nil
}

func (a *floats) Bytes() int64 { return int64(cap(a.n)) * 17 }

// exactFloats adds exactly, so that a value taken out leaves no trace: each sum
// is a list of floats that do not overlap (Shewchuk, Adaptive Precision
// Floating-Point Arithmetic, 1997, grow-expansion).
type exactFloats struct {
	kind    floatKind
	parts   [][]float64
	n       []int64
	special []floatSpecials
}

type floatSpecials struct{ nan, inf, negInf int32 }

func (a *exactFloats) Grow(n int) {
	a.parts, a.n, a.special = grown(a.parts, n), grown(a.n, n), grown(a.special, n)
}

func (a *exactFloats) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	at := func(int) float64 { return 0 }
	switch v := vec.Flat(args[0]).(type) {
	case *vec.Fixed[float32]:
		at = func(row int) float64 { return float64(v.Values[row]) }
	case *vec.Fixed[float64]:
		at = func(row int) float64 { return v.Values[row] }
	}
	each(groups, args[0], sel, ops, func(row int, g int32, sign int64) {
		a.n[g] += sign
		x := at(row)
		switch s := &a.special[g]; {
		case math.IsNaN(x):
			s.nan += int32(sign)
		case math.IsInf(x, 1):
			s.inf += int32(sign)
		case math.IsInf(x, -1):
			s.negInf += int32(sign)
		default:
			a.parts[g] = addExact(a.parts[g], float64(sign)*x)
		}
	})
	return nil
}

// addExact adds x to the expansion, whose parts ascend in magnitude.
func addExact(parts []float64, x float64) []float64 {
	kept := parts[:0]
	for _, p := range parts {
		hi := x + p
		virtual := hi - x
		lo := (x - (hi - virtual)) + (p - virtual)
		if lo != 0 {
			kept = append(kept, lo)
		}
		x = hi
	}
	if x != 0 {
		kept = append(kept, x)
	}
	return kept
}

func (a *exactFloats) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.n[g] <= 0 {
			vec.AppendNull(dst)
			continue
		}
		sum := 0.0
		for _, p := range a.parts[g] {
			sum += p
		}
		s := a.special[g]
		switch {
		case s.nan > 0 || s.inf > 0 && s.negInf > 0:
			sum = math.NaN()
		case s.inf > 0:
			sum = math.Inf(1)
		case s.negInf > 0:
			sum = math.Inf(-1)
		}
		if err := a.kind.append(dst, sum, a.n[g], s.inf+s.negInf > 0); err != nil {
			return err
		}
	}
	return nil
}

func (a *exactFloats) Bytes() int64 { return int64(cap(a.n)) * (24 + 8 + 12 + 32) }
