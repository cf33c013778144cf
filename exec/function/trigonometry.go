package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Trigonometry in degrees, which is exact at multiples of 30 and 45 by the
// method of PostgreSQL's float.c, and the hyperbolic functions.

func init() {
	plain := func(name string, f func(float64) float64, ex ...string) {
		define(name+"(float8) float8 strict immutable", Definition{Vector: eachFloat(f), Examples: examples(ex...)})
	}
	checked := func(name string, f func(float64) (float64, error), ex ...string) {
		define(name+"(float8) float8 strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				r, err := f(a[0].F)
				return types.NewFloat(types.Float8, r), err
			}, Examples: examples(ex...)})
	}
	checked("sind", inTurn(sineDegrees), "sind(30::float8)", "0.5", "sind(-390::float8)", "-0.5", "sind('Infinity'::float8)", "ERROR 22003", "sind(180::float8)", "0")
	checked("cosd", inTurn(cosineDegrees), "cosd(60::float8)", "0.5", "cosd(180::float8)", "-1", "cosd(90::float8)", "0")
	checked("tand", inTurn(tangentDegrees), "tand(45::float8)", "1", "tand(90::float8)", "Infinity", "tand(-135::float8)", "1")
	checked("cotd", inTurn(cotangentDegrees), "cotd(45::float8)", "1", "cotd(90::float8)", "0", "cotd(0::float8)", "Infinity")
	checked("cot", math1(func(x float64) float64 { return 1 / math.Tan(x) }), "cot(0.5::float8)", "1.830487721712452", "cot('Infinity'::float8)", "ERROR 22003")
	checked("asind", inverse(func(x float64) float64 { return math.Copysign(asinDegrees(math.Abs(x)), x) }), "asind(0.5::float8)", "30", "asind(-1::float8)", "-90", "asind(2::float8)", "ERROR 22003")
	checked("acosd", inverse(func(x float64) float64 {
		if x < 0 {
			return 90 + asinDegrees(-x)
		}
		return acosDegrees(x)
	}), "acosd(0.5::float8)", "60", "acosd(-0.5::float8)", "120")
	plain("atand", func(x float64) float64 { return math.Atan(x) / math.Atan(1) * 45 }, "atand(1::float8)", "45", "atand('Infinity'::float8)", "90")
	define("atan2d(float8, float8) float8 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return float8(math.Atan2(a[0].F, a[1].F) / math.Atan(1) * 45)
		},
		Examples: examples("atan2d(1::float8, 1::float8)", "45", "atan2d(-1::float8, 0::float8)", "-90")})
	checked("sinh", overflowing(math.Sinh), "sinh(1::float8)", "1.1752011936438014", "sinh(1000::float8)", "Infinity")
	checked("cosh", overflowing(math.Cosh), "cosh(0::float8)", "1")
	plain("tanh", math.Tanh, "tanh(1::float8)", "0.7615941559557649")
	plain("asinh", math.Asinh, "asinh(0::float8)", "0")
	checked("acosh", func(x float64) (float64, error) {
		if x < 1 {
			return 0, inputOutOfRange()
		}
		return math.Acosh(x), nil
	}, "acosh(1::float8)", "0", "acosh(0.5::float8)", "ERROR 22003")
	checked("atanh", func(x float64) (float64, error) {
		if x < -1 || x > 1 {
			return 0, inputOutOfRange()
		}
		return math.Atanh(x), nil
	}, "atanh(0.5::float8)", "0.5493061443340548", "atanh(1::float8)", "Infinity", "atanh(2::float8)", "ERROR 22003")
	plain("erf", math.Erf, "erf(0::float8)", "0")
	plain("erfc", math.Erfc, "erfc(0::float8)", "1")
	plain("dcbrt", math.Cbrt, "||/ 8::float8", "2")
}

// overflowing keeps the infinities that PostgreSQL's hyperbolic functions give.
func overflowing(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) { return f(x), nil }
}

// degree is a variable, so that its products are those of float64.
var degree = math.Pi / 180

// inTurn adapts a function of degrees; infinity has none.
func inTurn(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		switch {
		case math.IsInf(x, 0):
			return 0, inputOutOfRange()
		case x != x:
			return x, nil
		}
		return f(math.Mod(x, 360)), nil
	}
}

// sine0To30 and cosine0To60 are exact at their upper ends.
func sine0To30(x float64) float64 { return math.Sin(x*degree) / math.Sin(30*degree) / 2 }

func cosine0To60(x float64) float64 {
	return 1 - (1-math.Cos(x*degree))/(1-math.Cos(60*degree))/2
}

// firstQuadrantSine and firstQuadrantCosine take 0 to 90 degrees.
func firstQuadrantSine(x float64) float64 {
	if x <= 30 {
		return sine0To30(x)
	}
	return cosine0To60(90 - x)
}

func firstQuadrantCosine(x float64) float64 {
	if x <= 60 {
		return cosine0To60(x)
	}
	return sine0To30(90 - x)
}

// toFirstQuadrant moves an angle of less than a turn to 0 to 90 degrees, and
// says which changes of sign that takes.
func toFirstQuadrant(x float64) (angle float64, negative, mirrored, supplement bool) {
	if x < 0 {
		x, negative = -x, true
	}
	if x > 180 {
		x, mirrored = 360-x, true
	}
	if x > 90 {
		x, supplement = 180-x, true
	}
	return x, negative, mirrored, supplement
}

func withSign(x float64, negative bool) float64 {
	if negative {
		return -x
	}
	return x
}

func sineDegrees(x float64) float64 {
	x, negative, mirrored, _ := toFirstQuadrant(x)
	return withSign(firstQuadrantSine(x), negative != mirrored)
}

func cosineDegrees(x float64) float64 {
	x, _, _, supplement := toFirstQuadrant(x)
	return withSign(firstQuadrantCosine(x), supplement)
}

func tangentDegrees(x float64) float64 {
	x, negative, mirrored, supplement := toFirstQuadrant(x)
	tan45 := firstQuadrantSine(45) / firstQuadrantCosine(45)
	r := withSign(firstQuadrantSine(x)/firstQuadrantCosine(x)/tan45, negative != mirrored != supplement)
	return r + 0 // no -0
}

func cotangentDegrees(x float64) float64 {
	x, negative, mirrored, supplement := toFirstQuadrant(x)
	cot45 := firstQuadrantCosine(45) / firstQuadrantSine(45)
	r := withSign(firstQuadrantCosine(x)/firstQuadrantSine(x)/cot45, negative != mirrored != supplement)
	return r + 0
}

func asinDegrees(x float64) float64 {
	if x <= 0.5 {
		return math.Asin(x) / math.Asin(0.5) * 30
	}
	return 90 - math.Acos(x)/math.Acos(0.5)*60
}

func acosDegrees(x float64) float64 {
	if x <= 0.5 {
		return 90 - math.Asin(x)/math.Asin(0.5)*30
	}
	return math.Acos(x) / math.Acos(0.5) * 60
}
