package types

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// Power is d to the power e.
func (d Decimal) Power(e Decimal) (Decimal, error) {
	one := DecimalFromInt64(1)
	switch {
	case d.IsNaN():
		if e.IsZero() {
			return one, nil
		}
		return DecimalNaN, nil
	case e.IsNaN():
		if d.Compare(one) == 0 {
			return one, nil
		}
		return DecimalNaN, nil
	case d.IsZero() && e.Sign() < 0:
		return Decimal{}, errPower("zero raised to a negative power is undefined")
	case d.Sign() < 0 && !e.isIntegral():
		return Decimal{}, errPower("a negative number raised to a non-integer power yields a complex result")
	case d.IsInf() || e.IsInf():
		return powerInf(d, e), nil
	}
	if e.isIntegral() {
		if n, err := e.Int32(); err == nil {
			return d.powerInt(int(n), e.Scale)
		}
	}
	if d.IsZero() {
		return Decimal{Scale: minSignificant}, nil
	}
	r, err := d.Abs().powerReal(e)
	if err == nil && d.Sign() < 0 && e.isOdd() {
		r = r.Neg()
	}
	return r, err
}

// isIntegral reports whether d is an integer; infinities are.
func (d Decimal) isIntegral() bool { return !d.IsFinite() || d.MinScale() == 0 }

// isOdd reports whether an integral, finite d is odd.
func (d Decimal) isOdd() bool { return d.Trunc(0).Big().Bit(0) == 1 }

// powerInf is pow of POSIX where an operand is infinite.
func powerInf(d, e Decimal) Decimal {
	one, zero := DecimalFromInt64(1), Decimal{}
	switch {
	case d.Compare(one) == 0 || e.IsZero():
		return one
	case d.IsZero():
		return zero
	case e.IsInf():
		if c := d.Abs().Compare(one); c == 0 {
			return one
		} else if (c > 0) == (e.Sign() > 0) {
			return DecimalInf
		}
		return zero
	case e.Sign() < 0:
		return zero
	case d.Sign() < 0 && e.isOdd():
		return DecimalNegInf
	}
	return DecimalInf
}

// maxExactDigits bounds the exact powers that powerInt makes.
const maxExactDigits = 400000

// powerInt is d to the power n at PostgreSQL's scale.
func (d Decimal) powerInt(n int, expScale int32) (Decimal, error) {
	weight := 0.0
	if !d.IsZero() {
		weight = float64(n) * d.log10()
	}
	switch {
	case weight > maxIntegerDigits:
		return Decimal{}, errNumericOverflow()
	case weight+1 < -maxDisplayScale:
		return Decimal{Scale: maxDisplayScale}, nil
	}
	scale := clampScale(minSignificant-int(weight), d.Scale, expScale)
	switch {
	case n == 0:
		return DecimalFromInt64(1).extend(scale)
	case n == 1:
		return d.Round(scale)
	case d.IsZero():
		return Decimal{Scale: scale}, nil
	case n == -1:
		return DecimalFromInt64(1).divAt(d, scale)
	}
	d = d.TrimScale()
	b := d.Big()
	exp := max(n, -n)
	if bigDigits(b)*exp > maxExactDigits {
		return d.powerLong(n, scale, weight)
	}
	p := new(big.Int).Exp(b, big.NewInt(int64(exp)), nil)
	shift := int(d.Scale) * exp // p is the power times 10^shift
	if n > 0 {
		if shift >= int(scale) {
			return DecimalFromBig(roundBig(p, shift-int(scale)), scale)
		}
		return DecimalFromBig(p.Mul(p, bigPow10(int(scale)-shift)), scale)
	}
	return DecimalFromBig(quoRound(bigPow10(int(scale)+shift), p), scale)
}

// powerLong is powerInt where the exact power has too many digits: squaring
// with as many as the result needs, and those that the steps may lose.
func (d Decimal) powerLong(n int, scale int32, weight float64) (Decimal, error) {
	exp := max(n, -n)
	digits := int(scale) + int(math.Abs(weight)) + 2*guard
	r, x := longFloat{big.NewInt(1), 0}, longFloat{d.Big(), -int(d.Scale)}
	for ; exp > 0; exp >>= 1 {
		if exp&1 == 1 {
			r = r.mul(x, digits)
		}
		if exp > 1 {
			x = x.mul(x, digits)
		}
	}
	if n < 0 {
		places := bigDigits(r.coef) + digits
		r = longFloat{quoRound(bigPow10(places), r.coef), -places - r.exp}
	}
	shift := int(scale) + r.exp
	if shift < 0 {
		return DecimalFromBig(roundBig(r.coef, -shift), scale)
	}
	return DecimalFromBig(r.coef.Mul(r.coef, bigPow10(shift)), scale)
}

// longFloat is coef times 10^exp. Its exponent, unlike a Decimal's or apd's, has
// no bound that a step on the way to a numeric could pass.
type longFloat struct {
	coef *big.Int
	exp  int
}

// mul is x*y rounded to so many digits.
func (x longFloat) mul(y longFloat, digits int) longFloat {
	z := longFloat{new(big.Int).Mul(x.coef, y.coef), x.exp + y.exp}
	if drop := bigDigits(z.coef) - digits; drop > 0 {
		z.coef, z.exp = roundBig(z.coef, drop), z.exp+drop
	}
	return z
}

// log10 is the logarithm of |d|, which is not zero, from its first digits.
func (d Decimal) log10() float64 {
	b := d.Abs().Big()
	k := max(bigDigits(b)-18, 0)
	f, _ := new(big.Float).SetInt(b.Quo(b, bigPow10(k))).Float64()
	return math.Log10(f) + float64(k-int(d.Scale))
}

// powerReal is d, above zero, to a power that is no small integer.
func (d Decimal) powerReal(e Decimal) (Decimal, error) {
	w := d.lnWeight()
	// PostgreSQL's estimate of the logarithm of the result, in so many places.
	places := int32(max(8-w, 0))
	x, err := d.lnDigits(int(places) + w + 2)
	if err != nil {
		return Decimal{}, err
	}
	ln, err := fromAPD(x, places)
	if err != nil {
		return Decimal{}, err
	}
	p, err := ln.Mul(e)
	if err != nil {
		return Decimal{}, err
	}
	if p, err = p.Round(places); err != nil {
		return Decimal{}, err
	}
	approx := p.approximate()
	if math.Abs(approx) > 2000*3.01 {
		if approx > 0 {
			return Decimal{}, errNumericOverflow()
		}
		return Decimal{Scale: maxDisplayScale}, nil
	}
	scale := clampScale(minSignificant-int(approx*log10E), d.Scale, e.Scale)
	// The logarithm needs as many places as the result has digits, and the
	// places that the exponent's integral digits take away.
	we, _ := e.leading()
	need := int(scale) + max(int(approx*log10E), 0) + 4*max(we+1, 0) + guard
	if x, err = d.lnDigits(need + max(w, 0) + 2); err != nil {
		return Decimal{}, err
	}
	var q apd.Decimal
	if _, err := context(need+max(w, 0)).Mul(&q, x, e.apdOf()); err != nil {
		return Decimal{}, errNumericOverflow()
	}
	if p, err = fromAPD(&q, int32(need)); err != nil {
		return Decimal{}, err
	}
	return p.expAt(scale)
}
