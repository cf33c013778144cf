package function

import (
	"bytes"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// comparison is one of the six comparison operators.
type comparison uint8

const (
	equal comparison = iota
	notEqual
	less
	lessEqual
	greater
	greaterEqual
)

// swapped is the comparison with its sides exchanged.
func (c comparison) swapped() comparison {
	return [...]comparison{equal, notEqual, greater, greaterEqual, less, lessEqual}[c]
}

// holds reports whether the comparison is true of an ordering: -1, 0 or 1.
func (c comparison) holds(order int) bool {
	switch c {
	case equal:
		return order == 0
	case notEqual:
		return order != 0
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case greater:
		return order > 0
	}
	return order >= 0
}

type integer interface {
	int16 | int32 | int64 | uint32
}

type float interface{ float32 | float64 }

// The loops run over every row, selected or not: that costs less than going
// through the selection, and a comparison cannot fail. There is one loop for
// each operator, since an operator behind a func value costs five times more.

func compareInts[A, B integer](op comparison, out []bool, a []A, b []B) {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case equal:
		for i := range out {
			out[i] = int64(a[i]) == int64(b[i])
		}
	case notEqual:
		for i := range out {
			out[i] = int64(a[i]) != int64(b[i])
		}
	case less:
		for i := range out {
			out[i] = int64(a[i]) < int64(b[i])
		}
	case lessEqual:
		for i := range out {
			out[i] = int64(a[i]) <= int64(b[i])
		}
	case greater:
		for i := range out {
			out[i] = int64(a[i]) > int64(b[i])
		}
	case greaterEqual:
		for i := range out {
			out[i] = int64(a[i]) >= int64(b[i])
		}
	}
}

func compareIntsTo[A integer](op comparison, out []bool, a []A, k int64) {
	a = a[:len(out)]
	switch op {
	case equal:
		for i := range out {
			out[i] = int64(a[i]) == k
		}
	case notEqual:
		for i := range out {
			out[i] = int64(a[i]) != k
		}
	case less:
		for i := range out {
			out[i] = int64(a[i]) < k
		}
	case lessEqual:
		for i := range out {
			out[i] = int64(a[i]) <= k
		}
	case greater:
		for i := range out {
			out[i] = int64(a[i]) > k
		}
	case greaterEqual:
		for i := range out {
			out[i] = int64(a[i]) >= k
		}
	}
}

// compareFloats orders NaN above everything and equal to itself.
func compareFloats[A, B float](op comparison, out []bool, a []A, b []B) {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case equal:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x == y || x != x && y != y
		}
	case notEqual:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x != y && (x == x || y == y)
		}
	case less:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x < y || x == x && y != y
		}
	case lessEqual:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x <= y || y != y
		}
	case greater:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x > y || x != x && y == y
		}
	case greaterEqual:
		for i := range out {
			x, y := float64(a[i]), float64(b[i])
			out[i] = x >= y || x != x
		}
	}
}

func compareFloatsTo[A float](op comparison, out []bool, a []A, k float64) {
	if k != k {
		for i := range out {
			out[i] = op.holds(vec.CompareFloat(float64(a[i]), k))
		}
		return
	}
	a = a[:len(out)]
	switch op {
	case equal:
		for i := range out {
			out[i] = float64(a[i]) == k
		}
	case notEqual:
		for i := range out {
			out[i] = float64(a[i]) != k
		}
	case less:
		for i := range out {
			out[i] = float64(a[i]) < k
		}
	case lessEqual:
		for i := range out {
			out[i] = float64(a[i]) <= k
		}
	case greater:
		for i := range out {
			x := float64(a[i])
			out[i] = x > k || x != x
		}
	case greaterEqual:
		for i := range out {
			x := float64(a[i])
			out[i] = x >= k || x != x
		}
	}
}

// intComparison compares integers of two sizes; dates, times and OIDs too.
func intComparison[A, B integer](op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		if k, ok := c.Args[1].(*vec.Const); ok {
			compareIntsTo(op, out, c.Args[0].(*vec.Fixed[A]).Values, int64(k.Of.(*vec.Fixed[B]).Values[0]))
			return
		}
		if k, ok := c.Args[0].(*vec.Const); ok {
			compareIntsTo(op.swapped(), out, c.Args[1].(*vec.Fixed[B]).Values, int64(k.Of.(*vec.Fixed[A]).Values[0]))
			return
		}
		compareInts(op, out, c.Args[0].(*vec.Fixed[A]).Values, c.Args[1].(*vec.Fixed[B]).Values)
	}
}

// floatComparison compares floats of two sizes.
func floatComparison[A, B float](op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		if k, ok := c.Args[1].(*vec.Const); ok {
			compareFloatsTo(op, out, c.Args[0].(*vec.Fixed[A]).Values, float64(k.Of.(*vec.Fixed[B]).Values[0]))
			return
		}
		if k, ok := c.Args[0].(*vec.Const); ok {
			compareFloatsTo(op.swapped(), out, c.Args[1].(*vec.Fixed[B]).Values, float64(k.Of.(*vec.Fixed[A]).Values[0]))
			return
		}
		compareFloats(op, out, c.Args[0].(*vec.Fixed[A]).Values, c.Args[1].(*vec.Fixed[B]).Values)
	}
}

// bytesComparison compares strings by their bytes, the order of PostgreSQL's
// collation "C".
func bytesComparison(op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		if k, ok := c.Args[1].(*vec.Const); ok {
			compareBytesTo(op, out, c, c.Args[0].(*vec.Bytes), k.Of.(*vec.Bytes).At(0))
			return
		}
		if k, ok := c.Args[0].(*vec.Const); ok {
			compareBytesTo(op.swapped(), out, c, c.Args[1].(*vec.Bytes), k.Of.(*vec.Bytes).At(0))
			return
		}
		a, b := c.Args[0].(*vec.Bytes), c.Args[1].(*vec.Bytes)
		switch op {
		case equal:
			c.each(func(i int) { out[i] = bytes.Equal(a.At(i), b.At(i)) })
		case notEqual:
			c.each(func(i int) { out[i] = !bytes.Equal(a.At(i), b.At(i)) })
		default:
			c.each(func(i int) { out[i] = op.holds(bytes.Compare(a.At(i), b.At(i))) })
		}
	}
}

func compareBytesTo(op comparison, out []bool, c *Call, a *vec.Bytes, k []byte) {
	if op != equal && op != notEqual {
		c.each(func(i int) { out[i] = op.holds(bytes.Compare(a.At(i), k)) })
		return
	}
	want := op == equal
	if c.Sel != nil {
		for _, i := range c.Sel {
			out[i] = bytes.Equal(a.Data[a.Offsets[i]:a.Offsets[i+1]], k) == want
		}
		return
	}
	if c.Rows == 0 {
		return
	}
	from := a.Offsets[0]
	for i, to := range a.Offsets[1 : c.Rows+1] {
		out[i] = bytes.Equal(a.Data[from:to], k) == want
		from = to
	}
}

// rowComparison compares rows of any one type, as a btree orders it.
func rowComparison(op comparison, t types.Type) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		a, b := c.Args[0], c.Args[1]
		if op == equal || op == notEqual {
			c.each(func(i int) { out[i] = vec.Equal(a, i, b, i, t) == (op == equal) })
			return
		}
		c.each(func(i int) { out[i] = op.holds(vec.Compare(a, i, b, i, t)) })
	}
}

// jsonbComparison compares jsonb, of which one may be long.
func jsonbComparison(op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		c.each(func(i int) {
			order, err := vec.CompareJSONBUntil(c.Args[0], i, c.Args[1], i, c.Env.Ended)
			if err != nil {
				c.Errs.Set(i, err)
			}
			out[i] = op.holds(order)
		})
	}
}

// numericComparison compares decimals: as integers where both sides have one
// scale.
func numericComparison(op comparison) VectorFunc {
	slow := rowComparison(op, types.Of(types.Numeric))
	return func(c *Call) {
		a, aOK := c.Args[0].(*vec.Numeric)
		b, bOK := c.Args[1].(*vec.Numeric)
		switch {
		case aOK && bOK && a.Narrow() && b.Narrow() && a.Scale == b.Scale:
			compareInts(op, c.Out.(*vec.Fixed[bool]).Resize(c.Rows), a.Lo, b.Lo)
			return
		case aOK && !bOK && a.Narrow():
			if k, ok := constAtScale(c.Args[1], a.Scale); ok {
				compareIntsTo(op, c.Out.(*vec.Fixed[bool]).Resize(c.Rows), a.Lo, k)
				return
			}
		case bOK && !aOK && b.Narrow():
			if k, ok := constAtScale(c.Args[0], b.Scale); ok {
				compareIntsTo(op.swapped(), c.Out.(*vec.Fixed[bool]).Resize(c.Rows), b.Lo, k)
				return
			}
		}
		slow(c)
	}
}

// constAtScale is a constant's coefficient at a scale not below its own, where
// that fits 64 bits.
func constAtScale(v vec.Vec, scale int32) (int64, bool) {
	n := v.(*vec.Const).Of.(*vec.Numeric)
	if !n.Narrow() || n.Scale > scale || scale-n.Scale > 18 {
		return 0, false
	}
	k := n.Lo[0]
	for range scale - n.Scale {
		if k > maxInt64/10 || k < minInt64/10 {
			return 0, false
		}
		k *= 10
	}
	return k, true
}

const (
	maxInt64 = 1<<63 - 1
	minInt64 = -1 << 63
)

// boolComparison: false is less than true.
func boolComparison(op comparison) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		a, b := boolsOf(c.Args[0]), boolsOf(c.Args[1])
		for i := range out {
			x, y := a(i), b(i)
			switch op {
			case equal:
				out[i] = x == y
			case notEqual:
				out[i] = x != y
			case less:
				out[i] = !x && y
			case lessEqual:
				out[i] = !x || y
			case greater:
				out[i] = x && !y
			case greaterEqual:
				out[i] = x || !y
			}
		}
	}
}

func boolsOf(v vec.Vec) func(int) bool {
	if k, ok := v.(*vec.Const); ok {
		x := k.Of.(*vec.Fixed[bool]).Values[0]
		return func(int) bool { return x }
	}
	vals := v.(*vec.Fixed[bool]).Values
	return func(i int) bool { return vals[i] }
}
