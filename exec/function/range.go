package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions of ranges: constructors, accessors and the operators that compare
// their bounds.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	for _, t := range []struct {
		name, sub string
		oid       types.OID
		low, high string
		text      string
	}{
		{"int4range", "int4", types.Int4Range, "1", "5", "[1,5)"},
		{"int8range", "int8", types.Int8Range, "1::int8", "5::int8", "[1,5)"},
		{"numrange", "numeric", types.NumRange, "1.0", "5.50", "[1.0,5.50)"},
		{"daterange", "date", types.DateRange, "'2024-01-01'::date", "'2024-02-01'::date", "[2024-01-01,2024-02-01)"},
		{"tsrange", "timestamp", types.TsRange, "'2024-01-01'::timestamp", "'2024-02-01'::timestamp", `["2024-01-01 00:00:00","2024-02-01 00:00:00")`},
		{"tstzrange", "timestamptz", types.TstzRange, "'2024-01-01+00'::timestamptz", "'2024-02-01+00'::timestamptz", `["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00")`},
	} {
		op(t.name+"("+t.sub+", "+t.sub+") "+t.name+" immutable", func(_ *Env, a vs) (types.Value, error) {
			return makeRange(t.oid, a[0], a[1], "[)")
		}, t.name+"("+t.low+", "+t.high+")", t.text, t.name+"("+t.high+", "+t.low+")", "ERROR 22000", t.name+"(NULL, NULL)", "(,)")
		op(t.name+"("+t.sub+", "+t.sub+", text) "+t.name+" immutable", func(_ *Env, a vs) (types.Value, error) {
			if a[2].Null {
				return types.Value{}, sqlerr.Errorf(sqlerr.DataException, "range constructor flags argument must not be null")
			}
			return makeRange(t.oid, a[0], a[1], a[2].S)
		}, t.name+"("+t.low+", "+t.low+", '()')", "empty", t.name+"("+t.low+", "+t.high+", '[[')", "ERROR 42601", t.name+"("+t.low+", "+t.high+", NULL)", "ERROR 22000")
	}
	bound := func(upper bool) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			b, ok := outerBound(a[0], upper)
			if !ok || b.Infinite {
				return null(types.RangeSubtype(a[0].Type.OID))
			}
			return b.Value, nil
		}
	}
	is := func(upper bool, f func(b types.Bound) bool) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			b, ok := outerBound(a[0], upper)
			return boolean(ok && f(b))
		}
	}
	inclusive := func(b types.Bound) bool { return b.Inclusive }
	infinite := func(b types.Bound) bool { return b.Infinite }
	for _, t := range []struct{ name, some, none, open string }{
		{"anyrange", "int4range '[1,5)'", "int4range 'empty'", "int4range '(,)'"},
		{"anymultirange", "int4multirange '{[1,3),[4,5)}'", "int4multirange '{}'", "int4multirange '{(,)}'"},
	} {
		op("lower("+t.name+") anyelement strict immutable", bound(false), "lower("+t.some+")", "1", "lower("+t.none+")", "NULL", "lower("+t.open+")", "NULL")
		op("upper("+t.name+") anyelement strict immutable", bound(true), "upper("+t.some+")", "5", "upper("+t.none+")", "NULL")
		op("isempty("+t.name+") bool strict immutable", func(_ *Env, a vs) (types.Value, error) {
			_, ok := outerBound(a[0], false)
			return boolean(!ok)
		}, "isempty("+t.some+")", "f", "isempty("+t.none+")", "t")
		op("lower_inc("+t.name+") bool strict immutable", is(false, inclusive), "lower_inc("+t.some+")", "t", "lower_inc("+t.none+")", "f")
		op("upper_inc("+t.name+") bool strict immutable", is(true, inclusive), "upper_inc("+t.some+")", "f")
		op("lower_inf("+t.name+") bool strict immutable", is(false, infinite), "lower_inf("+t.open+")", "t", "lower_inf("+t.none+")", "f")
		op("upper_inf("+t.name+") bool strict immutable", is(true, infinite), "upper_inf("+t.open+")", "t")
	}
}

// makeRange is a constructor's result; a NULL bound is infinite.
func makeRange(oid types.OID, lower, upper types.Value, flags string) (types.Value, error) {
	if len(flags) != 2 || flags[0] != '[' && flags[0] != '(' || flags[1] != ']' && flags[1] != ')' {
		return types.Value{}, sqlerr.Errorf(sqlerr.SyntaxError, "invalid range bound flags").
			WithHint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\".")
	}
	lower.Type, upper.Type = types.Of(lower.Type.OID), types.Of(upper.Type.OID)
	return types.NewRange(oid, types.Range{
		Lower: types.Bound{Value: lower, Infinite: lower.Null, Inclusive: flags[0] == '['},
		Upper: types.Bound{Value: upper, Infinite: upper.Null, Inclusive: flags[1] == ']'},
	})
}

// rangesOf are the ranges of a range or multirange that are not empty.
func rangesOf(v types.Value) []types.Range {
	if types.RangeOfMulti(v.Type.OID) != 0 {
		return types.RangesOf(v)
	}
	if r := types.RangeOf(v); !r.Empty {
		return []types.Range{r}
	}
	return nil
}

// outerBound is the first lower or the last upper bound, not ok of nothing.
func outerBound(v types.Value, upper bool) (b types.Bound, ok bool) {
	ranges := rangesOf(v)
	switch {
	case len(ranges) == 0:
		return b, false
	case upper:
		return ranges[len(ranges)-1].Upper, true
	}
	return ranges[0].Lower, true
}
