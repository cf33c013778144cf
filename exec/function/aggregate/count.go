package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	counts := func(plan.AggCall, *function.Env, bool) (Aggregate, error) { return &count{}, nil }
	define("count() int8", counts, example("(SELECT count(*) FROM (VALUES (1), (NULL)) AS v(x))", "2"))
	define("count(any) int8", counts, example("(SELECT count(x) FROM (VALUES (1), (NULL)) AS v(x))", "1"))
}

// count counts rows, or those whose argument is not NULL.
type count struct{ n []int64 }

func (a *count) Grow(n int) { a.n = grown(a.n, n) }

func (a *count) Shrink(n int) { a.n = shrunk(a.n, n) }

func (a *count) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	if ops == nil && (len(args) == 0 || !args[0].Nulls().Any()) {
		if sel == nil {
			for _, g := range groups {
				a.n[g]++
			}
			return nil
		}
		for _, row := range sel {
			a.n[groups[row]]++
		}
		return nil
	}
	var column vec.Vec
	if len(args) > 0 {
		column = args[0]
	}
	each(groups, column, sel, ops, func(_ int, g int32, sign int64) { a.n[g] += sign })
	return nil
}

func (a *count) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[int64])
	for _, g := range groups {
		out.Append(a.n[g])
	}
	return nil
}

func (a *count) Bytes() int64 { return int64(cap(a.n)) * 8 }
