package regex

// Flags say how an expression is read and matched. The zero value is an advanced
// expression, in which case counts and a newline is a character like any other.
type Flags struct {
	Fold     bool // case does not count
	Expanded bool // white space and comments are left out
	Literal  bool // every character stands for itself
	Basic    bool // a basic expression
	Extended bool // an extended one, without what is advanced
	LineStop bool // . and [^ do not match a newline
	LineEdge bool // ^ and $ match at each line
}

// token is what the lexer reads: a character of the pattern's syntax as itself,
// or one of these.
type token rune

const (
	tokenEnd token = -1 - iota
	tokenPlain
	tokenDigit
	tokenReference
	tokenClass    // \d and its like, or the complement where value is 0
	tokenRange    // the hyphen between brackets
	tokenColl     // [.
	tokenEquiv    // [=
	tokenNamed    // [:
	tokenLook     // (?= and its like; value is the look
	tokenStart    // \A
	tokenFinish   // \Z
	tokenEdge     // \y
	tokenNoEdge   // \Y
	tokenNone     // before the first
	tokenWordFrom // \m
	tokenWordTo   // \M
)

// context is where the lexer is: outside, in braces, in brackets.
type context uint8

const (
	outside context = iota
	inBraces
	inBrackets
)

type lexer struct {
	in      []rune
	at      int
	flags   Flags
	context context
	last    token
	tok     token
	value   rune   // of tokenPlain, tokenDigit, tokenReference; 1 or 0 of the rest
	name    string // of tokenClass
	opened  int    // groups so far
}

func (l *lexer) advanced() bool { return !l.flags.Basic && !l.flags.Extended }

func (l *lexer) more() bool { return l.at < len(l.in) }

// sees reports whether what follows begins with s, which is ASCII.
func (l *lexer) sees(s string) bool {
	if len(l.in)-l.at < len(s) {
		return false
	}
	for i := range len(s) {
		if l.in[l.at+i] != rune(s[i]) {
			return false
		}
	}
	return true
}

// skips passes s where it follows.
func (l *lexer) skips(s string) bool {
	if !l.sees(s) {
		return false
	}
	l.at += len(s)
	return true
}

// begin reads the director and the embedded options, and the first token.
func (l *lexer) begin() error {
	l.tok = tokenNone
	if !l.flags.Literal && l.sees("***") && len(l.in) > 3 {
		switch l.in[3] {
		case '?':
			return errPattern
		case '=':
			l.flags = Flags{Literal: true, Fold: l.flags.Fold}
			l.at = 4
		case ':':
			l.flags.Basic, l.flags.Extended = false, false
			l.at = 4
		default:
			return errOperand
		}
	}
	if !l.flags.Literal && l.advanced() && l.sees("(?") && l.at+2 < len(l.in) && isLetter(l.in[l.at+2]) {
		if err := l.options(); err != nil {
			return err
		}
	}
	return l.next()
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' && r < 0x80 }

// options reads (?xyz).
func (l *lexer) options() error {
	f := &l.flags
	for l.at += 2; l.more() && isLetter(l.in[l.at]); l.at++ {
		switch l.in[l.at] {
		case 'b':
			f.Basic, f.Extended, f.Literal = true, false, false
		case 'c':
			f.Fold = false
		case 'e':
			f.Extended, f.Basic, f.Literal = true, false, false
		case 'i':
			f.Fold = true
		case 'm', 'n':
			f.LineStop, f.LineEdge = true, true
		case 'p':
			f.LineStop, f.LineEdge = true, false
		case 'q':
			f.Literal, f.Basic, f.Extended = true, false, false
		case 's':
			f.LineStop, f.LineEdge = false, false
		case 't':
			f.Expanded = false
		case 'w':
			f.LineStop, f.LineEdge = false, true
		case 'x':
			f.Expanded = true
		default:
			return errOption
		}
	}
	if !l.skips(")") {
		return errOption
	}
	if f.Literal {
		f.Expanded, f.LineStop, f.LineEdge = false, false, false
	}
	return nil
}

func (l *lexer) give(t token, value rune) error {
	l.tok, l.value = t, value
	return nil
}

// skip passes white space and comments of the expanded syntax.
func (l *lexer) skip() {
	for l.more() {
		switch c := l.in[l.at]; {
		case isSpace(c):
			l.at++
		case c == '#':
			for l.more() && l.in[l.at] != '\n' {
				l.at++
			}
		default:
			return
		}
	}
}

// next reads a token.
func (l *lexer) next() error {
	l.last = l.tok
	if l.flags.Expanded && l.context != inBrackets && !l.flags.Literal {
		l.skip()
	}
	if !l.more() {
		switch l.context {
		case inBraces:
			return errBraces
		case inBrackets:
			return errBrackets
		}
		return l.give(tokenEnd, 0)
	}
	c := l.in[l.at]
	l.at++
	switch {
	case l.flags.Literal:
		return l.give(tokenPlain, c)
	case l.context == inBraces:
		return l.inBraces(c)
	case l.context == inBrackets:
		return l.inBrackets(c)
	case l.flags.Basic:
		return l.basic(c)
	}
	return l.outside(c)
}

// outside reads a token outside brackets and braces.
func (l *lexer) outside(c rune) error {
	switch c {
	case '|', '.', '^', '$', ')':
		return l.give(token(c), c)
	case '*', '+', '?':
		if l.advanced() && l.skips("?") {
			return l.give(token(c), 0)
		}
		return l.give(token(c), 1)
	case '{':
		if l.flags.Expanded {
			l.skip()
		}
		if !l.more() || !isDigit(l.in[l.at]) {
			return l.give(tokenPlain, c)
		}
		l.context = inBraces
		return l.give('{', 0)
	case '(':
		if l.advanced() && l.skips("?") {
			return l.special()
		}
		return l.give('(', 1)
	case '[':
		return l.bracket()
	case '\\':
		if !l.more() {
			return errEscape
		}
		if !l.advanced() {
			l.at++
			return l.give(tokenPlain, l.in[l.at-1])
		}
		return l.escape()
	}
	return l.give(tokenPlain, c)
}

// special reads what follows "(?".
func (l *lexer) special() error {
	switch {
	case l.skips(":"):
		return l.give('(', 0)
	case l.skips("#"):
		for l.more() && l.in[l.at] != ')' {
			l.at++
		}
		l.skips(")")
		l.tok = l.last
		return l.next()
	case l.skips("="):
		return l.give(tokenLook, rune(ahead))
	case l.skips("!"):
		return l.give(tokenLook, rune(notAhead))
	case l.skips("<="):
		return l.give(tokenLook, rune(behind))
	case l.skips("<!"):
		return l.give(tokenLook, rune(notBehind))
	}
	return errOperand
}

func (l *lexer) bracket() error {
	switch {
	case l.skips("[:<:]]"):
		return l.give(tokenWordFrom, 0)
	case l.skips("[:>:]]"):
		return l.give(tokenWordTo, 0)
	}
	l.context = inBrackets
	if l.skips("^") {
		return l.give('[', 0)
	}
	return l.give('[', 1)
}

// basic reads a token of a basic expression outside brackets and braces.
func (l *lexer) basic(c rune) error {
	first := l.last == tokenNone || l.last == '('
	switch c {
	case '*':
		if first || l.last == '|' || l.last == '^' {
			return l.give(tokenPlain, c)
		}
		return l.give('*', 1)
	case '[':
		return l.bracket()
	case '.':
		return l.give('.', 0)
	case '^':
		if first {
			return l.give('^', 0)
		}
	case '$':
		if l.flags.Expanded {
			l.skip()
		}
		if !l.more() || l.sees(`\)`) {
			return l.give('$', 0)
		}
	case '\\':
		if !l.more() {
			return errEscape
		}
		c = l.in[l.at]
		l.at++
		switch {
		case c == '{':
			l.context = inBraces
			return l.give('{', 0)
		case c == '(':
			return l.give('(', 1)
		case c == ')':
			return l.give(')', 0)
		case c == '<':
			return l.give(tokenWordFrom, 0)
		case c == '>':
			return l.give(tokenWordTo, 0)
		case c >= '1' && c <= '9':
			return l.give(tokenReference, c-'0')
		}
	}
	return l.give(tokenPlain, c)
}

func (l *lexer) inBraces(c rune) error {
	switch {
	case isDigit(c):
		return l.give(tokenDigit, c-'0')
	case c == ',':
		return l.give(',', 0)
	case c == '}' && !l.flags.Basic:
		l.context = outside
		if l.advanced() && l.skips("?") {
			return l.give('}', 0)
		}
		return l.give('}', 1)
	case c == '\\' && l.flags.Basic && l.skips("}"):
		l.context = outside
		return l.give('}', 1)
	}
	return errCount
}

func (l *lexer) inBrackets(c rune) error {
	switch c {
	case '\\':
		if !l.advanced() {
			return l.give(tokenPlain, c)
		}
		if !l.more() {
			return errEscape
		}
		if err := l.escape(); err != nil {
			return err
		}
		if l.tok != tokenPlain && l.tok != tokenClass {
			return errEscape
		}
		return nil
	case '-':
		if l.last == '[' || l.sees("]") {
			return l.give(tokenPlain, c)
		}
		return l.give(tokenRange, c)
	case '[':
		if !l.more() {
			return errBrackets
		}
		switch {
		case l.skips("."):
			return l.give(tokenColl, '.')
		case l.skips("="):
			return l.give(tokenEquiv, '=')
		case l.skips(":"):
			return l.give(tokenNamed, ':')
		}
	case ']':
		if l.last != '[' {
			l.context = outside
			return l.give(']', 0)
		}
	}
	return l.give(tokenPlain, c)
}
