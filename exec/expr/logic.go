package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// andNode is three-valued AND: an argument is evaluated for the rows for which
// none before it was false.
type andNode struct {
	args []node
	out  vec.Fixed[bool]
	sel  []int32
}

func (n *andNode) eval(r *run, sel []int32) vec.Vec {
	return narrow(r, sel, n.args, false, &n.out, &n.sel)
}

// orNode is three-valued OR.
type orNode struct {
	args []node
	out  vec.Fixed[bool]
	sel  []int32
}

func (n *orNode) eval(r *run, sel []int32) vec.Vec {
	return narrow(r, sel, n.args, true, &n.out, &n.sel)
}

// narrow evaluates args in order until one is decisive for a row.
func narrow(r *run, sel []int32, args []node, decisive bool, out *vec.Fixed[bool], buf *[]int32) vec.Vec {
	vals := out.Resize(r.rows)
	fill(vals, !decisive)
	nulls := out.Nulls()
	left := sel
	for _, a := range args {
		if none(r, left) {
			break
		}
		v := a.eval(r, left)
		next := selection(buf, r.rows)
		k, constant := v.(*vec.Const)
		if constant {
			v = k.Of
		}
		b, vn := v.(*vec.Fixed[bool]), v.Nulls()
		failed := r.errs.Any()
		if !constant && !failed && !vn.Any() && !nulls.Any() {
			left = undecided(next, vals, b.Values, left, decisive)
			continue
		}
		count := 0
		each(r, left, func(row int) {
			at := row
			if constant {
				at = 0
			}
			switch {
			case failed && r.errs.Has(row):
			case vn.Any() && vn.Get(at):
				nulls.Set(row)
				next[count] = int32(row)
				count++
			case b.Values[at] == decisive:
				vals[row] = decisive
				nulls.Clear(row)
			default:
				next[count] = int32(row)
				count++
			}
		})
		left = next[:count]
	}
	out.ZeroNulls()
	return out
}

// undecided takes over the values of one argument, none of which is NULL, and
// selects the rows that it does not decide, nil: all. next may be left's own buffer.
func undecided(next []int32, vals, arg []bool, left []int32, decisive bool) []int32 {
	n := 0
	if left == nil {
		if !contains(arg[:len(vals)], decisive) {
			return nil // vals has it already
		}
		for i := range vals {
			x := arg[i]
			vals[i] = x
			next[n] = int32(i)
			n += bit(x != decisive)
		}
		return next[:n]
	}
	for _, row := range left {
		x := arg[row]
		vals[row] = x
		next[n] = row
		n += bit(x != decisive)
	}
	return next[:n]
}

// fill sets all of some booleans.
func fill(vals []bool, to bool) {
	if !to {
		clear(vals)
		return
	}
	for i := range vals {
		vals[i] = true
	}
}

// selection returns a buffer for a selection of up to n rows.
func selection(buf *[]int32, n int) []int32 {
	if cap(*buf) < n || *buf == nil {
		*buf = make([]int32, max(n, vec.MaxRows))
	}
	return (*buf)[:cap(*buf)]
}

// notNode is NOT.
type notNode struct {
	arg node
	out vec.Fixed[bool]
}

func (n *notNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	if k, ok := v.(*vec.Const); ok {
		out := &vec.Fixed[bool]{}
		if k.IsNull() {
			out.AppendNull()
		} else {
			out.Append(!k.Of.(*vec.Fixed[bool]).Values[0])
		}
		return vec.ConstOf(out, r.rows)
	}
	b := v.(*vec.Fixed[bool])
	out := n.out.Resize(len(b.Values))
	for i, x := range b.Values {
		out[i] = !x
	}
	n.out.Nulls().Or(b.Nulls())
	n.out.ZeroNulls()
	return &n.out
}

// isNullNode is IS [NOT] NULL.
type isNullNode struct {
	arg node
	not bool
	out vec.Fixed[bool]
}

func (n *isNullNode) eval(r *run, sel []int32) vec.Vec {
	nulls := n.arg.eval(r, sel).Nulls()
	out := n.out.Resize(r.rows)
	for i := range out {
		out[i] = n.not
	}
	for row := range nulls.Rows {
		if row < len(out) {
			out[row] = !n.not
		}
	}
	return &n.out
}

// isBoolNode is IS [NOT] TRUE, FALSE or UNKNOWN.
type isBoolNode struct {
	arg  node
	test plan.BoolTest
	not  bool
	out  vec.Fixed[bool]
}

func (n *isBoolNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	nulls := v.Nulls()
	out := n.out.Resize(r.rows)
	for row := range out {
		null := nulls.Any() && nulls.Get(row)
		var is bool
		switch n.test {
		case plan.IsUnknown:
			is = null
		case plan.IsTrue:
			is = !null && boolAt(v, row)
		case plan.IsFalse:
			is = !null && !boolAt(v, row)
		}
		out[row] = is != n.not
	}
	return &n.out
}

// boolAt is one row of a boolean column that is not NULL.
func boolAt(v vec.Vec, row int) bool {
	if k, ok := v.(*vec.Const); ok {
		return k.Of.(*vec.Fixed[bool]).Values[0]
	}
	return v.(*vec.Fixed[bool]).Values[row]
}

// isTrue reports whether one row of a boolean column is true.
func isTrue(v vec.Vec, row int) bool {
	return !v.Nulls().Get(row) && boolAt(v, row)
}

// distinctNode is IS [NOT] DISTINCT FROM.
type distinctNode struct {
	left, right, eq node
	not             bool
	out             vec.Fixed[bool]
}

func (c *compiler) distinct(e *plan.Distinct) (node, error) {
	args, err := c.all([]plan.Expr{e.Left, e.Right, e.Eq})
	if err != nil {
		return nil, err
	}
	return &distinctNode{left: args[0], right: args[1], eq: args[2], not: e.Not}, nil
}

func (n *distinctNode) eval(r *run, sel []int32) vec.Vec {
	left, right := n.left.eval(r, sel).Nulls(), n.right.eval(r, sel).Nulls()
	eq := n.eq.eval(r, sel)
	out := n.out.Resize(r.rows)
	for row := range out {
		distinct := left.Get(row) != right.Get(row)
		if !left.Get(row) && !right.Get(row) {
			distinct = !isTrue(eq, row)
		}
		out[row] = distinct != n.not
	}
	return &n.out
}

var boolType = types.Of(types.Bool)
