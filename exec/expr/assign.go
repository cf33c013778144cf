package expr

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// assignNode is an array with one element, or a slice, replaced: what SET a[i] =
// x and SET a[i:j] = x make of a (array_set_element and array_set_slice).
type assignNode struct {
	at        *subscriptNode
	value     node
	valueType types.Type
	typ       types.Type
	out       vec.Vec
}

func (c *compiler) assign(e *plan.Assign) (node, error) {
	sub, err := c.subscript(&plan.Subscript{Arg: e.Arg, Items: e.Items, Typ: e.Typ})
	if err != nil {
		return nil, err
	}
	value, err := c.compile(e.Value)
	if err != nil {
		return nil, err
	}
	return &assignNode{at: sub.(*subscriptNode), value: value, valueType: e.Value.Type(), typ: e.Typ, out: newColumn(e.Typ)}, nil
}

func (n *assignNode) eval(r *run, sel []int32) vec.Vec {
	old := n.at.arg.eval(r, sel)
	lower, upper := evalOptional(r, sel, n.at.lower), evalOptional(r, sel, n.at.upper)
	value := n.value.eval(r, sel)
	n.out.Reset()
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		a := vec.Get(old, row, n.typ)
		los, oks := bounds(lower, row)
		his, okh := bounds(upper, row)
		v := vec.Get(value, row, n.valueType)
		var err error
		switch {
		case !oks || !okh:
			err = sqlerr.Errorf(sqlerr.NullValueNotAllowed, "array subscript in assignment must not be null")
		case n.at.slice:
			a, err = setSlice(a, los, his, v)
		default:
			a, err = setElement(a, his, v)
		}
		if err != nil {
			r.errs.Set(row, err)
			return
		}
		vec.Append(n.out, a)
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

var (
	errSubscripts = sqlerr.Errorf(sqlerr.ArraySubscriptError, "wrong number of array subscripts")
	errOutOfRange = sqlerr.Errorf(sqlerr.ArraySubscriptError, "array subscript out of range")
	errTooSmall   = sqlerr.Errorf(sqlerr.ArraySubscriptError, "source array too small")
)

// maxElements bounds an array that an assignment makes longer, as PostgreSQL does.
const maxElements = 1 << 27

// editable is a copy of an array, an empty one for NULL.
func editable(a types.Value) *types.Array {
	if a.Null {
		return &types.Array{Elem: types.Of(types.Lookup(a.Type.OID).Elem)}
	}
	return &types.Array{Elem: a.A.Elem, Dims: slices.Clone(a.A.Dims), Elems: slices.Clone(a.A.Elems)}
}

func arrayValue(t types.Type, a *types.Array) types.Value { return types.Value{Type: t, A: a} }

// setElement is array[at...] := v. An array of one dimension grows.
func setElement(old types.Value, at []*int64, v types.Value) (types.Value, error) {
	a := editable(old)
	if len(a.Dims) == 0 {
		for _, i := range at {
			a.Dims = append(a.Dims, types.Dim{Len: 1, Lower: int32(*i)})
		}
		a.Elems = []types.Value{v}
		return arrayValue(old.Type, a), nil
	}
	if len(a.Dims) != len(at) {
		return old, errSubscripts
	}
	if len(at) == 1 {
		if err := cover(a, *at[0], *at[0]); err != nil {
			return old, err
		}
	}
	pos := int64(0)
	for i, d := range a.Dims {
		k := *at[i] - int64(d.Lower)
		if k < 0 || k >= int64(d.Len) {
			return old, errOutOfRange
		}
		pos = pos*int64(d.Len) + k
	}
	a.Elems[pos] = v
	return arrayValue(old.Type, a), nil
}

// cover makes an array of one dimension long enough for the subscripts lo..hi,
// with NULLs.
func cover(a *types.Array, lo, hi int64) error {
	d := &a.Dims[0]
	null := types.NullOf(a.Elem)
	before, after := int64(d.Lower)-lo, hi-(int64(d.Lower)+int64(d.Len)-1)
	if max(before, 0)+max(after, 0)+int64(d.Len) > maxElements {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxElements-1)
	}
	if before > 0 {
		a.Elems = append(slices.Repeat([]types.Value{null}, int(before)), a.Elems...)
		d.Lower, d.Len = int32(lo), d.Len+int32(before)
	}
	if after > 0 {
		a.Elems = append(a.Elems, slices.Repeat([]types.Value{null}, int(after))...)
		d.Len += int32(after)
	}
	return nil
}

// setSlice is array[lower:upper, ...] := v. A NULL changes nothing.
func setSlice(old types.Value, lower, upper []*int64, v types.Value) (types.Value, error) {
	if v.Null {
		return old, nil
	}
	a := editable(old)
	empty := len(a.Dims) == 0
	if empty {
		for i := range lower {
			if lower[i] == nil || upper[i] == nil {
				return old, sqlerr.Errorf(sqlerr.ArraySubscriptError, "array slice subscript must provide both boundaries").
					WithDetail("When assigning to a slice of an empty array value, slice boundaries must be fully specified.")
			}
			a.Dims = append(a.Dims, types.Dim{Lower: int32(*lower[i])})
		}
	}
	if len(a.Dims) < len(lower) {
		return old, errSubscripts
	}
	from, size := make([]int64, len(a.Dims)), make([]int64, len(a.Dims))
	wanted := int64(1)
	for i := range a.Dims {
		d := a.Dims[i]
		lo, hi := int64(d.Lower), int64(d.Lower)+int64(d.Len)-1
		if i < len(lower) && lower[i] != nil {
			lo = *lower[i]
		}
		if i < len(upper) && upper[i] != nil {
			hi = *upper[i]
		}
		switch {
		case lo > hi:
			return old, sqlerr.Errorf(sqlerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		case empty:
			a.Dims[i] = types.Dim{Lower: int32(lo), Len: int32(hi - lo + 1)}
		case len(a.Dims) == 1:
			if err := cover(a, lo, hi); err != nil {
				return old, err
			}
		case lo < int64(d.Lower) || hi >= int64(d.Lower)+int64(d.Len):
			return old, errOutOfRange
		}
		from[i], size[i] = lo-int64(a.Dims[i].Lower), hi-lo+1
		wanted *= size[i]
		if wanted > maxElements {
			return old, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxElements-1)
		}
	}
	if wanted > int64(len(v.A.Elems)) {
		return old, errTooSmall
	}
	if empty {
		a.Elems = make([]types.Value, wanted)
	}
	next := 0
	place(a, from, size, 0, 0, v.A.Elems, &next)
	return arrayValue(old.Type, a), nil
}

// place puts elements into a rectangle in row-major order.
func place(a *types.Array, from, size []int64, dim int, pos int64, src []types.Value, next *int) {
	if dim == len(a.Dims) {
		a.Elems[pos] = src[*next]
		*next++
		return
	}
	for k := range size[dim] {
		place(a, from, size, dim+1, pos*int64(a.Dims[dim].Len)+from[dim]+k, src, next)
	}
}
