package types

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Decimal is one exact numeric: the signed 128-bit coefficient Hi:Lo (two's
// complement) times 10^-Scale. Wide, where it is not nil, holds the value
// instead: a coefficient over 128 bits, NaN, or an infinity; then Scale is
// still the display scale and Hi and Lo are zero. Scale is never negative, as
// PostgreSQL's dscale is not. Two Decimals that are equal may differ in Scale;
// Compare and Hash see the value, text output the scale.
//
// Wide is shared between copies of a Decimal and never changed.
type Decimal struct {
	Hi    int64
	Lo    uint64
	Scale int32
	Wide  *apd.Decimal
}

// PostgreSQL's limits of numeric.
const (
	// maxScale is the most digits after the point.
	maxScale = 16383
	// maxDisplayScale bounds the scale of computed results and of modifiers.
	maxDisplayScale = 1000
	// maxIntegerDigits is the most digits before the point.
	maxIntegerDigits = 131072
	// minSignificant digits a quotient or a function's result has at least.
	minSignificant = 16
)

// The values that are no number.
var (
	DecimalNaN    = Decimal{Wide: &apd.Decimal{Form: apd.NaN}}
	DecimalInf    = Decimal{Wide: &apd.Decimal{Form: apd.Infinite}}
	DecimalNegInf = Decimal{Wide: &apd.Decimal{Form: apd.Infinite, Negative: true}}
)

// NewDecimal is coef times 10^-scale; scale may not be negative.
func NewDecimal(coef int64, scale int32) Decimal {
	return Decimal{Hi: coef >> 63, Lo: uint64(coef), Scale: scale}
}

// NewDecimal128 is the 128-bit coefficient hi:lo times 10^-scale.
func NewDecimal128(hi int64, lo uint64, scale int32) Decimal {
	return Decimal{Hi: hi, Lo: lo, Scale: scale}
}

// DecimalFromInt64 is i with no digit after the point.
func DecimalFromInt64(i int64) Decimal { return NewDecimal(i, 0) }

// DecimalFromBig is coef times 10^-scale, 22003 where numeric cannot hold it.
// It keeps nothing of coef.
func DecimalFromBig(coef *big.Int, scale int32) (Decimal, error) {
	if x, ok := int128FromBig(coef); ok {
		if scale > maxScale {
			return Decimal{}, errNumericOverflow()
		}
		return Decimal{Hi: x.hi, Lo: x.lo, Scale: scale}, nil
	}
	if scale > maxScale || bigDigits(coef)-int(scale) > maxIntegerDigits {
		return Decimal{}, errNumericOverflow()
	}
	w := &apd.Decimal{Exponent: -scale, Negative: coef.Sign() < 0}
	w.Coeff.SetMathBigInt(coef)
	w.Coeff.Abs(&w.Coeff)
	return Decimal{Scale: scale, Wide: w}, nil
}

func errNumericOverflow() error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format")
}

// bigDigits is the number of decimal digits of |b|.
func bigDigits(b *big.Int) int {
	if b.Sign() == 0 {
		return 1
	}
	n := int(float64(b.BitLen()-1)*0.30102999566398119521) + 1
	if new(big.Int).Abs(b).Cmp(bigPow10(n)) >= 0 {
		n++
	}
	return n
}

func bigPow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (d Decimal) coef() int128 { return int128{d.Hi, d.Lo} }

// Big is the coefficient of a finite d, in any width; it is the caller's.
func (d Decimal) Big() *big.Int {
	if d.Wide == nil {
		return d.coef().big()
	}
	b := new(big.Int).Set(d.Wide.Coeff.MathBigInt())
	if d.Wide.Negative {
		b.Neg(b)
	}
	return b
}

// IsNaN reports whether d is NaN.
func (d Decimal) IsNaN() bool { return d.Wide != nil && d.Wide.Form == apd.NaN }

// IsInf reports whether d is an infinity.
func (d Decimal) IsInf() bool { return d.Wide != nil && d.Wide.Form == apd.Infinite }

// IsFinite reports whether d is a number.
func (d Decimal) IsFinite() bool { return d.Wide == nil || d.Wide.Form == apd.Finite }

// IsZero reports whether d is zero, in any scale.
func (d Decimal) IsZero() bool { return d.Wide == nil && d.Hi == 0 && d.Lo == 0 }

// Sign is -1, 0 or 1; of NaN it is 0.
func (d Decimal) Sign() int {
	switch {
	case d.IsNaN() || d.IsZero():
		return 0
	case d.Wide != nil && d.Wide.Negative || d.Wide == nil && d.Hi < 0:
		return -1
	}
	return 1
}

// Neg is -d.
func (d Decimal) Neg() Decimal {
	if d.Wide == nil {
		if d.Hi != math.MinInt64 || d.Lo != 0 {
			x := d.coef().neg()
			return Decimal{Hi: x.hi, Lo: x.lo, Scale: d.Scale}
		}
		b := d.Big()
		d, _ = DecimalFromBig(b.Neg(b), d.Scale)
		return d
	}
	if d.IsNaN() {
		return d
	}
	w := new(apd.Decimal).Set(d.Wide)
	w.Negative = !w.Negative
	return Decimal{Scale: d.Scale, Wide: w}
}

// Abs is |d|.
func (d Decimal) Abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

// Compare orders by value: -infinity, numbers, infinity, NaN.
func (d Decimal) Compare(e Decimal) int {
	if d.Wide == nil && e.Wide == nil {
		if d.Scale == e.Scale {
			return d.coef().cmp(e.coef())
		}
		if c, ok := compareScaled(d, e); ok {
			return c
		}
	}
	if rd, re := d.rank(), e.rank(); rd != re || rd != 0 {
		return compareInt(int64(rd), int64(re))
	}
	a, b := d.Big(), e.Big()
	if d.Scale < e.Scale {
		a.Mul(a, bigPow10(int(e.Scale-d.Scale)))
	} else {
		b.Mul(b, bigPow10(int(d.Scale-e.Scale)))
	}
	return a.Cmp(b)
}

// compareScaled compares two narrow decimals of different scales, false where
// bringing them to one scale overflows.
func compareScaled(d, e Decimal) (int, bool) {
	sd, se := d.Sign(), e.Sign()
	if sd != se || sd == 0 {
		return compareInt(int64(sd), int64(se)), true
	}
	if x, y, gap := d.coef(), e.coef(), d.Scale-e.Scale; x.fits64() && y.fits64() && gap > -19 && gap < 19 {
		if gap < 0 {
			return mul64(int64(x.lo), int64(pow10[-gap])).cmp(y), true
		}
		return x.cmp(mul64(int64(y.lo), int64(pow10[gap]))), true
	}
	a, b := d.coef().abs(), e.coef().abs()
	var ok bool
	if d.Scale < e.Scale {
		a, ok = a.mulPow10(e.Scale - d.Scale)
	} else {
		b, ok = b.mulPow10(d.Scale - e.Scale)
	}
	return a.cmp(b) * sd, ok
}

// rank separates what is no number: -1, 0 for numbers, 1, 2 for NaN.
func (d Decimal) rank() int {
	switch {
	case d.Wide == nil || d.Wide.Form == apd.Finite:
		return 0
	case d.Wide.Form == apd.NaN:
		return 2
	case d.Wide.Negative:
		return -1
	}
	return 1
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// MinScale is the fewest digits after the point that hold d.
func (d Decimal) MinScale() int32 {
	if !d.IsFinite() || d.IsZero() {
		return 0
	}
	if d.Wide == nil {
		m, s := d.coef().abs(), d.Scale
		for s > 0 {
			q, r := m.div64(10)
			if r != 0 {
				break
			}
			m, s = q, s-1
		}
		return s
	}
	b, s, ten, r := d.Big(), d.Scale, big.NewInt(10), new(big.Int)
	for q := new(big.Int); s > 0; s-- {
		if q.QuoRem(b, ten, r); r.Sign() != 0 {
			break
		}
		b, q = q, b
	}
	return s
}

// TrimScale drops the zeros at the end.
func (d Decimal) TrimScale() Decimal { return d.Trunc(d.MinScale()) }

// Hash is equal for equal values whatever their scales.
func (d Decimal) Hash() uint64 {
	if !d.IsFinite() {
		return mix(uint64(int64(d.rank())), 0x9e3779b97f4a7c15)
	}
	d = d.TrimScale()
	h := mix(uint64(d.Scale), 0xa0761d6478bd642f)
	if d.Wide == nil {
		return mix(mix(h, d.Lo), uint64(d.Hi))
	}
	for _, w := range d.Wide.Coeff.MathBigInt().Bits() {
		h = mix(h, uint64(w))
	}
	return mix(h, uint64(int64(d.Sign())))
}

// mix is one round of splitmix64.
func mix(h, x uint64) uint64 {
	h = (h ^ x) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
