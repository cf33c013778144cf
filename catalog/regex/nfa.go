package regex

// nfa is the automaton of a language, states by number.
type nfa struct {
	states []state
	start  int32
	edged  bool // it has conditions on neighbouring characters
	looks  bool // it has look-around
}

type state struct {
	op   stateOp
	set  []bool // by color; opChar
	edge edge
	look int // of the expression's looks
	out  int32
	alt  int32 // of stateSplit
}

type stateOp uint8

const (
	stateMatch stateOp = iota
	stateChar
	stateSplit
	stateEdge
	stateLook
)

// maxStates bounds an automaton: bounds like {255} multiply what they stand on.
const maxStates = 100_000

// builder makes automata of one expression.
type builder struct {
	colors *colors
	looks  []*lookaround
	n      *nfa
	err    error
}

// build makes the automaton of a language.
func (b *builder) build(l *lang) (*nfa, error) {
	b.n = &nfa{}
	match := b.add(state{op: stateMatch})
	// Nothing leads back to the start: a set of it alone has not begun to match.
	first := b.before(l, match)
	b.n.start = b.add(state{op: stateSplit, out: first, alt: first})
	return b.n, b.err
}

func (b *builder) add(s state) int32 {
	if len(b.n.states) >= maxStates {
		b.err = errTooBig
		return 0
	}
	b.n.states = append(b.n.states, s)
	return int32(len(b.n.states) - 1)
}

// before adds the states of a language that goes on at next, and returns where
// it begins.
func (b *builder) before(l *lang, next int32) int32 {
	if b.err != nil {
		return next
	}
	switch l.op {
	case opSet:
		return b.add(state{op: stateChar, set: b.colors.members(l.set), out: next})
	case opCat:
		for i := len(l.kids) - 1; i >= 0; i-- {
			next = b.before(l.kids[i], next)
		}
		return next
	case opAlt:
		at := b.before(l.kids[len(l.kids)-1], next)
		for i := len(l.kids) - 2; i >= 0; i-- {
			at = b.add(state{op: stateSplit, out: b.before(l.kids[i], next), alt: at})
		}
		return at
	case opRepeat:
		return b.repeat(l, next)
	case opEdge:
		b.n.edged = true
		return b.add(state{op: stateEdge, edge: l.edge, out: next})
	}
	b.n.looks = true
	return b.add(state{op: stateLook, look: b.look(l), out: next})
}

func (b *builder) repeat(l *lang, next int32) int32 {
	if l.max == infinite {
		split := b.add(state{op: stateSplit, alt: next})
		if b.err != nil {
			return next
		}
		inner := b.before(l.kids[0], split)
		b.n.states[split].out = inner
		next = split
	} else {
		end := next
		for range l.max - l.min {
			next = b.add(state{op: stateSplit, out: b.before(l.kids[0], next), alt: end})
		}
	}
	for range l.min {
		next = b.before(l.kids[0], next)
	}
	return next
}

// look is the number of a look-around, which is added where it is new.
func (b *builder) look(l *lang) int {
	for i, k := range b.looks {
		if k.lang == l {
			return i
		}
	}
	b.looks = append(b.looks, &lookaround{lang: l})
	return len(b.looks) - 1
}

// lookaround is a condition on the text around a position.
type lookaround struct {
	lang *lang
	nfa  *nfa
}
