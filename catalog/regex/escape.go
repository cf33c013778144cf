package regex

// escape reads what follows a backslash in an advanced expression.
func (l *lexer) escape() error {
	c := l.in[l.at]
	l.at++
	if simple, ok := simpleEscapes[c]; ok {
		return l.give(tokenPlain, simple)
	}
	switch c {
	case 'A':
		return l.give(tokenStart, 0)
	case 'Z':
		return l.give(tokenFinish, 0)
	case 'm':
		return l.give(tokenWordFrom, 0)
	case 'M':
		return l.give(tokenWordTo, 0)
	case 'y':
		return l.give(tokenEdge, 0)
	case 'Y':
		return l.give(tokenNoEdge, 0)
	case 'd', 's', 'w':
		l.name = classEscapes[c]
		return l.give(tokenClass, 1)
	case 'D', 'S', 'W':
		l.name = classEscapes[c|0x20]
		return l.give(tokenClass, 0)
	case 'c':
		if !l.more() {
			return errEscape
		}
		l.at++
		return l.give(tokenPlain, l.in[l.at-1]&037)
	case 'u':
		return l.number(16, 4, 4)
	case 'U':
		return l.number(16, 8, 8)
	case 'x':
		return l.number(16, 1, 255)
	case '0':
		l.at--
		return l.octal()
	}
	if c >= '1' && c <= '9' {
		return l.reference()
	}
	if isLetter(c) {
		return errEscape
	}
	return l.give(tokenPlain, c)
}

var simpleEscapes = map[rune]rune{'a': 7, 'b': '\b', 'B': '\\', 'e': 033, 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

var classEscapes = map[rune]string{'d': "digit", 's': "space", 'w': "word"}

// digits reads up to most digits.
func (l *lexer) digits(radix int64, most int) (n int64, read int) {
	for read < most && l.more() {
		d := int64(digitValue(l.in[l.at]))
		if d >= radix {
			break
		}
		if n = n*radix + d; n > 1<<40 {
			n = 1 << 40
		}
		l.at++
		read++
	}
	return n, read
}

func digitValue(r rune) int {
	switch {
	case isDigit(r):
		return int(r - '0')
	case r|0x20 >= 'a' && r|0x20 <= 'f':
		return int(r|0x20-'a') + 10
	}
	return 99
}

// number is a character by its number.
func (l *lexer) number(radix int64, least, most int) error {
	n, read := l.digits(radix, most)
	if read < least || n > 0x7ffffffe {
		return errEscape
	}
	return l.give(tokenPlain, rune(n))
}

func (l *lexer) octal() error {
	n, _ := l.digits(8, 3)
	if n > 0xff {
		l.at--
		n >>= 3
	}
	if n == 0 && !isDigit(l.in[l.at-1]) {
		return errEscape
	}
	return l.give(tokenPlain, rune(n))
}

// reference is \1 and on: a number of one digit, or of more where there are as
// many groups; else it is octal.
func (l *lexer) reference() error {
	l.at--
	from := l.at
	n, read := l.digits(10, 255)
	if read == 1 || n > 0 && n <= int64(l.opened) {
		return l.give(tokenReference, rune(n))
	}
	l.at = from
	if _, read := l.digits(8, 3); read == 0 {
		return errEscape
	}
	l.at = from
	return l.octal()
}
