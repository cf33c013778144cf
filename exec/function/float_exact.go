package function

import "math"

// exp, ln and power of float8 are computed with twice the digits and
// rounded once (Dekker 1971; Hida, Li and Bailey 2001), so that the result is
// the nearest float8. Package math may be one unit in the last place away from
// it, which shows in the text of a value.

// double is hi + lo, where hi is the nearest float64 to the sum.
type double struct{ hi, lo float64 }

var (
	ln2 = double{math.Ln2, math.Ln2 - 0x1.62e42fefa39efp-1}
	// reciprocals of factorials.
	reciprocals = func() (r [11]double) {
		r[0] = double{1, 0}
		for n := 1; n < len(r); n++ {
			r[n] = r[n-1].over(float64(n))
		}
		return r
	}()
)

// sumOf is the exact sum of two numbers.
func sumOf(a, b float64) double {
	s := a + b
	v := s - a
	return double{s, (a - (s - v)) + (b - v)}
}

// settled is hi + lo where |hi| >= |lo|.
func settled(hi, lo float64) double {
	s := hi + lo
	return double{s, lo - (s - hi)}
}

func (a double) plus(b double) double {
	s, t := sumOf(a.hi, b.hi), sumOf(a.lo, b.lo)
	s = settled(s.hi, s.lo+t.hi)
	return settled(s.hi, s.lo+t.lo)
}

func (a double) times(b double) double {
	p := float64(a.hi * b.hi)
	e := math.FMA(a.hi, b.hi, -p)
	return settled(p, e+(a.hi*b.lo+a.lo*b.hi))
}

func (a double) over(b float64) double {
	q := a.hi / b
	rest := a.plus(double{-q, 0}.times(double{b, 0}))
	return settled(q, rest.hi/b)
}

// exponential is e^x as m * 2^k.
func exponential(x double) (m double, k int) {
	n := math.Round(x.hi / math.Ln2)
	r := x.plus(ln2.times(double{-n, 0}))
	const halvings = 9
	r = double{math.Ldexp(r.hi, -halvings), math.Ldexp(r.lo, -halvings)}
	// e^r - 1 by its series, then doubled back.
	s := reciprocals[len(reciprocals)-1]
	for i := len(reciprocals) - 2; i >= 1; i-- {
		s = s.times(r).plus(reciprocals[i])
	}
	s = s.times(r)
	for range halvings {
		s = s.plus(s).plus(s.times(s))
	}
	return s.plus(double{1, 0}), int(n)
}

// logarithm is ln x of a positive finite x.
func logarithm(x float64) double {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	var l double
	if u := f - 1; math.Abs(u) < 1e-3 {
		// u - u^2/2 + u^3/3 - ...
		for n := 12; n >= 1; n-- {
			sign := 1.0
			if n%2 == 0 {
				sign = -1
			}
			l = l.times(double{u, 0}).plus(double{sign, 0}.over(float64(n)))
		}
		l = l.times(double{u, 0})
	} else {
		// One step from math's answer y: y + ln(f / e^y).
		y := math.Log(f)
		m, k := exponential(double{-y, 0})
		t := m.times(double{math.Ldexp(f, k), 0}).plus(double{-1, 0})
		l = double{y, 0}.plus(t).plus(t.times(t).times(double{-0.5, 0}))
	}
	return l.plus(ln2.times(double{float64(e), 0}))
}

func exactExp(x float64) float64 {
	r := math.Exp(x)
	if r == 0 || math.IsInf(r, 0) || r != r || math.Abs(x) < 1e-17 {
		return r
	}
	m, k := exponential(double{x, 0})
	return math.Ldexp(m.hi, k)
}

func exactLog(x float64) float64 {
	if x <= 0 || math.IsInf(x, 0) || x != x {
		return math.Log(x)
	}
	return logarithm(x).hi
}

func exactLog10(x float64) float64 {
	if x <= 0 || math.IsInf(x, 0) || x != x {
		return math.Log10(x)
	}
	// Not rounded once, but as C libraries do it (fdlibm's e_log10.c): that is
	// what PostgreSQL shows.
	const (
		perLn10 = 4.34294481903251816668e-01
		high    = 3.01029995663611771306e-01 // of log10 2
		low     = 3.69423907715893078616e-13
	)
	f, e := math.Frexp(x)
	if e > 0 {
		f, e = 2*f, e-1
	}
	z := float64(float64(e)*low) + float64(perLn10*exactLog(f))
	return z + float64(float64(e)*high)
}

func exactPow(x, y float64) float64 {
	r := math.Pow(x, y)
	if r == 0 || math.IsInf(r, 0) || r != r || x == 1 || y == 0 {
		return r
	}
	m, k := exponential(logarithm(math.Abs(x)).times(double{y, 0}))
	return math.Copysign(math.Ldexp(m.hi, k), r)
}
