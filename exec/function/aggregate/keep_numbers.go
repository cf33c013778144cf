package aggregate

import (
	"math/big"
)

// What is kept of sums and counts.

func (a *count) Save(g int32, dst []byte) []byte { return appendInt(dst, a.n[g]) }

func (a *count) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g] = k.int()
	return k.b, k.err
}

func (a *pairs) Save(g int32, dst []byte) []byte { return appendInt(dst, a.n[g]) }

func (a *pairs) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g] = k.int()
	return k.b, k.err
}

func (s *exactSum) save(dst []byte) []byte {
	hi, lo := s.words()
	return appendWord(appendInt(appendInt(dst, s.n), hi), lo)
}

func (s *exactSum) load(k *kept) {
	s.n = k.int()
	hi := k.int()
	s.setWords(hi, k.word())
}

func (a *integers) Save(g int32, dst []byte) []byte { return a.sums[g].save(dst) }

func (a *integers) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.sums[g].load(&k)
	return k.b, k.err
}

// Save writes the narrow sum with its scale, which is not a group's own, and then
// what there is beside it.
func (a *numerics) Save(g int32, dst []byte) []byte {
	dst = appendInt(a.narrow[g].save(dst), int64(a.scale))
	dst = appendFlag(dst, a.sum != nil)
	if a.sum == nil {
		return dst
	}
	dst = appendDecimal(appendInt(dst, a.n[g]), a.sum[g])
	s := a.special[g]
	if s == nil {
		s = &specials{}
	}
	dst = appendInt(appendInt(appendInt(dst, s.nan), s.inf), s.negInf)
	if !a.retracts {
		return appendInt(dst, 0)
	}
	dst = appendInt(dst, int64(len(a.scales[g])))
	for scale, n := range a.scales[g] {
		dst = appendInt(appendInt(dst, int64(scale)), n)
	}
	return dst
}

func (a *numerics) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	var narrow exactSum
	narrow.load(&k)
	scale := int32(k.int())
	some := narrow != (exactSum{})
	if !a.scaled && some {
		a.scale, a.scaled = scale, true
	}
	beside, other := k.bool(), some && scale != a.scale
	if (beside || other) && a.sum == nil {
		a.growSum()
	}
	if !other {
		a.narrow[g] = narrow
	}
	if beside {
		a.n[g], a.sum[g] = k.int(), k.decimal()
		if err := a.loadBeside(g, &k); err != nil {
			return nil, err
		}
	}
	if other {
		// The values came in batches of another scale than that of this process's
		// first: they are of those that stand beside narrow.
		if err := a.combineNarrow(g, narrow, scale); err != nil {
			return nil, err
		}
	}
	return k.b, k.err
}

// loadBeside reads what a group has beside its sums.
func (a *numerics) loadBeside(g int32, k *kept) error {
	s := specials{k.int(), k.int(), k.int()}
	if s != (specials{}) {
		if a.special == nil {
			a.special = map[int32]*specials{}
		}
		a.special[g] = &s
	}
	for range k.size() {
		if a.scales[g] == nil {
			a.scales[g] = map[int32]int64{}
		}
		scale := int32(k.int())
		a.scales[g][scale] = k.int()
	}
	return k.err
}

func (a *variance) Save(g int32, dst []byte) []byte {
	return a.squares.Save(g, a.sum.Save(g, dst))
}

func (a *variance) Load(g int32, src []byte) ([]byte, error) {
	rest, err := a.sum.Load(g, src)
	if err != nil {
		return nil, err
	}
	return a.squares.Load(g, rest)
}

func (a *floats) Save(g int32, dst []byte) []byte {
	return appendFlag(appendFloat(appendInt(dst, a.n[g]), a.sum[g]), a.infinite[g])
}

func (a *floats) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g], a.sum[g], a.infinite[g] = k.int(), k.float(), k.bool()
	return k.b, k.err
}

func (a *exactFloats) Save(g int32, dst []byte) []byte {
	s := a.special[g]
	dst = appendInt(appendInt(appendInt(appendInt(dst, a.n[g]), int64(s.nan)), int64(s.inf)), int64(s.negInf))
	dst = appendInt(dst, int64(len(a.parts[g])))
	for _, p := range a.parts[g] {
		dst = appendFloat(dst, p)
	}
	return dst
}

func (a *exactFloats) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g] = k.int()
	a.special[g] = floatSpecials{int32(k.int()), int32(k.int()), int32(k.int())}
	for range k.size() {
		a.parts[g] = append(a.parts[g], k.float())
	}
	return k.b, k.err
}

func (a *moments) Save(g int32, dst []byte) []byte {
	m := &a.of[g]
	for _, v := range []float64{m.n, m.x, m.y, m.xx, m.yy, m.xy} {
		dst = appendFloat(dst, v)
	}
	return dst
}

func (a *moments) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	m := &a.of[g]
	for _, v := range []*float64{&m.n, &m.x, &m.y, &m.xx, &m.yy, &m.xy} {
		*v = k.float()
	}
	return k.b, k.err
}

func (a *exactMoments) Save(g int32, dst []byte) []byte {
	m := a.of[g]
	if m == nil {
		return appendFlag(dst, false)
	}
	dst = appendFlag(dst, true)
	for _, v := range []int64{m.n, m.oddX, m.oddY, m.infX[0], m.infX[1], m.infY[0], m.infY[1]} {
		dst = appendInt(dst, v)
	}
	for _, v := range m.sums() {
		dst = appendBytes(appendInt(dst, int64(v.Sign())), v.Bytes())
	}
	return dst
}

func (m *exactMoment) sums() []*big.Int { return []*big.Int{&m.x, &m.y, &m.xx, &m.yy, &m.xy} }

func (a *exactMoments) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if !k.bool() {
		return k.b, k.err
	}
	m := &exactMoment{}
	a.of[g] = m
	a.held += 2048
	for _, v := range []*int64{&m.n, &m.oddX, &m.oddY, &m.infX[0], &m.infX[1], &m.infY[0], &m.infY[1]} {
		*v = k.int()
	}
	for _, v := range m.sums() {
		sign := k.int()
		if v.SetBytes(k.bytes()); sign < 0 {
			v.Neg(v)
		}
	}
	return k.b, k.err
}

func (a *spans) Save(g int32, dst []byte) []byte {
	return appendInt(appendInt(appendInt(appendInt(dst, a.n[g]), a.micros[g]), a.days[g]), a.months[g])
}

func (a *spans) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g], a.micros[g], a.days[g], a.months[g] = k.int(), k.int(), k.int(), k.int()
	return k.b, k.err
}

func (a *booleans) Save(g int32, dst []byte) []byte {
	return appendInt(appendInt(dst, a.trues[g]), a.falses[g])
}

func (a *booleans) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.trues[g], a.falses[g] = k.int(), k.int()
	return k.b, k.err
}

func (a *bitwise) Save(g int32, dst []byte) []byte {
	return appendInt(appendFlag(dst, a.seen[g]), a.value[g])
}

func (a *bitwise) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.seen[g], a.value[g] = k.bool(), k.int()
	return k.b, k.err
}

func (a *bitCounts) Save(g int32, dst []byte) []byte {
	dst = appendInt(dst, a.n[g])
	for _, n := range a.ones[g] {
		dst = appendInt(dst, n)
	}
	return dst
}

func (a *bitCounts) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g] = k.int()
	for i := range a.ones[g] {
		a.ones[g][i] = k.int()
	}
	return k.b, k.err
}

func (a *moneySum) Save(g int32, dst []byte) []byte {
	return appendInt(appendInt(dst, a.n[g]), a.cents[g])
}

func (a *moneySum) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.n[g], a.cents[g] = k.int(), k.int()
	return k.b, k.err
}
