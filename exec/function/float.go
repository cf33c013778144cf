package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func init() {
	for _, a := range []arithmetic{
		{"float4pl", "float4", "float4", "float4", addFloats[float32, float32, float32], examples("1.5::float4 + 2.25::float4", "3.75", "3e38::float4 + 3e38::float4", "ERROR 22003")},
		{"float48pl", "float4", "float8", "float8", addFloats[float32, float64, float64], examples("1.5::float4 + 2.25::float8", "3.75")},
		{"float84pl", "float8", "float4", "float8", addFloats[float64, float32, float64], examples("1.5::float8 + 2.25::float4", "3.75")},
		{"float8pl", "float8", "float8", "float8", addFloats[float64, float64, float64], examples("0.1::float8 + 0.2::float8", "0.30000000000000004", "1e308::float8 + 1e308::float8", "ERROR 22003", "'Infinity'::float8 + 1::float8", "Infinity", "'Infinity'::float8 + '-Infinity'::float8", "NaN")},
		{"float4mi", "float4", "float4", "float4", subFloats[float32, float32, float32], examples("1.5::float4 - 2.25::float4", "-0.75")},
		{"float48mi", "float4", "float8", "float8", subFloats[float32, float64, float64], examples("1.5::float4 - 2.25::float8", "-0.75")},
		{"float84mi", "float8", "float4", "float8", subFloats[float64, float32, float64], examples("1.5::float8 - 2.25::float4", "-0.75")},
		{"float8mi", "float8", "float8", "float8", subFloats[float64, float64, float64], examples("0.3::float8 - 0.1::float8", "0.19999999999999998")},
		{"float4mul", "float4", "float4", "float4", mulFloats[float32, float32, float32], examples("1.5::float4 * 2::float4", "3", "1e-30::float4 * 1e-30::float4", "ERROR 22003")},
		{"float48mul", "float4", "float8", "float8", mulFloats[float32, float64, float64], examples("1.5::float4 * 2::float8", "3")},
		{"float84mul", "float8", "float4", "float8", mulFloats[float64, float32, float64], examples("1.5::float8 * 2::float4", "3")},
		{"float8mul", "float8", "float8", "float8", mulFloats[float64, float64, float64], examples("1.5::float8 * -2::float8", "-3", "0::float8 * -1::float8", "-0", "1e200::float8 * 1e200::float8", "ERROR 22003")},
		{"float4div", "float4", "float4", "float4", divFloats[float32, float32, float32], examples("1::float4 / 3::float4", "0.33333334", "1::float4 / 0::float4", "ERROR 22012")},
		{"float48div", "float4", "float8", "float8", divFloats[float32, float64, float64], examples("1::float4 / 3::float8", "0.3333333333333333")},
		{"float84div", "float8", "float4", "float8", divFloats[float64, float32, float64], examples("1::float8 / 4::float4", "0.25")},
		{"float8div", "float8", "float8", "float8", divFloats[float64, float64, float64], examples("1::float8 / 3::float8", "0.3333333333333333", "0::float8 / 0::float8", "ERROR 22012", "'NaN'::float8 / 0::float8", "NaN")},
		{"float4um", "float4", "", "float4", negateFloat[float32], examples("- (1.5::float4)", "-1.5")},
		{"float8um", "float8", "", "float8", negateFloat[float64], examples("- (1.5::float8)", "-1.5", "- (0::float8)", "-0")},
		{"float4abs", "float4", "", "float4", absFloat[float32], examples("@ (-1.5)::float4", "1.5")},
		{"float8abs", "float8", "", "float8", absFloat[float64], examples("@ (-1.5)::float8", "1.5")},
		{"abs", "float4", "", "float4", absFloat[float32], examples("abs((-1.5)::float4)", "1.5")},
		{"abs", "float8", "", "float8", absFloat[float64], examples("abs('-Infinity'::float8)", "Infinity")},
	} {
		a.define()
	}
	plain := func(name string, f func(float64) float64, ex ...string) {
		define(name+"(float8) float8 strict immutable", Definition{Vector: eachFloat(f), Examples: examples(ex...)})
	}
	plain("ceil", math.Ceil, "ceil(1.2::float8)", "2", "ceil((-0.5)::float8)", "-0")
	plain("ceiling", math.Ceil, "ceiling(1.2::float8)", "2")
	plain("floor", math.Floor, "floor((-1.2)::float8)", "-2")
	plain("round", math.RoundToEven, "round(2.5::float8)", "2", "round(3.5::float8)", "4")
	plain("trunc", math.Trunc, "trunc((-1.7)::float8)", "-1")
	plain("sign", signFloat, "sign((-3.5)::float8)", "-1", "sign(0::float8)", "0")
	plain("cbrt", math.Cbrt, "cbrt(8::float8)", "2")
	for _, f := range []struct {
		name string
		f    func(float64) (float64, error)
		ex   []Example
	}{
		{"sqrt", sqrtFloat, examples("sqrt(2::float8)", "1.4142135623730951", "sqrt((-1)::float8)", "ERROR 2201F")},
		{"dsqrt", sqrtFloat, examples("|/ 9::float8", "3")},
		{"exp", expFloat, examples("exp(1::float8)", "2.718281828459045", "exp(1000::float8)", "ERROR 22003", "exp('-Infinity'::float8)", "0")},
		{"ln", lnFloat(exactLog), examples("ln(2::float8)", "0.6931471805599453", "ln(0::float8)", "ERROR 2201E")},
		{"log", lnFloat(exactLog10), examples("log(100::float8)", "2", "log((-1)::float8)", "ERROR 2201E")},
		{"log10", lnFloat(exactLog10), examples("log10(1000::float8)", "3")},
		{"degrees", bounded(func(x float64) float64 { return x / (math.Pi / 180) }), examples("degrees(0.5::float8)", "28.64788975654116", "degrees(1e308::float8)", "ERROR 22003")},
		{"radians", bounded(func(x float64) float64 { return x * (math.Pi / 180) }), examples("radians(45::float8)", "0.7853981633974483", "radians(5e-324::float8)", "ERROR 22003")},
		{"sin", math1(math.Sin), examples("sin(0.5::float8)", "0.479425538604203")},
		{"cos", math1(math.Cos), examples("cos(0.5::float8)", "0.8775825618903728")},
		{"tan", math1(math.Tan), examples("tan(0.5::float8)", "0.5463024898437905")},
		{"asin", inverse(math.Asin), examples("asin(0.5::float8)", "0.5235987755982989", "asin(2::float8)", "ERROR 22003")},
		{"acos", inverse(math.Acos), examples("acos(1::float8)", "0")},
		{"atan", math1(math.Atan), examples("atan(1::float8)", "0.7853981633974483")},
	} {
		f := f
		define(f.name+"(float8) float8 strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				r, err := f.f(a[0].F)
				return types.NewFloat(types.Float8, r), err
			}, Examples: f.ex})
	}
	for _, name := range []string{"power", "pow", "dpow"} {
		ex := examples(name+"(2::float8, 10::float8)", "1024", name+"(0::float8, -1::float8)", "ERROR 2201F", name+"((-8)::float8, 0.5::float8)", "ERROR 2201F")
		if name == "dpow" {
			ex = examples("2::float8 ^ 0.5::float8", "1.4142135623730951")
		}
		define(name+"(float8, float8) float8 strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				r, err := powFloat(a[0].F, a[1].F)
				return types.NewFloat(types.Float8, r), err
			}, Examples: ex})
	}
	define("atan2(float8, float8) float8 strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return float8(math.Atan2(a[0].F, a[1].F)) },
		Examples: examples("atan2(1::float8, 1::float8)", "0.7853981633974483")})
	define("pi() float8 strict immutable", Definition{
		Value:    func(*Env, []types.Value) (types.Value, error) { return float8(math.Pi) },
		Examples: examples("pi()", "3.141592653589793")})
}

// eachFloat applies a function that cannot fail.
func eachFloat(f func(float64) float64) VectorFunc {
	return func(c *Call) {
		in := c.Args[0].(*vec.Fixed[float64]).Values
		out := c.Out.(*vec.Fixed[float64]).Resize(c.Rows)
		c.each(func(row int) { out[row] = f(in[row]) })
	}
}

func signFloat(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0 // of NaN too, as in PostgreSQL
}

func sqrtFloat(x float64) (float64, error) {
	if x < 0 {
		return 0, sqlerr.Errorf(sqlerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	}
	return math.Sqrt(x), nil
}

func expFloat(x float64) (float64, error) {
	r := exactExp(x)
	switch {
	case math.IsInf(x, 0) || x != x:
		return r, nil
	case math.IsInf(r, 0):
		return 0, overflow()
	case r == 0:
		return 0, underflow()
	}
	return r, nil
}

func logOfZero() error {
	return sqlerr.Errorf(sqlerr.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
}

func logOfNegative() error {
	return sqlerr.Errorf(sqlerr.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
}

func lnFloat(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		switch {
		case x == 0:
			return 0, logOfZero()
		case x < 0:
			return 0, logOfNegative()
		}
		return f(x), nil
	}
}

func inputOutOfRange() error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "input is out of range")
}

// math1 refuses infinities where the function has no limit there.
func math1(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		r := f(x)
		if r != r && x == x {
			return 0, inputOutOfRange()
		}
		return r, nil
	}
}

// bounded fails where a finite x other than zero has a result that is neither.
func bounded(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		r := f(x)
		switch {
		case math.IsInf(r, 0) && !math.IsInf(x, 0):
			return 0, overflow()
		case r == 0 && x != 0:
			return 0, underflow()
		}
		return r, nil
	}
}

func inverse(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		if x < -1 || x > 1 {
			return 0, inputOutOfRange()
		}
		return f(x), nil
	}
}

func powFloat(x, y float64) (float64, error) {
	switch {
	case x != x && y == 0, x == 1 && y != y:
		return 1, nil
	case x != x || y != y:
		return math.NaN(), nil
	case x == 0 && y < 0:
		return 0, sqlerr.Errorf(sqlerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && math.Floor(y) != y:
		return 0, sqlerr.Errorf(sqlerr.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
	}
	r := exactPow(x, y)
	switch {
	case math.IsInf(x, 0) || math.IsInf(y, 0):
	case math.IsInf(r, 0):
		return 0, overflow()
	case r == 0 && x != 0:
		return 0, underflow()
	}
	return r, nil
}
