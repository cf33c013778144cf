package regex

// parser makes the tree of an expression.
type parser struct {
	lexer
	groups []*node // by number - 1; nil while a group is open
	depth  int
}

// maxDepth bounds how deep groups nest, and with them recursion.
const maxDepth = 1000

func (p *parser) parse() (*node, error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	return p.expression(tokenEnd, false)
}

// expression reads branches up to the token stop. Inside look-around no group
// captures.
func (p *parser) expression(stop token, inLook bool) (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errTooBig
	}
	defer func() { p.depth-- }()
	var branches []*node
	for {
		var atoms []atom
		for p.tok != '|' && p.tok != stop && p.tok != tokenEnd {
			a, err := p.quantified(inLook)
			if err != nil {
				return nil, err
			}
			atoms = append(atoms, a)
		}
		branches = append(branches, branch(atoms))
		if p.tok != '|' {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if p.tok != stop {
		return nil, errParens
	}
	return alternatives(branches), nil
}

var edges = map[token]edge{'^': textStart, '$': textEnd, tokenStart: textStart, tokenFinish: textEnd, tokenWordFrom: wordStart,
	tokenWordTo: wordEnd, tokenEdge: wordEdge, tokenNoEdge: noWordEdge}

// quantified reads an atom and its quantifier, or a condition.
func (p *parser) quantified(inLook bool) (atom, error) {
	if e, ok := edges[p.tok]; ok {
		switch {
		case p.tok == '^' && p.flags.LineEdge:
			e = lineStart
		case p.tok == '$' && p.flags.LineEdge:
			e = lineEnd
		}
		return atom{lang: &lang{op: opEdge, edge: e}, cond: true}, p.next()
	}
	if p.tok == tokenLook {
		kind := look(p.value)
		if err := p.next(); err != nil {
			return atom{}, err
		}
		n, err := p.expression(')', true)
		if err != nil {
			return atom{}, err
		}
		return atom{lang: &lang{op: opLook, look: kind, kids: []*lang{n.lang}}, cond: true}, p.next()
	}
	a, err := p.atom(inLook)
	if err != nil {
		return a, err
	}
	return a, p.quantifier(&a)
}

func (p *parser) atom(inLook bool) (a atom, err error) {
	switch p.tok {
	case ')':
		if !p.flags.Extended {
			return a, errParens
		}
		a.lang = p.plain(')')
	case tokenPlain:
		a.lang = p.plain(p.value)
	case '[':
		set, err := p.bracketed(p.value == 0)
		if err != nil {
			return a, err
		}
		a.lang = &lang{op: opSet, set: set}
	case tokenClass:
		set, _ := class(p.name)
		if p.value == 0 {
			set = set.complement()
		}
		a.lang = &lang{op: opSet, set: set}
	case '.':
		a.lang = &lang{op: opSet, set: p.any()}
	case '(':
		return p.group(inLook)
	case tokenReference:
		n := int(p.value)
		if inLook || n > len(p.groups) || p.groups[n-1] == nil {
			return a, errReference
		}
		a.ref, a.lang = true, p.groups[n-1].lang.free()
		a.node = &node{kind: backref, flags: refers, ref: n, lang: a.lang}
	default:
		return a, errOperand
	}
	return a, p.next()
}

func (p *parser) plain(c rune) *lang { return &lang{op: opSet, set: one(c, p.flags.Fold)} }

// any is what . matches.
func (p *parser) any() charset {
	if p.flags.LineStop {
		return one('\n', false).complement()
	}
	return charset{{0, maxRune}}
}

func (p *parser) group(inLook bool) (a atom, err error) {
	captures := p.value == 1 && !inLook
	number := 0
	if captures {
		p.opened++
		number = p.opened
		p.groups = append(p.groups, nil)
	}
	if err := p.next(); err != nil {
		return a, err
	}
	n, err := p.expression(')', inLook)
	if err != nil {
		return a, err
	}
	if captures {
		n = captured(n, number)
		p.groups[number-1] = n
	}
	return atom{node: n, lang: n.lang, group: captures}, p.next()
}

// quantifier reads *, +, ? or a bound.
func (p *parser) quantifier(a *atom) error {
	a.min, a.max = 1, 1
	greed := func() flags {
		if p.value == 0 {
			return shorter
		}
		return longer
	}
	switch p.tok {
	case '*':
		a.min, a.max = 0, infinite
	case '+':
		a.max = infinite
	case '?':
		a.min = 0
	case '{':
		return p.bound(a, greed)
	default:
		return nil
	}
	a.prefers = greed()
	return p.next()
}

// bound reads {m}, {m,} or {m,n}; the first passes on what its atom prefers.
func (p *parser) bound(a *atom, greed func() flags) error {
	err := p.next()
	if err != nil {
		return err
	}
	if a.min, err = p.count(); err != nil {
		return err
	}
	a.max = a.min
	comma := p.tok == ','
	if comma {
		if err := p.next(); err != nil {
			return err
		}
		a.max = infinite
		if p.tok == tokenDigit {
			if a.max, err = p.count(); err != nil {
				return err
			}
			if a.min > a.max {
				return errCount
			}
		}
	}
	if p.tok != '}' {
		return errCount
	}
	if comma {
		a.prefers = greed()
	}
	return p.next()
}

func (p *parser) count() (n int, err error) {
	for p.tok == tokenDigit {
		if n = n*10 + int(p.value); n > maxCount {
			return 0, errCount
		}
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// bracketed reads a bracket expression up to its ], which stays the token.
func (p *parser) bracketed(not bool) (charset, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	var spans []span
	for p.tok != ']' {
		set, err := p.member()
		if err != nil {
			return nil, err
		}
		spans = append(spans, set...)
	}
	set := normal(spans)
	if not {
		if p.flags.LineStop {
			set = normal(append(spans, span{'\n', '\n'}))
		}
		set = set.complement()
	}
	return set, nil
}

// member reads one part of a bracket expression.
func (p *parser) member() (charset, error) {
	var from rune
	switch p.tok {
	case tokenRange:
		return nil, errRange
	case tokenClass:
		set, _ := class(p.name)
		if p.value == 0 {
			set = set.complement()
		}
		return set, p.next()
	case tokenNamed:
		name, err := p.named(errClass)
		if err != nil {
			return nil, err
		}
		if p.flags.Fold && (name == "upper" || name == "lower") {
			name = "alpha"
		}
		set, ok := class(name)
		if !ok {
			return nil, errClass
		}
		return set, nil
	case tokenEquiv:
		c, err := p.element()
		if err != nil {
			return nil, err
		}
		return one(c, p.flags.Fold), nil
	case tokenColl:
		c, err := p.element()
		if err != nil {
			return nil, err
		}
		from = c
	default:
		from = p.value
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if p.tok != tokenRange {
		return one(from, p.flags.Fold), nil
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	var to rune
	switch p.tok {
	case tokenPlain, tokenRange:
		to = p.value
		if err := p.next(); err != nil {
			return nil, err
		}
	case tokenColl:
		c, err := p.element()
		if err != nil {
			return nil, err
		}
		to = c
	default:
		return nil, errRange
	}
	if from > to {
		return nil, errRange
	}
	return between(from, to, p.flags.Fold), nil
}

// named reads the name between [: and :], or the like, and the token behind it.
func (p *parser) named(empty Error) (string, error) {
	end := p.at
	for ; ; end++ {
		if end+1 >= len(p.in) {
			return "", errBrackets
		}
		if p.in[end] == p.value && p.in[end+1] == ']' {
			break
		}
	}
	name := string(p.in[p.at:end])
	p.at = end + 2
	if name == "" {
		return "", empty
	}
	// A hyphen right behind begins a range, and ] closes.
	p.tok = tokenPlain
	return name, p.next()
}

func (p *parser) element() (rune, error) {
	name, err := p.named(errCollating)
	if err != nil {
		return 0, err
	}
	if r := []rune(name); len(r) == 1 {
		return r[0], nil
	}
	c, ok := collating[name]
	if !ok {
		return 0, errCollating
	}
	return c, nil
}
