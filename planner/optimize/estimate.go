package optimize

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Costs of EXPLAIN are in rows read from a source; a row that an operator takes
// or passes on costs a part of one, as in PostgreSQL.
const (
	readCost = 1.0
	rowCost  = 0.01
)

// estimates are guesses for each node of a statement's plan.
func estimates(b *plan.Bound, env *Env) map[plan.Node]plan.Estimate {
	e := &estimator{c: &cardinality{env: env}, of: map[plan.Node]plan.Estimate{}}
	switch s := b.Statement.(type) {
	case *plan.Query:
		e.node(s.Root)
	case *plan.DeclareCursor:
		return estimates(s.Query, env)
	case *plan.Execute:
		return estimates(s.Prepared, env)
	case *plan.SelectInto:
		e.node(s.Root)
	case *plan.CreateTableAs:
		if s.Input != nil {
			e.node(s.Input)
		}
	case *plan.Insert:
		e.node(s.Input)
	case *plan.Modification:
		e.node(s.Root)
	case *plan.StartJob:
		e.node(s.Root)
	case *plan.CreateMatView:
		if s.Job != nil {
			e.node(s.Job.Root)
		}
	case *plan.CreateStream:
		if s.Job != nil {
			e.node(s.Job.Root)
		}
	}
	return e.of
}

type estimator struct {
	c  *cardinality
	of map[plan.Node]plan.Estimate
}

// node guesses of a tree, its subqueries included, and returns its cost.
func (e *estimator) node(n plan.Node) float64 {
	rows, _ := e.c.rows(n)
	cost := rows * rowCost
	plan.EachExpr(n, func(x plan.Expr) {
		plan.Walk(x, func(x plan.Expr) bool {
			if s, ok := x.(*plan.Subquery); ok {
				cost += e.node(s.Input)
			}
			return true
		})
	})
	inputs := n.Inputs()
	if len(inputs) == 0 {
		cost = rows * readCost
	}
	for _, in := range inputs {
		cost += e.node(in) + e.of[in].Rows*rowCost
	}
	switch x := n.(type) {
	case *plan.Sort:
		cost += rows * math.Log2(rows+1) * rowCost
	case *plan.Join:
		if len(x.LeftKeys) == 0 {
			cost += e.of[x.Left].Rows * e.of[x.Right].Rows * rowCost
		}
	}
	e.of[n] = plan.Estimate{Rows: rows, Width: width(n.Schema()), Cost: cost}
	return cost
}

// width guesses the bytes of a row.
func width(fields []plan.Field) int {
	sum := 0
	for _, f := range fields {
		switch f.Type.OID {
		case types.Bool:
			sum++
		case types.Int2:
			sum += 2
		case types.Int4, types.Float4, types.Date:
			sum += 4
		case types.Int8, types.Float8, types.Timestamp, types.Timestamptz, types.Time:
			sum += 8
		case types.Interval, types.UUID:
			sum += 16
		default:
			sum += 32
		}
	}
	return sum
}
