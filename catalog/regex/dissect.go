package regex

import (
	"unicode"
	"unicode/utf8"
)

// dissect finds where the groups of a node lie in text[begin:end], of which its
// automaton has said that it matches, and whether its back references hold
// there. Each part takes what it prefers that lets the rest match.
func (m *machine) dissect(n *node, begin, end int) bool {
	if m.err != nil {
		return false
	}
	ok := false
	switch n.kind {
	case plain:
		ok = true
	case backref:
		ok = m.repeats(n, begin, end)
	case concat:
		if n.kids[0].flags&shorter != 0 {
			ok = m.concatShortest(n, begin, end)
		} else {
			ok = m.concatLongest(n, begin, end)
		}
	case choice:
		for _, k := range n.kids {
			if m.longest(m.of(k), begin, end) == end && m.dissect(k, begin, end) {
				ok = true
				break
			}
		}
	case loop:
		r := rounds{machine: m, n: n, begin: begin, end: end}
		if n.kids[0].flags&shorter != 0 {
			ok = r.shortest()
		} else {
			ok = r.longest()
		}
	case wrapper:
		ok = m.dissect(n.kids[0], begin, end)
	}
	if ok && n.group != 0 {
		m.groups[2*n.group], m.groups[2*n.group+1] = begin, end
	}
	return ok
}

// forget clears the groups of a node.
func (m *machine) forget(n *node) {
	if n.group != 0 {
		m.groups[2*n.group], m.groups[2*n.group+1] = -1, -1
	}
	for _, k := range n.kids {
		m.forget(k)
	}
}

func (m *machine) concatLongest(n *node, begin, end int) bool {
	left, right := n.kids[0], n.kids[1]
	for mid := m.longest(m.of(left), begin, end); mid >= 0; {
		if m.longest(m.of(right), mid, end) == end && m.dissect(left, begin, mid) && m.dissect(right, mid, end) {
			return true
		}
		m.forget(left)
		m.forget(right)
		if mid == begin {
			return false
		}
		mid = m.longest(m.of(left), begin, m.previous(mid))
	}
	return false
}

func (m *machine) concatShortest(n *node, begin, end int) bool {
	left, right := n.kids[0], n.kids[1]
	for mid := m.shortest(m.of(left), begin, begin, end); mid >= 0; {
		if m.longest(m.of(right), mid, end) == end && m.dissect(left, begin, mid) && m.dissect(right, mid, end) {
			return true
		}
		m.forget(left)
		m.forget(right)
		if mid == end {
			return false
		}
		mid = m.shortest(m.of(left), begin, m.following(mid), end)
	}
	return false
}

// previous and following are the positions a character off.
func (m *machine) previous(at int) int {
	_, size := utf8.DecodeLastRuneInString(m.text[:at])
	return at - size
}

func (m *machine) following(at int) int {
	_, size := utf8.DecodeRuneInString(m.text[at:])
	return at + size
}

// repeats tells whether a text is a back reference's group, as often as its
// quantifier says.
func (m *machine) repeats(n *node, begin, end int) bool {
	from, to := m.groups[2*n.ref], m.groups[2*n.ref+1]
	switch {
	case from < 0:
		return false
	case from == to:
		// Nothing, any number of times.
		return begin == end
	case begin == end:
		return n.min == 0
	}
	times, at := 0, begin
	for at < end {
		next, ok := m.sameText(from, to, at, end)
		if !ok {
			return false
		}
		at = next
		times++
	}
	m.tick(end - begin)
	return times >= n.min && (n.max == infinite || times <= n.max)
}

// sameText tells whether text[from:to] stands at a position, and where it ends.
func (m *machine) sameText(from, to, at, end int) (int, bool) {
	if !m.re.fold {
		stop := at + to - from
		return stop, stop <= end && m.text[from:to] == m.text[at:stop]
	}
	for from < to {
		if at >= end {
			return at, false
		}
		r, size := utf8.DecodeRuneInString(m.text[from:])
		q, qsize := utf8.DecodeRuneInString(m.text[at:])
		if r != q && unicode.ToLower(r) != unicode.ToLower(q) {
			return at, false
		}
		from += size
		at += qsize
	}
	return at, true
}
