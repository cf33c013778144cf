package regex

import (
	"strings"
	"unicode/utf8"
)

// machine is what one match of an expression needs: its automata, which grow
// with the texts they see. One goroutine has it at a time.
type machine struct {
	re     *Regexp
	search *dfa
	nodes  []*dfa // by node
	ahead  []*dfa // by look-around
	behind []*sweep
	known  [][]int8 // by look-around and position: 1 it holds, -1 not

	text   string
	groups []int
	steps  int
	stop   func() error
	err    error
}

// sweep runs over a text once and notes where a look-behind matches.
type sweep struct {
	dfa   *dfa
	st    *dstate
	at    int // positions below are known
	holds []bool
}

// checkEvery is how many characters are read between two looks at stop: some
// hundred microseconds.
const checkEvery = 1 << 15

// maxSteps bounds the characters that matching one text with back references
// reads, which may take time exponential in its length.
const maxSteps = 1 << 31

// reset prepares for a text.
func (m *machine) reset(text string, stop func() error) {
	m.text, m.stop, m.err, m.steps = text, stop, nil, 0
	for i := range m.known {
		m.known[i] = nil
	}
	for _, s := range m.behind {
		if s != nil {
			s.st, s.at, s.holds = nil, 0, nil
		}
	}
}

// tick counts characters read; false is the end.
func (m *machine) tick(n int) bool {
	m.steps += n
	if m.steps&^(checkEvery-1) != (m.steps-n)&^(checkEvery-1) {
		if m.stop != nil && m.err == nil {
			m.err = m.stop()
		}
		if m.steps > maxSteps && m.err == nil && m.re.tree.flags&refers != 0 {
			m.err = ErrSteps
		}
	}
	return m.err == nil
}

// before is what stands in front of a position.
func (m *machine) before(at int) before {
	if at == 0 {
		return atStart
	}
	r, _ := utf8.DecodeLastRuneInString(m.text[:at])
	c := m.re.colors
	color, b := c.of(r), before(0)
	if c.line[color] {
		b |= atLine
	}
	if c.word[color] {
		b |= atWord
	}
	return b
}

// color is that of the character at a position, and its length.
func (m *machine) color(at int) (uint16, int) {
	if at == len(m.text) {
		return m.re.colors.end(), 0
	}
	if b := m.text[at]; b < utf8.RuneSelf {
		return m.re.colors.ascii[b], 1
	}
	r, size := utf8.DecodeRuneInString(m.text[at:])
	return m.re.colors.of(r), size
}

func (m *machine) edge(d *dfa, st *dstate, color uint16, at int) dedge {
	if d.nfa.looks {
		return d.step(st, color, func(i int) bool { return m.holds(i, at) })
	}
	return d.step(st, color, nil)
}

// longest is where the longest match of an automaton from begin ends, at most at
// limit; -1 where there is none.
func (m *machine) longest(d *dfa, begin, limit int) int {
	st, last, at := d.begin(m.before(begin)), -1, begin
	ticked := begin
	for {
		color, size := m.color(at)
		e := st.edges[color]
		if e.to == nil {
			e = m.edge(d, st, color, at)
		}
		if e.accepts {
			last = at
		}
		if at >= limit || e.to == dead {
			break
		}
		st = e.to
		at += size
		if at-ticked >= checkEvery || m.err != nil {
			if !m.tick(at - ticked) {
				return -1
			}
			ticked = at
		}
	}
	if !m.tick(at - ticked + 1) {
		return -1
	}
	return last
}

// shortest is where the shortest match from begin ends, from least to limit.
func (m *machine) shortest(d *dfa, begin, least, limit int) int {
	st, at := d.begin(m.before(begin)), begin
	ticked := begin
	for {
		color, size := m.color(at)
		e := st.edges[color]
		if e.to == nil {
			e = m.edge(d, st, color, at)
		}
		if e.accepts && at >= least {
			m.tick(at - ticked + 1)
			return at
		}
		if at >= limit || e.to == dead {
			m.tick(at - ticked + 1)
			return -1
		}
		st = e.to
		at += size
		if at-ticked >= checkEvery || m.err != nil {
			if !m.tick(at - ticked) {
				return -1
			}
			ticked = at
		}
	}
}

// locate runs the search: a match begins no earlier than open, and the first to
// end ends at closed. closed is -1 where there is none.
func (m *machine) locate(from int) (open, closed int) {
	d, prefix := m.search, m.re.prefix
	st, at := d.begin(m.before(from)), from
	open = from
	ticked := from
	for {
		if st.fresh {
			if prefix != "" {
				i := strings.Index(m.text[at:], prefix)
				if i < 0 {
					return 0, -1
				}
				if i > 0 {
					at += i
					st = d.begin(m.before(at))
				}
			}
			open = at
		}
		color, size := m.color(at)
		e := st.edges[color]
		if e.to == nil {
			e = m.edge(d, st, color, at)
		}
		if e.accepts {
			return open, at
		}
		if e.to == dead || at == len(m.text) {
			return 0, -1
		}
		st = e.to
		at += size
		if at-ticked >= checkEvery || m.err != nil { // of a look-around, too
			if !m.tick(at - ticked) {
				return 0, -1
			}
			ticked = at
		}
	}
}

// of is the automaton of a node.
func (m *machine) of(n *node) *dfa {
	if m.nodes[n.id] == nil {
		m.nodes[n.id] = newDFA(m.re.nfas[n.id], m.re.colors, false)
	}
	return m.nodes[n.id]
}

// holds tells whether a look-around holds at a position.
func (m *machine) holds(i, at int) bool {
	l := m.re.looks[i]
	if m.err != nil {
		return false // the match is over, whatever it is
	}
	if l.lang.look == behind || l.lang.look == notBehind {
		return m.sweepTo(i, at) == (l.lang.look == behind)
	}
	if m.known[i] == nil {
		m.known[i] = make([]int8, len(m.text)+1)
	}
	if m.known[i][at] == 0 {
		if m.ahead[i] == nil {
			m.ahead[i] = newDFA(l.nfa, m.re.colors, false)
		}
		m.known[i][at] = -1
		if m.shortest(m.ahead[i], at, at, len(m.text)) >= 0 {
			m.known[i][at] = 1
		}
	}
	return (m.known[i][at] > 0) == (l.lang.look == ahead)
}

// sweepTo tells whether a look-behind's text ends at a position.
func (m *machine) sweepTo(i, at int) bool {
	s := m.behind[i]
	if s == nil {
		s = &sweep{dfa: newDFA(m.re.looks[i].nfa, m.re.colors, true)}
		m.behind[i] = s
	}
	if s.st == nil {
		s.st, s.holds = s.dfa.begin(atStart), make([]bool, len(m.text)+1)
	}
	for s.at <= at {
		color, size := m.color(s.at)
		e := s.st.edges[color]
		if e.to == nil {
			e = m.edge(s.dfa, s.st, color, s.at)
		}
		s.holds[s.at] = e.accepts
		if s.at == len(m.text) || !m.tick(1) {
			s.at++
			break
		}
		s.st = e.to
		s.at += size
	}
	return s.holds[at]
}
