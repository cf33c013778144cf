package expr

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// memoNode is an argument that several nodes share: it is computed by its
// owner, which keeps the result here.
type memoNode struct{ v vec.Vec }

func (n *memoNode) eval(*run, []int32) vec.Vec { return n.v }

// in compiles x IN (a, b, ...) to x = a OR x = b ..., with x computed once;
// where all items are constants of a kind that hashes, to a set.
func (c *compiler) in(e *plan.In) (node, error) {
	arg, err := c.compile(e.Arg)
	if err != nil {
		return nil, err
	}
	items, err := c.all(e.List)
	if err != nil {
		return nil, err
	}
	if set := newSet(e.Arg.Type(), e.Eq, items); set != nil {
		set.arg = arg
		return set, nil
	}
	n := &sharedNode{arg: arg, memo: &memoNode{}}
	var tests []node
	for i, item := range items {
		test, err := c.apply(e.Eq.Name, function.Kernel(e.Eq), []node{n.memo, item}, []types.Type{e.Arg.Type(), e.List[i].Type()}, boolType)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	n.body = &orNode{args: tests}
	return n, nil
}

// sharedNode computes arg once for all the tests of body.
type sharedNode struct {
	arg  node
	memo *memoNode
	body node
}

func (n *sharedNode) eval(r *run, sel []int32) vec.Vec {
	n.memo.v = n.arg.eval(r, sel)
	return n.body.eval(r, sel)
}

// setNode is membership in a set of constants.
type setNode struct {
	arg     node
	ints    map[int64]struct{}
	strings map[string]struct{}
	null    bool // the list has a NULL: what is not found is unknown
	out     vec.Fixed[bool]
}

// setFrom is the number of items from which a set is faster than comparisons.
const setFrom = 8

// newSet returns nil where the list is short, not constant, or of a type whose
// equality is not that of its bytes.
func newSet(t types.Type, eq *catalog.Function, items []node) *setNode {
	if len(items) < setFrom || eq.Args[0] != eq.Args[1] {
		return nil
	}
	n := &setNode{}
	switch eq.Name {
	case "int2eq", "int4eq", "int8eq", "oideq", "date_eq", "timestamp_eq", "timestamptz_eq":
		n.ints = make(map[int64]struct{}, len(items))
	case "texteq", "byteaeq", "nameeq", "uuid_eq":
		n.strings = make(map[string]struct{}, len(items))
	default:
		return nil
	}
	for _, item := range items {
		k, ok := item.(*constNode)
		if !ok {
			return nil
		}
		v := vec.Get(k.c.Of, 0, t)
		switch {
		case v.Null:
			n.null = true
		case n.ints != nil:
			n.ints[v.I] = struct{}{}
		default:
			n.strings[v.S] = struct{}{}
		}
	}
	return n
}

func (n *setNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	out := n.out.Resize(r.rows)
	nulls := n.out.Nulls()
	constant, at := false, 0
	if k, ok := v.(*vec.Const); ok {
		v, constant = k.Of, true
	}
	argNulls := v.Nulls()
	each(r, sel, func(row int) {
		at = row
		if constant {
			at = 0
		}
		out[row] = false
		if argNulls.Any() && argNulls.Get(at) {
			nulls.Set(row)
			return
		}
		if n.has(v, at) {
			out[row] = true
		} else if n.null {
			nulls.Set(row)
		}
	})
	return &n.out
}

func (n *setNode) has(v vec.Vec, row int) bool {
	var ok bool
	switch v := v.(type) {
	case *vec.Fixed[int16]:
		_, ok = n.ints[int64(v.Values[row])]
	case *vec.Fixed[int32]:
		_, ok = n.ints[int64(v.Values[row])]
	case *vec.Fixed[int64]:
		_, ok = n.ints[v.Values[row]]
	case *vec.Fixed[uint32]:
		_, ok = n.ints[int64(v.Values[row])]
	case *vec.Fixed[types.UUIDValue]:
		_, ok = n.strings[string(v.Values[row][:])]
	case *vec.Bytes:
		_, ok = n.strings[string(v.At(row))]
	}
	return ok
}

// anyAll compiles x op ANY (array) and ALL. Over a constant array it is the
// comparisons with its elements.
func (c *compiler) anyAll(e *plan.AnyAll) (node, error) {
	arg, err := c.compile(e.Arg)
	if err != nil {
		return nil, err
	}
	array, err := c.compile(e.Array)
	if err != nil {
		return nil, err
	}
	def := function.Kernel(e.Op)
	elem := types.Of(types.Lookup(e.Array.Type().OID).Elem)
	if k, ok := array.(*constNode); ok && !k.c.IsNull() {
		return c.anyAllOf(e, def, arg, vec.Get(k.c.Of, 0, e.Array.Type()).A.Elems)
	}
	if def == nil || def.Value == nil && def.Vector == nil {
		return nil, fmt.Errorf("compiling %s: function %s has no kernel", e, e.Op.Name)
	}
	n := &anyAllNode{arg: arg, array: array, argType: e.Arg.Type(), elemType: elem, all: e.All}
	n.memo = [2]*memoNode{{}, {}}
	n.op, err = c.apply(e.Op.Name, def, []node{n.memo[0], n.memo[1]}, []types.Type{e.Arg.Type(), elem}, boolType)
	return n, err
}

func (c *compiler) anyAllOf(e *plan.AnyAll, def *function.Definition, arg node, elems []types.Value) (node, error) {
	n := &sharedNode{arg: arg, memo: &memoNode{}}
	var items, tests []node
	for _, v := range elems {
		item := newConst(v)
		test, err := c.apply(e.Op.Name, def, []node{n.memo, item}, []types.Type{e.Arg.Type(), v.Type}, boolType)
		if err != nil {
			return nil, err
		}
		items, tests = append(items, item), append(tests, test)
	}
	if e.All {
		n.body = &andNode{args: tests}
		return n, nil
	}
	if set := newSet(e.Arg.Type(), e.Op, items); set != nil {
		set.arg = arg
		return set, nil
	}
	n.body = &orNode{args: tests}
	return n, nil
}

// anyAllNode is x op ANY or ALL of an array that differs from row to row: for
// each row the operator runs over the array's elements.
type anyAllNode struct {
	arg, array        node
	argType, elemType types.Type
	all               bool
	op                node
	memo              [2]*memoNode
	out               vec.Fixed[bool]
	inner             Errors
}

func (n *anyAllNode) eval(r *run, sel []int32) vec.Vec {
	args, arrays := n.arg.eval(r, sel), n.array.eval(r, sel)
	n.out.Reset()
	out := n.out.Resize(r.rows)
	elems := vec.New(n.elemType)
	each(r, sel, func(row int) {
		out[row] = n.all
		if arrays.Nulls().Get(row) {
			out[row] = false
			n.out.Nulls().Set(row)
			return
		}
		list, at := listAt(arrays, row)
		from, to := list.At(at)
		if from == to {
			return
		}
		elems.Reset()
		for i := from; i < to; i++ {
			vec.AppendRow(elems, list.Elem, i)
		}
		n.one(r, row, args, elems)
	})
	return &n.out
}

// one decides a row from the results of the operator over the elements.
func (n *anyAllNode) one(r *run, row int, args, elems vec.Vec) {
	arg := newColumn(n.argType)
	vec.AppendRow(arg, args, row)
	n.memo[0].v, n.memo[1].v = vec.ConstOf(arg, elems.Len()), elems
	n.inner.Reset()
	inner := run{env: r.env, batch: r.batch, rows: elems.Len(), errs: &n.inner}
	v := n.op.eval(&inner, nil)
	result, null := n.all, false
	for i := range elems.Len() {
		if err := n.inner.At(i); err != nil {
			r.errs.Set(row, err)
			return
		}
		if v.Nulls().Get(i) {
			null = true
		} else if boolAt(v, i) != n.all {
			result = !n.all
			break
		}
	}
	n.out.Values[row] = result
	if null && result == n.all {
		n.out.Values[row] = false
		n.out.Nulls().Set(row)
	}
}

// listAt returns the list column that row of v is in, and where.
func listAt(v vec.Vec, row int) (*vec.List, int) {
	if k, ok := v.(*vec.Const); ok {
		return k.Of.(*vec.List), 0
	}
	return v.(*vec.List), row
}
