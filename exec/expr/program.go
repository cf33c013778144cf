// Package expr compiles a bound expression to a program that runs over
// batches. A program returns values and an error mask: CASE, COALESCE, AND and
// OR evaluate an arm only for the rows that need it, and a row that fails does
// not keep the others from their values.
package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Errors are the rows for which a program failed. A nil *Errors: none did.
type Errors = function.Errors

// Program is a compiled expression. One goroutine owns it.
type Program struct {
	root  node
	conds []node // for Filter: what a top-level AND joins, or root
	typ   types.Type
	run   run
	errs  Errors
	sel   []int32

	cuttable bool // a batch of long texts may be cut into parts
	merged   vec.Vec
	partErrs Errors
}

// Compile compiles an expression that holds no Subquery and no Outer.
func Compile(e plan.Expr, env *function.Env) (*Program, error) { return CompileWith(e, env, nil) }

// CompileWith compiles an expression whose Subquery and Outer nodes are run by
// scope.
func CompileWith(e plan.Expr, env *function.Env, scope Scope) (*Program, error) {
	c := &compiler{env: env, scope: scope}
	root, err := c.compile(e)
	if err != nil {
		return nil, err
	}
	p := &Program{root: root, conds: []node{root}, typ: e.Type(), run: run{env: env}, cuttable: cuttable(e)}
	if and, ok := root.(*andNode); ok && len(and.args) > 0 {
		p.conds = and.args
	}
	return p, nil
}

// Type is the type of the program's values.
func (p *Program) Type() types.Type { return p.typ }

// Plain reports whether the program is a column as it is, or a constant, so that
// it fails for no row.
func (p *Program) Plain() bool {
	switch p.root.(type) {
	case *columnNode, *constNode:
		return true
	}
	return false
}

// Ended is why the statement of the program has to end, nil while it may go on.
func (p *Program) Ended() error { return p.run.env.Ended() }

// Run computes the rows sel of b (nil: all of them). The result has b.Rows
// physical rows, is defined at those of sel that are not in the errors, and
// belongs to the program until its next Run or Filter; it may be one of b's own
// columns, or a *vec.Const. The errors are nil where no row failed.
func (p *Program) Run(b *vec.Batch, sel []int32) (vec.Vec, *Errors) {
	p.begin(b, sel)
	v := p.root.eval(&p.run, sel)
	if p.run.cut.over {
		v = p.runParts(b, sel)
	}
	if p.errs.Any() {
		return v, &p.errs
	}
	return v, nil
}

func (p *Program) begin(b *vec.Batch, sel []int32) {
	p.errs.Reset()
	p.run.cut.begin(p.cuttable, live(b, sel))
	p.run.batch, p.run.rows, p.run.errs = b, b.Rows, &p.errs
}

// Scope runs what an expression cannot: subqueries, and references to the rows
// of the queries around it. exec/operator implements it.
type Scope interface {
	// Outer returns column index of the current row of the query depth levels
	// out (1: the next).
	Outer(depth, index int, t types.Type) types.Value
	// Subquery prepares a subquery. It is called once for each compiled node.
	Subquery(q *plan.Subquery) (Subquery, error)
}

// Subquery is a prepared subquery.
type Subquery interface {
	// Open starts it for one row of outer; where it is not correlated, outer is
	// nil. It is closed before it is opened again.
	Open(outer *vec.Batch, row int) error
	// Next returns rows, valid until the next call; io.EOF at the end.
	Next() (*vec.Batch, error)
	// Close ends it, whether it has been read to its end or not.
	Close() error
}

// Eval computes an expression that has no columns.
func Eval(e plan.Expr, env *function.Env) (types.Value, error) {
	p, err := Compile(e, env)
	if err != nil {
		return types.Value{}, err
	}
	b := vec.Batch{Rows: 1}
	v, errs := p.Run(&b, nil)
	if err := errs.First(); err != nil {
		return types.Value{}, err
	}
	return vec.Get(v, 0, e.Type()), nil
}
