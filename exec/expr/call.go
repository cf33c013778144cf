package expr

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// callNode applies a function.
type callNode struct {
	def      *function.Definition
	value    function.ValueFunc
	args     []node
	argTypes []types.Type
	typ      types.Type
	volatile bool

	out   vec.Vec
	vecs  []vec.Vec
	vals  []types.Value
	nulls vec.Bitmap
	call  function.Call
	once  Errors // of a call whose arguments are all constant
	fixed *vec.Const
}

func (c *compiler) call(e *plan.Call) (node, error) {
	args, err := c.all(e.Args)
	if err != nil {
		return nil, err
	}
	argTypes := make([]types.Type, len(args))
	for i, a := range e.Args {
		argTypes[i] = a.Type()
	}
	def := function.Kernel(e.Func)
	if e.Numbers {
		def = function.OfIdentity(def)
	}
	if e.Spread && def != nil {
		return c.spread(e, def, args)
	}
	return c.apply(e.Func.Name, def, args, argTypes, e.Typ)
}

// apply builds the call of a function and folds it where it is immutable and
// its arguments are constants. A call that fails while folding is kept: it may
// stand where no row gets to.
func (c *compiler) apply(name string, def *function.Definition, args []node, argTypes []types.Type, typ types.Type) (node, error) {
	switch {
	case def == nil:
		return nil, fmt.Errorf("compiling a call: function %s has no kernel", name)
	case def.Set != nil:
		return nil, sqlerr.Unsupported("Call it in FROM.", "function %s returns a set and cannot be called here", name)
	case def.Value == nil && def.Vector == nil:
		return nil, fmt.Errorf("compiling a call: function %s is not a scalar function", name)
	}
	n := &callNode{def: def, value: def.Value, args: args, argTypes: argTypes, typ: typ,
		volatile: def.Func.Volatility == 'v', out: newColumn(typ),
		vecs: make([]vec.Vec, len(args)), vals: make([]types.Value, len(args))}
	consts := make([]*types.Value, len(args))
	all := true
	for i, a := range args {
		k, ok := a.(*constNode)
		if !ok {
			all = false
			continue
		}
		v := vec.Get(k.c.Of, 0, argTypes[i])
		consts[i] = &v
	}
	if def.Bind != nil {
		bound, err := def.Bind(c.env, consts)
		if err == nil && bound != nil {
			n.value = bound
		}
	}
	if all && def.Func.Volatility == 'i' {
		if k := c.fold(n); k != nil {
			return k, nil
		}
	}
	return n, nil
}

// fold evaluates a node that has no columns, nil where it fails.
func (c *compiler) fold(n node) *constNode {
	var errs Errors
	r := run{env: c.env, batch: &vec.Batch{Rows: 1}, rows: 1, errs: &errs}
	v := n.eval(&r, nil)
	if errs.Any() {
		return nil
	}
	if k, ok := v.(*vec.Const); ok {
		v = k.Of
	}
	return &constNode{c: vec.ConstOf(v, 1)}
}

func (n *callNode) eval(r *run, sel []int32) vec.Vec {
	if none(r, sel) {
		return n.nothing(r)
	}
	constant := !n.volatile
	for i, a := range n.args {
		n.vecs[i] = a.eval(r, sel)
		if _, ok := n.vecs[i].(*vec.Const); !ok {
			constant = false
		}
	}
	if constant {
		return n.evalOnce(r, sel)
	}
	n.run(r.env, sel, r.rows, r.errs, &r.cut)
	return n.out
}

// nothing is a column nobody reads.
func (n *callNode) nothing(r *run) vec.Vec {
	n.out.Reset()
	vec.Pad(n.out, r.rows)
	return n.out
}

// evalOnce computes a call whose arguments are constant for this run.
func (n *callNode) evalOnce(r *run, sel []int32) vec.Vec {
	for i, v := range n.vecs {
		n.vecs[i] = v.(*vec.Const).Of
	}
	n.once.Reset()
	n.run(r.env, nil, 1, &n.once, nil)
	if err := n.once.First(); err != nil {
		each(r, sel, func(row int) { r.errs.Set(row, err) })
	}
	if n.fixed == nil {
		n.fixed = &vec.Const{Of: n.out}
	}
	n.fixed.Nulls().Reset()
	n.fixed.SetLen(r.rows)
	return n.fixed
}

// run computes n.out from n.vecs; c may be nil, where nothing is cut.
func (n *callNode) run(env *function.Env, sel []int32, rows int, errs *Errors, c *cut) {
	n.out.Reset()
	n.nulls.Reset()
	if n.def.Func.Strict {
		for _, v := range n.vecs {
			n.nulls.Or(v.Nulls())
		}
	}
	if n.def.Vector == nil {
		n.runRows(env, sel, rows, errs, c)
		return
	}
	n.call = function.Call{Env: env, Args: n.vecs, Sel: sel, Rows: rows, Out: n.out, Nulls: &n.nulls, Errs: errs}
	if c != nil {
		n.call.Most = c.most
	}
	n.def.Vector(&n.call)
	if out, ok := n.out.(*vec.Bytes); ok && c != nil && c.most > 0 && (n.call.Over || len(out.Data) > c.most) {
		c.over = true
	}
	n.out.Nulls().Or(&n.nulls)
}

// runRows calls the function for each row.
func (n *callNode) runRows(env *function.Env, sel []int32, rows int, errs *Errors, c *cut) {
	varying := make([]int, 0, 8)
	for i, v := range n.vecs {
		if k, ok := v.(*vec.Const); ok {
			vec.Borrow(&n.vals[i], k, 0, n.argTypes[i])
			continue
		}
		varying = append(varying, i)
	}
	out := newGuard(env, n.out, c)
	one := func(row int) {
		if n.nulls.Any() && n.nulls.Get(row) || c != nil && c.over {
			vec.AppendNull(n.out)
			return
		}
		if err := out.look(); err != nil {
			errs.Set(row, err)
			vec.AppendNull(n.out)
			return
		}
		for _, i := range varying {
			vec.Borrow(&n.vals[i], n.vecs[i], row, n.argTypes[i])
		}
		v, err := n.value(env, n.vals)
		if err == nil {
			err = out.fits(v)
		}
		if err != nil {
			errs.Set(row, err)
			vec.AppendNull(n.out)
			return
		}
		vec.Append(n.out, v)
	}
	if sel == nil {
		for row := range rows {
			one(row)
		}
		return
	}
	for _, row := range sel {
		vec.Pad(n.out, int(row))
		one(int(row))
	}
	vec.Pad(n.out, rows)
}
