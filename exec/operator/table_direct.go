package operator

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

const (
	// directFrom is the number of groups from which it pays to find them by the
	// key itself even in much more memory: before, the slots lie in a near cache
	// too.
	directFrom = 1 << 15
	// nearWords is the width of keys whose direct lies in the nearest cache.
	nearWords = 1 << 11
)

// near puts a few groups in direct, where their keys are close together.
func (x *wordIndex) near() bool {
	if x.bent || x.one == nil || x.parts != nil || x.least > x.most || uint64(x.most)-uint64(x.least) >= nearWords ||
		!x.spread(x.least, x.most, nearWords) {
		return false
	}
	x.take()
	return true
}

// straighten puts the groups in direct, where that takes no more memory than n
// slots would.
func (x *wordIndex) straighten(n int) bool {
	if x.count < directFrom || !x.spread(x.least, x.most, n) {
		return false
	}
	x.take()
	return true
}

// take puts the groups of the slots in direct.
func (x *wordIndex) take() {
	for s := range x.all() {
		x.direct[s.word-x.base] = s.group
	}
	x.one, x.parts = nil, nil
}

// spread makes direct anew, empty, for the words from least to most and some on
// each side. false: it would be larger than n slots.
func (x *wordIndex) spread(least, most int64, n int) bool {
	width, room := uint64(most)-uint64(least), uint64(4*n)
	if width >= room {
		return false
	}
	spare := min((room-width)/2, width/4)
	x.base = uint64(least) - spare
	x.direct = make([]int32, width+1+2*spare)
	return true
}

// assignDirect assigns groups until a word lies outside of direct, and returns
// how many rows it did.
func (x *wordIndex) assignDirect(ws []uint64, nulls *vec.Bitmap, sel, ids []int32) int {
	direct, base := x.direct, x.base
	for k, r := range sel {
		if nulls != nil && nulls.Get(int(r)) {
			ids[r] = x.nullGroup(r)
			continue
		}
		w := ws[k]
		at := w - base
		if at >= uint64(len(direct)) {
			if !x.stretch(int64(w)) {
				return k
			}
			direct, base = x.direct, x.base
			at = w - base
		}
		g := direct[at]
		if g == 0 {
			g = x.insert(w, r) + 1
			direct[at] = g
		}
		ids[r] = g - 1
	}
	return len(sel)
}

// stretch makes room in direct for one more word, where the memory of the slots
// that the groups would need is enough.
func (x *wordIndex) stretch(w int64) bool {
	old, base := x.direct, x.base
	if !x.spread(min(x.least, w), max(x.most, w), max(room(0, x.count), nearWords)) {
		return false
	}
	for i, g := range old {
		if g != 0 {
			x.direct[base+uint64(i)-x.base] = g
		}
	}
	return true
}

// bend goes back to slots, with room for n more groups.
func (x *wordIndex) bend(n int) {
	old := x.direct
	x.direct, x.bent = nil, true
	put := func(t wordSlot) { x.parts.put(t) }
	taken := 0 // more than there are groups, after truncate
	for _, g := range old {
		if g != 0 {
			taken++
		}
	}
	if need := room(0, taken+n); need > wholeSlots {
		x.split(need)
	} else {
		x.one = &wordSlots{}
		x.one.resize(need)
		put = x.one.put
	}
	for at, g := range old {
		if g != 0 {
			put(wordSlot{word: x.base + uint64(at), group: g})
		}
	}
}
