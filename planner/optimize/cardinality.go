package optimize

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Guesses where nothing is known: no connector counts values.
const (
	unknownRows = 1_000_000 // of a stream
	catalogRows = 1_000     // of a catalog relation, or of what returns a set
	equalPart   = 0.02
	rangePart   = 0.3
	likePart    = 0.1
	otherPart   = 0.5
	groupPart   = 0.1 // of the rows, that are groups
	semiPart    = 0.5
)

// cardinality guesses how many rows a tree has. known is false where a stream
// in it has no known size.
type cardinality struct {
	env *Env
}

func (c *cardinality) rows(n plan.Node) (rows float64, known bool) {
	switch x := n.(type) {
	case *plan.Scan:
		if rows, ok := points(x.Access); ok {
			return rows, true
		}
		if c.env.Rows != nil {
			if rows, ok := c.env.Rows(x.Relation); ok {
				return math.Max(rows, 1), true
			}
		}
		return unknownRows, false
	case *plan.VirtualScan:
		return catalogRows, true
	case *plan.Values:
		return math.Max(1, float64(len(x.Rows))), true
	case *plan.FunctionScan:
		return seriesRows(x), true
	case *plan.Filter:
		if s, ok := tableScan(x.Input); ok {
			if f, ok := accessFiltered(x, s, c.env).(*plan.Scan); ok {
				if rows, ok := points(f.Access); ok {
					return rows, true
				}
			}
		}
		rows, known := c.rows(x.Input)
		return math.Max(1, rows*selectivity(x.Cond)), known
	case *plan.Project:
		return c.rows(x.Input)
	case *plan.AggregateNode:
		rows, known := c.rows(x.Input)
		if len(x.Keys) == 0 {
			return 1, known
		}
		return math.Max(1, rows*groupPart), known
	case *plan.Limit:
		rows, known := c.rows(x.Input)
		if v, ok := constant(x.Count); ok && !v.Null {
			return math.Max(1, math.Min(rows, float64(v.I))), known
		}
		return rows, known
	case *plan.Join:
		return c.join(x)
	case *plan.Append:
		sum, all := 0.0, true
		for _, child := range x.Children {
			rows, known := c.rows(child)
			sum, all = sum+rows, all && known
		}
		return sum, all
	case *plan.CTEScan:
		return catalogRows, false
	case *plan.CopyScan:
		return unknownRows, false
	}
	sum, all := 0.0, true
	for _, in := range n.Inputs() {
		rows, known := c.rows(in)
		sum, all = sum+rows, all && known
	}
	return math.Max(1, sum), all
}

// points is how many rows an access finds at most; false: that is not known.
func points(a *plan.IndexAccess) (float64, bool) {
	switch {
	case a == nil || !a.Index.Unique:
		return 0, false
	case len(a.Eq) == len(a.Index.Keys):
		return 1, true
	case len(a.Eq)+1 == len(a.Index.Keys) && len(a.Any) > 0:
		return float64(len(a.Any)), true
	}
	return 0, false
}

func (c *cardinality) join(j *plan.Join) (float64, bool) {
	l, lk := c.rows(j.Left)
	if j.Kind.KeepsLeft() {
		return math.Max(1, l*semiPart), lk
	}
	r, rk := c.rows(j.Right)
	if j.Kind.KeepsRight() {
		return math.Max(1, r*semiPart), rk
	}
	known := lk && rk
	for _, cond := range conjuncts(j.Cond) {
		if a, b := equality(cond, len(j.Left.Schema()), &Env{}); a != nil && b != nil {
			return math.Max(l, r), known
		}
	}
	if len(j.LeftKeys) > 0 {
		return matches(j, l, r), known
	}
	return l * r, known
}

// matches is how many rows a join by keys has: one of a side at most for each row of
// the other, where its keys are unique there.
func matches(j *plan.Join, l, r float64) float64 {
	rows := math.Max(l, r)
	if uniqueBy(j.Right, j.RightKeys) {
		rows = l
	}
	if uniqueBy(j.Left, j.LeftKeys) {
		rows = math.Min(rows, r)
	}
	switch j.Kind {
	case plan.JoinLeft:
		rows = math.Max(rows, l)
	case plan.JoinRight:
		rows = math.Max(rows, r)
	case plan.JoinFull:
		rows = math.Max(rows, math.Max(l, r))
	}
	return rows
}

// uniqueBy reports whether no two rows of a tree are equal in keys.
func uniqueBy(n plan.Node, keys []plan.Expr) bool {
	at := map[int]bool{}
	for _, k := range keys {
		if c, ok := k.(*plan.Column); ok {
			at[c.Index] = true
		}
	}
	return slices.ContainsFunc(plan.Derive(n).Keys, func(key []int) bool {
		return !slices.ContainsFunc(key, func(c int) bool { return !at[c] })
	})
}

// base is how many rows a leaf has before its own conditions: no column has more
// values.
func (c *cardinality) base(n plan.Node) float64 {
	for {
		switch x := n.(type) {
		case *plan.Filter:
			n = x.Input
		case *plan.Project:
			n = x.Input
		case *plan.Join:
			if !x.Kind.KeepsLeft() {
				rows, _ := c.rows(n)
				return rows
			}
			n = x.Left
		default:
			rows, _ := c.rows(n)
			return rows
		}
	}
}

// seriesRows counts generate_series of literals.
func seriesRows(f *plan.FunctionScan) float64 {
	call := f.Calls[0]
	if len(f.Calls) > 1 || call.Func == nil || call.Func.Name != "generate_series" || len(call.Args) < 2 {
		return catalogRows
	}
	from, fok := constant(call.Args[0])
	to, tok := constant(call.Args[1])
	if !fok || !tok || integers[from.Type.OID] == 0 || integers[to.Type.OID] == 0 {
		return catalogRows
	}
	return math.Max(1, float64(to.I)-float64(from.I)+1)
}

// selectivity guesses the part of the rows for which a condition is true.
func selectivity(e plan.Expr) float64 {
	switch x := e.(type) {
	case *plan.And:
		part := 1.0
		for _, a := range x.Args {
			part *= selectivity(a)
		}
		return part
	case *plan.Or:
		none := 1.0
		for _, a := range x.Args {
			none *= 1 - selectivity(a)
		}
		return 1 - none
	case *plan.Not:
		return 1 - selectivity(x.Arg)
	case *plan.In:
		return math.Min(0.9, equalPart*float64(len(x.List)))
	case *plan.IsNull:
		if x.Not {
			return 1 - equalPart
		}
		return equalPart
	case *plan.Const:
		if v, _ := constant(e); !v.Null && v.Bool() {
			return 1
		}
		return 0
	case *plan.Call:
		switch x.Op {
		case "=":
			return equalPart
		case "<>":
			return 1 - equalPart
		case "<", "<=", ">", ">=":
			return rangePart
		case "~~", "~~*", "~", "~*", "^@":
			return likePart
		case "!~~", "!~~*", "!~", "!~*":
			return 1 - likePart
		}
	}
	return otherPart
}
