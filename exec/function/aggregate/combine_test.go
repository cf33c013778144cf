package aggregate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestCombine: rows that went to several groups, of two states, and were put
// together give what one group of all of them gives; and a group that was cleared
// is as good as new.
func TestCombine(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	small := func() string { return fmt.Sprint(random.IntN(200) - 100) }
	word := func() string { return []string{"a", "bb", "", "z", "NULL"}[random.IntN(5)] }
	decimal := func() string { return fmt.Sprintf("%d.%0*d", random.IntN(100)-50, 1+random.IntN(3), random.IntN(10)) }
	// Powers of two: sums of them are exact in whatever order.
	binary := func() string { return fmt.Sprint(float64(random.IntN(64)-32) / 4) }
	for _, c := range []struct {
		name     string
		typ      types.OID
		value    func() string
		retracts bool // by itself; all are tried without
	}{
		{"count", types.Any, small, true}, {"sum", types.Int4, small, true}, {"avg", types.Int8, small, true}, {"sum", types.Numeric, decimal, true},
		{"avg", types.Numeric, decimal, true}, {"variance", types.Numeric, decimal, true}, {"stddev_pop", types.Int4, small, true},
		{"sum", types.Float8, binary, true}, {"avg", types.Float4, binary, true}, {"sum", types.Float4, binary, true}, {"var_pop", types.Float8, binary, true},
		{"bool_and", types.Bool, func() string { return fmt.Sprint(random.IntN(9) > 0) }, true}, {"bit_and", types.Int2, small, true}, {"bit_xor", types.Int8, small, true},
		{"sum", types.Interval, func() string { return small() + " minutes" }, true}, {"sum", types.Money, small, true},
		{"min", types.Int4, small, true}, {"max", types.Int8, small, true}, {"max", types.Text, word, true}, {"min", types.Numeric, decimal, true},
		{"array_agg", types.AnyNonArray, small, false}, {"range_intersect_agg", types.AnyRange, func() string { return fmt.Sprintf("[%d,%d)", random.IntN(9), 20+random.IntN(9)) }, false},
	} {
		typ := types.Of(c.typ)
		switch c.typ {
		case types.Any, types.AnyNonArray:
			typ = types.Of(types.Int4)
		case types.AnyRange:
			typ = types.Of(types.OID(3904))
		}
		spec := call(c.name, c.typ)
		spec.Args = []plan.Expr{&plan.Column{Typ: typ}}
		switch {
		case c.name == "array_agg":
			spec.Typ = types.Of(types.Lookup(typ.OID).Array)
		case types.Lookup(spec.Typ.OID).Name[0] == 'a': // of the argument's type
			spec.Typ = typ
		}
		for try := range 40 {
			retracts := c.retracts && try%2 == 0
			made := func() Aggregate {
				a, err := New(spec, &function.Env{Format: types.DefaultFormat()}, retracts)
				if err != nil {
					t.Fatal(err)
				}
				a.Grow(4)
				return a
			}
			whole, one, other := made(), made().(Combiner), made().(Combiner)
			for _, a := range []Combiner{one, other} { // what was there before leaves no trace
				give(t, a, []int32{0, 1, 2, 3}, column(typ, c.value(), c.value(), c.value(), c.value()), nil)
				a.Clear([]int32{0, 1, 2, 3})
			}
			for g := range 6 {
				var texts []string
				var ops []vec.Op
				for range random.IntN(4) {
					texts, ops = append(texts, c.value()), append(ops, vec.Insert)
					if retracts && random.IntN(3) == 0 {
						texts, ops = append(texts, texts[len(texts)-1]), append(ops, vec.Delete)
					}
				}
				to := one
				if g >= 3 {
					to = other
				}
				in := column(typ, texts...)
				give(t, whole, make([]int32, len(texts)), in, ops)
				give(t, to, filled(len(texts), int32(g%3)), in, ops)
			}
			must(t, one.Combine([]int32{0, 0}, one, []int32{1, 2}))
			must(t, one.Combine([]int32{0, 0, 0}, other, []int32{0, 1, 2}))
			if got, want := result(t, one, spec.Typ), result(t, whole, spec.Typ); got != want && !(c.name == "var_pop" && near(got, want)) {
				t.Errorf("%s(%s), retracting %v: combined %s, want %s", c.name, types.Lookup(typ.OID).Name, retracts, got, want)
			}
		}
	}
}

// near reports whether two floats differ by what rounding makes of the order in which
// rows come.
func near(a, b string) bool {
	x, xerr := strconv.ParseFloat(a, 64)
	y, yerr := strconv.ParseFloat(b, 64)
	return xerr == nil && yerr == nil && math.Abs(x-y) <= 1e-12*math.Abs(y)
}

func give(t *testing.T, a Aggregate, groups []int32, in vec.Vec, ops []vec.Op) {
	t.Helper()
	must(t, a.Add(groups, []vec.Vec{in}, nil, ops))
}

func filled(n int, g int32) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = g
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
