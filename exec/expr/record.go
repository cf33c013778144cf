package expr

import (
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rowNode is ROW(...): its items' values in one, as types.NewRow lays them.
type rowNode struct {
	items   []node
	types   []types.Type
	present node // nil: there is always a row
	header  []byte

	cols []vec.Vec
	out  vec.Bytes
}

func (c *compiler) row(e *plan.Row) (node, error) {
	n := &rowNode{cols: make([]vec.Vec, len(e.Items))}
	cols := make([]types.RowColumn, len(e.Items))
	for i, item := range e.Items {
		cols[i] = types.RowColumn{Name: e.Names[i], Type: item.Type()}
		n.types = append(n.types, item.Type())
	}
	n.header = types.RowHeader(cols)
	var err error
	if n.items, err = c.all(e.Items); err != nil {
		return nil, err
	}
	if e.Present != nil {
		if n.present, err = c.compile(e.Present); err != nil {
			return nil, err
		}
		return n, nil
	}
	for _, item := range n.items {
		if _, constant := item.(*constNode); !constant {
			return n, nil
		}
	}
	if k := c.fold(n); k != nil {
		return k, nil
	}
	return n, nil
}

func (n *rowNode) eval(r *run, sel []int32) vec.Vec {
	for i, item := range n.items {
		n.cols[i] = item.eval(r, sel)
	}
	var present vec.Vec
	if n.present != nil {
		present = n.present.eval(r, sel)
	}
	n.out.Reset()
	each(r, sel, func(row int) {
		n.out.Pad(row)
		if r.errs.Any() && r.errs.Has(row) || present != nil && !isTrue(present, row) {
			n.out.AppendNull()
			return
		}
		vec.AppendEncodedRow(&n.out, n.header, n.cols, n.types, row)
	})
	n.out.Pad(r.rows)
	return &n.out
}

// stringOf is b without a copy.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// fieldNode is (row).name of a row that is not written out where its column is
// taken.
type fieldNode struct {
	arg   node
	index int
	row   types.Row
	out   vec.Vec
}

func (c *compiler) field(e *plan.FieldOf) (node, error) {
	if row, ok := e.Arg.(*plan.Row); ok && row.Present == nil {
		return c.compile(row.Items[e.Index])
	}
	arg, err := c.compile(e.Arg)
	return &fieldNode{arg: arg, index: e.Index, out: newColumn(e.Typ)}, err
}

func (n *fieldNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	at := func(row int) int { return row }
	if k, ok := v.(*vec.Const); ok {
		v, at = k.Of, func(int) int { return 0 }
	}
	rows := v.(*vec.Bytes)
	n.out.Reset()
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		if r.errs.Any() && r.errs.Has(row) || rows.Nulls().Get(at(row)) {
			vec.AppendNull(n.out)
			return
		}
		n.row.Read(stringOf(rows.At(at(row))))
		vec.Append(n.out, n.row.Vals[n.index])
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

// rowNullNode is IS [NOT] NULL of a row whose columns are not known before: all
// of them are, or none.
type rowNullNode struct {
	arg node
	not bool
	row types.Row
	out vec.Fixed[bool]
}

func (n *rowNullNode) eval(r *run, sel []int32) vec.Vec {
	v := vec.Flat(n.arg.eval(r, sel)).(*vec.Bytes)
	out := n.out.Resize(r.rows)
	each(r, sel, func(row int) {
		if v.Nulls().Get(row) {
			out[row] = !n.not
			return
		}
		n.row.Read(stringOf(v.At(row)))
		out[row] = true
		for _, x := range n.row.Vals {
			if x.Null == n.not {
				out[row] = false
			}
		}
	})
	return &n.out
}
