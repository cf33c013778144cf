package aggregate

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	of := func(make func(c plan.AggCall) Aggregate) maker {
		return func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
			if retracts {
				return nil, refuseRetracting(c)
			}
			return make(c), nil
		}
	}
	union := of(func(c plan.AggCall) Aggregate { return &rangeUnion{typ: typeOf(c), out: c.Typ.OID} })
	common := of(func(c plan.AggCall) Aggregate { return &rangeIntersection{typ: typeOf(c)} })
	define("range_agg(anyrange) anymultirange", union,
		example("(SELECT range_agg(x) FROM (VALUES (int4range(1, 3)), (int4range(7, 9)), (int4range(2, 5)), (NULL)) AS v(x))", "{[1,5),[7,9)}"),
		example("(SELECT range_agg(x) FROM (VALUES ('empty'::int4range)) AS v(x))", "{}"))
	define("range_agg(anymultirange) anymultirange", union,
		example("(SELECT range_agg(x) FROM (VALUES ('{[1,3),[9,10)}'::int4multirange), ('{[2,5)}')) AS v(x))", "{[1,5),[9,10)}"))
	define("range_intersect_agg(anyrange) anyrange", common,
		example("(SELECT range_intersect_agg(x) FROM (VALUES (int4range(1, 4)), (NULL), (int4range(2, 5))) AS v(x))", "[2,4)"),
		example("(SELECT range_intersect_agg(x) FROM (VALUES (int4range(1, 2)), (int4range(3, 5))) AS v(x))", "empty"))
	define("range_intersect_agg(anymultirange) anymultirange", common,
		example("(SELECT range_intersect_agg(x) FROM (VALUES ('{[1,4),[6,9)}'::int4multirange), ('{[2,8)}')) AS v(x))", "{[2,4),[6,8)}"))
}

// rangeUnion is range_agg: all ranges as they come.
type rangeUnion struct {
	typ    types.Type
	out    types.OID // the multirange
	ranges [][]types.Range
	seen   []bool
	held   int64
}

func (a *rangeUnion) Grow(n int) { a.ranges, a.seen = grown(a.ranges, n), grown(a.seen, n) }

func (a *rangeUnion) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Bytes)
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		x := types.NewString(a.typ.OID, string(v.At(row)))
		before := cap(a.ranges[g])
		if a.typ.OID == a.out {
			a.ranges[g] = append(a.ranges[g], types.RangesOf(x)...)
		} else {
			a.ranges[g] = append(a.ranges[g], types.RangeOf(x))
		}
		a.seen[g] = true
		a.held += 320*int64(cap(a.ranges[g])-before) + int64(len(x.S))
	})
	return nil
}

func (a *rangeUnion) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if !a.seen[g] {
			vec.AppendNull(dst)
			continue
		}
		all := append([]types.Range(nil), a.ranges[g]...)
		vec.Append(dst, types.NewMultirange(a.out, all))
	}
	return nil
}

func (a *rangeUnion) Bytes() int64 { return int64(cap(a.ranges))*25 + a.held }

// rangeIntersection keeps what all ranges, or multiranges, have in common.
type rangeIntersection struct {
	typ    types.Type
	values []*types.Value
	held   int64
}

func (a *rangeIntersection) Grow(n int) { a.values = grown(a.values, n) }

func (a *rangeIntersection) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Bytes)
	var failed error
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		x := types.Value{Type: a.typ, S: string(v.At(row))}
		if was := a.values[g]; was != nil {
			var err error
			if x, err = function.IntersectRanges(*was, x); err != nil {
				failed = err
				return
			}
			a.held -= int64(len(was.S))
		}
		x.S = strings.Clone(x.S)
		a.held += int64(len(x.S))
		a.values[g] = &x
	})
	return failed
}

func (a *rangeIntersection) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.values[g] == nil {
			vec.AppendNull(dst)
		} else {
			vec.Append(dst, *a.values[g])
		}
	}
	return nil
}

func (a *rangeIntersection) Bytes() int64 { return int64(cap(a.values))*136 + a.held }
