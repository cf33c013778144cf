package types

import (
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// ErrDivisionByZero is 22012.
func ErrDivisionByZero() error {
	return sqlerr.Errorf(sqlerr.DivisionByZero, "division by zero")
}

// Add is d+e in the greater of the two scales.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	if d.Wide == nil && e.Wide == nil {
		if d.Scale == e.Scale {
			if x, ok := d.coef().add(e.coef()); ok {
				return Decimal{Hi: x.hi, Lo: x.lo, Scale: d.Scale}, nil
			}
		} else if a, b, ok := alignNarrow(d, e); ok {
			if x, ok := a.add(b); ok {
				return Decimal{Hi: x.hi, Lo: x.lo, Scale: max(d.Scale, e.Scale)}, nil
			}
		}
	}
	if rd, re := d.rank(), e.rank(); rd != 0 || re != 0 {
		switch {
		case rd == 2 || re == 2 || rd*re == -1:
			return DecimalNaN, nil
		case rd != 0:
			return d, nil
		}
		return e, nil
	}
	a, b := alignBig(d, e)
	return DecimalFromBig(a.Add(a, b), max(d.Scale, e.Scale))
}

// Sub is d-e in the greater of the two scales.
func (d Decimal) Sub(e Decimal) (Decimal, error) { return d.Add(e.Neg()) }

// alignNarrow brings two narrow decimals to the greater scale.
func alignNarrow(d, e Decimal) (a, b int128, ok bool) {
	a, b = d.coef(), e.coef()
	if gap := d.Scale - e.Scale; a.fits64() && b.fits64() && gap > -19 && gap < 19 {
		if gap < 0 {
			return mul64(int64(a.lo), int64(pow10[-gap])), b, true
		}
		return a, mul64(int64(b.lo), int64(pow10[gap])), true
	}
	if d.Scale < e.Scale {
		m, ok1 := a.abs().mulPow10(e.Scale - d.Scale)
		x, ok2 := m.signed(a.hi < 0)
		return x, b, ok1 && ok2
	}
	m, ok1 := b.abs().mulPow10(d.Scale - e.Scale)
	x, ok2 := m.signed(b.hi < 0)
	return a, x, ok1 && ok2
}

func alignBig(d, e Decimal) (a, b *big.Int) {
	a, b = d.Big(), e.Big()
	if d.Scale < e.Scale {
		a.Mul(a, bigPow10(int(e.Scale-d.Scale)))
	} else if d.Scale > e.Scale {
		b.Mul(b, bigPow10(int(d.Scale-e.Scale)))
	}
	return a, b
}

// Mul is d*e in the sum of the scales.
func (d Decimal) Mul(e Decimal) (Decimal, error) {
	scale := d.Scale + e.Scale
	if d.Wide == nil && e.Wide == nil && scale <= maxScale {
		x, y := d.coef(), e.coef()
		if x.fits64() && y.fits64() {
			z := mul64(int64(x.lo), int64(y.lo))
			return Decimal{Hi: z.hi, Lo: z.lo, Scale: scale}, nil
		}
		if y.fits64() {
			x, y = y, x
		}
		if x.fits64() {
			if m, ok := y.abs().mul64(x.abs().lo); ok {
				if z, ok := m.signed((x.hi < 0) != (y.hi < 0)); ok {
					return Decimal{Hi: z.hi, Lo: z.lo, Scale: scale}, nil
				}
			}
		}
	}
	if rd, re := d.rank(), e.rank(); rd != 0 || re != 0 {
		sign := d.Sign() * e.Sign()
		switch {
		case rd == 2 || re == 2 || sign == 0:
			return DecimalNaN, nil
		case sign > 0:
			return DecimalInf, nil
		}
		return DecimalNegInf, nil
	}
	p := d.Big()
	p.Mul(p, e.Big())
	if scale > maxScale {
		p = roundBig(p, int(scale-maxScale))
		scale = maxScale
	}
	return DecimalFromBig(p, scale)
}

// leading is the weight and the value of the first digit in base 10000, which
// PostgreSQL's rules of scale are written in.
func (d Decimal) leading() (weight, digit int) {
	if d.IsZero() {
		return 0, 0
	}
	var n int
	var m uint64 // the first one to nineteen digits
	k := 0       // how many digits of the number m leaves out
	if d.Wide == nil {
		u := d.coef().abs()
		n = int(u.digits())
		if n > 19 {
			k = n - 19
			if k <= 19 {
				u, _ = u.div64(pow10[k])
			} else {
				u, _ = u.div64(pow10[19])
				u, _ = u.div64(pow10[k-19])
			}
		}
		m = u.lo
	} else {
		b := d.Wide.Coeff.MathBigInt()
		n = bigDigits(b)
		k = n - 19
		m = new(big.Int).Quo(b, bigPow10(k)).Uint64()
	}
	exp := n - 1 - int(d.Scale)
	weight = floorDiv(exp, 4)
	want := exp - 4*weight + 1 // digits of the number in its first base-10000 digit
	have := n - k
	for ; have > want; have-- {
		m /= 10
	}
	for ; have < want; have++ {
		m *= 10
	}
	return weight, int(m)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// divScale is PostgreSQL's scale of a quotient (select_div_scale): at least
// sixteen significant digits and no fewer than either operand's.
func divScale(d, e Decimal) int32 {
	w1, f1 := d.leading()
	w2, f2 := e.leading()
	w := w1 - w2
	if f1 <= f2 {
		w--
	}
	return clampScale(minSignificant-4*w, d.Scale, e.Scale)
}

// clampScale is the scale of a computed result: want, no fewer than the
// operands have, and at most a thousand.
func clampScale(want int, operands ...int32) int32 {
	for _, s := range operands {
		want = max(want, int(s))
	}
	return int32(min(max(want, 0), maxDisplayScale))
}

// Div is d/e, rounded half away from zero at PostgreSQL's scale.
func (d Decimal) Div(e Decimal) (Decimal, error) {
	if rd, re := d.rank(), e.rank(); rd != 0 || re != 0 {
		return divSpecial(d, e, rd, re)
	}
	if e.IsZero() {
		return Decimal{}, ErrDivisionByZero()
	}
	return d.divAt(e, divScale(d, e))
}

func divSpecial(d, e Decimal, rd, re int) (Decimal, error) {
	switch {
	case rd == 2 || re == 2 || rd != 0 && re != 0:
		return DecimalNaN, nil
	case re != 0:
		return Decimal{}, nil
	case e.IsZero():
		return Decimal{}, ErrDivisionByZero()
	case rd*e.Sign() > 0:
		return DecimalInf, nil
	}
	return DecimalNegInf, nil
}

// divAt is d/e of numbers, e not zero, rounded at scale.
func (d Decimal) divAt(e Decimal, scale int32) (Decimal, error) {
	shift := scale - d.Scale + e.Scale
	if d.Wide == nil && e.Wide == nil && shift >= 0 {
		if m, ok := d.coef().abs().mulPow10(shift); ok {
			n := e.coef().abs()
			q, r := m.div(n)
			if half, ok := r.mul64(2); !ok || half.cmp(n) >= 0 {
				x, _ := int128{int64(q.hi), q.lo}.add(int128{0, 1})
				q = uint128{uint64(x.hi), x.lo}
			}
			if x, ok := q.signed((d.Hi < 0) != (e.Hi < 0)); ok {
				return Decimal{Hi: x.hi, Lo: x.lo, Scale: scale}, nil
			}
		}
	}
	a, b := d.Big(), e.Big()
	if shift >= 0 {
		a.Mul(a, bigPow10(int(shift)))
	} else {
		b.Mul(b, bigPow10(int(-shift)))
	}
	return DecimalFromBig(quoRound(a, b), scale)
}

// quoRound is a/b rounded half away from zero.
func quoRound(a, b *big.Int) *big.Int {
	neg := a.Sign()*b.Sign() < 0
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if r.CmpAbs(b) >= 0 {
		if neg {
			q.Sub(q, big.NewInt(1))
		} else {
			q.Add(q, big.NewInt(1))
		}
	}
	return q
}

// roundBig drops the last n digits, rounding half away from zero.
func roundBig(b *big.Int, n int) *big.Int { return quoRound(b, bigPow10(n)) }

// DivTrunc is the integral part of d/e: SQL's div.
func (d Decimal) DivTrunc(e Decimal) (Decimal, error) {
	if rd, re := d.rank(), e.rank(); rd != 0 || re != 0 {
		return divSpecial(d, e, rd, re)
	}
	if e.IsZero() {
		return Decimal{}, ErrDivisionByZero()
	}
	a, b := alignBig(d, e)
	return DecimalFromBig(a.Quo(a, b), 0)
}

// Mod is the rest of DivTrunc, with the sign of d.
func (d Decimal) Mod(e Decimal) (Decimal, error) {
	if rd, re := d.rank(), e.rank(); rd != 0 || re != 0 {
		switch {
		case rd == 2 || re == 2:
			return DecimalNaN, nil
		case rd != 0 && re == 0 && e.IsZero():
			return Decimal{}, ErrDivisionByZero()
		case rd != 0:
			return DecimalNaN, nil
		}
		return d, nil
	}
	if e.IsZero() {
		return Decimal{}, ErrDivisionByZero()
	}
	if d.Wide == nil && e.Wide == nil {
		a, b, ok := d.coef(), e.coef(), true
		if d.Scale != e.Scale {
			a, b, ok = alignNarrow(d, e)
		}
		if ok {
			_, r := a.abs().div(b.abs())
			x, _ := r.signed(a.hi < 0)
			return Decimal{Hi: x.hi, Lo: x.lo, Scale: max(d.Scale, e.Scale)}, nil
		}
	}
	a, b := alignBig(d, e)
	return DecimalFromBig(a.Rem(a, b), max(d.Scale, e.Scale))
}
