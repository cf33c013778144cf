package parse

import "strings"

// lexer splits a text by the rules of PostgreSQL's scan.l with
// standard_conforming_strings on. It goes first because two things must be known
// before PostgreSQL's own scanner may see the text: where a # comment inside a
// WITH ( ) list is (an apostrophe in it would open a string), and how deep the
// text nests (the parser dies of deep trees). A test compares its tokens with
// PostgreSQL's own.
type lexer struct {
	tokens
	pos int
	// open are the brackets not yet closed; with is how many of them were open
	// when the outermost WITH ( ) list began, its own included; 0: in none.
	open []int32
	with int
}

// lex scans a text, to one token past MaxTokens at most. It never fails: what
// PostgreSQL would refuse becomes a broken token.
func lex(text string) *tokens {
	l := &lexer{tokens: tokens{text: text, list: make([]token, 0, min(len(text)/5+4, MaxTokens))}}
	for {
		l.skipBlank()
		if l.pos >= len(text) || len(l.list) > MaxTokens {
			return &l.tokens
		}
		start := l.pos
		k := l.next()
		l.list = append(l.list, token{kind: k, start: int32(start), end: int32(l.pos), pair: -1})
		if k == punct {
			l.bracket(len(l.list) - 1)
		}
	}
}

// bracket keeps the pairs of brackets and notices WITH ( ) lists.
func (l *lexer) bracket(i int) {
	switch c := l.text[l.list[i].start]; c {
	case '(', '[':
		l.open = append(l.open, int32(i))
		if c == '(' && l.with == 0 && l.is(i-1, "with") {
			l.with = len(l.open)
		}
	case ')', ']':
		if len(l.open) == 0 {
			return
		}
		o := l.open[len(l.open)-1]
		if (l.text[l.list[o].start] == '(') != (c == ')') {
			return
		}
		l.list[o].pair, l.list[i].pair = int32(i), o
		if l.open = l.open[:len(l.open)-1]; len(l.open) < l.with {
			l.with = 0
		}
	}
}

// skipBlank passes white space and comments.
func (l *lexer) skipBlank() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case isSpace(rest[0]):
			l.pos++
		case strings.HasPrefix(rest, "--"):
			start := l.pos
			l.pos += lineEnd(rest)
			if startsLine(l.text, start) {
				l.notes = append(l.notes, span{start, l.pos})
			}
		case strings.HasPrefix(rest, "/*"):
			n, nested, ok := blockComment(rest)
			if !ok {
				return
			}
			if nested {
				// PostgreSQL's scanner takes time quadratic in a run of /*/*/*.
				l.blanks = append(l.blanks, span{l.pos, l.pos + n})
			}
			l.pos += n
		case rest[0] == '#' && l.with > 0:
			start := l.pos
			l.pos += lineEnd(rest)
			l.blanks = append(l.blanks, span{start, l.pos})
		default:
			return
		}
	}
}

// next passes one token, which begins at pos.
func (l *lexer) next() kind {
	rest := l.text[l.pos:]
	c := rest[0]
	switch {
	case c == '\'':
		return l.quote(0, '\'', false)
	case c == '"':
		return l.quote(0, '"', false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
		return l.quote(1, '\'', true)
	case strings.IndexByte("bBxX", c) >= 0 && strings.HasPrefix(rest[1:], "'"):
		return l.quote(1, '\'', false)
	case (c == 'u' || c == 'U') && strings.HasPrefix(rest[1:], "&'"):
		return l.quote(2, '\'', false)
	case (c == 'u' || c == 'U') && strings.HasPrefix(rest[1:], "&\""):
		return l.quote(2, '"', false)
	case isIdentStart(c):
		l.pos += identLen(rest)
		return word
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		l.pos += numberLen(rest)
		return number
	case c == '$':
		return l.dollar()
	case strings.HasPrefix(rest, "/*"):
		l.pos = len(l.text) // its end is missing
		return broken
	case strings.HasPrefix(rest, "::"), strings.HasPrefix(rest, ":="), strings.HasPrefix(rest, ".."):
		l.pos += 2
		return op
	case strings.IndexByte("()[],;:.", c) >= 0:
		l.pos++
		return punct
	case isOperator(c):
		l.pos += l.operatorLen(rest)
		return op
	}
	l.pos++
	return broken
}

// quote passes a quoted token whose quote stands skip bytes further. A string
// goes on after white space that holds a newline, as the standard has it.
func (l *lexer) quote(skip int, q byte, escapes bool) kind {
	i := l.pos + skip + 1
	for {
		for i < len(l.text) && l.text[i] != q {
			if escapes && l.text[i] == '\\' {
				i++
			}
			i++
		}
		if i >= len(l.text) {
			l.pos = len(l.text)
			return broken
		}
		i++
		if i < len(l.text) && l.text[i] == q && strings.IndexByte("bBxX", l.text[l.pos]) < 0 {
			i++
			continue
		}
		if q == '"' {
			l.pos = i
			return quoted
		}
		n := l.continuation(i)
		if n == i {
			l.pos = i
			return str
		}
		i = n
	}
}

// continuation returns the byte after the quote that goes on with a string that
// a quote closed before byte i: white space with a newline is between them. Else
// it returns i. The comments it passes are blanked: the binding's scanner ends the
// string at them where PostgreSQL's goes on.
func (l *lexer) continuation(i int) int {
	newline := false
	comments := len(l.blanks)
	for b := i; b < len(l.text); {
		switch c := l.text[b]; {
		case c == '\n' || c == '\r':
			newline = true
			b++
		case isSpace(c):
			b++
		case strings.HasPrefix(l.text[b:], "--"):
			end := b + lineEnd(l.text[b:])
			l.blanks = append(l.blanks, span{b, end})
			b = end
		case c == '\'' && newline:
			return b + 1
		default:
			l.blanks = l.blanks[:comments]
			return i
		}
	}
	l.blanks = l.blanks[:comments]
	return i
}

// dollar passes a parameter or a dollar quote.
func (l *lexer) dollar() kind {
	rest := l.text[l.pos:]
	n := 1
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	if n > 1 {
		junk := junkLen(rest[n:])
		l.pos += n + junk
		if junk > 0 {
			return broken
		}
		return param
	}
	for n < len(rest) && (isIdentStart(rest[n]) || n > 1 && isDigit(rest[n])) {
		n++
	}
	if n >= len(rest) || rest[n] != '$' {
		l.pos++
		return broken
	}
	delimiter := rest[:n+1]
	end := strings.Index(rest[n+1:], delimiter)
	if end < 0 {
		l.pos = len(l.text)
		return broken
	}
	l.pos += n + 1 + end + len(delimiter)
	return str
}

// operatorLen is the rule of scan.l: the longest run of operator characters, cut
// before a comment, and without + and - at its end unless the run holds a
// character that the standard's operators have not.
func (l *lexer) operatorLen(s string) int {
	n := 0
	for n < len(s) && n <= maxOperators && isOperator(s[n]) && !(l.with > 0 && s[n] == '#') {
		if n > 0 && (strings.HasPrefix(s[n:], "--") || strings.HasPrefix(s[n:], "/*")) {
			break
		}
		n++
	}
	if n > maxOperators {
		l.tooLong = true
		return n
	}
	if n > 1 && strings.IndexByte("+-", s[n-1]) >= 0 && strings.IndexAny(s[:n], "~!@#^&|`?%") < 0 {
		for n > 1 && strings.IndexByte("+-", s[n-1]) >= 0 {
			n--
		}
	}
	return max(n, 1)
}

// maxOperators bounds a run of operator characters: PostgreSQL's scanner reads a
// run of + and - again for each of them.
const maxOperators = 1000

// numberLen returns the length of a numeric literal, letters run together with
// it included.
func numberLen(s string) int {
	n := 0
	digits := func() {
		for n < len(s) && (isDigit(s[n]) || s[n] == '_' && n+1 < len(s) && isDigit(s[n+1])) {
			n++
		}
	}
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		return 2 + identLen(s[2:])
	}
	digits()
	if n < len(s) && s[n] == '.' && !strings.HasPrefix(s[n:], "..") {
		n++
		digits()
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		n = e // without digits it is junk
		digits()
	}
	return n + junkLen(s[n:])
}

// junkLen returns the length of an identifier that runs together with a number
// or parameter.
func junkLen(s string) int {
	if s == "" || !isIdentStart(s[0]) {
		return 0
	}
	return identLen(s)
}

// identLen returns how many bytes at the start of s can continue an identifier.
func identLen(s string) int {
	n := 0
	for n < len(s) && isIdent(s[n]) {
		n++
	}
	return n
}

// blockComment returns the length of the comment that s begins with, whether it
// holds another, and false where its end is missing.
func blockComment(s string) (n int, nested, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			nested = depth > 1 || nested
			i++
		case strings.HasPrefix(s[i:], "*/"):
			if depth--; depth == 0 {
				return i + 2, nested, true
			}
			i++
		}
	}
	return len(s), nested, false
}

// lineEnd returns the bytes up to the end of the line.
func lineEnd(s string) int {
	if n := strings.IndexAny(s, "\n\r"); n >= 0 {
		return n
	}
	return len(s)
}

// startsLine reports whether only blanks stand before byte i on its line.
func startsLine(s string, i int) bool {
	for i--; i >= 0 && s[i] != '\n' && s[i] != '\r'; i-- {
		if !isSpace(s[i]) {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool      { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
func isDigit(c byte) bool      { return c >= '0' && c <= '9' }
func isIdentStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }
func isIdent(c byte) bool      { return isIdentStart(c) || isDigit(c) || c == '$' }
func isOperator(c byte) bool   { return strings.IndexByte("~!@#^&|`?+-*/%<>=", c) >= 0 }
