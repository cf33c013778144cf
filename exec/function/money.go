package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Arithmetic of money, which counts hundredths.

func money(cents int64) (types.Value, error) { return types.NewInt(types.Money, cents), nil }

func moneyRange() (types.Value, error) { return types.Value{}, types.OutOfRange("money") }

// moneyFloat rounds to whole hundredths, halves to even.
func moneyFloat(x float64) (types.Value, error) {
	x = math.RoundToEven(x)
	if math.IsNaN(x) || x < -1<<63 || x >= 1<<63 {
		return moneyRange()
	}
	return money(int64(x))
}

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("cash_pl(money, money) money strict immutable", func(_ *Env, a vs) (types.Value, error) {
		sum := a[0].I + a[1].I
		if (sum > a[0].I) != (a[1].I > 0) && a[1].I != 0 {
			return moneyRange()
		}
		return money(sum)
	}, "money '1.50' + money '2'", "$3.50", "money '92233720368547758.07' + money '0.01'", "ERROR 22003")
	op("cash_mi(money, money) money strict immutable", func(_ *Env, a vs) (types.Value, error) {
		diff := a[0].I - a[1].I
		if (diff < a[0].I) != (a[1].I > 0) && a[1].I != 0 {
			return moneyRange()
		}
		return money(diff)
	}, "money '1.50' - money '2'", "-$0.50", "money '-92233720368547758.08' - money '0.01'", "ERROR 22003")
	op("cash_div_cash(money, money) float8 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if a[1].I == 0 {
			return types.Value{}, divisionByZero()
		}
		return float8(float64(a[0].I) / float64(a[1].I))
	}, "money '3' / money '2'", "1.5", "money '3' / money '0'", "ERROR 22012")
	mulInt := func(x, y int64) (types.Value, error) {
		p := x * y
		if x != 0 && (p/x != y || x == -1 && y == math.MinInt64) {
			return moneyRange()
		}
		return money(p)
	}
	divInt := func(x, y int64) (types.Value, error) {
		if y == 0 {
			return types.Value{}, divisionByZero()
		}
		if x == math.MinInt64 && y == -1 {
			return moneyRange()
		}
		return money(x / y)
	}
	for _, t := range []string{"int2", "int4", "int8"} {
		op("cash_mul_"+t+"(money, "+t+") money strict immutable", func(_ *Env, a vs) (types.Value, error) { return mulInt(a[0].I, a[1].I) }, "money '1.50' * 3::"+t, "$4.50")
		op(t+"_mul_cash("+t+", money) money strict immutable", func(_ *Env, a vs) (types.Value, error) { return mulInt(a[1].I, a[0].I) }, "3::"+t+" * money '1.50'", "$4.50")
		op("cash_div_"+t+"(money, "+t+") money strict immutable", func(_ *Env, a vs) (types.Value, error) { return divInt(a[0].I, a[1].I) }, "money '10' / 3::"+t, "$3.33", "money '1' / 0::"+t, "ERROR 22012")
	}
	for name, t := range map[string]string{"flt4": "float4", "flt8": "float8"} {
		op("cash_mul_"+name+"(money, "+t+") money strict immutable", func(_ *Env, a vs) (types.Value, error) { return moneyFloat(float64(a[0].I) * a[1].F) }, "money '1.50' * 1.5::"+t, "$2.25")
		op(name+"_mul_cash("+t+", money) money strict immutable", func(_ *Env, a vs) (types.Value, error) { return moneyFloat(float64(a[1].I) * a[0].F) }, "1.5::"+t+" * money '1.50'", "$2.25")
		op("cash_div_"+name+"(money, "+t+") money strict immutable", func(_ *Env, a vs) (types.Value, error) {
			if a[1].F == 0 {
				return types.Value{}, divisionByZero()
			}
			return moneyFloat(float64(a[0].I) / a[1].F)
		}, "money '1.50' / 1.5::"+t, "$1.00", "money '1' / 0::"+t, "ERROR 22012")
	}
	op("numeric(money) numeric strict stable", func(_ *Env, a vs) (types.Value, error) {
		return numeric(types.NewDecimal(a[0].I, 2))
	}, "money '-1,234.50'::numeric", "-1234.50")
	cents := func(d types.Decimal) (types.Value, error) {
		if d.IsNaN() || d.IsInf() {
			return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot convert NaN to bigint")
		}
		n, err := d.Mul(types.DecimalFromInt64(100))
		if err != nil {
			return types.Value{}, err
		}
		i, err := n.Int64()
		if err != nil {
			return types.Value{}, err
		}
		return money(i)
	}
	op("money(numeric) money strict stable", func(_ *Env, a vs) (types.Value, error) { return cents(a[0].N) }, "1234.565::money", "$1,234.57", "1e20::money", "ERROR 22003")
	op("money(int4) money strict stable", func(_ *Env, a vs) (types.Value, error) { return mulInt(a[0].I, 100) }, "(-5)::money", "-$5.00")
	op("money(int8) money strict stable", func(_ *Env, a vs) (types.Value, error) {
		if v, err := mulInt(a[0].I, 100); err == nil {
			return v, nil
		}
		return types.Value{}, types.OutOfRange("bigint")
	}, "5::int8::money", "$5.00", "9223372036854775807::money", "ERROR 22003")
}
