package expr

import (
	"fmt"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (c *compiler) cast(e *plan.Cast) (node, error) {
	arg, err := c.compile(e.Arg)
	if err != nil {
		return nil, err
	}
	var n node
	switch from := e.Arg.Type(); e.Method {
	case plan.CastRelabel:
		n = relabel(arg, from, e.Typ)
	case plan.CastText:
		n = &textCastNode{arg: arg, from: from, to: e.Typ, out: newColumn(e.Typ), write: textWriter(from, c.env.Format)}
	case plan.CastMod:
		if e.Typ.Mod < 0 || types.Lookup(e.Typ.OID).Coerce == nil {
			return arg, nil
		}
		n = &modNode{arg: arg, from: from, to: e.Typ, explicit: e.Explicit, out: newColumn(e.Typ)}
	case plan.CastArray:
		elem, err := c.compile(e.Elem)
		if err != nil {
			return nil, err
		}
		n = &arrayCastNode{arg: arg, elem: elem, out: newColumn(e.Typ).(*vec.List)}
	default:
		return nil, fmt.Errorf("compiling %s: unknown method of cast %d", e, e.Method)
	}
	if _, constant := arg.(*constNode); constant && c.foldable(e) {
		if k := c.fold(n); k != nil {
			return k, nil
		}
	}
	return n, nil
}

// foldable reports whether a cast of a constant may be done now: one through
// the text of a date or time depends on the clock where the text is 'now'.
func (c *compiler) foldable(e *plan.Cast) bool {
	if e.Method != plan.CastText {
		return true
	}
	switch e.Typ.OID {
	case types.Date, types.Time, types.Timestamp, types.Timestamptz:
		return false
	}
	return true
}

// relabel gives the same bytes another type. Only int4 and oid lie differently.
func relabel(arg node, from, to types.Type) node {
	a, b := types.Lookup(from.OID), types.Lookup(to.OID)
	switch {
	case a == nil || b == nil || a.Phys == b.Phys || a.Phys == types.PhysNone || b.Phys == types.PhysNone:
		return arg
	case a.Phys == types.PhysInt32 && b.Phys == types.PhysUint32:
		return &reinterpretNode[int32, uint32]{arg: arg}
	case a.Phys == types.PhysUint32 && b.Phys == types.PhysInt32:
		return &reinterpretNode[uint32, int32]{arg: arg}
	}
	return &textCastNode{arg: arg, from: from, to: to, out: newColumn(to), write: textWriter(from, types.DefaultFormat())}
}

// reinterpretNode reads int4 as oid, or the other way.
type reinterpretNode[A, B int32 | uint32] struct {
	arg node
	out vec.Fixed[B]
	one vec.Fixed[B]
}

func (n *reinterpretNode[A, B]) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	if k, ok := v.(*vec.Const); ok {
		reinterpret(&n.one, k.Of.(*vec.Fixed[A]))
		return vec.ConstOf(&n.one, r.rows)
	}
	reinterpret(&n.out, v.(*vec.Fixed[A]))
	return &n.out
}

func reinterpret[A, B int32 | uint32](dst *vec.Fixed[B], src *vec.Fixed[A]) {
	out := dst.Resize(len(src.Values))
	for i, x := range src.Values {
		out[i] = B(x)
	}
	dst.Nulls().Or(src.Nulls())
}

// textWriter is vec.TextAppender, but for types of which no column exists.
func textWriter(t types.Type, f *types.Format) func(dst []byte, v vec.Vec, row int) []byte {
	if info := types.Lookup(t.OID); info == nil || info.Phys == types.PhysNone {
		t = types.Of(types.Text)
	}
	return vec.TextAppender(t, f)
}

// textCastNode writes a value's text and reads it as another type.
type textCastNode struct {
	arg      node
	from, to types.Type
	write    func(dst []byte, v vec.Vec, row int) []byte
	out      vec.Vec
	buf      []byte
	long     bool // the last text was
}

func (n *textCastNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	n.out.Reset()
	if k, ok := v.(*vec.Const); ok {
		var once Errors
		n.row(r, k.Of, 0, &once)
		if err := once.First(); err != nil {
			each(r, sel, func(row int) { r.errs.Set(row, err) })
		}
		return vec.ConstOf(n.out, r.rows)
	}
	if dst, ok := n.out.(*vec.Bytes); ok && n.isText() {
		n.column(r, sel, v, dst)
		return dst
	}
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		n.row(r, v, row, r.errs)
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

// isText reports whether the text itself is the result.
func (n *textCastNode) isText() bool {
	return n.to.Mod < 0 && (n.to.OID == types.Text || n.to.OID == types.Varchar)
}

// column writes the texts of a column one after the other.
func (n *textCastNode) column(r *run, sel []int32, v vec.Vec, dst *vec.Bytes) {
	nulls := v.Nulls()
	if ints, ok := v.(*vec.Fixed[int64]); ok && n.from.OID == types.Int8 && sel == nil && !nulls.Any() {
		dst.Pad(0)
		for _, x := range ints.Values[:r.rows] {
			dst.Data = types.AppendInt(dst.Data, x)
			dst.Offsets = append(dst.Offsets, int32(len(dst.Data)))
		}
		return
	}
	long := 0 // bytes of the last
	each(r, sel, func(row int) {
		dst.Pad(row)
		if nulls.Get(row) {
			dst.AppendNull()
			return
		}
		if long > function.LongValue {
			if err := r.env.Ended(); err != nil {
				r.errs.Set(row, err)
				dst.AppendNull()
				return
			}
		}
		from := len(dst.Data)
		dst.Data = n.write(dst.Data, v, row)
		long = len(dst.Data) - from
		dst.EndRow()
	})
	dst.Pad(r.rows)
}

// row converts one row and appends it.
func (n *textCastNode) row(r *run, v vec.Vec, row int, errs *Errors) {
	if v.Nulls().Get(row) {
		vec.AppendNull(n.out)
		return
	}
	if n.long { // so may this one
		if err := r.env.Ended(); err != nil {
			errs.Set(row, err)
			vec.AppendNull(n.out)
			return
		}
	}
	n.buf = n.write(n.buf[:0], v, row)
	n.long = len(n.buf) > function.LongValue
	if dst, ok := n.out.(*vec.Bytes); ok && n.isText() {
		dst.Append(n.buf)
		return
	}
	format := r.env.Format
	if n.long && format != nil {
		f := *format
		f.Ended, f.Most = r.env.Ended, r.env.MemoryLimit
		format = &f
	}
	var s string
	if n.long {
		s = unsafe.String(unsafe.SliceData(n.buf), len(n.buf)) // the buffer is the value's now
		n.buf = nil
	} else {
		s = string(n.buf)
	}
	val, err := types.Parse(n.to, s, format)
	if err != nil {
		errs.Set(row, err)
		vec.AppendNull(n.out)
		return
	}
	vec.Append(n.out, val)
}

// modNode applies a type's modifier.
type modNode struct {
	arg      node
	from, to types.Type
	explicit bool
	out      vec.Vec
}

func (n *modNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	n.out.Reset()
	if k, ok := v.(*vec.Const); ok {
		var once Errors
		n.row(k.Of, 0, &once)
		if err := once.First(); err != nil {
			each(r, sel, func(row int) { r.errs.Set(row, err) })
		}
		return vec.ConstOf(n.out, r.rows)
	}
	each(r, sel, func(row int) {
		vec.Pad(n.out, row)
		n.row(v, row, r.errs)
	})
	vec.Pad(n.out, r.rows)
	return n.out
}

func (n *modNode) row(v vec.Vec, row int, errs *Errors) {
	var val types.Value
	vec.Borrow(&val, v, row, n.from)
	if !val.Null {
		var err error
		if val, err = types.Coerce(val, n.to, n.explicit); err != nil {
			errs.Set(row, err)
			val = types.NullOf(n.to)
		}
	}
	vec.Append(n.out, val)
}
