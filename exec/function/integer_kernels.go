package function

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func outOfRange(typ string) error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "%s out of range", typ)
}

func divisionByZero() error { return sqlerr.Errorf(sqlerr.DivisionByZero, "division by zero") }

// An integer kernel runs its loop over all rows, adding up in one word whether
// any of them overflowed; only then does fail look for the rows that did, among
// those that were asked for and are not NULL.

// operandsOf are the two sides of a binary kernel: a column, or a constant.
type operandsOf[A, B vec.Value] struct {
	a      []A
	b      []B
	ka     A
	kb     B
	aConst bool
	bConst bool
}

func operands[A, B vec.Value](c *Call) (o operandsOf[A, B]) {
	if k, ok := c.Args[0].(*vec.Const); ok {
		o.ka, o.aConst = k.Of.(*vec.Fixed[A]).Values[0], true
	} else {
		o.a = c.Args[0].(*vec.Fixed[A]).Values[:c.Rows]
	}
	if k, ok := c.Args[1].(*vec.Const); ok {
		o.kb, o.bConst = k.Of.(*vec.Fixed[B]).Values[0], true
	} else {
		o.b = c.Args[1].(*vec.Fixed[B]).Values[:c.Rows]
	}
	return o
}

// at are the operands of one row.
func (o *operandsOf[A, B]) at(row int) (A, B) {
	x, y := o.ka, o.kb
	if !o.aConst {
		x = o.a[row]
	}
	if !o.bConst {
		y = o.b[row]
	}
	return x, y
}

// fail marks the rows for which bad holds.
func fail(c *Call, err func() error, bad func(row int) bool) {
	c.each(func(row int) {
		if !c.null(row) && bad(row) {
			c.Errs.Set(row, err())
		}
	})
}

// Addition, subtraction and multiplication of integers of up to 32 bits are
// exact in 64, and overflow where the result's type does not hold them.

func addShort[A, B, O integer](typ string) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
		o := operands[A, B](c)
		var bad int64
		switch {
		case o.bConst:
			k := int64(o.kb)
			for i, x := range o.a {
				r := int64(x) + k
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		case o.aConst:
			k := int64(o.ka)
			for i, y := range o.b {
				r := k + int64(y)
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		default:
			b := o.b[:len(o.a)]
			for i, x := range o.a {
				r := int64(x) + int64(b[i])
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		}
		if bad != 0 {
			fail(c, func() error { return outOfRange(typ) }, func(row int) bool {
				x, y := o.at(row)
				r := int64(x) + int64(y)
				return r != int64(O(r))
			})
		}
	}
}

func subShort[A, B, O integer](typ string) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
		o := operands[A, B](c)
		var bad int64
		switch {
		case o.bConst:
			k := int64(o.kb)
			for i, x := range o.a {
				r := int64(x) - k
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		case o.aConst:
			k := int64(o.ka)
			for i, y := range o.b {
				r := k - int64(y)
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		default:
			b := o.b[:len(o.a)]
			for i, x := range o.a {
				r := int64(x) - int64(b[i])
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		}
		if bad != 0 {
			fail(c, func() error { return outOfRange(typ) }, func(row int) bool {
				x, y := o.at(row)
				r := int64(x) - int64(y)
				return r != int64(O(r))
			})
		}
	}
}

func mulShort[A, B, O integer](typ string) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
		o := operands[A, B](c)
		var bad int64
		switch {
		case o.bConst:
			k := int64(o.kb)
			for i, x := range o.a {
				r := int64(x) * k
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		case o.aConst:
			k := int64(o.ka)
			for i, y := range o.b {
				r := k * int64(y)
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		default:
			b := o.b[:len(o.a)]
			for i, x := range o.a {
				r := int64(x) * int64(b[i])
				out[i] = O(r)
				bad |= r ^ int64(O(r))
			}
		}
		if bad != 0 {
			fail(c, func() error { return outOfRange(typ) }, func(row int) bool {
				x, y := o.at(row)
				r := int64(x) * int64(y)
				return r != int64(O(r))
			})
		}
	}
}

// The same with a result of 64 bits.

func addLong[A, B integer](c *Call) {
	out := c.Out.(*vec.Fixed[int64]).Resize(c.Rows)
	o := operands[A, B](c)
	var bad int64
	switch {
	case o.bConst:
		k := int64(o.kb)
		for i, x := range o.a {
			r := int64(x) + k
			out[i] = r
			bad |= (r ^ int64(x)) & (r ^ k)
		}
	case o.aConst:
		k := int64(o.ka)
		for i, y := range o.b {
			r := k + int64(y)
			out[i] = r
			bad |= (r ^ int64(y)) & (r ^ k)
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := int64(x) + int64(b[i])
			out[i] = r
			bad |= (r ^ int64(x)) & (r ^ int64(b[i]))
		}
	}
	if bad < 0 {
		fail(c, bigintOutOfRange, func(row int) bool {
			x, y := o.at(row)
			r := int64(x) + int64(y)
			return (r^int64(x))&(r^int64(y)) < 0
		})
	}
}

func subLong[A, B integer](c *Call) {
	out := c.Out.(*vec.Fixed[int64]).Resize(c.Rows)
	o := operands[A, B](c)
	var bad int64
	switch {
	case o.bConst:
		k := int64(o.kb)
		for i, x := range o.a {
			r := int64(x) - k
			out[i] = r
			bad |= (int64(x) ^ k) & (r ^ int64(x))
		}
	case o.aConst:
		k := int64(o.ka)
		for i, y := range o.b {
			r := k - int64(y)
			out[i] = r
			bad |= (k ^ int64(y)) & (r ^ k)
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := int64(x) - int64(b[i])
			out[i] = r
			bad |= (int64(x) ^ int64(b[i])) & (r ^ int64(x))
		}
	}
	if bad < 0 {
		fail(c, bigintOutOfRange, func(row int) bool {
			x, y := o.at(row)
			r := int64(x) - int64(y)
			return (int64(x)^int64(y))&(r^int64(x)) < 0
		})
	}
}

// mulWide is the product, and whether 64 bits do not hold it: nonzero then.
func mulWide(x, y int64) (r int64, over uint64) {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	hi -= uint64(x>>63)&uint64(y) + uint64(y>>63)&uint64(x)
	return int64(lo), hi ^ uint64(int64(lo)>>63)
}

func mulLong[A, B integer](c *Call) {
	out := c.Out.(*vec.Fixed[int64]).Resize(c.Rows)
	o := operands[A, B](c)
	var bad, over uint64
	switch {
	case o.bConst:
		k := int64(o.kb)
		for i, x := range o.a {
			out[i], over = mulWide(int64(x), k)
			bad |= over
		}
	case o.aConst:
		k := int64(o.ka)
		for i, y := range o.b {
			out[i], over = mulWide(k, int64(y))
			bad |= over
		}
	default:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			out[i], over = mulWide(int64(x), int64(b[i]))
			bad |= over
		}
	}
	if bad != 0 {
		fail(c, bigintOutOfRange, func(row int) bool {
			x, y := o.at(row)
			_, over := mulWide(int64(x), int64(y))
			return over != 0
		})
	}
}

func bigintOutOfRange() error { return outOfRange("bigint") }

// divide truncates toward zero. Division costs so much that it goes through
// the selection, and decides each row as it comes.
func divide[A, B, O integer](typ string) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[O]).Resize(c.Rows)
		o := operands[A, B](c)
		c.each(func(row int) {
			x, y := o.at(row)
			switch r := int64(0); {
			case y == 0:
				out[row] = 0
				if !c.null(row) {
					c.Errs.Set(row, divisionByZero())
				}
			case int64(y) == -1:
				r = -int64(x)
				out[row] = O(r)
				if (int64(O(r)) != r || int64(x) == minInt64) && !c.null(row) {
					c.Errs.Set(row, outOfRange(typ))
				}
			default:
				out[row] = O(int64(x) / int64(y))
			}
		})
	}
}

// modulo has the sign of the dividend.
func modulo[A integer](c *Call) {
	out := c.Out.(*vec.Fixed[A]).Resize(c.Rows)
	o := operands[A, A](c)
	c.each(func(row int) {
		x, y := o.at(row)
		switch {
		case y == 0:
			out[row] = 0
			if !c.null(row) {
				c.Errs.Set(row, divisionByZero())
			}
		case int64(y) == -1:
			out[row] = 0
		default:
			out[row] = x % y
		}
	})
}

// negate and absolute fail for the lowest value of a type alone.
func negate[A integer](typ string) VectorFunc {
	return func(c *Call) {
		in := c.Args[0].(*vec.Fixed[A]).Values
		out := c.Out.(*vec.Fixed[A]).Resize(c.Rows)
		c.each(func(row int) {
			out[row] = -in[row]
			if in[row] == out[row] && in[row] != 0 && !c.null(row) {
				c.Errs.Set(row, outOfRange(typ))
			}
		})
	}
}

func absolute[A integer](typ string) VectorFunc {
	return func(c *Call) {
		in := c.Args[0].(*vec.Fixed[A]).Values
		out := c.Out.(*vec.Fixed[A]).Resize(c.Rows)
		c.each(func(row int) {
			out[row] = max(in[row], -in[row])
			if out[row] < 0 && !c.null(row) {
				c.Errs.Set(row, outOfRange(typ))
			}
		})
	}
}
