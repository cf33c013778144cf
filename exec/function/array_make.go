package function

import (
	"math/rand/v2"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions that make an array of given sizes, cut one, or mix its elements, and
// those that search from a place.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("array_fill(anyelement, _int4) anyarray immutable", fillArray, "array_fill(7, ARRAY[3])", "{7,7,7}", "array_fill(0, ARRAY[2, 2])", "{{0,0},{0,0}}", "array_fill(NULL::text, ARRAY[2])", "{NULL,NULL}", "array_fill(1, '{}'::int[])", "{}", "array_fill(1, NULL)", "ERROR 22004", "array_fill(1, ARRAY[NULL::int])", "ERROR 22004", "array_fill(1, ARRAY[0])", "{}", "array_fill(1, ARRAY[1000000000])", "ERROR 54000")
	op("array_fill(anyelement, _int4, _int4) anyarray immutable", fillArray, "array_fill(11, ARRAY[3], ARRAY[2])", "[2:4]={11,11,11}", "array_fill(1, ARRAY[3], ARRAY[2, 3])", "ERROR 2202E")
	op("array_position(anyarray, anyelement, int4) int4 immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null || len(a[0].A.Dims) == 0 {
			return null(types.Int4)
		}
		if a[2].Null && len(a[0].A.Dims) == 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "initial position must not be null")
		}
		found, err := positions(env, a[0], a[1], a[2].I, 1)
		if err != nil || len(found) == 0 {
			return types.NullOf(types.Of(types.Int4)), err
		}
		return found[0], nil
	}, "array_position(ARRAY[1, 2, 1], 1, 2)", "3", "array_position(ARRAY[1], 1, NULL)", "ERROR 22004", "array_position('{}'::int[], 1, NULL)", "NULL", "array_position(ARRAY[[1]], 1, NULL)", "ERROR 0A000", "array_position(ARRAY[1], 1, 5)", "NULL")
	op("array_positions(anyarray, anyelement) _int4 immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return null(types.Lookup(types.Int4).Array)
		}
		found, err := positions(env, a[0], a[1], -1<<31, -1)
		return types.NewArray(types.Of(types.Int4), found), err
	}, "array_positions(ARRAY['A', 'B', 'A', NULL], 'A')", "{1,3}", "array_positions(ARRAY[1, NULL], NULL)", "{2}", "array_positions(ARRAY[[1]], 1)", "ERROR 0A000", "array_positions(ARRAY[1], 2)", "{}")
	op("trim_array(anyarray, int4) anyarray strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return trimArray(a[0], a[1].I)
	}, "trim_array(ARRAY[1, 2, 3, 4], 2)", "{1,2}", "trim_array(ARRAY[[1, 2], [3, 4]], 1)", "{{1,2}}", "trim_array(ARRAY[1], 1)", "{}", "trim_array(ARRAY[1], 2)", "ERROR 2202E", "trim_array('[5:7]={1,2,3}'::int[], 1)", "{1,2}")
	op("array_shuffle(anyarray) anyarray strict volatile", func(env *Env, a vs) (types.Value, error) {
		return pickItems(env, a[0], firstLen(a[0].A), a[0].A.Dims)
	}, "cardinality(array_shuffle(ARRAY[1, 2, 3]))", "3", "array_shuffle(ARRAY[[7, 8]])", "{{7,8}}", "array_shuffle('{}'::int[])", "{}")
	op("array_sample(anyarray, int4) anyarray strict volatile", func(env *Env, a vs) (types.Value, error) {
		n := firstLen(a[0].A)
		if a[1].I < 0 || a[1].I > int64(n) {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "sample size must be between 0 and %d", n)
		}
		return pickItems(env, a[0], int(a[1].I), nil)
	}, "cardinality(array_sample(ARRAY[1, 2, 3], 2))", "2", "array_sample(ARRAY[1], 2)", "ERROR 22023", "array_sample(ARRAY[4], 1)", "{4}")
	op("array_to_json(anyarray, bool) json strict stable", func(env *Env, a vs) (types.Value, error) {
		if !a[1].Bool() {
			return jsonResult(env, "json", appendAsJSON(env, nil, a[0]))
		}
		return jsonResult(env, "json", linesOfJSON(env, a[0].A))
	}, "array_to_json(ARRAY[1, 2], true)", "[1,\n 2]", "array_to_json(ARRAY[1, 2], false)", "[1,2]")
}

const (
	maxArrayDims  = 6
	maxArrayItems = 134217727 // as PostgreSQL's MaxArraySize
)

func fillArray(env *Env, a []types.Value) (types.Value, error) {
	if a[1].Null || len(a) > 2 && a[2].Null {
		return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "dimension array or low bound array cannot be null")
	}
	sizes, err := dimensionList(a[1].A)
	if err != nil {
		return types.Value{}, err
	}
	lower := slices.Repeat([]int32{1}, len(sizes))
	if len(a) > 2 {
		if lower, err = dimensionList(a[2].A); err != nil {
			return types.Value{}, err
		}
		if len(lower) != len(sizes) {
			return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts").
				WithDetail("Low bound array has different size than dimensions array.")
		}
	}
	if len(sizes) > maxArrayDims {
		return types.Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", len(sizes), maxArrayDims)
	}
	out := &types.Array{Elem: a[0].Type}
	count := int64(1)
	for i, n := range sizes {
		if n < 0 || count*int64(n) > maxArrayItems {
			return types.Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxArrayItems)
		}
		count *= int64(n)
		out.Dims = append(out.Dims, types.Dim{Len: n, Lower: lower[i]})
	}
	if count == 0 || len(sizes) == 0 {
		return types.NewArray(a[0].Type, nil), nil
	}
	if env.MemoryLimit > 0 && count*valueBytes > env.MemoryLimit {
		return types.Value{}, sqlerr.Errorf(sqlerr.OutOfMemory, "an array of %d elements is more than the memory of a query", count).
			WithHint("Raise sql.query_memory_limit_mb.")
	}
	out.Elems = slices.Repeat([]types.Value{a[0]}, int(count))
	return types.Value{Type: types.Of(types.Lookup(a[0].Type.OID).Array), A: out}, nil
}

func dimensionList(a *types.Array) ([]int32, error) {
	if len(a.Dims) > 1 {
		return nil, sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Dimension array must be one dimensional.")
	}
	var list []int32
	for _, e := range a.Elems {
		if e.Null {
			return nil, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "dimension values cannot be null")
		}
		list = append(list, int32(e.I))
	}
	return list, nil
}

// positions are the subscripts, from one on, at which an array of one dimension
// has a value; most < 0: all of them.
func positions(env *Env, array, v types.Value, from int64, most int) ([]types.Value, error) {
	if array.Null || len(array.A.Dims) == 0 {
		return nil, nil
	}
	if len(array.A.Dims) > 1 {
		return nil, sqlerr.Errorf(sqlerr.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
	}
	all, err := places(env, array.A, v)
	var found []types.Value
	for _, i := range all {
		at := int64(i) + int64(array.A.Dims[0].Lower)
		if at >= from && len(found) != most {
			found = append(found, types.NewInt(types.Int4, at))
		}
	}
	return found, err
}

func firstLen(a *types.Array) int {
	if len(a.Dims) == 0 {
		return 0
	}
	return int(a.Dims[0].Len)
}

func trimArray(v types.Value, n int64) (types.Value, error) {
	size := firstLen(v.A)
	if n < 0 || n > int64(size) {
		return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "number of elements to trim must be between 0 and %d", size)
	}
	kept := size - int(n)
	if kept == 0 {
		return types.NewArray(v.A.Elem, nil), nil
	}
	out := &types.Array{Elem: v.A.Elem, Dims: slices.Clone(v.A.Dims), Elems: v.A.Elems[:len(v.A.Elems)/size*kept]}
	out.Dims[0].Len = int32(kept)
	for i := range out.Dims {
		out.Dims[i].Lower = 1
	}
	return types.Value{Type: v.Type, A: out}, nil
}

// pickItems takes n items of the first dimension in random order. Bounds are
// kept where dims are given.
func pickItems(env *Env, v types.Value, n int, dims []types.Dim) (types.Value, error) {
	size := firstLen(v.A)
	if n == 0 {
		return types.NewArray(v.A.Elem, nil), nil
	}
	width := len(v.A.Elems) / size
	out := &types.Array{Elem: v.A.Elem, Dims: slices.Clone(dims)}
	if dims == nil {
		out.Dims = slices.Clone(v.A.Dims)
		out.Dims[0] = types.Dim{Len: int32(n), Lower: 1}
	}
	order := rand.Perm(size)[:n]
	out.Elems = make([]types.Value, 0, n*width)
	for k, i := range order {
		if k%askedEvery == 0 {
			if err := env.Ended(); err != nil {
				return types.Value{}, err
			}
		}
		out.Elems = append(out.Elems, v.A.Elems[i*width:(i+1)*width]...)
	}
	return types.Value{Type: v.Type, A: out}, nil
}

// linesOfJSON is an array with the items of its first dimension on lines, as far as
// they are written when the statement ends.
func linesOfJSON(env *Env, a *types.Array) []byte {
	dst := []byte{'['}
	size := firstLen(a)
	for i := range size {
		if i > 0 {
			dst = append(dst, ",\n "...)
		}
		if i%askedEvery == askedEvery-1 && env.Ended() != nil {
			break
		}
		width := len(a.Elems) / size
		part := a.Elems[i*width : (i+1)*width]
		if len(a.Dims) == 1 {
			dst = appendAsJSON(env, dst, part[0])
		} else {
			dst = appendArrayAsJSON(env, dst, a, 1, part)
		}
	}
	return append(dst, ']')
}
