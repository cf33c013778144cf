package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxSpread is how many items an array after VARIADIC may have: a function that
// takes each as an argument has PostgreSQL's limit of none, but holds them all.
const maxSpread = 1 << 20

// spreadNode is f(a, VARIADIC array): the items of the array are the arguments
// that f repeats.
type spreadNode struct {
	def  *function.Definition
	args []node
	from []types.Type // of args
	typ  types.Type

	cols []vec.Vec
	vals []types.Value
	out  vec.Vec
}

func (c *compiler) spread(e *plan.Call, def *function.Definition, args []node) (node, error) {
	n := &spreadNode{def: def, args: args, typ: e.Typ, cols: make([]vec.Vec, len(args)), out: newColumn(e.Typ)}
	for _, a := range e.Args {
		n.from = append(n.from, a.Type())
	}
	return n, nil
}

func (n *spreadNode) eval(r *run, sel []int32) vec.Vec {
	for i, a := range n.args {
		n.cols[i] = a.eval(r, sel)
	}
	n.out.Reset()
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		if r.errs.Any() && r.errs.Has(row) {
			vec.AppendNull(n.out)
			return
		}
		v, err := n.value(r, row)
		if err != nil {
			r.errs.Set(row, err)
			v = types.NullOf(n.typ)
		}
		vec.Append(n.out, v)
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

// value calls the function for one row.
func (n *spreadNode) value(r *run, row int) (types.Value, error) {
	n.vals = n.vals[:0]
	null := false
	for i, c := range n.cols {
		var v types.Value
		vec.Borrow(&v, c, row, n.from[i])
		null = null || v.Null
		if i < len(n.cols)-1 {
			n.vals = append(n.vals, v)
			continue
		}
		if v.Null {
			if !n.def.NullSpread {
				return types.NullOf(n.typ), nil
			}
			break
		}
		if len(v.A.Elems) > maxSpread {
			return v, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "an array after VARIADIC has more than %d items", maxSpread)
		}
		n.vals = append(n.vals, v.A.Elems...)
	}
	if null && n.def.Func.Strict {
		return types.NullOf(n.typ), nil
	}
	return n.def.Call(r.env, n.vals, n.typ)
}
