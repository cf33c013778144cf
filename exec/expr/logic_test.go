package expr

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// ints makes a column of int4; "-" is NULL.
func ints(s string) vec.Vec {
	v := &vec.Fixed[int32]{}
	for _, w := range strings.Fields(s) {
		var x int32
		if w == "-" {
			v.AppendNull()
			continue
		}
		if _, err := fmt.Sscan(w, &x); err != nil {
			panic(err)
		}
		v.Append(x)
	}
	return v
}

// over reads an expression in which x, y and z are the int4 columns 0, 1, 2.
func over(t *testing.T, sql string) plan.Expr {
	t.Helper()
	for i, name := range []string{"x", "y", "z"} {
		sql = strings.ReplaceAll(sql, "{"+name+"}", fmt.Sprint(1000000+i))
	}
	return readSQL(t, sql, testEnv(), func(v types.Value) plan.Expr {
		if v.Type.OID == types.Int4 && !v.Null && v.I >= 1000000 && v.I <= 1000002 {
			return &plan.Column{Index: int(v.I - 1000000), Typ: types.Of(types.Int4)}
		}
		return &plan.Const{Value: v}
	})
}

// results lists a program's rows: values, NULL as -, errors by SQLSTATE, rows
// that were not asked for as a dot.
func results(t *testing.T, e plan.Expr, b *vec.Batch, sel []int32) string {
	t.Helper()
	env := testEnv()
	p, err := Compile(e, env)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := p.Run(b, sel)
	var out []string
	for row := range b.Rows {
		switch {
		case sel != nil && !slices.Contains(sel, int32(row)):
			if errs.Has(row) {
				t.Errorf("row %d was not asked for and failed: %v", row, errs.At(row))
			}
			out = append(out, ".")
		case errs.At(row) != nil:
			out = append(out, string(sqlerr.CodeOf(errs.At(row))))
		case v.Nulls().Get(row):
			out = append(out, "-")
		default:
			out = append(out, show(vec.Get(v, row, e.Type()), env))
		}
	}
	return strings.Join(out, " ")
}

func TestRows(t *testing.T) {
	b := &vec.Batch{Rows: 5, Cols: []vec.Vec{ints("0 1 2 - 5"), ints("7 0 - 3 5"), ints("1 2 3 4 5")}}
	for _, c := range []struct{ sql, all, some string }{
		{"10 / {x}", "22012 10 5 - 2", ". 10 . - ."},
		{"CASE WHEN {x} <> 0 THEN 10 / {x} END", "- 10 5 - 2", ". 10 . - ."},
		{"CASE WHEN {x} = 0 THEN -1 WHEN {y} = 0 THEN -2 ELSE {x} / {y} END", "-1 -2 - - 1", ". -2 . - ."},
		{"CASE WHEN 10 / {x} > 3 THEN 1 ELSE 2 END", "22012 1 1 2 2", ". 1 . 2 ."},
		{"CASE {x} WHEN 1 THEN 'one'::text WHEN 2 THEN 'two'::text END", "- one two - -", ". one . - ."},
		{"coalesce({x}, 10 / {y}, 0)", "0 1 2 3 5", ". 1 . 3 ."},
		{"coalesce({y}, 100 / ({x} - 2))", "7 0 22012 3 5", ". 0 . 3 ."},
		{"{x} <> 0 AND 10 / {x} > 3", "f t t - f", ". t . - ."},
		{"{x} = 0 OR 10 / {x} > 3", "t t t - f", ". t . - ."},
		{"{y} > 1 AND {x} > 1", "f f - - t", ". f . - ."},
		{"{y} > 1 OR {x} > 1", "t f t t t", ". f . t ."},
		{"NOT ({y} > 1 OR {x} > 1)", "f t f f f", ". t . f ."},
		{"{x} IS NULL", "f f f t f", ". f . t ."},
		{"({x} > 1) IS NOT TRUE", "t t f t f", ". t . t ."},
		{"({x} > 1) IS UNKNOWN", "f f f t f", ". f . t ."},
		{"{x} IS DISTINCT FROM {y}", "t t t t f", ". t . t ."},
		{"{x} IN (1, 5, NULL)", "- t - - t", ". t . - ."},
		{"{x} IN (1, 5, 11, 12, 13, 14, 15, 16, 17)", "f t f - t", ". t . - ."},
		{"{x} NOT IN (1, 2, 3, 4, 11, 12, 13, 14, NULL)", "- f f - -", ". f . - ."},
		{"{x} IN ({y}, {z})", "f f - - t", ". f . - ."},
		{"{x} = ANY (ARRAY[{y}, {z} - 1])", "t t t - t", ". t . - ."},
		{"{x} < ALL (ARRAY[{y}, 6])", "t f - - f", ". f . - ."},
		{"{x} = ANY ('{}'::int[])", "f f f f f", ". f . f ."},
		{"nullif({x}, 1)", "0 - 2 - 5", ". - . - ."},
		{"greatest({x}, {y}, 4)", "7 4 4 4 5", ". 4 . 4 ."},
		{"least({x}, {y})", "0 0 2 3 5", ". 0 . 3 ."},
		{"(ARRAY[{x}, {y}, {z}])[2]", "7 0 - 3 5", ". 0 . 3 ."},
		{"(ARRAY[{x}, {y}, {z}])[2:3]", "{7,1} {0,2} {NULL,3} {3,4} {5,5}", ". {0,2} . {3,4} ."},
		{"ARRAY[{x}, {z}]::text[]", "{0,1} {1,2} {2,3} {NULL,4} {5,5}", ". {1,2} . {NULL,4} ."},
		{"({x} * 1.5)::numeric(3,1)", "0.0 1.5 3.0 - 7.5", ". 1.5 . - ."},
		{"({x}::text || 'a')::int", "22P02 22P02 22P02 - 22P02", ". 22P02 . - ."},
		{"2147483645 + {z}", "2147483646 2147483647 22003 22003 22003", ". 2147483647 . 22003 ."},
		{"'abc'::varchar(2)", "ab ab ab ab ab", ". ab . ab ."},
		{"1 / 0", "22012 22012 22012 22012 22012", ". 22012 . 22012 ."},
	} {
		e := over(t, c.sql)
		if got := results(t, e, b, nil); got != c.all {
			t.Errorf("%s = %s, want %s", c.sql, got, c.all)
		}
		if got := results(t, e, b, []int32{1, 3}); got != c.some {
			t.Errorf("%s over rows 1 and 3 = %s, want %s", c.sql, got, c.some)
		}
		if got := strings.ReplaceAll(results(t, e, b, []int32{}), " ", ""); got != "....." {
			t.Errorf("%s over no row = %s", c.sql, got)
		}
	}
}

func TestFilter(t *testing.T) {
	b := &vec.Batch{Rows: 6, Cols: []vec.Vec{ints("0 1 2 - 5 0"), ints("7 0 - 3 5 1")}}
	for _, c := range []struct {
		sql  string
		sel  []int32
		want []int32
		errs []int
	}{
		{"{x} > 0", nil, []int32{1, 2, 4}, nil},
		{"{x} > 0", []int32{0, 2, 3}, []int32{2}, nil},
		{"{x} > 0 AND {y} > 0", nil, []int32{4}, nil},
		{"{x} <> 0 AND 10 / {x} > 3", nil, []int32{1, 2}, nil},
		{"10 / {x} > 3", nil, []int32{1, 2}, []int{0, 5}},
		{"10 / {x} > 3 AND {y} = 0", nil, []int32{1}, []int{0, 5}},
		{"{x} > 0 OR {y} = 1", nil, []int32{1, 2, 4, 5}, nil},
		{"true", nil, []int32{0, 1, 2, 3, 4, 5}, nil},
		{"true", []int32{1, 4}, []int32{1, 4}, nil},
		{"NULL::bool", nil, []int32{}, nil},
		{"{x} = 100 AND 10 / {x} > 0", nil, []int32{}, nil},
	} {
		p, err := Compile(over(t, c.sql), testEnv())
		if err != nil {
			t.Fatal(err)
		}
		got, errs := p.Filter(b, c.sel)
		if !slices.Equal(got, c.want) || got == nil {
			t.Errorf("Filter(%s) over %v = %v, want %v", c.sql, c.sel, got, c.want)
		}
		var failed []int
		if errs != nil {
			for row := range errs.Rows().Rows {
				failed = append(failed, row)
			}
		}
		if !slices.Equal(failed, c.errs) {
			t.Errorf("Filter(%s): rows %v failed, want %v", c.sql, failed, c.errs)
		}
	}
}

// rowsScope answers every subquery with the rows of a column of int4.
type rowsScope struct {
	rows   vec.Vec
	outer  types.Value
	opened int
	read   bool
	fail   error
}

func (s *rowsScope) Outer(int, int, types.Type) types.Value    { return s.outer }
func (s *rowsScope) Subquery(*plan.Subquery) (Subquery, error) { return s, nil }
func (s *rowsScope) Open(*vec.Batch, int) error                { s.opened++; s.read = false; return s.fail }
func (s *rowsScope) Close() error                              { return nil }
func (s *rowsScope) Next() (*vec.Batch, error) {
	if s.read {
		return nil, io.EOF
	}
	s.read = true
	return &vec.Batch{Cols: []vec.Vec{s.rows}, Rows: s.rows.Len()}, nil
}

func TestSubqueries(t *testing.T) {
	int4 := types.Of(types.Int4)
	input := &plan.Values{Fields: []plan.Field{{Name: "c", Type: int4}}}
	x := &plan.Column{Typ: int4}
	eq := function.Lookup("int4eq", types.Int4, types.Int4).Func
	b := &vec.Batch{Rows: 3, Cols: []vec.Vec{ints("1 2 -")}}
	test := func(kind plan.SubqueryKind, typ types.Type, rows, want string, correlated bool) {
		t.Helper()
		e := &plan.Subquery{Kind: kind, Input: input, Typ: typ, Correlated: correlated}
		if kind == plan.SubAny || kind == plan.SubAll {
			e.Left, e.Op = []plan.Expr{x}, []*catalog.Function{eq}
		}
		s := &rowsScope{rows: ints(rows)}
		p, err := CompileWith(e, testEnv(), s)
		if err != nil {
			t.Fatal(err)
		}
		v, errs := p.Run(b, nil)
		var got []string
		for row := range b.Rows {
			if err := errs.At(row); err != nil {
				got = append(got, string(sqlerr.CodeOf(err)))
				continue
			}
			got = append(got, show(vec.Get(v, row, typ), testEnv()))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("kind %d over rows %q = %s, want %s", kind, rows, s, want)
		}
		if opened := map[bool]int{false: 1, true: 3}[correlated]; s.opened != opened {
			t.Errorf("kind %d: opened %d times, want %d", kind, s.opened, opened)
		}
	}
	boolean := types.Of(types.Bool)
	test(plan.SubScalar, int4, "7", "7 7 7", false)
	test(plan.SubScalar, int4, "", "NULL NULL NULL", true)
	test(plan.SubScalar, int4, "7 8", "21000 21000 21000", false)
	test(plan.SubExists, boolean, "7 8", "t t t", false)
	test(plan.SubExists, boolean, "", "f f f", true)
	test(plan.SubAny, boolean, "1 3", "t f NULL", false)
	test(plan.SubAny, boolean, "1 -", "t NULL NULL", true)
	test(plan.SubAll, boolean, "1 1", "t f NULL", false)
	test(plan.SubAll, boolean, "", "t t t", false)
	test(plan.SubArray, types.Of(1007), "7 - 8", "{7,NULL,8} {7,NULL,8} {7,NULL,8}", false)
}

func TestOuterAndScopeErrors(t *testing.T) {
	int4 := types.Of(types.Int4)
	s := &rowsScope{outer: types.NewInt(types.Int4, 41), rows: ints("1"), fail: errors.New("disk on fire")}
	plus := function.Lookup("int4pl", types.Int4, types.Int4).Func
	sum := &plan.Call{Func: plus, Args: []plan.Expr{&plan.Outer{Depth: 1, Typ: int4}, &plan.Const{Value: types.NewInt(types.Int4, 1)}}, Typ: int4}
	p, err := CompileWith(sum, testEnv(), s)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := p.Run(&vec.Batch{Rows: 2}, nil)
	if got := vec.Get(v, 1, int4).I; got != 42 {
		t.Errorf("outer + 1 = %d, want 42", got)
	}
	if _, err := Compile(sum, testEnv()); err == nil {
		t.Error("an outer reference compiled without a scope")
	}
	p, err = CompileWith(&plan.Subquery{Kind: plan.SubExists, Input: &plan.Values{}, Typ: types.Of(types.Bool)}, testEnv(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := p.Run(&vec.Batch{Rows: 1}, nil); !errors.Is(errs.First(), s.fail) {
		t.Errorf("a subquery that fails to open gave %v", errs.First())
	}
}

func TestParams(t *testing.T) {
	env := testEnv()
	env.Params = []types.Value{types.NewInt(types.Int4, 7)}
	v, err := Eval(&plan.Param{N: 1, Typ: types.Of(types.Int4)}, env)
	if err != nil || v.I != 7 {
		t.Errorf("$1 = %v, %v", v, err)
	}
	if _, err := Eval(&plan.Param{N: 2, Typ: types.Of(types.Int4)}, env); sqlerr.CodeOf(err) != sqlerr.UndefinedParameter {
		t.Errorf("$2: %v, want 42P02", err)
	}
}

func TestVolatileRunsForEachRow(t *testing.T) {
	p, err := Compile(readSQL(t, "random()", testEnv(), nil), testEnv())
	if err != nil {
		t.Fatal(err)
	}
	v, _ := p.Run(&vec.Batch{Rows: 100}, nil)
	if _, constant := v.(*vec.Const); constant {
		t.Fatal("random() was computed once for all rows")
	}
	seen := map[float64]bool{}
	for _, x := range v.(*vec.Fixed[float64]).Values {
		seen[x] = true
	}
	if len(seen) < 90 {
		t.Errorf("100 rows of random() have %d values", len(seen))
	}
}
