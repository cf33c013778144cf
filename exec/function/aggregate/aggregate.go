// Package aggregate holds the aggregate functions: accumulators of many groups
// at once, over columns. A group is a dense number; what groups are is the
// caller's affair, as are DISTINCT, FILTER and ORDER BY inside a call.
package aggregate

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Aggregate is the state of one call for groups 0, 1, 2, ... It belongs to one
// goroutine.
type Aggregate interface {
	// Grow makes groups up to n-1; a new one has seen no row.
	Grow(n int)
	// Add gives rows to their groups: physical row r of the arguments to
	// groups[r], for the rows of sel (nil: all of groups). ops nil: every row is
	// an Insert. A Delete takes out what an Insert of the same row put in, and
	// may come first; the function must have been made for it (New).
	Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error
	// Result appends the value of each of the groups to dst. It changes nothing.
	Result(groups []int32, dst vec.Vec) error
	// Bytes is about how much memory all groups hold.
	Bytes() int64
}

// Shrinker is an Aggregate of which groups can be taken away, and whose Add does
// not fail.
type Shrinker interface {
	Aggregate
	// Shrink forgets the groups from n on, of those that there are. Their memory
	// stays, for what Grow makes next.
	Shrink(n int)
}

// maker makes the state of one call. retracts: Deletes will come.
type maker func(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error)

var makers = map[*catalog.Function]maker{}

func define(signature string, m maker, examples ...function.Example) {
	makers[function.DefineAggregate(signature, examples...)] = m
}

// example is one example of an aggregate: an expression, and the text of its value.
func example(sql, text string) function.Example { return function.Example{SQL: sql, Text: text} }

// New returns the state of a call. retracts says that rows may be taken out
// again: some functions then keep more, and some are 0A000.
func New(c plan.AggCall, env *function.Env, retracts bool) (Aggregate, error) {
	m := makers[c.Func]
	if m == nil {
		return nil, fmt.Errorf("aggregate %s has no accumulator", c.Func.Name)
	}
	return m(c, env, retracts)
}

// refuseRetracting is for the functions that cannot take a row out again.
func refuseRetracting(c plan.AggCall) error {
	return sqlerr.Unsupported("Aggregate rows that are only inserted: a stream, or a query over one without GROUP BY.",
		"%s over rows that are updated or deleted is not supported", c.Func.Name)
}

// each calls f for every row that is to be added, with its group and its sign:
// 1 for an Insert, -1 for a Delete. Rows in which column is NULL are left out;
// column nil: none is.
func each(groups []int32, column vec.Vec, sel []int32, ops []vec.Op, f func(row int, group int32, sign int64)) {
	var nulls *vec.Bitmap
	if column != nil && column.Nulls().Any() {
		nulls = column.Nulls()
	}
	visit := func(row int) {
		if nulls != nil && nulls.Get(row) {
			return
		}
		sign := int64(1)
		if ops != nil && ops[row] == vec.Delete {
			sign = -1
		}
		f(row, groups[row], sign)
	}
	if sel == nil {
		for row := range groups {
			visit(row)
		}
		return
	}
	for _, row := range sel {
		visit(int(row))
	}
}

// grown returns s with n elements; new ones are zero.
func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	t := make([]T, n, n+n/2)
	copy(t, s)
	return t
}

// shrunk returns s with n of its elements. The others are made zero, as grown
// takes them to be.
func shrunk[T any](s []T, n int) []T {
	clear(s[n:])
	return s[:n]
}

// typeOf is the type of the call's only argument.
func typeOf(c plan.AggCall) types.Type { return c.Args[0].Type() }
