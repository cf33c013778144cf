package types

import (
	"math"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Round rounds half away from zero to scale digits after the point; a negative
// scale rounds before it. A greater scale than d's adds zeros, as SQL's round
// does.
func (d Decimal) Round(scale int32) (Decimal, error) {
	return d.rescale(scale, halfAway)
}

// Trunc cuts to scale digits after the point; a negative scale cuts before it.
func (d Decimal) Trunc(scale int32) Decimal {
	// Cutting cannot overflow, and added zeros are bounded.
	d, _ = d.rescale(scale, towardZero)
	return d
}

// rounding says what becomes of digits that go.
type rounding uint8

const (
	halfAway rounding = iota
	towardZero
)

// rescale changes the scale.
func (d Decimal) rescale(scale int32, mode rounding) (Decimal, error) {
	if !d.IsFinite() || scale == d.Scale {
		return d, nil
	}
	scale = min(max(scale, -maxIntegerDigits), maxScale)
	if scale > d.Scale {
		return d.extend(scale)
	}
	drop := d.Scale - scale
	if d.Wide == nil && scale >= 0 && drop <= 19 {
		m := d.coef().abs()
		q, r := m.div64(pow10[drop])
		if mode == halfAway && r >= pow10[drop]-r {
			x, _ := int128{int64(q.hi), q.lo}.add(int128{0, 1})
			q = uint128{uint64(x.hi), x.lo}
		}
		x, _ := q.signed(d.Hi < 0)
		return Decimal{Hi: x.hi, Lo: x.lo, Scale: scale}, nil
	}
	b := d.Big()
	if mode == halfAway {
		b = roundBig(b, int(drop))
	} else {
		b.Quo(b, bigPow10(int(drop)))
	}
	if scale < 0 {
		b.Mul(b, bigPow10(int(-scale)))
		scale = 0
	}
	return DecimalFromBig(b, scale)
}

// extend adds zeros after the point.
func (d Decimal) extend(scale int32) (Decimal, error) {
	if d.Wide == nil {
		if m, ok := d.coef().abs().mulPow10(scale - d.Scale); ok {
			if x, ok := m.signed(d.Hi < 0); ok {
				return Decimal{Hi: x.hi, Lo: x.lo, Scale: scale}, nil
			}
		}
	}
	b := d.Big()
	return DecimalFromBig(b.Mul(b, bigPow10(int(scale-d.Scale))), scale)
}

// Ceil is the least integer not below d.
func (d Decimal) Ceil() (Decimal, error) { return d.toward(1) }

// Floor is the greatest integer not above d.
func (d Decimal) Floor() (Decimal, error) { return d.toward(-1) }

func (d Decimal) toward(sign int) (Decimal, error) {
	if !d.IsFinite() {
		return d, nil
	}
	t := d.Trunc(0)
	if d.Sign() != sign || t.Compare(d) == 0 {
		return t, nil
	}
	return t.Add(DecimalFromInt64(int64(sign)))
}

// Int64 rounds half away from zero; 22003 where bigint cannot hold it.
func (d Decimal) Int64() (int64, error) { return d.integer("bigint", math.MinInt64, math.MaxInt64) }

// Int32 rounds half away from zero; 22003 where integer cannot hold it.
func (d Decimal) Int32() (int32, error) {
	i, err := d.integer("integer", math.MinInt32, math.MaxInt32)
	return int32(i), err
}

// Int16 rounds half away from zero; 22003 where smallint cannot hold it.
func (d Decimal) Int16() (int16, error) {
	i, err := d.integer("smallint", math.MinInt16, math.MaxInt16)
	return int16(i), err
}

func (d Decimal) integer(name string, lo, hi int64) (int64, error) {
	switch d.rank() {
	case 2:
		return 0, sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot convert NaN to %s", name)
	case 1, -1:
		return 0, sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot convert infinity to %s", name)
	}
	r, err := d.Round(0)
	if err != nil || r.Wide != nil || !r.coef().fits64() || int64(r.Lo) < lo || int64(r.Lo) > hi {
		return 0, OutOfRange(name)
	}
	return int64(r.Lo), nil
}

// Float64 is the nearest float8; 22003 where it over- or underflows.
func (d Decimal) Float64() (float64, error) { return d.float(64, "double precision") }

// Float32 is the nearest float4; 22003 where it over- or underflows.
func (d Decimal) Float32() (float32, error) {
	x, err := d.float(32, "real")
	return float32(x), err
}

func (d Decimal) float(bits int, name string) (float64, error) {
	switch d.rank() {
	case 2:
		return math.NaN(), nil
	case 1, -1:
		return math.Inf(d.rank()), nil
	}
	// One correctly rounded division, where both are exact in a float8.
	if m := d.coef().abs(); bits == 64 && d.Wide == nil && m.hi == 0 && m.lo < 1<<53 && d.Scale <= 15 {
		x := float64(m.lo) / float64(pow10[d.Scale])
		if d.Hi < 0 {
			x = -x
		}
		return x, nil
	}
	var buf [64]byte
	text := d.Append(buf[:0])
	x, err := strconv.ParseFloat(view(text), bits)
	if err != nil || x == 0 && !d.IsZero() {
		return 0, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "\"%s\" is out of range for type %s", text, name)
	}
	return x, nil
}

// DecimalFromFloat64 is x in its first fifteen significant digits, as
// PostgreSQL casts float8 to numeric.
func DecimalFromFloat64(x float64) (Decimal, error) { return decimalFromFloat(x, 15) }

// DecimalFromFloat32 is x in its first six significant digits, as PostgreSQL
// casts float4 to numeric.
func DecimalFromFloat32(x float32) (Decimal, error) { return decimalFromFloat(float64(x), 6) }

func decimalFromFloat(x float64, digits int) (Decimal, error) {
	switch {
	case math.IsNaN(x):
		return DecimalNaN, nil
	case math.IsInf(x, 1):
		return DecimalInf, nil
	case math.IsInf(x, -1):
		return DecimalNegInf, nil
	}
	var buf [40]byte
	text := strconv.AppendFloat(buf[:0], x, 'e', digits-1, 64)
	return ParseDecimal(view(layoutFloat(text, 0, digits)))
}

// Fit applies a numeric(p,s) modifier: it rounds to s and raises 22003 where
// more than p-s digits stand before the point.
func (d Decimal) Fit(mod int32) (Decimal, error) {
	if mod < 4 || d.IsNaN() {
		return d, nil
	}
	precision, scale := numericMod(mod)
	if d.IsInf() {
		return d, numericOverflow(precision, scale, true)
	}
	r, err := d.Round(scale)
	if err != nil {
		return d, err
	}
	if r.IsZero() {
		return r, nil
	}
	var n int32
	if r.Wide == nil {
		n = r.coef().abs().digits()
	} else {
		n = int32(bigDigits(r.Wide.Coeff.MathBigInt()))
	}
	if n-r.Scale > precision-scale {
		return d, numericOverflow(precision, scale, false)
	}
	return r, nil
}

func numericMod(mod int32) (precision, scale int32) {
	mod -= 4
	return mod >> 16 & 0xffff, (mod&0x7ff ^ 1024) - 1024
}

func numericOverflow(precision, scale int32, infinite bool) error {
	e := sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "numeric field overflow")
	if infinite {
		return e.WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
	}
	if precision == scale {
		return e.WithDetail("A field with precision %d, scale %d must round to an absolute value less than 1.", precision, scale)
	}
	return e.WithDetail("A field with precision %d, scale %d must round to an absolute value less than 10^%d.", precision, scale, precision-scale)
}
