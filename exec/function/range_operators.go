package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The operators of ranges and multiranges. Both are lists of ranges that
// ascend, do not touch and are not empty.

func holdsRange(a, b types.Range) bool {
	return types.CompareBounds(a.Lower, true, b.Lower, true) <= 0 && types.CompareBounds(a.Upper, false, b.Upper, false) >= 0
}

func containsRanges(a, b []types.Range) bool {
	for _, y := range b {
		held := false
		for _, x := range a {
			held = held || holdsRange(x, y)
		}
		if !held {
			return false
		}
	}
	return true
}

func overlapRanges(a, b []types.Range) bool {
	for _, x := range a {
		for _, y := range b {
			if types.Overlap(x, y) {
				return true
			}
		}
	}
	return false
}

// ends are the last range of a and the first of b.
func ends(a, b []types.Range) (x, y types.Range, ok bool) {
	if len(a) == 0 || len(b) == 0 {
		return x, y, false
	}
	return a[len(a)-1], b[0], true
}

func beforeRanges(a, b []types.Range) bool {
	x, y, ok := ends(a, b)
	return ok && types.CompareBounds(x.Upper, false, y.Lower, true) < 0
}

func adjacentRanges(a, b []types.Range) bool {
	touch := func(a, b []types.Range) bool {
		x, y, ok := ends(a, b)
		return ok && types.Adjacent(x, y) && types.CompareBounds(x.Lower, true, y.Lower, true) < 0
	}
	return touch(a, b) || touch(b, a)
}

// overleftRanges: a does not extend to the right of b.
func overleftRanges(a, b []types.Range) bool {
	return len(a) > 0 && len(b) > 0 && types.CompareBounds(a[len(a)-1].Upper, false, b[len(b)-1].Upper, false) <= 0
}

func overrightRanges(a, b []types.Range) bool {
	return len(a) > 0 && len(b) > 0 && types.CompareBounds(a[0].Lower, true, b[0].Lower, true) >= 0
}

// intersection is what two ranges have in common, empty where that is nothing.
func intersection(a, b types.Range) types.Range {
	if !types.Overlap(a, b) {
		return types.Range{Empty: true}
	}
	if types.CompareBounds(a.Lower, true, b.Lower, true) < 0 {
		a.Lower = b.Lower
	}
	if types.CompareBounds(a.Upper, false, b.Upper, false) > 0 {
		a.Upper = b.Upper
	}
	return a
}

// without are the parts of a that b leaves.
func without(a, b types.Range) []types.Range {
	if !types.Overlap(a, b) {
		return []types.Range{a}
	}
	var out []types.Range
	flip := func(b types.Bound) types.Bound { b.Inclusive = !b.Inclusive && !b.Infinite; return b }
	if types.CompareBounds(a.Lower, true, b.Lower, true) < 0 {
		out = append(out, types.Range{Lower: a.Lower, Upper: flip(b.Lower)})
	}
	if types.CompareBounds(a.Upper, false, b.Upper, false) > 0 {
		out = append(out, types.Range{Lower: flip(b.Upper), Upper: a.Upper})
	}
	return out
}

// elementRange is the range of one value.
func elementRange(v types.Value) []types.Range {
	v.Type = types.Of(v.Type.OID)
	b := types.Bound{Value: v, Inclusive: true}
	return []types.Range{{Lower: b, Upper: b}}
}

// IntersectRanges is what two ranges, or two multiranges, have in common.
func IntersectRanges(a, b types.Value) (types.Value, error) {
	if types.RangeOfMulti(a.Type.OID) == 0 {
		return types.NewRange(a.Type.OID, intersection(types.RangeOf(a), types.RangeOf(b)))
	}
	var parts []types.Range
	for _, x := range types.RangesOf(a) {
		for _, y := range types.RangesOf(b) {
			parts = append(parts, intersection(x, y))
		}
	}
	return types.NewMultirange(a.Type.OID, parts), nil
}

func init() {
	type test = func(a, b []types.Range) bool
	swap := func(f test) test { return func(a, b []types.Range) bool { return f(b, a) } }
	define2 := func(sig string, f test, ex ...string) {
		define(sig+" bool strict immutable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return boolean(f(rangesOf(a[0]), rangesOf(a[1]))) },
			Examples: examples(ex...),
		})
	}
	for _, f := range []struct {
		word, sign string
		test       test
		values     string // of [1,5) and: itself, [3,9), [5,9), [6,9), empty
	}{
		{"contains", "@>", containsRanges, "tffft"},
		{"contained_by", "<@", swap(containsRanges), "tffff"},
		{"overlaps", "&&", overlapRanges, "ttfff"},
		{"before", "<<", beforeRanges, "ffttf"},
		{"after", ">>", swap(beforeRanges), "fffff"},
		{"adjacent", "-|-", adjacentRanges, "fftff"},
		{"overleft", "&<", overleftRanges, "ttttf"},
		{"overright", "&>", overrightRanges, "tffff"},
	} {
		for _, kinds := range [][2]string{{"range", "range"}, {"range", "multirange"}, {"multirange", "range"}, {"multirange", "multirange"}} {
			name := kinds[0] + "_" + f.word + "_" + kinds[1]
			if kinds[0] == "range" && kinds[1] == "range" {
				name = "range_" + f.word
			}
			literal := func(kind, text string) string {
				if kind == "multirange" {
					return "int4multirange '{" + text + "}'"
				}
				return "int4range '" + text + "'"
			}
			var ex []string
			for i, other := range []string{"[1,5)", "[3,9)", "[5,9)", "[6,9)", "empty"} {
				ex = append(ex, literal(kinds[0], "[1,5)")+" "+f.sign+" "+literal(kinds[1], other), f.values[i:i+1])
			}
			define2(name+"(any"+kinds[0]+", any"+kinds[1]+")", f.test, ex...)
		}
	}
	element := func(sig string, elem int, ex ...string) {
		define(sig+" bool strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				return boolean(containsRanges(rangesOf(a[1-elem]), elementRange(a[elem])))
			}, Examples: examples(ex...),
		})
	}
	element("range_contains_elem(anyrange, anyelement)", 1, "int4range '[1,5)' @> 4", "t", "int4range '[1,5)' @> 5", "f", "numrange '(1,2]' @> 1.0", "f", "tsrange '[2024-01-01,2024-02-01)' @> timestamp '2024-01-15'", "t")
	element("elem_contained_by_range(anyelement, anyrange)", 0, "4 <@ int4range '[1,5)'", "t", "5 <@ int4range 'empty'", "f")
	element("multirange_contains_elem(anymultirange, anyelement)", 1, "int4multirange '{[1,3),[5,9)}' @> 4", "f", "int4multirange '{[1,3),[5,9)}' @> 5", "t")
	element("elem_contained_by_multirange(anyelement, anymultirange)", 0, "4 <@ int4multirange '{[1,3),[5,9)}'", "f")
	defineRangeArithmetic()
}

func defineRangeArithmetic() {
	type vs = []types.Value
	// span is the smallest range that holds both; of what does not touch it is
	// an error unless merge.
	span := func(merge bool) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			x, y := types.RangeOf(a[0]), types.RangeOf(a[1])
			switch {
			case x.Empty:
				return a[1], nil
			case y.Empty:
				return a[0], nil
			case !merge && !types.Overlap(x, y) && !types.Adjacent(x, y):
				return types.Value{}, sqlerr.Errorf(sqlerr.DataException, "result of range union would not be contiguous")
			}
			if types.CompareBounds(x.Lower, true, y.Lower, true) < 0 {
				y.Lower = x.Lower
			}
			if types.CompareBounds(x.Upper, false, y.Upper, false) > 0 {
				y.Upper = x.Upper
			}
			return types.NewRange(a[0].Type.OID, y)
		}
	}
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig+" strict immutable", Definition{Value: f, Examples: examples(ex...)})
	}
	op("range_union(anyrange, anyrange) anyrange", span(false), "int4range '[1,5)' + int4range '[3,9)'", "[1,9)", "int4range '[1,5)' + int4range '[6,9)'", "ERROR 22000", "int4range 'empty' + int4range '[6,9)'", "[6,9)")
	op("range_merge(anyrange, anyrange) anyrange", span(true), "range_merge(int4range '[1,5)', int4range '[6,9)')", "[1,9)")
	op("range_merge(anymultirange) anyrange", func(_ *Env, a vs) (types.Value, error) {
		all := types.RangesOf(a[0])
		whole := types.Range{Empty: len(all) == 0}
		if len(all) > 0 {
			whole.Lower, whole.Upper = all[0].Lower, all[len(all)-1].Upper
		}
		return types.NewRange(types.RangeOfMulti(a[0].Type.OID), whole)
	}, "range_merge(int4multirange '{[1,2),[5,9)}')", "[1,9)", "range_merge(int4multirange '{}')", "empty")
	intersect := func(_ *Env, a vs) (types.Value, error) { return IntersectRanges(a[0], a[1]) }
	op("range_intersect(anyrange, anyrange) anyrange", intersect, "int4range '[1,5)' * int4range '[3,9)'", "[3,5)", "int4range '[1,5)' * int4range '[6,9)'", "empty")
	op("range_minus(anyrange, anyrange) anyrange", func(_ *Env, a vs) (types.Value, error) {
		x, y := types.RangeOf(a[0]), types.RangeOf(a[1])
		if x.Empty || y.Empty {
			return a[0], nil
		}
		switch parts := without(x, y); len(parts) {
		case 0:
			return types.NewRange(a[0].Type.OID, types.Range{Empty: true})
		case 1:
			return types.NewRange(a[0].Type.OID, parts[0])
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.DataException, "result of range difference would not be contiguous")
	}, "int4range '[1,5)' - int4range '[3,9)'", "[1,3)", "int4range '[1,9)' - int4range '[3,5)'", "ERROR 22000", "int4range '[3,4)' - int4range '[1,9)'", "empty")
	op("multirange_union(anymultirange, anymultirange) anymultirange", func(_ *Env, a vs) (types.Value, error) {
		return types.NewMultirange(a[0].Type.OID, append(types.RangesOf(a[0]), types.RangesOf(a[1])...)), nil
	}, "int4multirange '{[1,3)}' + int4multirange '{[3,5),[7,9)}'", "{[1,5),[7,9)}")
	op("multirange_intersect(anymultirange, anymultirange) anymultirange", intersect, "int4multirange '{[1,3),[5,9)}' * int4multirange '{[2,6)}'", "{[2,3),[5,6)}")
	op("multirange_minus(anymultirange, anymultirange) anymultirange", func(_ *Env, a vs) (types.Value, error) {
		left := types.RangesOf(a[0])
		for _, y := range types.RangesOf(a[1]) {
			var next []types.Range
			for _, x := range left {
				next = append(next, without(x, y)...)
			}
			left = next
		}
		return types.NewMultirange(a[0].Type.OID, left), nil
	}, "int4multirange '{[1,9)}' - int4multirange '{[2,3),[5,6)}'", "{[1,2),[3,5),[6,9)}")
	toMulti := func(_ *Env, a vs) (types.Value, error) {
		return types.NewMultirange(types.MultirangeOf(a[0].Type.OID), rangesOf(a[0])), nil
	}
	op("multirange(anyrange) anymultirange", toMulti, "multirange(int4range '[1,5)')", "{[1,5)}")
	for _, name := range []string{"int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"} {
		multi := strings.Replace(name, "range", "multirange", 1)
		oid := types.MultirangeOf(oidOf(name))
		op(multi+"("+name+") "+multi, toMulti, "("+name+" 'empty')::"+multi, "{}", multi+"("+name+" '(,)')", "{(,)}", multi+"(NULL::"+name+")", "NULL")
		op(multi+"() "+multi, func(*Env, vs) (types.Value, error) { return types.NewMultirange(oid, nil), nil }, multi+"()", "{}")
		define(multi+"(variadic "+name+") "+multi+" immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
			var all []types.Range
			for _, v := range a {
				switch {
				case v.Null && len(a) == 1:
					return types.NullOf(types.Of(oid)), nil
				case v.Null:
					return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "multirange values cannot contain null members")
				}
				all = append(all, rangesOf(v)...)
			}
			return types.NewMultirange(oid, all), nil
		}, Examples: examples(multi+"("+name+" '(,)', "+name+" 'empty')", "{(,)}", multi+"(NULL, "+name+" '(,)')", "ERROR 22004")})
	}
}
