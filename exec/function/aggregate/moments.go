package aggregate

import (
	"math"
	"math/big"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// moment are a group's count, sums and sums of squared deviations. Functions of
// one argument use x only.
type moment struct {
	n, x, y, xx, yy, xy float64
}

// of is the variance, or its root, of n values; false where it is NULL.
func (s spread) of(n, deviations float64) (float64, bool) {
	if s.sample {
		n--
	}
	if n <= 0 {
		return 0, false
	}
	v := deviations / n
	if s.root {
		v = math.Sqrt(v)
	}
	return v, true
}

// newMoments makes the state of a function over the moments of floats: of two
// columns, y then x, or of one.
func newMoments(retracts bool, columns int, finish func(*moment) (float64, bool)) Aggregate {
	if retracts {
		return &exactMoments{columns: columns, finish: finish}
	}
	return &moments{columns: columns, finish: finish}
}

// eachPair calls f for each row without a NULL; y is 0 where there is one column.
func eachPair(columns int, groups []int32, args []vec.Vec, sel []int32, ops []vec.Op, f func(g int32, x, y float64, sign int64)) {
	first := vec.Flat(args[0])
	at := floatAt(first)
	if columns == 1 {
		each(groups, first, sel, ops, func(row int, g int32, sign int64) { f(g, at(row), 0, sign) })
		return
	}
	second := vec.Flat(args[1])
	xAt, nulls := floatAt(second), second.Nulls()
	each(groups, first, sel, ops, func(row int, g int32, sign int64) {
		if !nulls.Get(row) {
			f(g, xAt(row), at(row), sign)
		}
	})
}

func floatAt(v vec.Vec) func(row int) float64 {
	if v, ok := v.(*vec.Fixed[float32]); ok {
		return func(row int) float64 { return float64(v.Values[row]) }
	}
	values := v.(*vec.Fixed[float64]).Values
	return func(row int) float64 { return values[row] }
}

// moments follow Youngs and Cramer (Some Results Relevant to Choice of Sum and
// Sum-of-Product Algorithms, 1971), as PostgreSQL does, in the rows' order.
type moments struct {
	columns int
	finish  func(*moment) (float64, bool)
	of      []moment
}

func (a *moments) Grow(n int) { a.of = grown(a.of, n) }

func (a *moments) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	overflow := false
	eachPair(a.columns, groups, args, sel, ops, func(g int32, x, y float64, _ int64) {
		overflow = !a.of[g].add(x, y) || overflow
	})
	if overflow {
		return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
	}
	return nil
}

func finite(x float64) bool { return !math.IsInf(x, 0) && x == x }

// add reports false where finite values overflow.
func (m *moment) add(x, y float64) bool {
	before := *m
	m.n++
	m.x += x
	m.y += y
	if before.n == 0 {
		if !finite(x) {
			m.xx, m.xy = math.NaN(), math.NaN()
		}
		if !finite(y) {
			m.yy, m.xy = math.NaN(), math.NaN()
		}
		return true
	}
	dx, dy := float64(x*m.n)-m.x, float64(y*m.n)-m.y
	scale := 1 / (m.n * before.n)
	m.xx += float64(dx * dx * scale)
	m.yy += float64(dy * dy * scale)
	m.xy += float64(dx * dy * scale)
	inf := func(v float64) bool { return math.IsInf(v, 0) }
	fromX, fromY := inf(before.x) || inf(x), inf(before.y) || inf(y)
	if (inf(m.x) || inf(m.xx)) && !fromX || (inf(m.y) || inf(m.yy)) && !fromY || inf(m.xy) && !fromX && !fromY {
		return false
	}
	for _, v := range []*float64{&m.xx, &m.yy, &m.xy} {
		if inf(*v) {
			*v = math.NaN()
		}
	}
	return true
}

func (a *moments) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		appendMoment(dst, a.finish, &a.of[g])
	}
	return nil
}

func appendMoment(dst vec.Vec, finish func(*moment) (float64, bool), m *moment) {
	v, ok := finish(m)
	if !ok {
		vec.AppendNull(dst)
		return
	}
	dst.(*vec.Fixed[float64]).Append(v)
}

func (a *moments) Bytes() int64 { return int64(cap(a.of)) * 48 }

// exactMoments sums exactly, so that a row taken out leaves no trace: sums are
// integers in units of the least float8, 2^-1074, and of its square.
type exactMoments struct {
	columns int
	finish  func(*moment) (float64, bool)
	of      []*exactMoment
	held    int64
}

type exactMoment struct {
	n, oddX, oddY   int64 // odd: values that are no number
	infX, infY      [2]int64
	x, y            big.Int
	xx, yy, xy      big.Int
	scratch, square big.Int
}

const leastExponent = -1074

func (a *exactMoments) Grow(n int) { a.of = grown(a.of, n) }

func (a *exactMoments) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	eachPair(a.columns, groups, args, sel, ops, func(g int32, x, y float64, sign int64) {
		m := a.of[g]
		if m == nil {
			m = &exactMoment{}
			a.of[g] = m
			a.held += 2048
		}
		m.n += sign
		if !finite(x) {
			m.oddX += sign
			countInfinity(&m.infX, x, sign)
		}
		if !finite(y) {
			m.oddY += sign
			countInfinity(&m.infY, y, sign)
		}
		var ix, iy *big.Int
		if finite(x) {
			ix = fixed(new(big.Int), x)
			accumulate(&m.x, &m.xx, ix, sign, &m.square)
		}
		if finite(y) && a.columns > 1 {
			iy = fixed(new(big.Int), y)
			accumulate(&m.y, &m.yy, iy, sign, &m.square)
		}
		if ix != nil && iy != nil {
			addSigned(&m.xy, m.square.Mul(ix, iy), sign)
		}
	})
	return nil
}

func countInfinity(n *[2]int64, x float64, sign int64) {
	switch {
	case x > 0:
		n[0] += sign
	case x < 0:
		n[1] += sign
	}
}

func accumulate(sum, squares, v *big.Int, sign int64, scratch *big.Int) {
	addSigned(sum, v, sign)
	addSigned(squares, scratch.Mul(v, v), sign)
}

func addSigned(sum, v *big.Int, sign int64) {
	if sign < 0 {
		sum.Sub(sum, v)
	} else {
		sum.Add(sum, v)
	}
}

// fixed is x in units of the least float8.
func fixed(z *big.Int, x float64) *big.Int {
	fraction, exponent := math.Frexp(x)
	z.SetInt64(int64(math.Ldexp(fraction, 53)))
	shift := exponent - 53 - leastExponent
	if shift < 0 {
		return z.Quo(z, new(big.Int).Lsh(big.NewInt(1), uint(-shift)))
	}
	return z.Lsh(z, uint(shift))
}

func (a *exactMoments) Result(groups []int32, dst vec.Vec) error {
	for _, g := range groups {
		m := a.of[g]
		if m == nil || m.n <= 0 {
			a.empty(dst)
			continue
		}
		rounded := m.rounded()
		for _, v := range []float64{rounded.x, rounded.y, rounded.xx, rounded.yy, rounded.xy} {
			if math.IsInf(v, 0) && m.oddX == 0 && m.oddY == 0 {
				return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
			}
		}
		appendMoment(dst, a.finish, &rounded)
	}
	return nil
}

func (a *exactMoments) empty(dst vec.Vec) { appendMoment(dst, a.finish, &moment{}) }

// rounded are the moments as floats.
func (m *exactMoment) rounded() moment {
	out := moment{n: float64(m.n)}
	float := func(z *big.Int, exponent int) *big.Float {
		f := new(big.Float).SetInt(z)
		return f.SetMantExp(f, exponent)
	}
	// deviations is sum(ab) - sum(a) sum(b) / n.
	deviations := func(ab, a, b *big.Int) float64 {
		d := new(big.Int).Mul(ab, big.NewInt(m.n))
		d.Sub(d, m.scratch.Mul(a, b))
		f, _ := new(big.Float).Quo(float(d, 2*leastExponent), new(big.Float).SetInt64(m.n)).Float64()
		return f
	}
	out.x, _ = float(&m.x, leastExponent).Float64()
	out.y, _ = float(&m.y, leastExponent).Float64()
	out.xx, out.yy, out.xy = deviations(&m.xx, &m.x, &m.x), deviations(&m.yy, &m.y, &m.y), deviations(&m.xy, &m.x, &m.y)
	if m.oddX > 0 {
		out.x, out.xx, out.xy = oddSum(m.oddX, m.infX), math.NaN(), math.NaN()
	}
	if m.oddY > 0 {
		out.y, out.yy, out.xy = oddSum(m.oddY, m.infY), math.NaN(), math.NaN()
	}
	return out
}

// oddSum is the sum of values some of which are no number.
func oddSum(odd int64, inf [2]int64) float64 {
	switch {
	case inf[0] == odd:
		return math.Inf(1)
	case inf[1] == odd:
		return math.Inf(-1)
	}
	return math.NaN()
}

func (a *exactMoments) Bytes() int64 { return int64(cap(a.of))*8 + a.held }
