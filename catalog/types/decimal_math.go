package types

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The functions below give PostgreSQL's scale and the correctly rounded digits
// of it, which is what PostgreSQL's own guard digits achieve.

// guard digits are computed beyond those asked for.
const guard = 12

func errPower(text string) error {
	return sqlerr.Errorf(sqlerr.InvalidArgumentForPowerFunction, "%s", text)
}

func errLogarithm(text string) error {
	return sqlerr.Errorf(sqlerr.InvalidArgumentForLogarithm, "%s", text)
}

// Sqrt is the square root, 2201F of a negative number.
func (d Decimal) Sqrt() (Decimal, error) {
	if d.Sign() < 0 {
		return Decimal{}, errPower("cannot take square root of a negative number")
	}
	if !d.IsFinite() {
		return d, nil
	}
	w, _ := d.leading()
	digits := w*4/2 + 1
	if w < 0 {
		digits = 1 - (1-4*w)/2
	}
	scale := clampScale(minSignificant-digits, d.Scale)
	// The root is cut, not rounded, at one digit or more beyond the scale: a
	// half there is then a true half or more.
	at := max(scale+1, (d.Scale+1)/2)
	b := d.Big()
	b.Mul(b, bigPow10(int(2*at-d.Scale)))
	return DecimalFromBig(roundBig(b.Sqrt(b), int(at-scale)), scale)
}

// apdOf is a finite d for apd.
func (d Decimal) apdOf() *apd.Decimal {
	return apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(d.Big()), -d.Scale)
}

// fromAPD rounds x at scale.
func fromAPD(x *apd.Decimal, scale int32) (Decimal, error) {
	b := new(big.Int).Set(x.Coeff.MathBigInt())
	if x.Negative {
		b.Neg(b)
	}
	if shift := int(scale) + int(x.Exponent); shift >= 0 {
		b.Mul(b, bigPow10(shift))
	} else {
		b = roundBig(b, -shift)
	}
	return DecimalFromBig(b, scale)
}

// context computes digits significant digits.
func context(digits int) *apd.Context {
	c := apd.BaseContext.WithPrecision(uint32(max(digits, minSignificant) + guard))
	c.Traps = 0
	return c
}

const log10E = 0.434294481903252

// approximate is d as a float8, an infinity where it overflows.
func (d Decimal) approximate() float64 {
	x, err := d.Float64()
	if err == nil {
		return x
	}
	if w, _ := d.leading(); w < 0 {
		return 0
	}
	return math.Inf(d.Sign())
}

// Exp is e to the power d.
func (d Decimal) Exp() (Decimal, error) {
	switch d.rank() {
	case 2, 1:
		return d, nil
	case -1:
		return Decimal{}, nil
	}
	weight := d.approximate() * log10E
	scale := clampScale(minSignificant-int(min(max(weight, -2000), 2000)), d.Scale)
	return d.expAt(scale)
}

// expAt is e^d rounded at scale.
func (d Decimal) expAt(scale int32) (Decimal, error) {
	approx := d.approximate()
	if math.Abs(approx) >= 6000 {
		if approx > 0 {
			return Decimal{}, errNumericOverflow()
		}
		return Decimal{Scale: scale}, nil
	}
	// e^d is the square of e^(d/2), halvings times; each squaring may double
	// the relative error, and every digit before the point counts against the
	// places behind it.
	halvings := max(math.Ilogb(approx)+9, 0)
	places := int(scale) + max(2*int(approx*log10E), 0) + halvings/3 + 2*guard
	one := bigPow10(places)
	x := d.Big()
	if e := places - int(d.Scale); e >= 0 {
		x.Mul(x, bigPow10(e))
	} else {
		x = roundBig(x, -e)
	}
	if approx == 0 {
		halvings = 0
	}
	x.Rsh(x, uint(halvings))
	sum, term := new(big.Int).Set(one), new(big.Int).Set(one)
	for n := int64(1); term.Sign() != 0; n++ {
		term.Mul(term, x)
		term.Quo(term, one)
		term.Quo(term, big.NewInt(n))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
		sum.Quo(sum, one)
	}
	return DecimalFromBig(roundBig(sum, places-int(scale)), scale)
}

// lnWeight is PostgreSQL's estimate of the decimal weight of ln(d).
func (d Decimal) lnWeight() int {
	one := DecimalFromInt64(1)
	if d.Compare(NewDecimal(9, 1)) >= 0 && d.Compare(NewDecimal(11, 1)) <= 0 {
		x, _ := d.Sub(one)
		if x.IsZero() {
			return 0
		}
		w, first := x.Abs().leading()
		return 4*w + int(math.Log10(float64(first)))
	}
	w, _ := d.leading()
	ln := math.Log(float64(d.firstEight())) + float64(4*(w-1))*2.302585092994046
	return int(math.Log10(math.Abs(ln)))
}

// firstEight are the first two digits of d in base 10000, as one number.
func (d Decimal) firstEight() int64 {
	w, _ := d.leading()
	b := d.Abs().Big()
	// d = b * 10^-scale; wanted: d * 10^(4-4w), cut.
	if e := 4 - 4*w - int(d.Scale); e >= 0 {
		b.Mul(b, bigPow10(e))
	} else {
		b.Quo(b, bigPow10(-e))
	}
	return b.Int64()
}

// Ln is the natural logarithm, 2201E of a number not above zero.
func (d Decimal) Ln() (Decimal, error) {
	if err := d.checkLog(); err != nil || !d.IsFinite() {
		return d, err
	}
	w := d.lnWeight()
	scale := clampScale(minSignificant-w, d.Scale)
	x, err := d.lnDigits(int(scale) + w + 2)
	if err != nil {
		return Decimal{}, err
	}
	return fromAPD(x, scale)
}

// lnDigits is ln(d) to so many significant digits.
func (d Decimal) lnDigits(digits int) (*apd.Decimal, error) {
	c := context(digits)
	x, tens := d.apdOf(), int64(0)
	if n := x.NumDigits() - int64(d.Scale); n > 1000 || n < -1000 {
		// Beyond what apd does in time, or at all: ln(x * 10^n) is
		// ln(x) + n*ln(10), and of x the first digits count.
		tens = n
		b := d.Big()
		if drop := bigDigits(b) - digits - 2*guard; drop > 0 {
			b = roundBig(b, drop)
		}
		x = apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(b), int32(-bigDigits(b)))
	}
	var y apd.Decimal
	if _, err := c.Ln(&y, x); err != nil {
		return nil, errNumericOverflow()
	}
	if tens == 0 {
		return &y, nil
	}
	var ten apd.Decimal
	if _, err := c.Ln(&ten, apd.New(10, 0)); err != nil {
		return nil, errNumericOverflow()
	}
	if _, err := c.Mul(&ten, &ten, apd.New(tens, 0)); err != nil {
		return nil, errNumericOverflow()
	}
	if _, err := c.Add(&y, &y, &ten); err != nil {
		return nil, errNumericOverflow()
	}
	return &y, nil
}

func (d Decimal) checkLog() error {
	switch {
	case d.IsNaN():
		return nil
	case d.Sign() < 0:
		return errLogarithm("cannot take logarithm of a negative number")
	case d.Sign() == 0:
		return errLogarithm("cannot take logarithm of zero")
	}
	return nil
}

// Log is the logarithm of d to base.
func (d Decimal) Log(base Decimal) (Decimal, error) {
	if d.IsNaN() || base.IsNaN() {
		return DecimalNaN, nil
	}
	if d.IsInf() && d.Sign() < 0 {
		return d, d.checkLog()
	}
	if err := base.checkLog(); err != nil {
		return d, err
	}
	if err := d.checkLog(); err != nil {
		return d, err
	}
	switch {
	case d.IsInf() && base.IsInf():
		return DecimalNaN, nil
	case d.IsInf():
		return DecimalInf, nil
	case base.IsInf():
		return Decimal{}, nil
	}
	wb, wd := base.lnWeight(), d.lnWeight()
	scale := clampScale(minSignificant-(wd-wb), base.Scale, d.Scale)
	digits := int(scale) + wd - wb + 4
	x, err := d.lnDigits(digits)
	if err != nil {
		return Decimal{}, err
	}
	y, err := base.lnDigits(digits)
	if err != nil {
		return Decimal{}, err
	}
	if y.IsZero() {
		return Decimal{}, ErrDivisionByZero()
	}
	var q apd.Decimal
	if _, err := context(digits).Quo(&q, x, y); err != nil {
		return Decimal{}, errNumericOverflow()
	}
	return fromAPD(&q, scale)
}
