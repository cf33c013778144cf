package regex

import (
	"encoding/binary"
	"slices"
)

// dfa is an automaton whose states are made as texts reach them. Whether a text
// ends at a position may depend on the character behind it, so an edge tells
// that of the position before the character that it reads.
type dfa struct {
	nfa    *nfa
	colors *colors
	// search makes the automaton begin anew at each character.
	search bool
	states map[string]*dstate
	starts [contexts]*dstate
	// scratch of a step
	mark  []uint32
	round uint32
	stack []int32
	key   []byte
}

// before is what the character in front of a position says to conditions: bits.
type before uint8

const (
	atStart before = 1 << iota
	atLine
	atWord
	contexts = 1 << iota
)

// dstate is a set of NFA states that are reached with the last character.
type dstate struct {
	set    []int32 // ascending
	before before
	// fresh: a search that has not begun to match.
	fresh bool
	edges []dedge // by color, and the end of the text last
}

// dedge is what a character does at a state.
type dedge struct {
	to      *dstate // nil: not known; dead: nothing can match any more
	accepts bool    // the text may end before the character
}

var dead = &dstate{}

// maxCached bounds the states kept; past it all are made anew.
const maxCached = 1000

func newDFA(n *nfa, c *colors, search bool) *dfa {
	return &dfa{nfa: n, colors: c, search: search, states: map[string]*dstate{}, mark: make([]uint32, len(n.states))}
}

// begin is the state before the first character.
func (d *dfa) begin(b before) *dstate {
	if !d.nfa.edged {
		b = 0
	}
	if d.starts[b] == nil {
		d.starts[b] = d.state([]int32{d.nfa.start}, b)
	}
	return d.starts[b]
}

// after is what a character says to conditions behind it.
func (d *dfa) after(color uint16) before {
	b := before(0)
	if d.nfa.edged {
		if d.colors.line[color] {
			b |= atLine
		}
		if d.colors.word[color] {
			b |= atWord
		}
	}
	return b
}

// state is the state of a set, which it keeps.
func (d *dfa) state(set []int32, b before) *dstate {
	d.key = append(d.key[:0], byte(b))
	for _, s := range set {
		d.key = binary.LittleEndian.AppendUint32(d.key, uint32(s))
	}
	if st := d.states[string(d.key)]; st != nil {
		return st
	}
	if len(d.states) >= maxCached {
		clear(d.states)
		d.starts = [contexts]*dstate{}
	}
	st := &dstate{set: slices.Clone(set), before: b, edges: make([]dedge, d.colors.count+1)}
	st.fresh = d.search && len(set) == 1 && set[0] == d.nfa.start
	d.states[string(d.key)] = st
	return st
}

// step computes an edge. look tells whether a look-around holds here; its
// answers hold for this position only, so an automaton with any keeps no edges.
func (d *dfa) step(st *dstate, color uint16, look func(int) bool) dedge {
	d.round++
	var e dedge
	var next []int32
	d.stack = append(d.stack[:0], st.set...)
	slices.Reverse(d.stack)
	for len(d.stack) > 0 {
		s := d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		if d.mark[s] == d.round {
			continue
		}
		d.mark[s] = d.round
		switch at := &d.nfa.states[s]; at.op {
		case stateMatch:
			e.accepts = true
		case stateChar:
			if color < d.colors.end() && at.set[color] {
				next = append(next, at.out)
			}
		case stateSplit:
			d.stack = append(d.stack, at.alt, at.out)
		case stateEdge:
			if d.holds(at.edge, st.before, color) {
				d.stack = append(d.stack, at.out)
			}
		case stateLook:
			if look(at.look) {
				d.stack = append(d.stack, at.out)
			}
		}
	}
	if d.search && color < d.colors.end() {
		next = append(next, d.nfa.start)
	}
	e.to = dead
	if len(next) > 0 {
		slices.Sort(next)
		next = slices.Compact(next)
		e.to = d.state(next, d.after(color))
	}
	if !d.nfa.looks {
		st.edges[color] = e
	}
	return e
}

// holds tells whether a condition holds between what is before and the color
// behind.
func (d *dfa) holds(e edge, b before, color uint16) bool {
	end := color == d.colors.end()
	word := !end && d.colors.word[color]
	wordBefore := b&atWord != 0
	switch e {
	case textStart:
		return b&atStart != 0
	case textEnd:
		return end
	case lineStart:
		return b&(atStart|atLine) != 0
	case lineEnd:
		return end || d.colors.line[color]
	case wordStart:
		return !wordBefore && word
	case wordEnd:
		return wordBefore && !word
	case wordEdge:
		return wordBefore != word
	}
	return wordBefore == word
}
