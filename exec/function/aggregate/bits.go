package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// bitRule combines bits: of seen values, ones have the bit.
type bitRule func(ones, seen int64) bool

func init() {
	for _, f := range []struct {
		name string
		rule bitRule
		want string
	}{
		{"bit_and", func(ones, seen int64) bool { return ones == seen }, "4"},
		{"bit_or", func(ones, _ int64) bool { return ones > 0 }, "-1"},
		{"bit_xor", func(ones, _ int64) bool { return ones&1 != 0 }, "-2"},
	} {
		combine := map[string]func(a, b int64) int64{
			"bit_and": func(a, b int64) int64 { return a & b },
			"bit_or":  func(a, b int64) int64 { return a | b },
			"bit_xor": func(a, b int64) int64 { return a ^ b },
		}[f.name]
		for _, t := range []string{"int2", "int4", "int8"} {
			define(f.name+"("+t+") "+t, func(_ plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
				if retracts {
					return &bitCounts{rule: f.rule}, nil
				}
				return &bitwise{combine: combine}, nil
			}, example("(SELECT "+f.name+"(x) FROM (VALUES (6::"+t+"), ((-3)::"+t+"), (5::"+t+"), (NULL)) AS v(x))", f.want))
		}
	}
}

// eachInteger calls f with the value of each row that is not NULL.
func eachInteger(groups []int32, column vec.Vec, sel []int32, ops []vec.Op, f func(g int32, x, sign int64)) {
	switch v := vec.Flat(column).(type) {
	case *vec.Fixed[int16]:
		each(groups, v, sel, ops, func(row int, g int32, sign int64) { f(g, int64(v.Values[row]), sign) })
	case *vec.Fixed[int32]:
		each(groups, v, sel, ops, func(row int, g int32, sign int64) { f(g, int64(v.Values[row]), sign) })
	case *vec.Fixed[int64]:
		each(groups, v, sel, ops, func(row int, g int32, sign int64) { f(g, v.Values[row], sign) })
	}
}

func appendInteger(dst vec.Vec, x int64) {
	switch out := dst.(type) {
	case *vec.Fixed[int16]:
		out.Append(int16(x))
	case *vec.Fixed[int32]:
		out.Append(int32(x))
	case *vec.Fixed[int64]:
		out.Append(x)
	}
}

// bitwise combines values as they come.
type bitwise struct {
	combine func(a, b int64) int64
	value   []int64
	seen    []bool
}

func (a *bitwise) Grow(n int) { a.value, a.seen = grown(a.value, n), grown(a.seen, n) }

func (a *bitwise) Shrink(n int) { a.value, a.seen = shrunk(a.value, n), shrunk(a.seen, n) }

func (a *bitwise) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	eachInteger(groups, args[0], sel, ops, func(g int32, x, _ int64) {
		if a.seen[g] {
			x = a.combine(a.value[g], x)
		}
		a.value[g], a.seen[g] = x, true
	})
	return nil
}

func (a *bitwise) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.seen[g] {
			appendInteger(dst, a.value[g])
		} else {
			vec.AppendNull(dst)
		}
	}
	return nil
}

func (a *bitwise) Bytes() int64 { return int64(cap(a.value)) * 9 }

// bitCounts counts the values that have each bit, so that one can be taken out.
type bitCounts struct {
	rule bitRule
	ones [][64]int64
	n    []int64
}

func (a *bitCounts) Grow(n int) { a.ones, a.n = grown(a.ones, n), grown(a.n, n) }

func (a *bitCounts) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	eachInteger(groups, args[0], sel, ops, func(g int32, x, sign int64) {
		a.n[g] += sign
		for i := range a.ones[g] {
			a.ones[g][i] += sign * (x >> i & 1)
		}
	})
	return nil
}

func (a *bitCounts) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.n[g] <= 0 {
			vec.AppendNull(dst)
			continue
		}
		var x int64
		for i, ones := range a.ones[g] {
			if a.rule(ones, a.n[g]) {
				x |= 1 << i
			}
		}
		appendInteger(dst, x)
	}
	return nil
}

func (a *bitCounts) Bytes() int64 { return int64(cap(a.n)) * 65 * 8 }
