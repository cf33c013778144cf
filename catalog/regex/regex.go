package regex

import (
	"strings"
	"sync"
)

// Regexp is a compiled expression. Goroutines may share it.
type Regexp struct {
	tree   *node
	groups int
	fold   bool
	colors *colors
	nfas   []*nfa // by node
	looks  []*lookaround
	// literal is the text that the expression stands for, where it is one text.
	literal   string
	isLiteral bool
	prefix    string // every match begins with it
	machines  sync.Pool
}

// Compile reads an expression. Its failures are of type Error.
func Compile(pattern string, f Flags) (*Regexp, error) {
	p := parser{lexer: lexer{in: []rune(pattern), flags: f}}
	tree, err := p.parse()
	if err != nil {
		return nil, err
	}
	re := &Regexp{tree: tree, groups: p.opened, fold: p.flags.Fold, nfas: make([]*nfa, tree.number(0))}
	if re.colors, err = newColors(tree.lang); err != nil {
		return nil, err
	}
	b := builder{colors: re.colors}
	if err := re.build(&b, tree); err != nil {
		return nil, err
	}
	// A look-around may hold others, which are added behind it.
	for i := 0; i < len(b.looks); i++ {
		if b.looks[i].nfa, err = b.build(b.looks[i].lang.kids[0]); err != nil {
			return nil, err
		}
	}
	re.looks = b.looks
	if re.groups == 0 {
		re.literal, re.isLiteral = tree.lang.literal()
	}
	re.prefix = tree.lang.prefix()
	return re, nil
}

// build makes the automata of a node and of those in it.
func (re *Regexp) build(b *builder, n *node) (err error) {
	if re.nfas[n.id], err = b.build(n.lang); err != nil {
		return err
	}
	for _, k := range n.kids {
		if err := re.build(b, k); err != nil {
			return err
		}
	}
	return nil
}

// Groups is how many groups capture.
func (re *Regexp) Groups() int { return re.groups }

func (re *Regexp) machine(text string, stop func() error) *machine {
	m, ok := re.machines.Get().(*machine)
	if !ok {
		m = &machine{re: re, search: newDFA(re.nfas[re.tree.id], re.colors, true), nodes: make([]*dfa, len(re.nfas)),
			ahead: make([]*dfa, len(re.looks)), behind: make([]*sweep, len(re.looks)), known: make([][]int8, len(re.looks)),
			groups: make([]int, 2*re.groups+2)}
	}
	m.reset(text, stop)
	return m
}

// Match tells whether the expression matches anywhere in a text. stop is asked
// now and then, and its error ends the match; it may be nil.
func (re *Regexp) Match(text string, stop func() error) (bool, error) {
	switch {
	case re.isLiteral:
		return strings.Contains(text, re.literal), nil
	case re.tree.flags&refers != 0:
		found, err := re.Find(text, 0, stop)
		return found != nil, err
	}
	m := re.machine(text, stop)
	defer re.machines.Put(m)
	_, end := m.locate(0)
	return end >= 0 && m.err == nil, m.err
}

// Find is the leftmost match that begins at or after a position: where it and
// each of its groups begin and end, -1 for a group without a part in it. It is
// nil where there is none. What stands before the position counts for ^, \m and
// the like.
func (re *Regexp) Find(text string, from int, stop func() error) ([]int, error) {
	if re.isLiteral {
		i := strings.Index(text[from:], re.literal)
		if i < 0 {
			return nil, nil
		}
		return []int{from + i, from + i + len(re.literal)}, nil
	}
	m := re.machine(text, stop)
	defer re.machines.Put(m)
	if !m.find(from) || m.err != nil {
		return nil, m.err
	}
	return append([]int(nil), m.groups...), nil
}

// find fills groups with the leftmost match. Without back references the search
// has found the first end of a match, and so a bound for the beginning of the
// leftmost; with them the search goes on behind what did not hold. As in
// PostgreSQL it does not go on at the very end of the text, where after a failure
// an empty match is therefore not found.
func (m *machine) find(from int) bool {
	tree, d := m.re.tree, m.of(m.re.tree)
	for {
		open, closed := m.locate(from)
		for begin := open; begin <= closed && m.err == nil; begin = m.following(begin) {
			if m.matchAt(tree, d, begin) {
				return true
			}
			if begin == len(m.text) {
				return false
			}
		}
		if closed < 0 || closed == len(m.text) || m.err != nil {
			return false
		}
		if from = m.following(closed); from >= len(m.text) {
			return false
		}
	}
}

// matchAt tries the matches that begin at a position, the preferred length
// first.
func (m *machine) matchAt(tree *node, d *dfa, begin int) bool {
	short := tree.flags&shorter != 0
	var end int
	if short {
		end = m.shortest(d, begin, begin, len(m.text))
	} else {
		end = m.longest(d, begin, len(m.text))
	}
	for end >= 0 && m.err == nil {
		for i := range m.groups {
			m.groups[i] = -1
		}
		if m.dissect(tree, begin, end) {
			m.groups[0], m.groups[1] = begin, end
			return true
		}
		switch {
		case short && end == len(m.text) || !short && end == begin:
			return false
		case short:
			end = m.shortest(d, begin, m.following(end), len(m.text))
		default:
			end = m.longest(d, begin, m.previous(end))
		}
	}
	return false
}
