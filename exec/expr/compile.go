package expr

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// node is one compiled expression. It is evaluated at most once in a run, and
// owns the buffers of its result.
type node interface {
	// eval computes the rows sel (nil: all) of the run's batch and marks those
	// that fail in the run's errors. Rows outside sel, and failed ones, may hold
	// anything.
	eval(r *run, sel []int32) vec.Vec
}

// run is what the nodes of a program see of one evaluation.
type run struct {
	env   *function.Env
	batch *vec.Batch
	rows  int
	errs  *Errors
	cut   cut
}

// compiler turns expressions into nodes.
type compiler struct {
	env   *function.Env
	scope Scope
}

// cuttable reports whether an expression may be evaluated anew: it calls nothing
// that is volatile, and runs no subquery.
func cuttable(e plan.Expr) bool {
	return !plan.Any(e, func(e plan.Expr) bool {
		switch e := e.(type) {
		case *plan.Call:
			return e.Func.Volatility == 'v'
		case *plan.Subquery:
			return true
		}
		return false
	})
}

func (c *compiler) compile(e plan.Expr) (node, error) {
	switch e := e.(type) {
	case *plan.Column:
		return &columnNode{index: e.Index}, nil
	case *plan.Const:
		return newConst(e.Value), nil
	case *plan.Param:
		return c.param(e)
	case *plan.Outer:
		return c.outer(e)
	case *plan.Call:
		return c.call(e)
	case *plan.Cast:
		return c.cast(e)
	case *plan.And:
		args, err := c.all(e.Args)
		return &andNode{args: args}, err
	case *plan.Or:
		args, err := c.all(e.Args)
		return &orNode{args: args}, err
	case *plan.Not:
		arg, err := c.compile(e.Arg)
		return &notNode{arg: arg}, err
	case *plan.IsNull:
		arg, err := c.compile(e.Arg)
		if e.Row {
			return &rowNullNode{arg: arg, not: e.Not}, err
		}
		return &isNullNode{arg: arg, not: e.Not}, err
	case *plan.IsBool:
		arg, err := c.compile(e.Arg)
		return &isBoolNode{arg: arg, test: e.Test, not: e.Not}, err
	case *plan.Case:
		return c.caseOf(e)
	case *plan.Coalesce:
		args, err := c.all(e.Args)
		return &coalesceNode{args: args, out: newColumn(e.Typ)}, err
	case *plan.NullIf:
		return c.nullIf(e)
	case *plan.MinMax:
		args, err := c.all(e.Args)
		return &minMaxNode{args: args, greatest: e.Greatest, typ: e.Typ, out: newColumn(e.Typ)}, err
	case *plan.Distinct:
		return c.distinct(e)
	case *plan.In:
		return c.in(e)
	case *plan.AnyAll:
		return c.anyAll(e)
	case *plan.ArrayOf:
		args, err := c.all(e.Items)
		return newArrayNode(e, args), err
	case *plan.Subscript:
		return c.subscript(e)
	case *plan.Assign:
		return c.assign(e)
	case *plan.Row:
		return c.row(e)
	case *plan.FieldOf:
		return c.field(e)
	case *plan.Subquery:
		return c.subquery(e)
	}
	return nil, fmt.Errorf("compiling an expression: unknown node %T", e)
}

func (c *compiler) all(es []plan.Expr) ([]node, error) {
	nodes := make([]node, len(es))
	for i, e := range es {
		n, err := c.compile(e)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

func (c *compiler) param(e *plan.Param) (node, error) {
	if e.N < 1 || e.N > len(c.env.Params) {
		return nil, sqlerr.Errorf(sqlerr.UndefinedParameter, "there is no parameter $%d", e.N)
	}
	v := c.env.Params[e.N-1]
	v.Type = e.Typ
	if c.env.LateParams {
		return &paramNode{n: e.N - 1, typ: e.Typ, c: &vec.Const{Of: newColumn(e.Typ)}}, nil
	}
	return newConst(v), nil
}

// paramNode is a parameter of a program that runs with several.
type paramNode struct {
	n   int
	typ types.Type
	c   *vec.Const
}

func (n *paramNode) eval(r *run, _ []int32) vec.Vec {
	v := r.env.Params[n.n]
	v.Type = n.typ
	n.c.Of.Reset()
	vec.Append(n.c.Of, v)
	n.c.Nulls().Reset()
	n.c.SetLen(r.rows)
	return n.c
}

// newColumn is vec.New, but for types of which no column can exist (unknown
// NULLs, void): those get a column that only holds NULLs and empty strings.
func newColumn(t types.Type) vec.Vec {
	if info := types.Lookup(t.OID); info == nil || info.Phys == types.PhysNone {
		return &vec.Bytes{}
	}
	return vec.New(t)
}

// columnNode is a column of the batch.
type columnNode struct{ index int }

func (n *columnNode) eval(r *run, _ []int32) vec.Vec { return r.batch.Cols[n.index] }

// constNode is one value for every row.
type constNode struct{ c *vec.Const }

func newConst(v types.Value) *constNode {
	col := newColumn(v.Type)
	vec.Append(col, v)
	return &constNode{c: vec.ConstOf(col, 0)}
}

func (n *constNode) eval(r *run, _ []int32) vec.Vec {
	n.c.SetLen(r.rows)
	return n.c
}

// outerNode is a column of the row of a query around.
type outerNode struct {
	scope        Scope
	depth, index int
	typ          types.Type
	of           vec.Vec
}

func (c *compiler) outer(e *plan.Outer) (node, error) {
	if c.scope == nil {
		return nil, fmt.Errorf("compiling %s: no query around it", e)
	}
	return &outerNode{scope: c.scope, depth: e.Depth, index: e.Index, typ: e.Typ, of: newColumn(e.Typ)}, nil
}

func (n *outerNode) eval(r *run, _ []int32) vec.Vec {
	n.of.Reset()
	vec.Append(n.of, n.scope.Outer(n.depth, n.index, n.typ))
	return vec.ConstOf(n.of, r.rows)
}

// none reports whether a selection has no row.
func none(r *run, sel []int32) bool {
	if sel != nil {
		return len(sel) == 0
	}
	return r.rows == 0
}

// each calls f for every row of a selection.
func each(r *run, sel []int32, f func(row int)) {
	if sel == nil {
		for row := range r.rows {
			f(row)
		}
		return
	}
	for _, row := range sel {
		f(int(row))
	}
}
