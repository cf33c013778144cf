package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	for _, a := range []arithmetic{
		{"numeric_add", "numeric", "numeric", "numeric", addNumeric, examples("1.50 + 2.255", "3.755", "0.1 + 0.2", "0.3", "99999999999999999999 + 1.5", "100000000000000000000.5", "'NaN'::numeric + 1", "NaN")},
		{"numeric_sub", "numeric", "numeric", "numeric", subNumeric, examples("1.50 - 2.255", "-0.755", "1.00 - 1", "0.00")},
		{"numeric_mul", "numeric", "numeric", "numeric", mulNumeric, examples("1.50 * 2.25", "3.3750", "9223372036854775807.5 * 2.0", "18446744073709551615.00")},
		{"numeric_div", "numeric", "numeric", "numeric", divNumeric, examples("1.0 / 3", "0.33333333333333333333", "10.00 / 4", "2.5000000000000000", "1.5 / 0", "ERROR 22012")},
		{"numeric_mod", "numeric", "numeric", "numeric", modNumeric, examples("7.5 % 2", "1.5", "-7.5 % 2", "-1.5", "1.0 % 0", "ERROR 22012")},
		{"mod", "numeric", "numeric", "numeric", modNumeric, examples("mod(7.5, 2.0)", "1.5")},
	} {
		a.define()
	}
	unary := func(sig string, f func(types.Decimal) (types.Decimal, error), ex ...string) {
		define(sig+"(numeric) numeric strict immutable", Definition{Value: unaryNumeric(f), Examples: examples(ex...)})
	}
	exact := func(f func(types.Decimal) types.Decimal) func(types.Decimal) (types.Decimal, error) {
		return func(d types.Decimal) (types.Decimal, error) { return f(d), nil }
	}
	unary("numeric_uminus", exact(types.Decimal.Neg), "- (1.50)", "-1.50")
	unary("numeric_abs", exact(types.Decimal.Abs), "@ (-1.50)", "1.50")
	unary("abs", exact(types.Decimal.Abs), "abs(-1.50)", "1.50")
	unary("sign", signNumeric, "sign(-1.50)", "-1", "sign(0.00)", "0")
	unary("ceil", types.Decimal.Ceil, "ceil(1.01)", "2", "ceil(-1.99)", "-1")
	unary("ceiling", types.Decimal.Ceil, "ceiling(1.01)", "2")
	unary("floor", types.Decimal.Floor, "floor(1.99)", "1", "floor(-1.01)", "-2")
	unary("round", func(d types.Decimal) (types.Decimal, error) { return d.Round(0) }, "round(2.5)", "3", "round(-2.5)", "-3")
	unary("trunc", exact(func(d types.Decimal) types.Decimal { return d.Trunc(0) }), "trunc(-2.9)", "-2")
	unary("trim_scale", exact(types.Decimal.TrimScale), "trim_scale(1.500)", "1.5")
	unary("sqrt", types.Decimal.Sqrt, "sqrt(2.0)", "1.414213562373095", "sqrt(-1.0)", "ERROR 2201F")
	unary("exp", types.Decimal.Exp, "exp(1.0)", "2.7182818284590452", "exp(0.0)", "1.0000000000000000", "exp(6001.0)", "ERROR 22003")
	unary("ln", types.Decimal.Ln, "ln(2.0)", "0.6931471805599453", "ln(0.0)", "ERROR 2201E", "ln(-1.0)", "ERROR 2201E")
	unary("log", log10Numeric, "log(100.0)", "2.0000000000000000")
	unary("log10", log10Numeric, "log10(1000.0)", "3.0000000000000000")
	define("round(numeric, int4) numeric strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			d, err := a[0].N.Round(int32(a[1].I))
			return types.NewNumeric(d), err
		},
		Examples: examples("round(2.345, 2)", "2.35", "round(-2.345, 2)", "-2.35", "round(1234.5, -2)", "1200", "round(1.5, 4)", "1.5000"),
	})
	define("trunc(numeric, int4) numeric strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return numeric(a[0].N.Trunc(int32(a[1].I))) },
		Examples: examples("trunc(2.349, 2)", "2.34", "trunc(1234.5, -2)", "1200"),
	})
	define("div(numeric, numeric) numeric strict immutable", Definition{
		Value:    binaryNumeric(types.Decimal.DivTrunc),
		Examples: examples("div(7.5, 2)", "3", "div(-7.5, 2)", "-3", "div(1.0, 0)", "ERROR 22012"),
	})
	for _, name := range []string{"power", "pow", "numeric_power"} {
		ex := examples(name+"(2.0, 10)", "1024.0000000000000", name+"(2, 0.5)", "1.4142135623730950", name+"(0.0, -1)", "ERROR 2201F", name+"(-2.0, 0.5)", "ERROR 2201F")
		if name == "numeric_power" {
			ex = examples("2.5 ^ 2", "6.2500000000000000")
		}
		define(name+"(numeric, numeric) numeric strict immutable", Definition{Value: binaryNumeric(types.Decimal.Power), Examples: ex})
	}
	define("log(numeric, numeric) numeric strict immutable", Definition{
		Value: binaryNumeric(func(base, d types.Decimal) (types.Decimal, error) { return d.Log(base) }), Examples: examples("log(2.0, 64.0)", "6.0000000000000000"),
	})
	define("scale(numeric) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if !a[0].N.IsFinite() {
				return null(types.Int4)
			}
			return int4(int(a[0].N.Scale))
		}, Examples: examples("scale(1.500)", "3", "scale('NaN'::numeric)", "NULL"),
	})
	define("min_scale(numeric) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if !a[0].N.IsFinite() {
				return null(types.Int4)
			}
			return int4(int(a[0].N.MinScale()))
		}, Examples: examples("min_scale(1.500)", "1"),
	})
}

func binaryNumeric(f func(x, y types.Decimal) (types.Decimal, error)) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) {
		d, err := f(a[0].N, a[1].N)
		return types.NewNumeric(d), err
	}
}

func signNumeric(d types.Decimal) (types.Decimal, error) {
	if d.IsNaN() {
		return d, nil
	}
	return types.DecimalFromInt64(int64(d.Sign())), nil
}

func log10Numeric(d types.Decimal) (types.Decimal, error) {
	return d.Log(types.DecimalFromInt64(10))
}
