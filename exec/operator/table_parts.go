package operator

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

const (
	// wholeSlots is the most slots of a wordIndex that lie in one piece; more are
	// split, so that each part lies in a near cache.
	wholeSlots = 1 << 16
	// partCount is how many parts there are then.
	partCount = 1 << partBits
	partBits  = 8
)

// wordParts are the slots of a wordIndex with many groups, by the highest bits
// of the hash. Each part grows by itself.
type wordParts struct {
	parts [partCount]wordSlots
	slots int        // of all parts
	next  int        // what all parts are expected to need
	spare []wordSlot // of a part that is needed no more
}

func (p *wordParts) bytes() int64 { return int64(p.slots+len(p.spare)) * 16 }

func (p *wordParts) of(hash uint64) *wordSlots { return &p.parts[hash>>(64-partBits)] }

// split puts the groups into parts, which are to have n slots.
func (x *wordIndex) split(n int) {
	p := &wordParts{next: n, slots: wholeSlots}
	for i := range p.parts {
		p.parts[i].skip = partBits
		p.parts[i].resize(wholeSlots / partCount)
	}
	if x.one != nil {
		for t := range x.all() {
			p.put(t)
		}
	}
	x.one, x.parts = nil, p
}

// put puts a group into a slot; its word is in none.
func (p *wordParts) put(t wordSlot) {
	part := p.of(scatter(t.word))
	p.reserve(part, 1)
	part.put(t)
}

// reserve makes room for n more groups in a part.
func (p *wordParts) reserve(part *wordSlots, n int) {
	have := len(part.slots)
	need := room(have, part.used+n)
	if need == have {
		return
	}
	if len(p.spare) >= need {
		clear(p.spare)
		part.move(p.spare)
		p.spare = nil
	} else {
		part.resize(need)
	}
	p.slots += len(part.slots) - have
}

func (p *wordParts) touch(ws []uint64) int32 {
	sum := int32(0)
	for _, w := range ws {
		h := scatter(w)
		part := p.of(h)
		sum += part.slots[h<<partBits>>part.shift].group
	}
	return sum
}

// assignParts is assignHashed where the rows of a batch lie in many parts.
func (x *wordIndex) assignParts(ws []uint64, sel, ids []int32) {
	for k, r := range sel {
		w := ws[k]
		h := scatter(w)
		part := x.parts.of(h)
		mask := uint64(len(part.slots) - 1)
		i := h << partBits >> part.shift & mask
		for {
			s := &part.slots[i]
			if s.word == w && s.group != 0 {
				ids[r] = s.group - 1
				break
			}
			if s.group == 0 {
				g := x.insert(w, r)
				ids[r] = g
				*s = wordSlot{word: w, group: g + 1}
				part.used++
				x.parts.reserve(part, 1)
				break
			}
			i = (i + 1) & mask
		}
	}
}

func (p *wordParts) lookup(ws []uint64, sel, ids []int32) {
	for k := range sel {
		p.of(scatter(ws[k])).lookup(ws[k:k+1], sel[k:k+1], ids)
	}
}

// places writes which 256th of the index each word lies in.
func (x *wordIndex) places(ws []uint64, to []uint8) {
	if x.direct == nil {
		for k, w := range ws {
			to[k] = uint8(scatter(w) >> (64 - partBits))
		}
		return
	}
	shift := uint(max(bits.Len(uint(len(x.direct)))-partBits, 0))
	for k, w := range ws {
		to[k] = uint8((w - x.base) >> shift)
	}
}

// enter says that, until the call of leave, rows come of one part only.
func (x *wordIndex) enter(part int) { x.one = &x.parts.parts[part] }

// entered reports whether rows come of one part only.
func (x *wordIndex) entered() bool { return x.parts != nil && x.one != nil }

// leave ends enter.
func (x *wordIndex) leave() { x.one = nil }

// truncate forgets the groups from n on, of whose words none comes again: slots
// may go on to name them.
func (x *wordIndex) truncate(n int) {
	vec.Truncate(x.keys[0], n)
	x.count = n
}

// forget says that no row of a part will come.
func (x *wordIndex) forget(part int) {
	p := &x.parts.parts[part]
	x.parts.slots -= len(p.slots)
	if len(p.slots) > len(x.parts.spare) {
		x.parts.spare = p.slots
	}
	*p = wordSlots{}
}
