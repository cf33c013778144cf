package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// arrayNode is ARRAY[...].
type arrayNode struct {
	items []node
	multi bool
	out   *vec.List
	vecs  []vec.Vec
}

func newArrayNode(e *plan.ArrayOf, items []node) node {
	out := newColumn(e.Typ).(*vec.List)
	return &arrayNode{items: items, multi: e.Multi, out: out, vecs: make([]vec.Vec, len(items))}
}

func (n *arrayNode) eval(r *run, sel []int32) vec.Vec {
	for i, item := range n.items {
		n.vecs[i] = item.eval(r, sel)
	}
	n.out.Reset()
	each(r, sel, func(row int) {
		n.out.Pad(row)
		if n.multi {
			n.nest(r, row)
			return
		}
		for _, v := range n.vecs {
			vec.AppendRow(n.out.Elem, v, row)
		}
		n.out.EndRow()
	})
	n.out.Pad(r.rows)
	return n.out
}

// nest builds an array of arrays, whose dimensions must agree. NULL ones and
// empty ones count as empty, as in PostgreSQL.
func (n *arrayNode) nest(r *run, row int) {
	a := &types.Array{Elem: n.out.Type}
	var inner []types.Dim
	empty := 0
	for i, v := range n.vecs {
		item := vec.Get(v, row, types.Of(types.Lookup(n.out.Type.OID).Array))
		if item.Null || len(item.A.Dims) == 0 {
			empty++
			continue
		}
		if i > 0 && empty == 0 && !sameDims(inner, item.A.Dims) {
			r.errs.Set(row, dimensionsDiffer())
			break
		}
		inner = item.A.Dims
		a.Elems = append(a.Elems, item.A.Elems...)
	}
	switch {
	case empty > 0 && empty < len(n.vecs):
		r.errs.Set(row, dimensionsDiffer())
	case empty == 0:
		a.Dims = append([]types.Dim{{Len: int32(len(n.vecs)), Lower: 1}}, inner...)
	}
	if r.errs.Has(row) {
		n.out.EndRow()
		return
	}
	vec.Append(n.out, types.Value{A: a})
}

func dimensionsDiffer() error {
	return sqlerr.Errorf(sqlerr.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions")
}

func sameDims(a, b []types.Dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// subscriptNode is array[i]... or array[l:u]...
type subscriptNode struct {
	arg     node
	argType types.Type
	typ     types.Type
	slice   bool
	lower   []node // nil items: not written
	upper   []node
	out     vec.Vec
}

func (c *compiler) subscript(e *plan.Subscript) (node, error) {
	if info := types.Lookup(e.Arg.Type().OID); info == nil || info.Phys != types.PhysList {
		return nil, sqlerr.Unsupported("Write -> 'key' or -> index.", "subscripts of type %s are not supported", types.FormatType(e.Arg.Type()))
	}
	arg, err := c.compile(e.Arg)
	if err != nil {
		return nil, err
	}
	n := &subscriptNode{arg: arg, argType: e.Arg.Type(), typ: e.Typ, out: newColumn(e.Typ)}
	for _, ix := range e.Items {
		n.slice = n.slice || ix.Slice
	}
	for _, ix := range e.Items {
		lower, upper := ix.Lower, ix.Upper
		if n.slice && !ix.Slice {
			lower = &plan.Const{Value: types.NewInt(types.Int4, 1)}
		}
		l, err := c.optional(lower)
		if err != nil {
			return nil, err
		}
		u, err := c.optional(upper)
		if err != nil {
			return nil, err
		}
		n.lower, n.upper = append(n.lower, l), append(n.upper, u)
	}
	return n, nil
}

func (c *compiler) optional(e plan.Expr) (node, error) {
	if e == nil {
		return nil, nil
	}
	return c.compile(e)
}

func (n *subscriptNode) eval(r *run, sel []int32) vec.Vec {
	arg := n.arg.eval(r, sel)
	lower, upper := evalOptional(r, sel, n.lower), evalOptional(r, sel, n.upper)
	n.out.Reset()
	long := false // the last array was
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		if long {
			if err := r.env.Ended(); err != nil {
				r.errs.Set(row, err)
				vec.AppendNull(n.out)
				return
			}
		}
		v := vec.Get(arg, row, n.argType)
		ok := !v.Null
		long = ok && len(v.A.Elems) > function.LongValue
		los, oks := bounds(lower, row)
		his, okh := bounds(upper, row)
		switch {
		case !ok || !oks || !okh:
			vec.AppendNull(n.out)
		case n.slice:
			vec.Append(n.out, slice(v.A, los, his, n.typ))
		default:
			vec.Append(n.out, element(v.A, his, n.typ))
		}
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

func evalOptional(r *run, sel []int32, nodes []node) []vec.Vec {
	vs := make([]vec.Vec, len(nodes))
	for i, n := range nodes {
		if n != nil {
			vs[i] = n.eval(r, sel)
		}
	}
	return vs
}

// bounds reads subscripts of one row, nil where one is not written; false where
// one is NULL.
func bounds(vs []vec.Vec, row int) ([]*int64, bool) {
	out := make([]*int64, len(vs))
	for i, v := range vs {
		if v == nil {
			continue
		}
		x := vec.Get(v, row, types.Of(types.Int4))
		if x.Null {
			return nil, false
		}
		out[i] = &x.I
	}
	return out, true
}

// element is one element, NULL outside the array.
func element(a *types.Array, at []*int64, t types.Type) types.Value {
	if len(at) != len(a.Dims) {
		return types.NullOf(t)
	}
	pos := int64(0)
	for i, d := range a.Dims {
		k := *at[i] - int64(d.Lower)
		if k < 0 || k >= int64(d.Len) {
			return types.NullOf(t)
		}
		pos = pos*int64(d.Len) + k
	}
	return a.Elems[pos]
}

// slice is the part of an array between bounds, whose lower bounds become 1;
// empty where it does not meet the array.
func slice(a *types.Array, lower, upper []*int64, t types.Type) types.Value {
	out := types.Value{Type: t, A: &types.Array{Elem: a.Elem}}
	if len(lower) > len(a.Dims) {
		return out
	}
	from, size := make([]int64, len(a.Dims)), make([]int64, len(a.Dims))
	for i, d := range a.Dims {
		lo, hi := int64(d.Lower), int64(d.Lower)+int64(d.Len)-1
		if i < len(lower) {
			if lower[i] != nil {
				lo = max(lo, *lower[i])
			}
			if upper[i] != nil {
				hi = min(hi, *upper[i])
			}
		}
		if hi < lo {
			return out
		}
		from[i], size[i] = lo-int64(d.Lower), hi-lo+1
		out.A.Dims = append(out.A.Dims, types.Dim{Len: int32(size[i]), Lower: 1})
	}
	out.A.Elems = pick(nil, a, from, size, 0, 0)
	return out
}

// pick appends the elements of a rectangle in row-major order.
func pick(dst []types.Value, a *types.Array, from, size []int64, dim int, pos int64) []types.Value {
	if dim == len(a.Dims) {
		return append(dst, a.Elems[pos])
	}
	for k := range size[dim] {
		dst = pick(dst, a, from, size, dim+1, pos*int64(a.Dims[dim].Len)+from[dim]+k)
	}
	return dst
}
