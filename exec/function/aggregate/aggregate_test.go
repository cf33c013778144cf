package aggregate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func call(name string, args ...types.OID) plan.AggCall {
	for f := range makers {
		if f.Name == name && fmt.Sprint(f.Args) == fmt.Sprint(args) {
			c := plan.AggCall{Func: f, Typ: types.Of(f.Ret)}
			for i, a := range args {
				c.Args = append(c.Args, &plan.Column{Index: i, Typ: types.Of(a)})
			}
			return c
		}
	}
	panic("no aggregate " + name)
}

func column(t types.Type, texts ...string) vec.Vec {
	v := vec.New(t)
	for _, s := range texts {
		if s == "NULL" {
			vec.AppendNull(v)
			continue
		}
		x, err := types.Parse(t, s, types.DefaultFormat())
		if err != nil {
			panic(err)
		}
		vec.Append(v, x)
	}
	return v
}

// result is the text of group 0.
func result(t *testing.T, a Aggregate, typ types.Type) string {
	t.Helper()
	dst := vec.New(typ)
	if err := a.Result([]int32{0}, dst); err != nil {
		return err.Error()
	}
	v := vec.Get(dst, 0, typ)
	if v.Null {
		return "NULL"
	}
	return string(types.AppendText(nil, v, types.DefaultFormat()))
}

func TestOneGroup(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  types.OID
		in   []string
		want string
	}{
		{"sum", types.Int4, []string{"1", "NULL", "2"}, "3"},
		{"sum", types.Int4, nil, "NULL"},
		{"sum", types.Int8, []string{"9223372036854775807", "9223372036854775807", "-5"}, "18446744073709551609"},
		{"avg", types.Int8, []string{"-9223372036854775808", "-9223372036854775808"}, "-9223372036854775808"},
		{"avg", types.Int4, []string{"10", "0", "0"}, "3.3333333333333333"},
		{"sum", types.Numeric, []string{"1.5", "2.25", "NULL"}, "3.75"},
		{"sum", types.Numeric, []string{"Infinity", "-Infinity"}, "NaN"},
		{"avg", types.Numeric, []string{"1", "2", "2"}, "1.6666666666666667"},
		{"sum", types.Float8, []string{"1e308", "1e308"}, "value out of range: overflow"},
		{"sum", types.Float8, []string{"Infinity", "1"}, "Infinity"},
		{"sum", types.Float4, []string{"16777216", "1", "1"}, "1.6777216e+07"},
		{"min", types.Float8, []string{"NaN", "1"}, "1"},
		{"max", types.Float8, []string{"NaN", "1"}, "NaN"},
		{"max", types.Numeric, []string{"1.0", "1.00"}, "1.00"},
		{"min", types.Text, []string{"b", "NULL", "a"}, "a"},
		{"bool_and", types.Bool, []string{"t", "f"}, "f"},
		{"bool_or", types.Bool, []string{"NULL"}, "NULL"},
		{"count", types.Any, []string{"1", "NULL"}, "1"},
		{"stddev", types.Float8, []string{"Infinity", "1"}, "NaN"},
		{"variance", types.Float8, []string{"1e200", "-1e200"}, "value out of range: overflow"},
		{"variance", types.Float8, []string{"7"}, "NULL"},
		{"var_pop", types.Int4, []string{"7"}, "0"},
	} {
		in := c.typ
		if in == types.Any {
			in = types.Int4
		}
		spec := call(c.name, c.typ)
		spec.Typ = types.Of(spec.Func.Ret)
		a, err := New(spec, &function.Env{}, false)
		if err != nil {
			t.Fatal(err)
		}
		a.Grow(1)
		err = a.Add(make([]int32, len(c.in)), []vec.Vec{column(types.Of(in), c.in...)}, nil, nil)
		if err != nil && err.Error() != c.want {
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		if got := result(t, a, spec.Typ); got != c.want {
			t.Errorf("%s(%s) of %v = %s, want %s", c.name, types.Lookup(in).Name, c.in, got, c.want)
		}
	}
}

// TestPairsRetracted compares the sums that follow the rows' order with the exact
// ones, and takes a row out of these.
func TestPairsRetracted(t *testing.T) {
	float8 := types.Of(types.Float8)
	y, x := column(float8, "2", "4", "100", "7", "NULL"), column(float8, "1", "2", "-50", "3", "4")
	for _, name := range []string{"corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy", "regr_slope", "regr_intercept", "regr_r2"} {
		var got [2]string
		for i, retracts := range []bool{false, true} {
			a, err := New(call(name, types.Float8, types.Float8), &function.Env{}, retracts)
			if err != nil {
				t.Fatal(err)
			}
			a.Grow(1)
			args := []vec.Vec{y, x}
			sel, ops := []int32{0, 1, 3, 4}, []vec.Op(nil)
			if retracts {
				sel = nil
			}
			if err := a.Add(make([]int32, 5), args, sel, nil); err != nil {
				t.Fatal(err)
			}
			if retracts {
				ops = []vec.Op{0, 0, vec.Delete, 0, 0}
				if err := a.Add(make([]int32, 5), args, []int32{2}, ops); err != nil {
					t.Fatal(err)
				}
			}
			got[i] = result(t, a, float8)
		}
		if got[0][:min(len(got[0]), 14)] != got[1][:min(len(got[1]), 14)] {
			t.Errorf("%s = %s, exactly %s", name, got[0], got[1])
		}
	}
}

func TestStringAggregate(t *testing.T) {
	a, err := New(call("string_agg", types.Text, types.Text), &function.Env{}, false)
	if err != nil {
		t.Fatal(err)
	}
	a.Grow(1)
	text := types.Of(types.Text)
	if err := a.Add(make([]int32, 4), []vec.Vec{column(text, "a", "NULL", "b", "c"), column(text, "-", "-", "NULL", "+")}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := result(t, a, text); got != "ab+c" {
		t.Errorf("string_agg = %s, want ab+c", got)
	}
	if _, err := New(call("string_agg", types.Text, types.Text), &function.Env{}, true); err == nil {
		t.Error("string_agg takes rows out")
	}
}

// TestRetraction takes out again, in any order, what was put in: the result is
// that of the rows that are left.
func TestRetraction(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	numbers := func() string { return fmt.Sprintf("%d.%0*d", random.IntN(100)-50, 1+random.IntN(3), random.IntN(10)) }
	for _, c := range []struct {
		name  string
		typ   types.OID
		value func() string
	}{
		{"sum", types.Int8, func() string { return fmt.Sprint(int64(random.Uint64())) }},
		{"avg", types.Int4, func() string { return fmt.Sprint(int32(random.Uint32())) }},
		{"sum", types.Numeric, numbers},
		{"avg", types.Numeric, numbers},
		{"sum", types.Float8, func() string { return fmt.Sprint(math.Ldexp(random.Float64()-0.5, random.IntN(200)-100)) }},
		{"min", types.Int4, func() string { return fmt.Sprint(random.IntN(10)) }},
		{"max", types.Text, func() string { return fmt.Sprint(random.IntN(10)) }},
		{"bool_and", types.Bool, func() string { return fmt.Sprint(random.IntN(8) > 0) }},
		{"variance", types.Numeric, numbers},
		{"stddev_pop", types.Int8, func() string { return fmt.Sprint(int64(random.Uint64())) }},
		{"stddev", types.Float8, func() string { return fmt.Sprint(math.Ldexp(random.Float64()-0.5, random.IntN(200)-100)) }},
		{"var_pop", types.Float4, func() string { return fmt.Sprint(random.Float32()) }},
		{"bit_and", types.Int2, func() string { return fmt.Sprint(random.IntN(8)) }},
		{"bit_xor", types.Int8, func() string { return fmt.Sprint(int64(random.Uint64())) }},
	} {
		for range 50 {
			spec := call(c.name, c.typ)
			typ := types.Of(c.typ)
			var kept, texts []string
			var ops []vec.Op
			for range random.IntN(30) {
				v := c.value()
				texts, ops = append(texts, v), append(ops, vec.Insert)
				if random.IntN(2) == 0 {
					texts, ops = append(texts, v), append(ops, vec.Delete)
				} else {
					kept = append(kept, v)
				}
			}
			random.Shuffle(len(texts), func(i, j int) {
				texts[i], texts[j] = texts[j], texts[i]
				ops[i], ops[j] = ops[j], ops[i]
			})
			got := run(t, spec, typ, texts, ops)
			if want := run(t, spec, typ, kept, nil); got != want {
				t.Errorf("%s(%s) of %v %v = %s, want %s of %v", c.name, types.Lookup(c.typ).Name, texts, ops, got, want, kept)
			}
		}
	}
}

func run(t *testing.T, spec plan.AggCall, typ types.Type, texts []string, ops []vec.Op) string {
	t.Helper()
	a, err := New(spec, &function.Env{}, true)
	if err != nil {
		t.Fatal(err)
	}
	a.Grow(1)
	if err := a.Add(make([]int32, len(texts)), []vec.Vec{column(typ, texts...)}, nil, ops); err != nil {
		t.Fatal(err)
	}
	out := spec.Typ
	if out.OID == types.AnyElement {
		out = typ
	}
	return result(t, a, out)
}

func BenchmarkSum(b *testing.B) {
	const groups = 1000
	v := vec.New(types.Of(types.Int8)).(*vec.Fixed[int64])
	ids := make([]int32, vec.MaxRows)
	for i := range vec.MaxRows {
		v.Append(int64(i))
		ids[i] = int32(i % groups)
	}
	a, err := New(call("sum", types.Int8), &function.Env{}, false)
	if err != nil {
		b.Fatal(err)
	}
	a.Grow(groups)
	args := []vec.Vec{v}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Add(ids, args, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vec.MaxRows, "ns/row")
}

// TestShrink: the groups that are left have what they had, and those that Grow makes
// anew have seen no row.
func TestShrink(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  types.OID
		in   []string // of groups 0 and 1, and of 1 when it is made anew
		want []string
	}{
		{"sum", types.Int8, []string{"9223372036854775807", "7", "-5"}, []string{"9223372036854775807", "-5"}},
		{"avg", types.Int4, []string{"1", "7", "NULL"}, []string{"1.00000000000000000000", "NULL"}},
		{"count", types.Any, []string{"1", "7", "NULL"}, []string{"1", "0"}},
		{"max", types.Int2, []string{"1", "7", "-5"}, []string{"1", "-5"}},
		{"min", types.Date, []string{"2024-01-02", "2024-01-01", "NULL"}, []string{"2024-01-02", "NULL"}},
		{"sum", types.Float8, []string{"1.5", "Infinity", "2.5"}, []string{"1.5", "2.5"}},
		{"avg", types.Float4, []string{"1.5", "7", "NULL"}, []string{"1.5", "NULL"}},
		{"bool_or", types.Bool, []string{"f", "t", "f"}, []string{"f", "f"}},
		{"bit_and", types.Int4, []string{"1", "6", "3"}, []string{"1", "3"}},
	} {
		t.Run(fmt.Sprint(c.name, c.typ), func(t *testing.T) {
			agg := call(c.name, c.typ)
			made, err := New(agg, &function.Env{Format: types.DefaultFormat()}, false)
			if err != nil {
				t.Fatal(err)
			}
			a, ok := made.(Shrinker)
			if !ok {
				t.Fatalf("%T does not shrink", made)
			}
			typ := types.Of(c.typ)
			if c.typ == types.Any {
				typ = types.Of(types.Int4)
			}
			in := column(typ, c.in...)
			a.Grow(2)
			for row, after := range []func(){func() {}, func() { a.Shrink(1); a.Grow(2) }, func() {}} {
				if err := a.Add([]int32{0, 1, 1}, []vec.Vec{in}, []int32{int32(row)}, nil); err != nil {
					t.Fatal(err)
				}
				after()
			}
			got := vec.New(agg.Typ)
			if err := a.Result([]int32{0, 1}, got); err != nil {
				t.Fatal(err)
			}
			for g, want := range c.want {
				text := "NULL"
				if v := vec.Get(got, g, agg.Typ); !v.Null {
					text = string(types.AppendText(nil, v, types.DefaultFormat()))
				}
				if text != want {
					t.Errorf("group %d is %s, want %s", g, text, want)
				}
			}
		})
	}
}

// TestDocumentEnds: the members of one object are not put in order for a statement
// that has ended.
func TestDocumentEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c := call("jsonb_object_agg", types.Any, types.Any)
	for i := range c.Args {
		c.Args[i] = &plan.Column{Index: i, Typ: types.Of(types.Int4)}
	}
	a, err := New(c, &function.Env{Context: ctx, Format: types.DefaultFormat()}, false)
	if err != nil {
		t.Fatal(err)
	}
	a.Grow(1)
	in := column(types.Of(types.Int4), "3", "2", "1")
	if err := a.Add(make([]int32, 3), []vec.Vec{in, in}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Result([]int32{0}, vec.New(types.Of(types.JSONB))); err != nil {
		t.Fatal(err)
	}
	ended := errors.New("ended")
	cancel(ended)
	if err := a.Result([]int32{0}, vec.New(types.Of(types.JSONB))); !errors.Is(err, ended) {
		t.Errorf("the result is made all the same: %v", err)
	}
}

// TestLongConstants: a long constant is not written out for each row, and what rows
// of it make meets the memory limit, or the statement's end, before the next batch.
func TestLongConstants(t *testing.T) {
	const rows = 1000
	long := vec.ConstOf(column(types.Of(types.Text), strings.Repeat("x", 1<<20)), rows)
	comma := vec.ConstOf(column(types.Of(types.Text), ","), rows)
	ended := errors.New("ended")
	over, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	for _, c := range []struct {
		call plan.AggCall
		args []vec.Vec
	}{{call("string_agg", types.Text, types.Text), []vec.Vec{long, comma}}, {call("json_agg", types.AnyElement), []vec.Vec{long}}} {
		for i := range c.call.Args {
			c.call.Args[i] = &plan.Column{Index: i, Typ: types.Of(types.Text)}
		}
		for _, env := range []*function.Env{
			{Context: t.Context(), Format: types.DefaultFormat(), MemoryLimit: 8 << 20},
			{Context: over, Format: types.DefaultFormat()},
		} {
			a, err := New(c.call, env, false)
			if err != nil {
				t.Fatal(err)
			}
			a.Grow(1)
			err = a.Add(make([]int32, rows), c.args, nil, nil)
			if env.MemoryLimit > 0 && sqlerr.CodeOf(err) != sqlerr.OutOfMemory || env.MemoryLimit == 0 && !errors.Is(err, ended) {
				t.Errorf("%s: %v", c.call.Func.Name, err)
			}
			if n := a.Bytes(); n > 32<<20 {
				t.Errorf("%s holds %d bytes", c.call.Func.Name, n)
			}
		}
	}
	a, err := New(plan.AggCall{Func: call("array_agg", types.AnyNonArray).Func, Args: []plan.Expr{&plan.Column{Typ: types.Of(types.Text)}}, Typ: types.Of(types.Lookup(types.Text).Array)}, &function.Env{}, false)
	if err != nil {
		t.Fatal(err)
	}
	a.Grow(1)
	if n := testing.AllocsPerRun(1, func() {
		if err := a.Add(make([]int32, rows), []vec.Vec{long}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}); n > 100 {
		t.Errorf("array_agg makes %v things of one constant", n)
	}
}
