package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	join := func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return &joined{}, nil
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
}

// longest is PostgreSQL's limit of one value, in bytes.
const longest = 1<<30 - 1

// joined is string_agg: each value after its own delimiter, but for the first.
type joined struct {
	text []*[]byte // nil: no value
	held int64
}

func (a *joined) Grow(n int) { a.text = grown(a.text, n) }

func (a *joined) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v, delimiter := vec.Flat(args[0]).(*vec.Bytes), vec.Flat(args[1]).(*vec.Bytes)
	var failed error
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		text := a.text[g]
		first := text == nil
		if first {
			text = new([]byte)
			a.text[g] = text
		}
		before := cap(*text)
		if !first && !delimiter.Nulls().Get(row) {
			*text = append(*text, delimiter.At(row)...)
		}
		*text = append(*text, v.At(row)...)
		a.held += int64(cap(*text) - before)
		if len(*text) > longest {
			failed = sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "string_agg: the result is longer than %d bytes", longest)
		}
	})
	return failed
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
	v := vec.Flat(args[0])
	each(groups, nil, sel, ops, func(row int, g int32, _ int64) {
		x := vec.Get(v, row, a.typ)
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
