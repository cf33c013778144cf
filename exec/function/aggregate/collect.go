package aggregate

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	join := func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return &joined{env: env}, nil
	}
	define("string_agg(text, text) text", join,
		example("(SELECT string_agg(x, ', ') FROM (VALUES ('a'), (NULL), ('b')) AS v(x))", "a, b"),
		example("(SELECT string_agg(x, '-' ORDER BY x DESC) FROM (VALUES ('a'), ('b')) AS v(x))", "b-a"))
	define("string_agg(bytea, bytea) bytea", join,
		example(`(SELECT string_agg(x, '\x00'::bytea) FROM (VALUES ('\x01'::bytea), ('\x02'::bytea)) AS v(x))`, `\x010002`))
	define("array_agg(anynonarray) anyarray", func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return &collected{typ: typeOf(c)}, nil
	},
		example("(SELECT array_agg(x) FROM (VALUES (1), (NULL), (3)) AS v(x))", "{1,NULL,3}"),
		example("(SELECT array_agg(DISTINCT x ORDER BY x) FROM (VALUES (2), (1), (2)) AS v(x))", "{1,2}"))
	define("array_agg(anyarray) anyarray", func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return &stacked{typ: typeOf(c)}, nil
	},
		example("(SELECT array_agg(x) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3, NULL])) AS v(x))", "{{1,2},{3,NULL}}"),
		example("(SELECT array_agg(x) FROM (VALUES (ARRAY[1, 2]), (ARRAY[3])) AS v(x))", "ERROR 2202E"),
		example("(SELECT array_agg(x) FROM (VALUES ('{}'::int[])) AS v(x))", "ERROR 2202E"),
		example("(SELECT array_agg(x) FROM (VALUES (NULL::int[])) AS v(x))", "ERROR 22004"))
	define("any_value(anyelement) anyelement", func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return &firsts{typ: typeOf(c)}, nil
	},
		example("(SELECT any_value(x) FROM (VALUES (NULL), (7)) AS v(x))", "7"))
}

// longest is PostgreSQL's limit of one value, in bytes.
const longest = 1<<30 - 1

// joined is string_agg: each value after its own delimiter, but for the first.
type joined struct {
	env   *function.Env
	text  []*[]byte // nil: no value
	held  int64
	added int // bytes since somebody asked whether the statement has ended
}

func (a *joined) Grow(n int) { a.text = grown(a.text, n) }

func (a *joined) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v, delimiter := bytesOf(args[0]), bytesOf(args[1])
	var failed error
	each(groups, args[0], sel, ops, func(row int, g int32, _ int64) {
		if failed != nil {
			return
		}
		text := a.text[g]
		first := text == nil
		if first {
			text = new([]byte)
			a.text[g] = text
		}
		before := cap(*text)
		if !first && !args[1].Nulls().Get(row) {
			*text = append(*text, delimiter(row)...)
		}
		*text = append(*text, v(row)...)
		a.held += int64(cap(*text) - before)
		if len(*text) > longest {
			failed = sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "string_agg: the result is longer than %d bytes", longest)
			return
		}
		if a.added += len(v(row)); a.added > askedBytes {
			a.added = 0
			failed = goesOn(a.env, a.held)
		}
	})
	return failed
}

// askedBytes is how much is added to results between two questions whether the
// statement has ended: of few rows, it may be much.
const askedBytes = 1 << 20

// goesOn fails where the statement has ended, or what is held is more than it may
// hold: those who count that come after a batch, of which each row may be long.
func goesOn(env *function.Env, held int64) error {
	if env.MemoryLimit > 0 && held > env.MemoryLimit {
		return function.OverLimit(int(held), int(env.MemoryLimit))
	}
	return env.Ended()
}

// bytesOf reads the rows of a column of byte strings, which may be a constant: it is
// not written out for each row.
func bytesOf(v vec.Vec) func(row int) []byte {
	if c, ok := v.(*vec.Const); ok {
		b := c.Of.(*vec.Bytes).At(0)
		return func(int) []byte { return b }
	}
	return v.(*vec.Bytes).At
}

// valuesOf reads the rows of a column; those of a constant share one value.
func valuesOf(v vec.Vec, t types.Type) func(row int) types.Value {
	if _, ok := v.(*vec.Const); ok {
		x := vec.Get(v, 0, t)
		return func(int) types.Value { return x }
	}
	return func(row int) types.Value { return vec.Get(v, row, t) }
}

func (a *joined) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Bytes)
	for _, g := range groups {
		if a.text[g] == nil {
			out.AppendNull()
		} else {
			out.Append(*a.text[g])
		}
	}
	return nil
}

func (a *joined) Bytes() int64 { return int64(cap(a.text))*8 + a.held }

// collected is array_agg; NULLs are elements too.
type collected struct {
	typ  types.Type
	rows [][]types.Value
	held int64
}

func (a *collected) Grow(n int) { a.rows = grown(a.rows, n) }

func (a *collected) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	value := valuesOf(args[0], a.typ)
	each(groups, nil, sel, ops, func(row int, g int32, _ int64) {
		x := value(row)
		a.rows[g] = append(a.rows[g], x)
		a.held += 128 + int64(len(x.S))
	})
	return nil
}

func (a *collected) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if len(a.rows[g]) == 0 {
			vec.AppendNull(dst)
		} else {
			vec.Append(dst, types.NewArray(a.typ, a.rows[g]))
		}
	}
	return nil
}

func (a *collected) Bytes() int64 { return int64(cap(a.rows))*24 + a.held }

// stacked is array_agg of arrays: all of one shape, in one more dimension.
type stacked struct {
	typ    types.Type
	arrays []*types.Array // nil: no row; the first dimension counts the rows
	held   int64
}

func (a *stacked) Grow(n int) { a.arrays = grown(a.arrays, n) }

func (a *stacked) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0])
	var failed error
	each(groups, nil, sel, ops, func(row int, g int32, _ int64) {
		if failed == nil {
			failed = a.add(g, vec.Get(v, row, a.typ))
		}
	})
	return failed
}

func (a *stacked) add(g int32, v types.Value) error {
	switch {
	case v.Null:
		return sqlerr.Errorf(sqlerr.NullValueNotAllowed, "cannot accumulate null arrays")
	case len(v.A.Dims) == 0 && a.arrays[g] == nil:
		return sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot accumulate empty arrays")
	}
	to := a.arrays[g]
	if to == nil {
		to = &types.Array{Elem: v.A.Elem, Dims: append([]types.Dim{{Lower: 1}}, v.A.Dims...)}
		a.arrays[g] = to
	}
	if len(to.Dims) != len(v.A.Dims)+1 {
		return sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
	}
	for i, d := range v.A.Dims {
		if to.Dims[i+1] != d {
			return sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
		}
	}
	to.Dims[0].Len++
	to.Elems = append(to.Elems, v.A.Elems...)
	for _, e := range v.A.Elems {
		a.held += 128 + int64(len(e.S))
	}
	return nil
}

func (a *stacked) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.arrays[g] == nil {
			vec.AppendNull(dst)
		} else {
			now := *a.arrays[g]
			now.Dims = slices.Clone(now.Dims) // dst keeps them, and rows may follow
			vec.Append(dst, types.Value{Type: a.typ, A: &now})
		}
	}
	return nil
}

func (a *stacked) Bytes() int64 { return int64(cap(a.arrays))*8 + a.held }

// firsts is any_value: the first that is not NULL.
type firsts struct {
	typ    types.Type
	values []*types.Value
	held   int64
}

func (a *firsts) Grow(n int) { a.values = grown(a.values, n) }

func (a *firsts) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := args[0]
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		if a.values[g] == nil {
			x := vec.Get(v, row, a.typ)
			x.S = strings.Clone(x.S)
			a.values[g] = &x
			a.held += 128 + int64(len(x.S))
		}
	})
	return nil
}

func (a *firsts) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.values[g] == nil {
			vec.AppendNull(dst)
		} else {
			vec.Append(dst, *a.values[g])
		}
	}
	return nil
}

func (a *firsts) Bytes() int64 { return int64(cap(a.values))*8 + a.held }
