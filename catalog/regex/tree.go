package regex

// node is a part of an expression whose extent matters: it is a group, holds
// one, is a back reference, or prefers another length than what is beside it.
// All else is folded into nodes of kind plain.
type node struct {
	kind  nodeKind
	flags flags
	group int // that captures; 0: none
	lang  *lang
	kids  []*node // concat: two; choice: two and more; loop, wrapper: one
	ref   int     // backref: the group
	// min and max of loop and backref.
	min, max int
	id       int // of its machine
}

type nodeKind uint8

const (
	plain nodeKind = iota
	concat
	choice
	loop
	backref
	wrapper // a group around a node that is a group already
)

// flags say what a part prefers and what it holds.
type flags uint8

const (
	longer  flags = 1 << iota // prefers the longest text
	shorter                   // prefers the shortest
	mixed                     // holds parts of both
	capture                   // holds a group
	refers                    // holds a back reference
)

const preference = longer | shorter

// up is what a part's flags say of that which holds it.
func (f flags) up() flags {
	out := f &^ preference
	if f&preference == preference {
		out |= mixed
	}
	return out
}

// messy reports whether the extents within a part matter.
func (f flags) messy() bool { return f&(mixed|capture|refers) != 0 }

// combine are the flags of f followed by g: the first preference counts.
func combine(f, g flags) flags {
	pref := f & preference
	if pref == 0 {
		pref = g & preference
	}
	return (f | g).up() | pref
}

// atom is an element of a branch with its quantifier.
type atom struct {
	node     *node // nil: a plain character, class or condition
	lang     *lang
	cond     bool // a condition, which takes no quantifier
	group    bool // a capturing group
	ref      bool
	min, max int
	prefers  flags
}

// branch makes the node of a sequence of atoms.
func branch(atoms []atom) *node {
	top := &node{lang: cat()}
	empty := true
	for i := range atoms {
		a := &atoms[i]
		switch {
		case a.cond:
			top.lang.kids = append(top.lang.kids, a.lang)
			empty = false
			continue
		case a.min == 0 && a.max == 0:
			continue
		}
		inner := flags(0)
		if a.node != nil {
			inner = a.node.flags
		}
		f := top.flags | a.prefers | inner
		if !a.group && !a.ref && !f.up().messy() {
			top.lang.kids = append(top.lang.kids, repeat(a.lang, a.min, a.max))
			top.flags = f
			empty = false
			continue
		}
		return messyBranch(top, empty, a, atoms[i+1:])
	}
	return top
}

// messyBranch is a branch with an atom whose extent matters, after a plain
// prefix.
func messyBranch(prefix *node, noPrefix bool, a *atom, rest []atom) *node {
	inner := a.node
	if inner == nil {
		inner = &node{lang: a.lang}
	}
	both := combine(a.prefers, inner.flags)
	quantified := quantify(inner, a)
	tail := &node{kind: concat, flags: both, lang: quantified.lang}
	if len(rest) > 0 {
		after := branch(rest)
		tail.flags |= combine(tail.flags, after.flags)
		tail.kids = []*node{quantified, after}
		tail.lang = cat(quantified.lang, after.lang)
	}
	top := &node{kind: concat, flags: prefix.flags}
	top.flags |= combine(top.flags, tail.flags)
	if len(rest) == 0 {
		top.flags = prefix.flags
		top.flags |= combine(top.flags, quantified.flags)
		if noPrefix {
			return quantified
		}
		top.kids = []*node{prefix, quantified}
		top.lang = cat(prefix.lang, quantified.lang)
		return top
	}
	if noPrefix {
		top.kids, top.lang = tail.kids, tail.lang
		return top
	}
	first, second := tail.kids[0], tail.kids[1]
	if first.kind == plain && second.kind == plain && first.group == 0 && second.group == 0 && !(first.flags | second.flags).up().messy() {
		tail = &node{lang: tail.lang, flags: combine(first.flags, second.flags)}
	}
	top.kids = []*node{prefix, tail}
	top.lang = cat(prefix.lang, tail.lang)
	return top
}

// quantify applies an atom's quantifier to its node.
func quantify(n *node, a *atom) *node {
	pref := n.flags & (preference | mixed)
	f := combine(a.prefers, n.flags)
	switch {
	case a.ref:
		n.min, n.max = a.min, a.max
		n.flags |= f
		n.lang = repeat(a.lang, a.min, a.max)
		return n
	case a.min == 1 && a.max == 1 && (a.prefers == 0 || pref == 0 || a.prefers == pref):
		return n
	case n.flags&(capture|refers) == 0:
		return &node{lang: repeat(n.lang, a.min, a.max), flags: f}
	case a.min > 0 && n.flags&refers == 0:
		// Only the last round's groups count.
		most := a.max
		if most != infinite {
			most--
		}
		before := &node{lang: repeat(n.lang, a.min-1, most), flags: f & preference}
		return &node{kind: concat, kids: []*node{before, n}, lang: cat(before.lang, n.lang), flags: f}
	}
	return &node{kind: loop, kids: []*node{n}, min: a.min, max: a.max, lang: repeat(n.lang, a.min, a.max), flags: f}
}

// alternatives makes the node of branches.
func alternatives(branches []*node) *node {
	if len(branches) == 1 {
		return branches[0]
	}
	top := &node{kind: choice, flags: longer, lang: &lang{op: opAlt}, kids: branches}
	for _, b := range branches {
		top.flags |= (top.flags | b.flags).up()
		top.lang.kids = append(top.lang.kids, b.lang)
	}
	if !top.flags.messy() {
		top.kind, top.kids = plain, nil
	}
	return top
}

// captured makes a node a group.
func captured(n *node, group int) *node {
	if n.group != 0 {
		return &node{kind: wrapper, flags: n.flags | capture, group: group, kids: []*node{n}, lang: n.lang}
	}
	n.flags |= capture
	n.group = group
	return n
}

// number gives each node its id, and returns how many there are.
func (n *node) number(next int) int {
	n.id = next
	next++
	for _, k := range n.kids {
		next = k.number(next)
	}
	return next
}
