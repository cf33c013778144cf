package expr

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// subqueryNode is a query inside an expression. One that is not correlated is
// run once, when the first row needs it, and what it gave is kept.
type subqueryNode struct {
	plan *plan.Subquery
	sub  Subquery
	out  vec.Vec

	// Of ANY and ALL: the left sides, and the operators over memos of a left
	// value and the subquery's columns.
	left  []node
	ops   []node
	memos [][2]*memoNode

	// hashed are the kept rows by their hash; nil: they are compared one by one.
	// hashes is room for those of the left rows.
	hashed *hashedRows
	hashes []uint64

	done bool
	kept *collected
	err  error
}

// collected are the rows of a subquery that is read once for many rows.
type collected struct {
	cols []vec.Vec
	rows int
}

func (c *compiler) subquery(e *plan.Subquery) (node, error) {
	if c.scope == nil {
		return nil, fmt.Errorf("compiling a subquery: nothing to run it")
	}
	sub, err := c.scope.Subquery(e)
	if err != nil {
		return nil, err
	}
	n := &subqueryNode{plan: e, sub: sub, out: newColumn(e.Typ)}
	if n.left, err = c.all(e.Left); err != nil {
		return nil, err
	}
	fields := e.Input.Schema()
	for i, op := range e.Op {
		memo := [2]*memoNode{{}, {}}
		test, err := c.apply(op.Name, function.Kernel(op), []node{memo[0], memo[1]}, []types.Type{e.Left[i].Type(), fields[i].Type}, boolType)
		if err != nil {
			return nil, err
		}
		n.ops, n.memos = append(n.ops, test), append(n.memos, memo)
	}
	return n, nil
}

func (n *subqueryNode) eval(r *run, sel []int32) vec.Vec {
	if !n.plan.Correlated && len(n.left) == 0 {
		return n.evalOnce(r, sel)
	}
	left := make([]vec.Vec, len(n.left))
	for i, l := range n.left {
		left[i] = l.eval(r, sel)
	}
	n.out.Reset()
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		if r.errs.Has(row) {
			vec.AppendNull(n.out)
			return
		}
		v, err := n.value(r, left, row)
		if err != nil {
			r.errs.Set(row, err)
			v = types.NullOf(n.plan.Typ)
		}
		vec.Append(n.out, v)
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

// evalOnce is the one value that a subquery has for all rows.
func (n *subqueryNode) evalOnce(r *run, sel []int32) vec.Vec {
	n.out.Reset()
	if none(r, sel) {
		vec.Pad(n.out, r.rows)
		return n.out
	}
	v, err := n.value(r, nil, 0)
	if err != nil {
		each(r, sel, func(row int) { r.errs.Set(row, err) })
		v = types.NullOf(n.plan.Typ)
	}
	vec.Append(n.out, v)
	return vec.ConstOf(n.out, r.rows)
}

// value is the subquery's value for one row.
func (n *subqueryNode) value(r *run, left []vec.Vec, row int) (types.Value, error) {
	rows, err := n.rows(r, row)
	if err != nil {
		return types.Value{}, err
	}
	switch n.plan.Kind {
	case plan.SubScalar:
		if rows.rows > 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.CardinalityViolation, "more than one row returned by a subquery used as an expression")
		}
		if rows.rows == 0 {
			return types.NullOf(n.plan.Typ), nil
		}
		return vec.Get(rows.cols[0], 0, n.plan.Typ), nil
	case plan.SubExists:
		return types.NewBool(rows.rows > 0), nil
	case plan.SubArray:
		elem := n.plan.Input.Schema()[0].Type
		elems := make([]types.Value, rows.rows)
		for i := range elems {
			elems[i] = vec.Get(rows.cols[0], i, elem)
		}
		if elem.OID == n.plan.Typ.OID { // of arrays
			return stack(elem, elems)
		}
		return types.NewArray(elem, elems), nil
	case plan.SubAny:
		return n.quantified(r, rows, left, row, false)
	case plan.SubAll:
		return n.quantified(r, rows, left, row, true)
	}
	return types.Value{}, fmt.Errorf("running a subquery: unknown kind %d", n.plan.Kind)
}

// stack makes one array, of a dimension more, of arrays of the type.
func stack(typ types.Type, arrays []types.Value) (types.Value, error) {
	if len(arrays) == 0 {
		return types.Value{Type: typ, A: &types.Array{Elem: types.Of(types.Lookup(typ.OID).Elem)}}, nil
	}
	out := &types.Array{}
	for i, v := range arrays {
		switch {
		case v.Null:
			return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "cannot accumulate null arrays")
		case i == 0 && len(v.A.Dims) == 0:
			return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot accumulate empty arrays")
		case i == 0:
			out.Elem, out.Dims = v.A.Elem, append([]types.Dim{{Len: int32(len(arrays)), Lower: 1}}, v.A.Dims...)
		case !slices.Equal(v.A.Dims, out.Dims[1:]):
			return types.Value{}, sqlerr.Errorf(sqlerr.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
		}
		out.Elems = append(out.Elems, v.A.Elems...)
	}
	return types.Value{Type: typ, A: out}, nil
}

// rows are the subquery's rows for one row: of EXISTS at most one of them, of a
// scalar at most two.
func (n *subqueryNode) rows(r *run, row int) (*collected, error) {
	if n.plan.Correlated {
		return n.collect(r.batch, row)
	}
	if !n.done {
		n.kept, n.err = n.collect(nil, 0)
		n.done = true
		if n.err == nil && n.kept.rows > minHashed && hashable(n.plan) {
			n.hashed, n.err = hashRows(r.env, n.kept, n.plan.Input.Schema())
		}
	}
	return n.kept, n.err
}

func (n *subqueryNode) collect(outer *vec.Batch, row int) (c *collected, err error) {
	if err := n.sub.Open(outer, row); err != nil {
		return nil, err
	}
	defer func() {
		if closing := n.sub.Close(); err == nil && closing != nil {
			c, err = nil, fmt.Errorf("closing a subquery: %w", closing)
		}
	}()
	limit := 1 << 62
	switch n.plan.Kind {
	case plan.SubExists:
		limit = 1
	case plan.SubScalar:
		limit = 2
	}
	c = &collected{}
	for _, f := range n.plan.Input.Schema() {
		c.cols = append(c.cols, newColumn(f.Type))
	}
	for c.rows < limit {
		b, err := n.sub.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		for i, col := range c.cols {
			vec.CopyRows(col, b.Cols[i], b.Sel)
		}
		c.rows += b.Len()
	}
	return c, nil
}

// minHashed is how many rows a subquery has for which hashes pay.
const minHashed = 8

// leftHash is the hash of one of the batch's left rows.
func (n *subqueryNode) leftHash(left []vec.Vec, rows, row int) uint64 {
	n.hashes = slices.Grow(n.hashes[:0], rows)[:rows]
	n.hashes[row] = 0
	for i, v := range left {
		vec.Hash(v, n.plan.Left[i].Type(), []int32{int32(row)}, n.hashes)
	}
	return n.hashes[row]
}

// quantified is left op ANY (rows), or ALL.
func (n *subqueryNode) quantified(r *run, rows *collected, left []vec.Vec, row int, all bool) (types.Value, error) {
	if n.hashed != nil && !slices.ContainsFunc(left, func(v vec.Vec) bool { return v.Nulls().Get(row) }) {
		if rows = n.hashed.candidates(rows, n.leftHash(left, r.rows, row)); rows.rows == 0 {
			return types.NewBool(false), nil
		}
	}
	errs := make([]Errors, len(n.ops))
	tests := make([]vec.Vec, len(n.ops))
	for i, op := range n.ops {
		inner := run{env: r.env, batch: r.batch, rows: rows.rows, errs: &errs[i]}
		one := newColumn(n.plan.Left[i].Type())
		vec.AppendRow(one, left[i], row)
		n.memos[i][0].v, n.memos[i][1].v = vec.ConstOf(one, rows.rows), rows.cols[i]
		tests[i] = op.eval(&inner, nil)
	}
	unknown := false
	for k := range rows.rows {
		is, null := true, false
		for i, t := range tests {
			// What fails behind the row that decides, or behind a column that does,
			// is never asked for.
			if err := errs[i].At(k); err != nil {
				return types.Value{}, err
			}
			if t.Nulls().Get(k) {
				null = true
			} else if !boolAt(t, k) {
				is = false
				break
			}
		}
		switch {
		case is && null:
			unknown = true
		case is != all:
			return types.NewBool(!all), nil
		}
	}
	if unknown {
		return types.NullOf(boolType), nil
	}
	return types.NewBool(all), nil
}
