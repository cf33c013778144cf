package aggregate

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	const of = " FROM (VALUES (1), (2), (NULL), (4)) AS v(x))"
	within := func(call string) string { return "(SELECT " + call + " WITHIN GROUP (ORDER BY x)" + of }
	ordered := func(signature string, direct int, finish finisher, examples ...function.Example) {
		defineSorted(signature, catalog.OrderedSet, direct, finish, examples...)
	}
	ordered("percentile_disc(float8, anyelement) anyelement", 1, (*sortedGroups).disc,
		example(within("percentile_disc(0.5)"), "2"), example(within("percentile_disc(NULL)"), "NULL"), example(within("percentile_disc(1.5)"), "ERROR 22003"))
	ordered("percentile_disc(_float8, anyelement) anyarray", 1, each1((*sortedGroups).disc),
		example(within("percentile_disc(ARRAY[0, 0.5, NULL, 1])"), "{1,2,NULL,4}"))
	ordered("percentile_cont(float8, float8) float8", 1, (*sortedGroups).cont,
		example(within("percentile_cont(0.25)"), "1.5"), example("(SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY x DESC)"+of, "1.5"))
	ordered("percentile_cont(float8, interval) interval", 1, (*sortedGroups).cont,
		example("(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (interval '1 day'), (interval '2 days')) AS v(x))", "1 day 12:00:00"))
	ordered("percentile_cont(_float8, float8) _float8", 1, each1((*sortedGroups).cont),
		example(within("percentile_cont(ARRAY[[0.25, 0.5], [NULL, 1]])"), "{{1.5,2},{NULL,4}}"))
	ordered("percentile_cont(_float8, interval) _interval", 1, each1((*sortedGroups).cont),
		example("(SELECT percentile_cont(ARRAY[0, 0.5]) WITHIN GROUP (ORDER BY x) FROM (VALUES (interval '1 day'), (interval '2 days')) AS v(x))", `{"1 day","1 day 12:00:00"}`))
	ordered("mode(anyelement) anyelement", 0, (*sortedGroups).mode,
		example("(SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES ('b'), ('a'), ('b'), ('a'), ('c')) AS v(x))", "a"),
		example("(SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2)) AS v(x) WHERE x > 5)", "NULL"))
	hypothetical := func(signature string, finish finisher, examples ...function.Example) {
		defineSorted(signature, catalog.HypotheticalSet, 1, finish, examples...)
	}
	hypothetical("rank(variadic any) int8", (*sortedGroups).rank,
		example(within("rank(2)"), "2"), example("(SELECT rank(2, 'b') WITHIN GROUP (ORDER BY x, y DESC) FROM (VALUES (1, 'a'), (2, 'c'), (2, 'a')) AS v(x, y))", "3"))
	hypothetical("dense_rank(variadic any) int8", (*sortedGroups).denseRank,
		example("(SELECT dense_rank(3) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (1), (2)) AS v(x))", "3"))
	hypothetical("percent_rank(variadic any) float8", (*sortedGroups).percentRank, example(within("percent_rank(2)"), "0.25"))
	hypothetical("cume_dist(variadic any) float8", (*sortedGroups).cumeDist, example(within("cume_dist(2)"), "0.6"))
}

// finisher computes the value of one group from its sorted rows.
type finisher func(a *sortedGroups, g int32) (types.Value, error)

func defineSorted(signature string, kind catalog.AggregateKind, direct int, finish finisher, examples ...function.Example) {
	m := func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
		if retracts {
			return nil, refuseRetracting(c)
		}
		return newSortedGroups(c, kind, env, finish), nil
	}
	f := function.DefineAggregate(signature, examples...)
	f.AggKind, f.Direct = kind, direct
	makers[f] = m
}

// sortedGroups keeps the rows of an aggregate with WITHIN GROUP, which come in
// its order, those of one epoch of changes at a time. Of an ordered set, rows whose key is NULL are left out.
type sortedGroups struct {
	env     *function.Env
	finish  finisher
	call    plan.AggCall
	keys    []vec.Vec       // of all groups, by row of arrival
	rows    [][]int32       // of each group, in order
	direct  [][]types.Value // of each group; nil: it has no row
	hypo    []vec.Vec       // one row: the hypothetical row of the group at hand
	without []types.Value   // the direct arguments that are constants, for a group without rows
	nulls   bool            // rows with NULL count
	mixed   []bool          // of each group: rows came out of order, as in later epochs
	held    int64
}

func newSortedGroups(c plan.AggCall, kind catalog.AggregateKind, env *function.Env, finish finisher) *sortedGroups {
	a := &sortedGroups{env: env, finish: finish, call: c, nulls: kind == catalog.HypotheticalSet}
	for _, e := range c.Args[:c.Direct] {
		v := types.NullOf(e.Type())
		if k, ok := e.(*plan.Const); ok {
			v = k.Value
		}
		a.without = append(a.without, v)
	}
	for _, e := range c.Args[c.Direct:] {
		a.keys, a.hypo = append(a.keys, vec.New(e.Type())), append(a.hypo, vec.New(e.Type()))
	}
	return a
}

func (a *sortedGroups) Grow(n int) {
	a.rows, a.direct, a.mixed = grown(a.rows, n), grown(a.direct, n), grown(a.mixed, n)
}

func (a *sortedGroups) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	var skip vec.Vec
	keys := args[a.call.Direct:]
	if !a.nulls {
		skip = keys[0]
	}
	each(groups, skip, sel, ops, func(row int, g int32, _ int64) {
		before, at := cap(a.rows[g]), a.keys[0].Len()
		for i, k := range keys {
			vec.AppendRow(a.keys[i], k, row)
		}
		if n := len(a.rows[g]); n > 0 && !a.mixed[g] {
			a.mixed[g] = a.compare(a.keys, int(a.rows[g][n-1]), a.keys, at) > 0
		}
		a.rows[g] = append(a.rows[g], int32(at))
		a.held += int64(cap(a.rows[g])-before) * 4
		if a.direct[g] != nil || a.call.Direct == 0 {
			return
		}
		vals := make([]types.Value, a.call.Direct)
		for i := range vals {
			vals[i] = vec.Get(args[i], row, a.call.Args[i].Type())
		}
		a.direct[g] = vals
		a.held += int64(len(vals)) * 128
	})
	return nil
}

func (a *sortedGroups) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.mixed[g] {
			slices.SortStableFunc(a.rows[g], func(i, j int32) int { return a.compare(a.keys, int(i), a.keys, int(j)) })
			a.mixed[g] = false
		}
		v, err := a.finish(a, g)
		if err != nil {
			return err
		}
		vec.Append(dst, v)
	}
	return nil
}

func (a *sortedGroups) Bytes() int64 {
	n := int64(cap(a.rows))*24 + int64(cap(a.direct))*24 + a.held
	for _, k := range a.keys {
		n += vec.MemSize(k)
	}
	return n
}

func (a *sortedGroups) args(g int32) []types.Value {
	if a.direct[g] != nil {
		return a.direct[g]
	}
	return a.without
}

// key is the sorted argument's type.
func (a *sortedGroups) key() types.Type { return a.call.Args[a.call.Direct].Type() }

// at is the i-th value of a group, from 0.
func (a *sortedGroups) at(g int32, i int) types.Value {
	return vec.Get(a.keys[0], int(a.rows[g][i]), a.key())
}

// fraction checks a percentile; ok is false where the result is NULL.
func (a *sortedGroups) fraction(g int32, v types.Value) (p float64, ok bool, err error) {
	if v.Null {
		return 0, false, nil
	}
	if v.F < 0 || v.F > 1 || math.IsNaN(v.F) {
		return 0, false, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "percentile value %g is not between 0 and 1", v.F)
	}
	return v.F, len(a.rows[g]) > 0, nil
}

// disc is the first value whose place is at or after the fraction.
func (a *sortedGroups) disc(g int32) (types.Value, error) { return a.discAt(g, a.args(g)[0]) }

func (a *sortedGroups) discAt(g int32, v types.Value) (types.Value, error) {
	p, ok, err := a.fraction(g, v)
	if !ok {
		return types.NullOf(a.key()), err
	}
	return a.at(g, max(int(math.Ceil(p*float64(len(a.rows[g]))))-1, 0)), nil
}

// cont interpolates between the two values around the fraction.
func (a *sortedGroups) cont(g int32) (types.Value, error) { return a.contAt(g, a.args(g)[0]) }

func (a *sortedGroups) contAt(g int32, v types.Value) (types.Value, error) {
	p, ok, err := a.fraction(g, v)
	if !ok {
		return types.NullOf(a.key()), err
	}
	place := p * float64(len(a.rows[g])-1)
	first, second := math.Floor(place), math.Ceil(place)
	low := a.at(g, int(first))
	if first == second {
		return low, nil
	}
	high := a.at(g, int(second))
	if a.key().OID == types.Float8 {
		return types.NewFloat(types.Float8, low.F+(place-first)*(high.F-low.F)), nil
	}
	return a.interval(low, high, place-first)
}

// interval is low + (high - low) * part.
func (a *sortedGroups) interval(low, high types.Value, part float64) (types.Value, error) {
	t := types.Of(types.Interval)
	v, err := function.Lookup("interval_mi", types.Interval, types.Interval).Call(a.env, []types.Value{high, low}, t)
	if err == nil {
		v, err = function.Lookup("interval_mul", types.Interval, types.Float8).Call(a.env, []types.Value{v, types.NewFloat(types.Float8, part)}, t)
	}
	if err == nil {
		v, err = function.Lookup("interval_pl", types.Interval, types.Interval).Call(a.env, []types.Value{v, low}, t)
	}
	return v, err
}

// each1 computes a value for each item of the fractions, in an array of their
// shape.
func each1(one finisher) finisher {
	return func(a *sortedGroups, g int32) (types.Value, error) {
		fractions := a.args(g)[0]
		if fractions.Null || len(a.rows[g]) == 0 {
			return types.NullOf(a.call.Typ), nil
		}
		out := &types.Array{Elem: a.key(), Dims: slices.Clone(fractions.A.Dims)}
		saved := a.direct[g]
		defer func() { a.direct[g] = saved }()
		for _, f := range fractions.A.Elems {
			a.direct[g] = []types.Value{f}
			v, err := one(a, g)
			if err != nil {
				return v, err
			}
			out.Elems = append(out.Elems, v)
		}
		return types.Value{Type: a.call.Typ, A: out}, nil
	}
}

// mode is the value that is there most often, of several the first.
func (a *sortedGroups) mode(g int32) (types.Value, error) {
	rows := a.rows[g]
	if len(rows) == 0 {
		return types.NullOf(a.key()), nil
	}
	best, most := 0, 0
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && vec.Equal(a.keys[0], int(rows[from]), a.keys[0], int(rows[to]), a.key()) {
			to++
		}
		if to-from > most {
			best, most = from, to-from
		}
		from = to
	}
	return a.at(g, best), nil
}
