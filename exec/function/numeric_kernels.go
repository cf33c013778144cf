package function

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// narrowOperands are the two sides of a numeric kernel as 64-bit coefficients
// of one scale each; ok is false where a side is anything else.
func narrowOperands(c *Call) (o operandsOf[int64, int64], as, bs int32, ok bool) {
	side := func(v vec.Vec) (vals []int64, k int64, constant bool, scale int32, ok bool) {
		if kv, is := v.(*vec.Const); is {
			n := kv.Of.(*vec.Numeric)
			return nil, n.Lo[0], true, n.Scale, n.Narrow()
		}
		n := v.(*vec.Numeric)
		return n.Lo[:c.Rows], 0, false, n.Scale, n.Narrow()
	}
	var aok, bok bool
	o.a, o.ka, o.aConst, as, aok = side(c.Args[0])
	o.b, o.kb, o.bConst, bs, bok = side(c.Args[1])
	return o, as, bs, aok && bok
}

// maxDisplayScale is the most digits after the point that a product keeps.
const maxDisplayScale = 1000

// numericRows computes row by row with decimals that have any width.
func numericRows(c *Call, f func(x, y types.Decimal) (types.Decimal, error)) {
	out := c.Out.(*vec.Numeric)
	out.Reset()
	a, b := decimalsOf(c.Args[0]), decimalsOf(c.Args[1])
	c.each(func(row int) {
		out.Pad(row)
		if c.null(row) {
			out.AppendNull()
			return
		}
		r, err := types.Decimal{}, c.Env.Ended()
		if err == nil {
			r, err = f(a(row), b(row))
		}
		if err != nil {
			c.Errs.Set(row, err)
			out.AppendNull()
			return
		}
		out.Append(r)
	})
	out.Pad(c.Rows)
}

func decimalsOf(v vec.Vec) func(row int) types.Decimal {
	if k, ok := v.(*vec.Const); ok {
		d := types.Decimal{}
		if !k.IsNull() {
			d = k.Of.(*vec.Numeric).At(0)
		}
		return func(int) types.Decimal { return d }
	}
	return v.(*vec.Numeric).At
}

// pow10 are the powers of ten that 64 bits hold.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// align brings both sides to one scale where a factor does it; the sums of the
// kernels then check for overflow.
func align(as, bs int32) (fa, fb int64, scale int32, ok bool) {
	d := as - bs
	switch {
	case d > 18 || d < -18:
		return 0, 0, 0, false
	case d >= 0:
		return 1, pow10[d], as, true
	}
	return pow10[-d], 1, bs, true
}

// addNumeric adds 64-bit coefficients; where one does not fit, all rows are
// done again with decimals.
func addNumeric(c *Call) {
	if !sumNarrow(c, false) {
		numericRows(c, types.Decimal.Add)
	}
}

func subNumeric(c *Call) {
	if !sumNarrow(c, true) {
		numericRows(c, types.Decimal.Sub)
	}
}

// sumNarrow computes a+b, or a-b, and reports whether every row fitted.
func sumNarrow(c *Call, minus bool) bool {
	o, as, bs, ok := narrowOperands(c)
	if !ok {
		return false
	}
	fa, fb, scale, ok := align(as, bs)
	if !ok {
		return false
	}
	out := c.Out.(*vec.Numeric)
	out.Scale = scale
	lo := resizeInts(out, c.Rows)
	var bad uint64
	switch {
	case fa == 1 && fb == 1 && !o.aConst && !o.bConst && !minus:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := x + b[i]
			lo[i] = r
			bad |= uint64((r^x)&(r^b[i])) >> 63
		}
	case fa == 1 && fb == 1 && !o.aConst && !o.bConst:
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			r := x - b[i]
			lo[i] = r
			bad |= uint64((x^b[i])&(r^x)) >> 63
		}
	default:
		for i := range lo {
			x, y := o.at(i)
			x, over := mulWide(x, fa)
			bad |= over
			y, over = mulWide(y, fb)
			bad |= over
			r := x + y
			if minus {
				r = x - y
				bad |= uint64((x^y)&(r^x)) >> 63
			} else {
				bad |= uint64((r^x)&(r^y)) >> 63
			}
			lo[i] = r
		}
	}
	return bad == 0
}

func resizeInts(v *vec.Numeric, n int) []int64 {
	if cap(v.Lo) < n {
		v.Lo = make([]int64, n, max(n, vec.MaxRows))
	}
	v.Lo = v.Lo[:n]
	return v.Lo
}

func mulNumeric(c *Call) {
	o, as, bs, ok := narrowOperands(c)
	if !ok || as+bs > maxDisplayScale {
		numericRows(c, types.Decimal.Mul)
		return
	}
	out := c.Out.(*vec.Numeric)
	out.Scale = as + bs
	lo := resizeInts(out, c.Rows)
	var bad, over uint64
	switch {
	case o.bConst:
		k := o.kb
		for i, x := range o.a {
			lo[i], over = mulWide(x, k)
			bad |= over
		}
	case o.aConst:
		k := o.ka
		for i, y := range o.b {
			lo[i], over = mulWide(k, y)
			bad |= over
		}
	default:
		if mulSmall(lo, o.a, o.b) {
			return
		}
		b := o.b[:len(o.a)]
		for i, x := range o.a {
			lo[i], over = mulWide(x, b[i])
			bad |= over
		}
	}
	if bad != 0 {
		numericRows(c, types.Decimal.Mul)
	}
}

// mulSmall multiplies a batch whose greatest magnitudes have 63 bits together,
// so that no product can overflow. false: they have more.
func mulSmall(dst, a, b []int64) bool {
	dst, b = dst[:len(a)], b[:len(a)]
	var as, bs int64
	for i, x := range a {
		y := b[i]
		dst[i] = x * y
		as |= x ^ x>>63
		bs |= y ^ y>>63
	}
	return bits.Len64(uint64(as))+bits.Len64(uint64(bs)) < 63
}

func divNumeric(c *Call) { numericRows(c, types.Decimal.Div) }

func modNumeric(c *Call) { numericRows(c, types.Decimal.Mod) }

// unaryNumeric computes row by row.
func unaryNumeric(f func(types.Decimal) (types.Decimal, error)) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) {
		d, err := f(a[0].N)
		return types.NewNumeric(d), err
	}
}

// numericFrom converts an integer column.
func numericFrom[T integer](c *Call) {
	in := c.Args[0].(*vec.Fixed[T]).Values[:c.Rows]
	out := c.Out.(*vec.Numeric)
	out.Scale = 0
	lo := resizeInts(out, c.Rows)
	for i, x := range in {
		lo[i] = int64(x)
	}
}
