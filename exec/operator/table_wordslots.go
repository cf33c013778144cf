package operator

import "math/bits"

// farSlots is the number of slots past which they do not lie in a near cache:
// a batch's slots are then touched before they are searched, so that the waits
// for memory overlap.
const farSlots = 1 << 13

// wordSlot is empty where group is 0.
type wordSlot struct {
	word  uint64
	group int32 // and 1
}

// wordSlots find the groups of words whose hashes begin with the same bits.
type wordSlots struct {
	slots []wordSlot
	skip  uint // that many
	shift uint // of the other bits, gives the slot
	used  int
}

func (s *wordSlots) bytes() int64 { return int64(len(s.slots)) * 16 }

func (s *wordSlots) resize(n int) { s.move(make([]wordSlot, n)) }

// move goes to slots that are empty.
func (s *wordSlots) move(to []wordSlot) {
	old := s.slots
	s.slots, s.shift, s.used = to, uint(64-bits.TrailingZeros(uint(len(to)))), 0
	for _, t := range old {
		if t.group != 0 {
			s.put(t)
		}
	}
}

// put puts a group into a slot; its word is in none.
func (s *wordSlots) put(t wordSlot) {
	mask := uint64(len(s.slots) - 1)
	i := scatter(t.word) << s.skip >> s.shift & mask
	for s.slots[i].group != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = t
	s.used++
}

// touch reads the slots of a batch's words.
func (s *wordSlots) touch(ws []uint64) int32 {
	if len(s.slots) <= farSlots {
		return 0
	}
	sum := int32(0)
	for _, w := range ws {
		sum += s.slots[scatter(w)<<s.skip>>s.shift].group
	}
	return sum
}

// lookup writes the group of each row of sel, -1 where there is none.
func (s *wordSlots) lookup(ws []uint64, sel, ids []int32) {
	slots, skip, shift := s.slots, s.skip&63, s.shift&63
	mask := uint64(len(slots) - 1)
	for k, r := range sel {
		w := ws[k]
		i := scatter(w) << skip >> shift & mask
		for slots[i].group != 0 && slots[i].word != w {
			i = (i + 1) & mask
		}
		ids[r] = slots[i].group - 1
	}
}

// all yields the slots that are taken, and reports whether it went to the end.
func (s *wordSlots) all(yield func(wordSlot) bool) bool {
	for _, t := range s.slots {
		if t.group != 0 && !yield(t) {
			return false
		}
	}
	return true
}
