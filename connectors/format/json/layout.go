package json

// layout is how a record lay: for each value the bytes before it, from the end
// of the value before that. A record whose bytes between the values are the same
// has the same keys in the same order, so no key is looked up.
type layout struct {
	known  bool
	steps  []step
	tail   string // after the last value, through the closing brace
	absent []*field
}

// step is a run of literal bytes and the value after it.
type step struct {
	text   string
	begins byte   // the first byte of the value
	field  *field // nil: nobody reads the value
	kind   kind   // of the field
	size   int    // of the text where it has 8 to 16 bytes, else 0
	// The text's first eight bytes and its last eight (which overlap below
	// sixteen); text under eight bytes has only head, under mask.
	head, mask, last uint64
}

func (l *layout) reset() {
	l.known, l.steps, l.absent, l.tail = false, l.steps[:0], l.absent[:0], ""
}

// add adds a step: the text between the values, and the value, which b begins with.
func (l *layout) add(text []byte, f *field, b []byte) {
	s := step{text: string(text), field: f, mask: ^uint64(0)}
	if len(b) > 0 {
		s.begins = b[0]
	}
	if f != nil {
		s.kind = f.kind
	}
	var pad [8]byte
	copy(pad[:], text)
	s.head = load(pad[:], 0)
	if len(text) < 8 {
		s.mask = 1<<(8*len(text)) - 1
	} else {
		s.last = load(text, len(text)-8)
		if len(text) <= 16 {
			s.size = len(text)
		}
	}
	l.steps = append(l.steps, s)
}

// match returns the index after the step's text, -1 where it is not at i.
func (s *step) match(b []byte, i int) int {
	n := len(s.text)
	if i+n+8 > len(b) {
		if len(b)-i >= n && string(b[i:i+n]) == s.text {
			return i + n
		}
		return -1
	}
	if load(b, i)&s.mask != s.head {
		return -1
	}
	if n > 8 {
		if load(b, i+n-8) != s.last {
			return -1
		}
		if n > 16 && string(b[i+8:i+n-8]) != s.text[8:n-8] {
			return -1
		}
	}
	return i + n
}

// learner decides when to learn a layout anew: at once at first, then after as
// many misses as double with each learning, so that a stream of mixed layouts
// pays for it only a few times. After a layout that held for a long run it starts
// afresh.
type learner struct {
	misses, need, hits int
}

const heldLong = 4096

func (l *learner) wanted() bool {
	if l.hits >= heldLong {
		l.need, l.misses, l.hits = 2, 0, 0
	}
	l.misses++
	l.hits /= 2
	return l.misses > l.need
}

func (l *learner) learned() {
	l.misses, l.hits = 0, 0
	l.need = min(max(2*l.need, 2), 1<<20)
}
