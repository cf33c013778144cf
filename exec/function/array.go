package function

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	bound := func(f func(d types.Dim) int32) ValueFunc {
		return func(_ *Env, a vs) (types.Value, error) {
			n := a[1].I
			if n < 1 || n > int64(len(a[0].A.Dims)) {
				return null(types.Int4)
			}
			return int4(int(f(a[0].A.Dims[n-1])))
		}
	}
	op("array_length(anyarray, int4) int4 strict immutable", bound(func(d types.Dim) int32 { return d.Len }), "array_length(ARRAY[1, 2, 3], 1)", "3", "array_length(ARRAY[[1, 2], [3, 4]], 2)", "2", "array_length('{}'::int[], 1)", "NULL")
	op("array_lower(anyarray, int4) int4 strict immutable", bound(func(d types.Dim) int32 { return d.Lower }), "array_lower('[0:2]={1,2,3}'::int[], 1)", "0")
	op("array_upper(anyarray, int4) int4 strict immutable", bound(func(d types.Dim) int32 { return d.Lower + d.Len - 1 }), "array_upper('[0:2]={1,2,3}'::int[], 1)", "2")
	op("array_ndims(anyarray) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if len(a[0].A.Dims) == 0 {
			return null(types.Int4)
		}
		return int4(len(a[0].A.Dims))
	}, "array_ndims(ARRAY[[1], [2]])", "2")
	op("array_dims(anyarray) text strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if len(a[0].A.Dims) == 0 {
			return null(types.Text)
		}
		var b strings.Builder
		for _, d := range a[0].A.Dims {
			fmt.Fprintf(&b, "[%d:%d]", d.Lower, d.Lower+d.Len-1)
		}
		return text(b.String())
	}, "array_dims(ARRAY[[1, 2, 3], [4, 5, 6]])", "[1:2][1:3]")
	op("cardinality(anyarray) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) { return int4(len(a[0].A.Elems)) }, "cardinality(ARRAY[[1, 2], [3, 4]])", "4")
	op("array_append(anyarray, anyelement) anyarray immutable", func(env *Env, a vs) (types.Value, error) { return extend(env, a[0], a[1], false) },
		"array_append(ARRAY[1, 2], 3)", "{1,2,3}", "ARRAY[1, 2] || 3", "{1,2,3}", "array_append(NULL::int[], 3)", "{3}", "array_append(ARRAY[1], NULL)", "{1,NULL}")
	op("array_prepend(anyelement, anyarray) anyarray immutable", func(env *Env, a vs) (types.Value, error) { return extend(env, a[1], a[0], true) },
		"array_prepend(1, ARRAY[2, 3])", "{1,2,3}", "1 || ARRAY[2, 3]", "{1,2,3}")
	op("array_cat(anyarray, anyarray) anyarray immutable", func(env *Env, a vs) (types.Value, error) { return concatArrays(env, a[0], a[1]) },
		"array_cat(ARRAY[1, 2], ARRAY[3])", "{1,2,3}", "ARRAY[1, 2] || ARRAY[3]", "{1,2,3}", "ARRAY[1] || NULL::int[]", "{1}", "ARRAY[[1, 2]] || ARRAY[3, 4]", "{{1,2},{3,4}}")
	op("array_position(anyarray, anyelement) int4 immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return null(types.Int4)
		}
		if len(a[0].A.Dims) > 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
		}
		found, err := places(env, a[0].A, a[1])
		if err != nil || len(found) == 0 {
			return types.NullOf(types.Of(types.Int4)), err
		}
		return int4(found[0] + int(a[0].A.Dims[0].Lower))
	}, "array_position(ARRAY['a', 'b', 'c'], 'b')", "2", "array_position(ARRAY[1, NULL], NULL)", "2", "array_position(ARRAY[1], 5)", "NULL", "array_position('{\"(1,2)\"}'::point[], point '(1,2)')", "ERROR 42883")
	op("array_remove(anyarray, anyelement) anyarray immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null || len(a[0].A.Dims) == 0 {
			return a[0], nil
		}
		if len(a[0].A.Dims) > 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "removing elements from multidimensional arrays is not supported")
		}
		found, err := matches(env, a[0].A, a[1])
		if err != nil {
			return types.Value{}, err
		}
		kept := make([]types.Value, 0, len(a[0].A.Elems)-len(found))
		from := 0
		for _, i := range found {
			kept = append(kept, a[0].A.Elems[from:i]...)
			from = i + 1
		}
		kept = append(kept, a[0].A.Elems[from:]...)
		out := types.NewArray(a[0].A.Elem, kept)
		if len(kept) > 0 {
			out.A.Dims[0].Lower = a[0].A.Dims[0].Lower
		}
		return out, nil
	}, "array_remove(ARRAY[1, 2, 3, 2], 2)", "{1,3}", "array_remove('[3:4]={1,2}'::int[], 2)", "[3:3]={1}")
	op("array_replace(anyarray, anyelement, anyelement) anyarray immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return a[0], nil
		}
		out := *a[0].A
		out.Elems = slices.Clone(out.Elems)
		found, err := matches(env, a[0].A, a[1])
		for _, i := range found {
			out.Elems[i] = a[2]
		}
		return types.Value{Type: a[0].Type, A: &out}, err
	}, "array_replace(ARRAY[1, 2, 5, 4], 5, 3)", "{1,2,3,4}")
	op("arraycontains(anyarray, anyarray) bool strict immutable", func(env *Env, a vs) (types.Value, error) { return whether(contains(env, a[0].A, a[1].A)) },
		"ARRAY[1, 2, 3] @> ARRAY[3, 1]", "t", "ARRAY[1] @> ARRAY[NULL]::int[]", "f")
	op("arraycontained(anyarray, anyarray) bool strict immutable", func(env *Env, a vs) (types.Value, error) { return whether(contains(env, a[1].A, a[0].A)) },
		"ARRAY[3, 1] <@ ARRAY[1, 2, 3]", "t")
	op("arrayoverlap(anyarray, anyarray) bool strict immutable", func(env *Env, a vs) (types.Value, error) {
		return whether(overlap(env, a[0].A, a[1].A))
	}, "ARRAY[1, 4] && ARRAY[4, 5]", "t", "ARRAY[1] && ARRAY[2]", "f", "ARRAY[ROW(1)] && ARRAY[ROW('a'::text)]", "ERROR 42804")
	op("array_to_string(anyarray, text) text strict stable", func(env *Env, a vs) (types.Value, error) {
		return joined(env, a[0].A.Elems, a[1].S)
	}, "array_to_string(ARRAY[1, NULL, 3], ',')", "1,3")
	op("array_to_string(anyarray, text, text) text stable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null || a[1].Null {
			return null(types.Text)
		}
		elems := slices.Clone(a[0].A.Elems)
		for i, e := range elems {
			if e.Null && !a[2].Null {
				elems[i] = a[2]
			}
		}
		return joined(env, elems, a[1].S)
	}, "array_to_string(ARRAY[1, NULL, 3], ',', '*')", "1,*,3")
	op("string_to_array(text, text) _text immutable", func(env *Env, a vs) (types.Value, error) { return splitText(env, a[0], a[1], types.Value{Null: true}) },
		"string_to_array('a,b,,c', ',')", `{a,b,"",c}`, "string_to_array('abc', NULL)", "{a,b,c}", "string_to_array('abc', '')", "{abc}", "string_to_array('', ',')", "{}")
	op("string_to_array(text, text, text) _text immutable", func(env *Env, a vs) (types.Value, error) { return splitText(env, a[0], a[1], a[2]) },
		"string_to_array('a,b,,c', ',', '')", "{a,b,NULL,c}")
	op("array_to_json(anyarray) json strict stable", func(env *Env, a vs) (types.Value, error) {
		return jsonResult(env, "json", appendAsJSON(env, nil, a[0]))
	}, "array_to_json(ARRAY[[1, 2], [3, NULL]])", "[[1,2],[3,null]]")
	op("num_nulls(variadic any) int4 immutable", func(_ *Env, a vs) (types.Value, error) { return int4(countNulls(a)) }, "num_nulls(1, NULL, 2)", "1")
	op("num_nonnulls(variadic any) int4 immutable", func(_ *Env, a vs) (types.Value, error) { return int4(len(a) - countNulls(a)) }, "num_nonnulls(1, NULL, 2)", "2")
}

func countNulls(vs []types.Value) int {
	n := 0
	for _, v := range vs {
		if v.Null {
			n++
		}
	}
	return n
}

// extend adds an element at an end of an array of at most one dimension; a NULL
// array counts as empty.
func extend(env *Env, array, elem types.Value, front bool) (types.Value, error) {
	if array.Null || len(array.A.Dims) == 0 {
		t := types.Lookup(array.Type.OID).Elem
		return types.NewArray(types.Of(t), []types.Value{elem}), nil
	}
	a := array.A
	if len(a.Dims) > 1 {
		return types.Value{}, sqlerr.Errorf(sqlerr.DataException, "argument must be empty or one-dimensional array")
	}
	out := &types.Array{Elem: a.Elem, Dims: []types.Dim{{Len: a.Dims[0].Len + 1, Lower: a.Dims[0].Lower}}}
	if err := endedLong(env, len(a.Elems)); err != nil {
		return types.Value{}, err
	}
	out.Elems = make([]types.Value, 0, len(a.Elems)+1)
	if front {
		out.Elems = append(append(out.Elems, elem), a.Elems...)
	} else {
		out.Elems = append(append(out.Elems, a.Elems...), elem)
	}
	return types.Value{Type: array.Type, A: out}, endedLong(env, len(out.Elems))
}

// concatArrays joins arrays of one shape, or adds one to an array of such.
func concatArrays(env *Env, x, y types.Value) (types.Value, error) {
	switch {
	case x.Null:
		return y, nil
	case y.Null:
		return x, nil
	case len(x.A.Dims) == 0:
		return y, nil
	case len(y.A.Dims) == 0:
		return x, nil
	}
	a, b := x.A, y.A
	if err := endedLong(env, len(a.Elems)+len(b.Elems)); err != nil {
		return types.Value{}, err
	}
	out := &types.Array{Elem: a.Elem, Elems: slices.Concat(a.Elems, b.Elems)}
	switch {
	case len(a.Dims) == len(b.Dims) && slices.Equal(a.Dims[1:], b.Dims[1:]):
		out.Dims = slices.Clone(a.Dims)
		out.Dims[0].Len += b.Dims[0].Len
	case len(a.Dims) == len(b.Dims)+1 && slices.Equal(a.Dims[1:], b.Dims):
		out.Dims = slices.Clone(a.Dims)
		out.Dims[0].Len++
	case len(b.Dims) == len(a.Dims)+1 && slices.Equal(b.Dims[1:], a.Dims):
		out.Dims = slices.Clone(b.Dims)
		out.Dims[0].Len++
	default:
		return types.Value{}, errIncompatible(a.Dims, b.Dims)
	}
	return types.Value{Type: x.Type, A: out}, endedLong(env, len(out.Elems))
}

// errIncompatible is 2202E for arrays of dimensions that do not go together.
func errIncompatible(a, b []types.Dim) error {
	err := sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot concatenate incompatible arrays")
	switch len(a) - len(b) {
	case 0:
		return err.WithDetail("Arrays with differing element dimensions are not compatible for concatenation.")
	case -1, 1:
		return err.WithDetail("Arrays with differing dimensions are not compatible for concatenation.")
	}
	return err.WithDetail("Arrays of %d and %d dimensions are not compatible for concatenation.", len(a), len(b))
}

// splitText cuts a string; a NULL separator cuts between characters, an empty
// one nowhere. Parts equal to null become NULL.
func splitText(env *Env, s, sep, null types.Value) (types.Value, error) {
	if s.Null {
		return types.NullOf(types.Of(types.Lookup(types.Text).Array)), nil
	}
	split := newSplitter(s, sep, null)
	most := split.count()
	if limit := env.MemoryLimit; limit > 0 && int64(most)*valueBytes > limit {
		return types.Value{}, OverLimit(most*valueBytes, int(limit))
	}
	count := items{env: env, size: valueBytes}
	parts := make([]types.Value, 0, most)
	for {
		v, ok := split.next()
		if !ok {
			return types.NewArray(types.Of(types.Text), parts), nil
		}
		if err := count.more(); err != nil {
			return types.Value{}, err
		}
		parts = append(parts, v)
	}
}
