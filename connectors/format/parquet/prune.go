package parquet

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// may reports whether a row of the group may fulfil all filters.
func (r *Reader) may(g *group) bool {
	for _, f := range r.filters {
		if !r.might(g, f) {
			return false
		}
	}
	return true
}

// might reports whether a condition may be true of a row, as far as the group's
// statistics tell.
func (r *Reader) might(g *group, e plan.Expr) bool {
	switch e := e.(type) {
	case *plan.And:
		for _, a := range e.Args {
			if !r.might(g, a) {
				return false
			}
		}
	case *plan.Or:
		for _, a := range e.Args {
			if r.might(g, a) {
				return true
			}
		}
		return len(e.Args) == 0
	case *plan.IsNull:
		c := r.operand(e.Arg)
		if c == nil || e.Row {
			return true
		}
		nulls := c.chunk(g).nulls
		if e.Not {
			return nulls < 0 || nulls < c.chunk(g).values
		}
		return nulls != 0
	case *plan.In:
		c := r.operand(e.Arg)
		if c == nil {
			return true
		}
		for _, item := range e.List {
			if k, ok := item.(*plan.Const); !ok || c.compare(g, "=", k.Value) {
				return true
			}
		}
		return false
	case *plan.Call:
		if len(e.Args) != 2 {
			return true
		}
		if k, ok := e.Args[1].(*plan.Const); ok {
			if c := r.operand(e.Args[0]); c != nil {
				return c.compare(g, e.Op, k.Value)
			}
		}
		if k, ok := e.Args[0].(*plan.Const); ok {
			if c := r.operand(e.Args[1]); c != nil {
				return c.compare(g, map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[e.Op], k.Value)
			}
		}
	}
	return true
}

// operand is the flat column that an expression is, nil where it is something else.
func (r *Reader) operand(e plan.Expr) *column {
	if cast, ok := e.(*plan.Cast); ok && cast.Method == plan.CastRelabel && cast.Arg.Type().OID == types.Varchar && cast.Typ.OID == types.Text {
		e = cast.Arg
	}
	of, ok := e.(*plan.Column)
	if !ok {
		return nil
	}
	at := of.Index
	if r.at != nil {
		if at < 0 || at >= len(r.at) {
			return nil
		}
		at = r.at[at]
	}
	if at < 0 || at >= len(r.columns) {
		return nil
	}
	if c := r.columns[at]; c.flat {
		return c
	}
	return nil
}

func (c *column) chunk(g *group) *chunk { return &g.chunks[c.node.leaf] }

// compare reports whether a value of the group may be so to k. NULLs are to nothing.
func (c *column) compare(g *group, op string, k types.Value) bool {
	ch := c.chunk(g)
	switch op {
	case "=", "<", "<=", ">", ">=":
	default:
		return true
	}
	if k.Null || ch.nulls >= 0 && ch.nulls == ch.values {
		return false
	}
	if !c.monotone || !comparable(c.of.Type.OID, k.Type.OID) {
		return true
	}
	low, high, ok := c.bounds(ch)
	if !ok {
		return true
	}
	constant := vec.New(k.Type)
	vec.Append(constant, k)
	isFloat := c.of.Type.OID == types.Float4 || c.of.Type.OID == types.Float8
	if isFloat && math.IsNaN(k.F) {
		return true
	}
	switch op {
	case "<":
		return c.order(low, constant, k.Type) < 0
	case "<=":
		return c.order(low, constant, k.Type) <= 0
	case "=":
		return c.order(low, constant, k.Type) <= 0 && c.order(high, constant, k.Type) >= 0
	}
	if isFloat {
		return true // NaN is greater than all, and no bound knows it
	}
	if op == ">" {
		return c.order(high, constant, k.Type) > 0
	}
	return c.order(high, constant, k.Type) >= 0
}

func isInteger(t types.OID) bool { return t == types.Int2 || t == types.Int4 || t == types.Int8 }

// comparable reports whether bounds of a type are ordered as its values are, beside
// those of the other.
func comparable(t, other types.OID) bool {
	if isInteger(t) && isInteger(other) {
		return true
	}
	switch t {
	case types.Text, types.Varchar:
		return other == types.Text || other == types.Varchar
	case types.Bool, types.Float4, types.Float8, types.Numeric, types.Date, types.Time, types.Timestamp, types.Timestamptz, types.UUID, types.Bytea:
		return t == other
	}
	return false
}

func (c *column) order(bound, constant vec.Vec, t types.Type) int {
	if isInteger(t.OID) {
		a, b := vec.Get(bound, 0, c.of.Type).I, vec.Get(constant, 0, t).I
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	return vec.Compare(bound, 0, constant, 0, types.Of(t.OID))
}

// bounds are a chunk's least and greatest value as the column's type.
func (c *column) bounds(ch *chunk) (low, high vec.Vec, ok bool) {
	least, most := ch.min, ch.max
	if least == nil && most == nil && signedOrder(c.node) {
		least, most = ch.oldMin, ch.oldMax
	}
	if least == nil || most == nil || c.node.logical == logicalInterval || c.node.logical == logicalFloat16 {
		return nil, nil, false
	}
	if low, ok = c.bound(least); !ok {
		return nil, nil, false
	}
	high, ok = c.bound(most)
	return low, high, ok
}

// signedOrder reports whether the fields of statistics that came first are right for a
// type: they were by the order of signed numbers.
func signedOrder(n *node) bool {
	switch n.phys {
	case physInt32, physInt64, physFloat, physDouble, physBool:
		return n.logical != logicalInteger || n.signed
	}
	return false
}

// bound reads a bound, which lies plainly, by the way of a value of a page.
func (c *column) bound(b []byte) (vec.Vec, bool) {
	l := &leaf{node: c.node, encoding: encPlain, plain: b}
	s := &l.scratch
	switch c.node.phys {
	case physBytes, physFixed:
		if c.node.phys == physFixed && len(b) != int(c.node.length) {
			return nil, false
		}
		s.bytes = [][]byte{b}
	case physBool:
		if len(b) != 1 {
			return nil, false
		}
		s.bools = []bool{b[0] != 0}
	default:
		if len(b) != l.size() || l.read(1) != nil {
			return nil, false
		}
	}
	if c.node.phys == physFloat && math.IsNaN(float64(s.f32[0])) || c.node.phys == physDouble && math.IsNaN(s.f64[0]) {
		return nil, false
	}
	conv, monotone, err := l.compile(c.of.Type, types.DefaultFormat())
	if err != nil || !monotone {
		return nil, false
	}
	v := vec.New(c.of.Type)
	if _, err := conv(v, 0, 1); err != nil {
		return nil, false
	}
	return v, true
}
