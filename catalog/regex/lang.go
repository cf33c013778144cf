package regex

// lang is a regular language, as parsed: what a part of the expression matches,
// without groups and preferences.
type lang struct {
	op   langOp
	set  charset // opSet
	kids []*lang // opCat, opAlt; opRepeat, opLook: one
	// min and max of opRepeat; max is infinite for no limit.
	min, max int
	edge     edge // opEdge
	look     look // opLook
}

type langOp uint8

const (
	opSet langOp = iota
	opCat        // of nothing: the empty text
	opAlt
	opRepeat
	opEdge
	opLook
)

// edge is a condition on the characters on either side of a position.
type edge uint8

const (
	textStart edge = iota // \A, and ^ unless lines count
	textEnd
	lineStart
	lineEnd
	wordStart
	wordEnd
	wordEdge
	noWordEdge
)

// look is a condition on the text before or after a position.
type look uint8

const (
	ahead look = iota
	notAhead
	behind
	notBehind
)

const infinite = -1

// maxCount is the greatest number between braces.
const maxCount = 255

func cat(kids ...*lang) *lang { return &lang{op: opCat, kids: kids} }

func repeat(l *lang, least, most int) *lang {
	if least == 1 && most == 1 {
		return l
	}
	return &lang{op: opRepeat, kids: []*lang{l}, min: least, max: most}
}

// free is the language without its conditions, which a back reference to it does
// not repeat.
func (l *lang) free() *lang {
	switch l.op {
	case opEdge, opLook:
		return cat()
	case opSet:
		return l
	}
	c := *l
	c.kids = make([]*lang, len(l.kids))
	for i, k := range l.kids {
		c.kids[i] = k.free()
	}
	return &c
}

// walk calls f for the language and all in it.
func (l *lang) walk(f func(*lang)) {
	f(l)
	for _, k := range l.kids {
		k.walk(f)
	}
}

// literal is the text that the language consists of, where it is one text.
func (l *lang) literal() (string, bool) {
	switch l.op {
	case opSet:
		if len(l.set) == 1 && l.set[0].lo == l.set[0].hi {
			return string(l.set[0].lo), true
		}
	case opCat:
		all := ""
		for _, k := range l.kids {
			s, ok := k.literal()
			if !ok {
				return "", false
			}
			all += s
		}
		return all, true
	}
	return "", false
}

// prefix is a text that every text of the language begins with.
func (l *lang) prefix() string {
	if l.op != opCat {
		s, _ := l.literal()
		return s
	}
	all := ""
	for _, k := range l.kids {
		if k.op == opCat {
			if s, whole := k.literal(); whole {
				all += s
				continue
			}
			return all + k.prefix()
		}
		s, ok := k.literal()
		if !ok {
			return all
		}
		all += s
	}
	return all
}
