package aggregate

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Combiner is an Aggregate whose groups can be put together: what several groups
// hold of the rows of one call becomes one's.
type Combiner interface {
	Keeper
	// Combine adds to each of the groups what the group of from at the same place
	// of of has been given, as if those rows had come after its own. from was made
	// for the same call, and may be the receiver where no group is in both lists.
	Combine(groups []int32, from Aggregate, of []int32) error
	// Clear has groups be such that have seen no row.
	Clear(groups []int32)
}

// Compact reports whether the state of a group of a is small however many rows it
// has been given (with rows taken out, however often they are the same), so that
// passing it on in their place pays.
func Compact(a Aggregate) bool {
	if _, ok := a.(Combiner); !ok {
		return false
	}
	switch a.(type) {
	case *collected, *exactMoments:
		return false
	}
	return true
}

// combineAll calls f for each pair of groups.
func combineAll(groups, of []int32, f func(g, o int32) error) error {
	for i, g := range groups {
		if err := f(g, of[i]); err != nil {
			return err
		}
	}
	return nil
}

// zero clears groups of a column of state.
func zero[T any](s []T, groups []int32) {
	var none T
	for _, g := range groups {
		s[g] = none
	}
}

func (a *count) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*count)
	for i, g := range groups {
		a.n[g] += b.n[of[i]]
	}
	return nil
}

func (a *count) Clear(groups []int32) { zero(a.n, groups) }

func (a *pairs) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*pairs)
	for i, g := range groups {
		a.n[g] += b.n[of[i]]
	}
	return nil
}

func (a *pairs) Clear(groups []int32) { zero(a.n, groups) }

// combine adds another sum.
func (s *exactSum) combine(o exactSum) {
	n := s.n + o.n
	s.add(o.lo)
	s.hi += o.hi
	s.n = n
}

func (a *integers) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*integers)
	for i, g := range groups {
		a.sums[g].combine(b.sums[of[i]])
	}
	return nil
}

func (a *integers) Clear(groups []int32) { zero(a.sums, groups) }

func (a *numerics) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*numerics)
	if b.scaled && !a.scaled {
		a.scale, a.scaled = b.scale, true
	}
	for i, g := range groups {
		if s := b.narrow[of[i]]; b.scale == a.scale {
			a.narrow[g].combine(s)
		} else if err := a.combineNarrow(g, s, b.scale); err != nil {
			return err
		}
	}
	if b.sum == nil {
		return nil
	}
	if a.sum == nil {
		a.growSum()
	}
	return combineAll(groups, of, func(g, o int32) error {
		var err error
		if a.sum[g], err = a.sum[g].Add(b.sum[o]); err != nil {
			return err
		}
		a.n[g] += b.n[o]
		if s := b.special[o]; s != nil {
			a.countSpecial(g, *s)
		}
		if a.retracts {
			for scale, n := range b.scales[o] {
				a.countScale(g, scale, n)
			}
		}
		return nil
	})
}

// combineNarrow adds a sum of values whose scale is not that of narrow.
func (a *numerics) combineNarrow(g int32, s exactSum, scale int32) error {
	if s == (exactSum{}) {
		return nil
	}
	if a.sum == nil {
		a.growSum()
	}
	hi, lo := s.words()
	sum, err := a.sum[g].Add(types.NewDecimal128(hi, lo, scale))
	if err != nil {
		return err
	}
	a.sum[g] = sum
	a.n[g] += s.n
	if a.retracts {
		a.countScale(g, scale, s.n)
	}
	return nil
}

func (a *numerics) countSpecial(g int32, more specials) {
	if a.special == nil {
		a.special = map[int32]*specials{}
	}
	s := a.special[g]
	if s == nil {
		s = &specials{}
		a.special[g] = s
	}
	s.nan, s.inf, s.negInf = s.nan+more.nan, s.inf+more.inf, s.negInf+more.negInf
}

func (a *numerics) countScale(g, scale int32, n int64) {
	if a.scales[g] == nil {
		a.scales[g] = map[int32]int64{}
	}
	a.scales[g][scale] += n
}

func (a *numerics) Clear(groups []int32) {
	zero(a.narrow, groups)
	if a.sum == nil {
		return
	}
	zero(a.sum, groups)
	zero(a.n, groups)
	if a.retracts {
		zero(a.scales, groups)
	}
	for _, g := range groups {
		delete(a.special, g)
	}
}

func (a *variance) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*variance)
	if err := a.sum.Combine(groups, &b.sum, of); err != nil {
		return err
	}
	return a.squares.Combine(groups, &b.squares, of)
}

func (a *variance) Clear(groups []int32) {
	a.sum.Clear(groups)
	a.squares.Clear(groups)
}

func (a *floats) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*floats)
	for i, g := range groups {
		o := of[i]
		a.sum[g] += b.sum[o]
		if a.kind == sumFloat4 {
			a.sum[g] = float64(float32(a.sum[g]))
		}
		a.n[g] += b.n[o]
		a.infinite[g] = a.infinite[g] || b.infinite[o]
	}
	return nil
}

func (a *floats) Clear(groups []int32) {
	zero(a.sum, groups)
	zero(a.n, groups)
	zero(a.infinite, groups)
}

func (a *exactFloats) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*exactFloats)
	for i, g := range groups {
		o := of[i]
		for _, p := range b.parts[o] {
			a.parts[g] = addExact(a.parts[g], p)
		}
		a.n[g] += b.n[o]
		s, more := &a.special[g], b.special[o]
		s.nan, s.inf, s.negInf = s.nan+more.nan, s.inf+more.inf, s.negInf+more.negInf
	}
	return nil
}

func (a *exactFloats) Clear(groups []int32) {
	zero(a.parts, groups)
	zero(a.n, groups)
	zero(a.special, groups)
}

func (a *moments) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*moments)
	return combineAll(groups, of, func(g, o int32) error {
		if !a.of[g].combine(b.of[o]) {
			return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value out of range: overflow")
		}
		return nil
	})
}

// combine puts two sets of moments together (Chan, Golub and LeVeque, Updating
// Formulae and a Pairwise Algorithm, 1979), as PostgreSQL's float8_combine does.
// It reports false where finite values overflow.
func (m *moment) combine(o moment) bool {
	switch {
	case o.n == 0:
		return true
	case m.n == 0:
		*m = o
		return true
	}
	was := *m
	m.n += o.n
	m.x += o.x
	m.y += o.y
	dx, dy := was.x/was.n-o.x/o.n, was.y/was.n-o.y/o.n
	scale := was.n * o.n / m.n
	m.xx += o.xx + float64(scale*dx*dx)
	m.yy += o.yy + float64(scale*dy*dy)
	m.xy += o.xy + float64(scale*dx*dy)
	for _, v := range [][3]float64{{m.x, was.x, o.x}, {m.y, was.y, o.y}, {m.xx, was.xx, o.xx}, {m.yy, was.yy, o.yy}, {m.xy, was.xy, o.xy}} {
		if math.IsInf(v[0], 0) && finite(v[1]) && finite(v[2]) {
			return false
		}
	}
	return true
}

func (a *moments) Clear(groups []int32) { zero(a.of, groups) }

func (a *exactMoments) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*exactMoments)
	for i, g := range groups {
		o := b.of[of[i]]
		if o == nil {
			continue
		}
		m := a.of[g]
		if m == nil {
			m = &exactMoment{}
			a.of[g] = m
			a.held += 2048
		}
		m.n, m.oddX, m.oddY = m.n+o.n, m.oddX+o.oddX, m.oddY+o.oddY
		for k := range 2 {
			m.infX[k] += o.infX[k]
			m.infY[k] += o.infY[k]
		}
		sums := m.sums()
		for k, v := range o.sums() {
			sums[k].Add(sums[k], v)
		}
	}
	return nil
}

func (a *exactMoments) Clear(groups []int32) {
	for _, g := range groups {
		if a.of[g] != nil {
			a.of[g] = nil
			a.held -= 2048
		}
	}
}

func (a *spans) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*spans)
	return combineAll(groups, of, func(g, o int32) error {
		was, x := a.micros[g], b.micros[o]
		sum := was + x
		if (was^sum)&(x^sum) < 0 {
			return errSpan()
		}
		a.micros[g] = sum
		a.days[g] += b.days[o]
		a.months[g] += b.months[o]
		a.n[g] += b.n[o]
		return nil
	})
}

func (a *spans) Clear(groups []int32) {
	for _, s := range [][]int64{a.micros, a.days, a.months, a.n} {
		zero(s, groups)
	}
}

func (a *booleans) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*booleans)
	for i, g := range groups {
		a.trues[g] += b.trues[of[i]]
		a.falses[g] += b.falses[of[i]]
	}
	return nil
}

func (a *booleans) Clear(groups []int32) {
	zero(a.trues, groups)
	zero(a.falses, groups)
}

func (a *bitwise) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*bitwise)
	for i, g := range groups {
		o := of[i]
		switch {
		case !b.seen[o]:
		case !a.seen[g]:
			a.value[g], a.seen[g] = b.value[o], true
		default:
			a.value[g] = a.combine(a.value[g], b.value[o])
		}
	}
	return nil
}

func (a *bitwise) Clear(groups []int32) {
	zero(a.value, groups)
	zero(a.seen, groups)
}

func (a *bitCounts) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*bitCounts)
	for i, g := range groups {
		o := of[i]
		a.n[g] += b.n[o]
		for k := range a.ones[g] {
			a.ones[g][k] += b.ones[o][k]
		}
	}
	return nil
}

func (a *bitCounts) Clear(groups []int32) {
	zero(a.ones, groups)
	zero(a.n, groups)
}

func (a *moneySum) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*moneySum)
	return combineAll(groups, of, func(g, o int32) error {
		was, x := a.cents[g], b.cents[o]
		sum := was + x
		if (was^sum)&(x^sum) < 0 {
			return types.OutOfRange("money")
		}
		a.cents[g] = sum
		a.n[g] += b.n[o]
		return nil
	})
}

func (a *moneySum) Clear(groups []int32) {
	zero(a.cents, groups)
	zero(a.n, groups)
}
