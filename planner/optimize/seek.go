package optimize

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// seek turns conditions on _offset, _partition and _timestamp into places where
// a scan may start and end. _offset bounds hold per partition, as the
// conditions do. The conditions stay in the filter above.
func seek(n plan.Node, env *Env) plan.Node {
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return seek(in, env) })
	s, ok := n.(*plan.Scan)
	if !ok || len(s.Filters) == 0 {
		return n
	}
	c := *s
	hidden := len(s.Relation.Columns)
	for _, f := range s.Filters {
		call, ok := f.(*plan.Call)
		if !ok || len(call.Args) != 2 {
			continue
		}
		col, bound, op := pseudoBound(call)
		if col == nil || s.Columns[col.Index] < hidden {
			continue
		}
		name := s.Fields[col.Index].Name
		if env.Seeks != nil && !env.Seeks(s.Relation.Connector, name) {
			continue
		}
		switch name {
		case "_offset":
			seekOffset(&c, op, bound)
		case "_partition":
			if op == "=" && c.Partition == nil && bound.Type().OID == types.Int4 {
				c.Partition = bound
			}
		case "_timestamp":
			seekTime(&c, op, bound)
		}
	}
	return &c
}

var mirrored = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// pseudoBound takes column op value, either way round, apart. The value does
// not depend on rows.
func pseudoBound(call *plan.Call) (*plan.Column, plan.Expr, string) {
	if mirrored[call.Op] == "" {
		return nil, nil, ""
	}
	if c, ok := plainColumn(call.Args[0]); ok && fixed(call.Args[1]) {
		return c, call.Args[1], call.Op
	}
	if c, ok := plainColumn(call.Args[1]); ok && fixed(call.Args[0]) {
		return c, call.Args[0], mirrored[call.Op]
	}
	return nil, nil, ""
}

func plainColumn(e plan.Expr) (*plan.Column, bool) {
	c, ok := e.(*plan.Column)
	return c, ok
}

// fixed reports whether an expression has one value for the whole statement.
func fixed(e plan.Expr) bool {
	return !plan.Any(e, func(x plan.Expr) bool {
		switch x := x.(type) {
		case *plan.Column, *plan.Outer, *plan.Subquery:
			return true
		case *plan.Call:
			return x.Func.Volatility == 'v' || x.Func.Set
		}
		return false
	})
}

// seekOffset keeps the first bound of each side: which of two is tighter is
// known only when they are computed. Only plain integer literals and bigint
// expressions are taken.
func seekOffset(s *plan.Scan, op string, bound plan.Expr) {
	if v, ok := constant(bound); ok {
		if v.Null {
			return
		}
		switch v.Type.OID {
		case types.Int2, types.Int4, types.Int8:
		default:
			return
		}
		if (op == "<=" || op == "=" || op == ">") && v.I == 1<<63-1 {
			return
		}
		at := func(i int64) plan.Expr { return plan.NewConst(types.NewInt(types.Int8, i)) }
		switch op {
		case "=":
			lower(&s.FromOffset, at(v.I))
			upper(&s.UntilOffset, at(v.I+1))
		case ">=":
			lower(&s.FromOffset, at(v.I))
		case ">":
			lower(&s.FromOffset, at(v.I+1))
		case "<":
			upper(&s.UntilOffset, at(v.I))
		case "<=":
			upper(&s.UntilOffset, at(v.I+1))
		}
		return
	}
	if bound.Type().OID != types.Int8 {
		return
	}
	switch op {
	case ">", ">=", "=":
		if s.FromOffset == nil {
			s.FromOffset = bound
		}
	case "<":
		if s.UntilOffset == nil {
			s.UntilOffset = bound
		}
	}
}

// seekTime takes a lower bound of _timestamp. Upper bounds are kept for
// connectors whose records are ordered by time.
func seekTime(s *plan.Scan, op string, bound plan.Expr) {
	if bound.Type().OID != types.Timestamptz {
		return
	}
	if v, ok := constant(bound); ok && v.Null {
		return
	}
	switch op {
	case ">", ">=", "=":
		lower(&s.FromTime, bound)
	case "<":
		upper(&s.UntilTime, bound)
	}
}

// lower keeps the higher of two lower bounds where both are known, else the first.
func lower(have *plan.Expr, next plan.Expr) {
	if *have == nil || orderedBefore(*have, next) {
		*have = next
	}
}

// upper keeps the lower of two upper bounds where both are known, else the first.
func upper(have *plan.Expr, next plan.Expr) {
	if *have == nil || orderedBefore(next, *have) {
		*have = next
	}
}

func orderedBefore(a, b plan.Expr) bool {
	x, xok := constant(a)
	y, yok := constant(b)
	return xok && yok && x.I < y.I
}
