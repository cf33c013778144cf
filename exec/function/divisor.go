package function

import (
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Greatest common divisors of numerics, factorials, and numbers at random.

func init() {
	type vs = []types.Value
	define("gcd(numeric, numeric) numeric strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		x, y, scale, ok := sameScale(a[0].N, a[1].N)
		if !ok {
			return numeric(types.DecimalNaN)
		}
		d, err := types.DecimalFromBig(x.GCD(nil, nil, x, y), scale)
		return types.NewNumeric(d), err
	}, Examples: examples("gcd(0.12, 0.9)", "0.06", "gcd(0.0, -5)", "5.0", "gcd('NaN'::numeric, 1)", "NaN", "gcd('Infinity'::numeric, 1)", "NaN")})
	define("lcm(numeric, numeric) numeric strict immutable", Definition{Value: func(_ *Env, a vs) (types.Value, error) {
		x, y, scale, ok := sameScale(a[0].N, a[1].N)
		if !ok {
			return numeric(types.DecimalNaN)
		}
		if x.Sign() != 0 && y.Sign() != 0 {
			divisor := new(big.Int).GCD(nil, nil, x, y)
			x.Mul(x.Quo(x, divisor), y)
		} else {
			x.SetInt64(0)
		}
		d, err := types.DecimalFromBig(x, scale)
		return types.NewNumeric(d), err
	}, Examples: examples("lcm(0.12, 0.9)", "1.80", "lcm(0.0, 5)", "0.0", "lcm(-4.0, 6)", "12.0")})
	define("factorial(int8) numeric strict immutable", Definition{Value: func(env *Env, a vs) (types.Value, error) {
		switch n := a[0].I; {
		case n < 0:
			return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "factorial of a negative number is undefined")
		case n > 32177:
			return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value overflows numeric format")
		default:
			d, err := types.DecimalFromBig(new(big.Int).MulRange(1, max(n, 1)), 0)
			return types.NewNumeric(d), err
		}
	}, Examples: examples("factorial(20::int8)", "2432902008176640000", "factorial(30::int8)", "265252859812191058636308480000000", "factorial(0::int8)", "1", "factorial((-1)::int8)", "ERROR 22003", "factorial(40000::int8)", "ERROR 22003")})
}

// sameScale are the magnitudes of two numerics as integers of one scale; ok is
// false where one is no number.
func sameScale(a, b types.Decimal) (x, y *big.Int, scale int32, ok bool) {
	if !a.IsFinite() || !b.IsFinite() {
		return nil, nil, 0, false
	}
	scale = max(a.Scale, b.Scale)
	raised := func(d types.Decimal) *big.Int {
		z := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-d.Scale)), nil)
		return z.Abs(z.Mul(z, d.Big()))
	}
	return raised(a), raised(b), scale, true
}
