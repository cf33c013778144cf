package aggregate

import (
	"sort"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	for _, t := range []struct{ name, values, least, greatest string }{
		{"int2", "(2::int2), (1::int2), (NULL)", "1", "2"},
		{"int4", "(2), (1), (NULL)", "1", "2"},
		{"int8", "(2::int8), (1::int8)", "1", "2"},
		{"oid", "(2::oid), (1::oid)", "1", "2"},
		{"float4", "(2.5::real), ('NaN'::real)", "2.5", "NaN"},
		{"float8", "(2.5::float8), ('NaN'::float8)", "2.5", "NaN"},
		{"numeric", "(2.50), (10.1)", "2.50", "10.1"},
		{"text", "('b'), ('a')", "a", "b"},
		{"bpchar", "('b'::char(2)), ('a'::char(2))", "a ", "b "},
		{"date", "('2024-01-02'::date), ('2024-01-01'::date)", "2024-01-01", "2024-01-02"},
		{"time", "('10:00'::time), ('09:00'::time)", "09:00:00", "10:00:00"},
		{"timestamp", "('2024-01-02'::timestamp), ('2024-01-01'::timestamp)", "2024-01-01 00:00:00", "2024-01-02 00:00:00"},
		{"timestamptz", "('2024-01-02 00:00+00'::timestamptz), ('2024-01-01 00:00+00'::timestamptz)", "2024-01-01 00:00:00+00", "2024-01-02 00:00:00+00"},
		{"interval", "('1 day'::interval), ('25 hours'::interval)", "1 day", "25:00:00"},
		{"inet", "('10.0.0.1/8'::inet), ('9.0.0.0/8'::inet)", "9.0.0.0/8", "10.0.0.1/8"},
		{"money", "('2.50'::money), ('-1'::money)", "-$1.00", "$2.50"},
		{"timetz", "('10:00+02'::timetz), ('10:00+01'::timetz)", "10:00:00+02", "10:00:00+01"},
		{"pg_lsn", "('1/0'::pg_lsn), ('FFFFFFFF/0'::pg_lsn)", "1/0", "FFFFFFFF/0"},
		{"tid", "('(1,2)'::tid), ('(1,1)'::tid)", "(1,1)", "(1,2)"},
		{"xid8", "('1'::xid8), ('18446744073709551615'::xid8)", "1", "18446744073709551615"},
		{"anyarray", "(ARRAY[1,2]), (ARRAY[1,1])", "{1,1}", "{1,2}"},
	} {
		from := " FROM (VALUES " + t.values + ") AS v(x))"
		define("min("+t.name+") "+t.name, extreme(-1), example("(SELECT min(x)"+from, t.least))
		define("max("+t.name+") "+t.name, extreme(1), example("(SELECT max(x)"+from, t.greatest))
	}
	define("min(anyenum) anyenum", extreme(-1), example("(SELECT min(x) FROM (VALUES (point '(1,2)')) AS v(x))", "ERROR 42883"))
	define("max(anyenum) anyenum", extreme(1), example("(SELECT max(x) FROM (VALUES (point '(1,2)')) AS v(x))", "ERROR 42883"))
}

// extreme makes min (side -1) and max (side 1). Of equal values the last to
// come is the result, as PostgreSQL's float8larger and its like have it.
func extreme(side int) maker {
	return func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
		t := typeOf(c)
		if retracts {
			return &multiset{side: side, typ: t, compare: types.Lookup(t.OID).Compare}, nil
		}
		switch types.Lookup(t.OID).Phys {
		case types.PhysInt16:
			return &extremes[int16]{side: side}, nil
		case types.PhysInt32:
			return &extremes[int32]{side: side}, nil
		case types.PhysInt64:
			return &extremes[int64]{side: side}, nil
		case types.PhysUint32:
			return &extremes[uint32]{side: side}, nil
		}
		return &extremeValues{side: side, typ: t}, nil
	}
}

// extremes are those of types whose order is that of their integers.
type extremes[T int16 | int32 | int64 | uint32] struct {
	side int
	best []T
	seen []bool
}

func (a *extremes[T]) Grow(n int) { a.best, a.seen = grown(a.best, n), grown(a.seen, n) }

func (a *extremes[T]) Shrink(n int) { a.best, a.seen = shrunk(a.best, n), shrunk(a.seen, n) }

func (a *extremes[T]) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Fixed[T])
	if !v.Nulls().Any() {
		a.addAll(groups, v.Values, sel)
		return nil
	}
	if a.side < 0 {
		each(groups, v, sel, ops, func(row int, g int32, _ int64) {
			if x := v.Values[row]; x < a.best[g] || !a.seen[g] {
				a.best[g], a.seen[g] = x, true
			}
		})
		return nil
	}
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		if x := v.Values[row]; x > a.best[g] || !a.seen[g] {
			a.best[g], a.seen[g] = x, true
		}
	})
	return nil
}

// addAll is Add where no row is NULL.
func (a *extremes[T]) addAll(groups []int32, values []T, sel []int32) {
	best, seen := a.best, a.seen
	switch {
	case a.side < 0 && sel == nil:
		for row, g := range groups {
			if x := values[row]; x < best[g] || !seen[g] {
				best[g], seen[g] = x, true
			}
		}
	case a.side < 0:
		for _, row := range sel {
			if x, g := values[row], groups[row]; x < best[g] || !seen[g] {
				best[g], seen[g] = x, true
			}
		}
	case sel == nil:
		for row, g := range groups {
			if x := values[row]; x > best[g] || !seen[g] {
				best[g], seen[g] = x, true
			}
		}
	default:
		for _, row := range sel {
			if x, g := values[row], groups[row]; x > best[g] || !seen[g] {
				best[g], seen[g] = x, true
			}
		}
	}
}

func (a *extremes[T]) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Fixed[T])
	for _, g := range groups {
		if a.seen[g] {
			out.Append(a.best[g])
		} else {
			out.AppendNull()
		}
	}
	return nil
}

func (a *extremes[T]) Bytes() int64 { return int64(cap(a.best)) * 9 }

// extremeValues are those of every other type.
type extremeValues struct {
	side    int
	typ     types.Type
	best    []types.Value
	seen    []bool
	strings int64 // bytes of the values kept
}

func (a *extremeValues) Grow(n int) { a.best, a.seen = grown(a.best, n), grown(a.seen, n) }

func (a *extremeValues) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := args[0]
	var x types.Value
	var failure error
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		vec.Borrow(&x, v, row, a.typ)
		if a.seen[g] {
			c, err := types.Order(x, a.best[g])
			if err != nil {
				failure = err
			}
			if a.side*c < 0 {
				return
			}
		}
		a.strings -= int64(len(a.best[g].S))
		a.best[g], a.seen[g] = vec.Get(v, row, a.typ), true
		a.strings += int64(len(a.best[g].S))
	})
	return failure
}

func (a *extremeValues) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if a.seen[g] {
			vec.Append(dst, a.best[g])
		} else {
			vec.AppendNull(dst)
		}
	}
	return nil
}

func (a *extremeValues) Bytes() int64 { return int64(cap(a.best))*128 + a.strings }

// multiset keeps every value of a group in order, each with how often it is
// there. A count may be negative within an epoch: its Insert is yet to come.
type multiset struct {
	side    int
	typ     types.Type
	compare func(a, b types.Value) int
	groups  [][]counted
	held    int64
}

type counted struct {
	value types.Value
	n     int64
}

func (a *multiset) Grow(n int) { a.groups = grown(a.groups, n) }

func (a *multiset) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0])
	var x types.Value
	each(groups, v, sel, ops, func(row int, g int32, sign int64) {
		vec.Borrow(&x, v, row, a.typ)
		all := a.groups[g]
		at := sort.Search(len(all), func(i int) bool { return a.compare(all[i].value, x) >= 0 })
		if at < len(all) && a.compare(all[at].value, x) == 0 {
			if all[at].n += sign; all[at].n == 0 {
				a.held -= int64(len(all[at].value.S)) + 128
				a.groups[g] = append(all[:at], all[at+1:]...)
			}
			return
		}
		all = append(all, counted{})
		copy(all[at+1:], all[at:])
		all[at] = counted{value: vec.Get(v, row, a.typ), n: sign}
		a.held += int64(len(all[at].value.S)) + 128
		a.groups[g] = all
	})
	return nil
}

func (a *multiset) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		if best := a.best(g); best != nil {
			vec.Append(dst, *best)
		} else {
			vec.AppendNull(dst)
		}
	}
	return nil
}

func (a *multiset) best(g int32) *types.Value {
	all := a.groups[g]
	for i := range all {
		c := &all[i]
		if a.side > 0 {
			c = &all[len(all)-1-i]
		}
		if c.n > 0 {
			return &c.value
		}
	}
	return nil
}

func (a *multiset) Bytes() int64 { return int64(cap(a.groups))*24 + a.held }
