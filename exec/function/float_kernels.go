package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func overflow() error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
}

func underflow() error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: underflow")
}

// A float kernel notes whether a result is infinite, not a number, or zero
// without a zero among its operands, and only then looks which rows failed.

// suspicious is true of infinities and NaN.
func suspicious[O float](r O) bool { return r-r != 0 }

func infinite[O float](r O) bool { return math.IsInf(float64(r), 0) }

// overflowed reports an infinite result of finite operands.
func overflowed[O float](r, x, y O) bool { return infinite(r) && !infinite(x) && !infinite(y) }

func addFloats[A, B, O float](c *Call) {
	out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
	o := operands[A, B](c)
	bad := false
	switch {
	case o.bConst:
		k := O(o.kb)
		for i, x := range o.a {
			r := O(x) + k
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	case o.aConst:
		k := O(o.ka)
		for i, y := range o.b {
			r := k + O(y)
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := O(x) + O(b[i])
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	}
	if bad {
		fail(c, overflow, func(row int) bool {
			x, y := o.at(row)
			return overflowed(O(x)+O(y), O(x), O(y))
		})
	}
}

func subFloats[A, B, O float](c *Call) {
	out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
	o := operands[A, B](c)
	bad := false
	switch {
	case o.bConst:
		k := O(o.kb)
		for i, x := range o.a {
			r := O(x) - k
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	case o.aConst:
		k := O(o.ka)
		for i, y := range o.b {
			r := k - O(y)
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := O(x) - O(b[i])
			out[i] = r
			if suspicious(r) {
				bad = true
			}
		}
	}
	if bad {
		fail(c, overflow, func(row int) bool {
			x, y := o.at(row)
			return overflowed(O(x)-O(y), O(x), O(y))
		})
	}
}

func mulFloats[A, B, O float](c *Call) {
	out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
	o := operands[A, B](c)
	bad := false
	switch {
	case o.bConst:
		k := O(o.kb)
		for i, x := range o.a {
			r := O(x) * k
			out[i] = r
			if suspicious(r) || r == 0 && x != 0 && k != 0 {
				bad = true
			}
		}
	case o.aConst:
		k := O(o.ka)
		for i, y := range o.b {
			r := k * O(y)
			out[i] = r
			if suspicious(r) || r == 0 && y != 0 && k != 0 {
				bad = true
			}
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := O(x) * O(b[i])
			out[i] = r
			if suspicious(r) || r == 0 && x != 0 && b[i] != 0 {
				bad = true
			}
		}
	}
	if !bad {
		return
	}
	fail(c, overflow, func(row int) bool {
		x, y := o.at(row)
		return overflowed(O(x)*O(y), O(x), O(y))
	})
	fail(c, underflow, func(row int) bool {
		x, y := o.at(row)
		return O(x)*O(y) == 0 && x != 0 && y != 0
	})
}

func divFloats[A, B, O float](c *Call) {
	out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
	o := operands[A, B](c)
	c.each(func(row int) {
		a, b := o.at(row)
		x, y := O(a), O(b)
		r := x / y
		out[row] = r
		if !suspicious(r) && r != 0 || c.null(row) {
			return
		}
		switch {
		case y == 0 && x == x:
			c.Errs.Set(row, divisionByZero())
		case infinite(r) && !infinite(x):
			c.Errs.Set(row, overflow())
		case r == 0 && x != 0 && !infinite(y):
			c.Errs.Set(row, underflow())
		}
	})
}

func negateFloat[T float](c *Call) {
	in := c.Args[0].(*vec.Fixed[T]).Values[:c.Rows]
	out := c.Out.(*vec.Fixed[T]).Resize(c.Rows)
	for i, x := range in {
		out[i] = -x
	}
}

func absFloat[T float](c *Call) {
	in := c.Args[0].(*vec.Fixed[T]).Values[:c.Rows]
	out := c.Out.(*vec.Fixed[T]).Resize(c.Rows)
	for i, x := range in {
		out[i] = T(math.Abs(float64(x)))
	}
}
