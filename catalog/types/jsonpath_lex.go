package types

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// pathToken is a token of a jsonpath: one of these, a keyword by its text, or an
// operator.
type pathToken struct {
	kind pathTokenKind
	text string // what it stands for: a string's content, a keyword in lower case
	// near is what an error says it is at; "" is the end.
	near string
}

type pathTokenKind uint8

const (
	pathEnd pathTokenKind = iota
	pathWord
	pathQuoted
	pathKeyword
	pathInt
	pathNumeric
	pathVariableName
	pathOperator
)

// pathKeywords are keywords; those that are false are such in lower case only.
var pathKeywords = map[string]bool{"is": true, "to": true, "abs": true, "lax": true, "flag": true, "last": true, "null": false, "size": true, "true": false,
	"type": true, "with": true, "false": false, "floor": true, "double": true, "exists": true, "starts": true, "strict": true, "ceiling": true,
	"unknown": true, "datetime": true, "keyvalue": true, "like_regex": true}

type pathLexer struct {
	in string
	at int
}

const (
	pathSpecial = `?%$.[]{}()|&!=<>@#,*:-+/`
	pathBlank   = " \t\n\r\f"
)

// pathError is a complaint about a path near a text.
func pathError(message, near string) error {
	if near == "" {
		return sqlerr.Errorf(sqlerr.SyntaxError, "%s at end of jsonpath input", message)
	}
	return sqlerr.Errorf(sqlerr.SyntaxError, "%s at or near \"%s\" of jsonpath input", message, near)
}

// isPathOther tells of a byte that may stand in an unquoted name.
func isPathOther(c byte) bool {
	return strings.IndexByte(pathSpecial, c) < 0 && strings.IndexByte(pathBlank, c) < 0 && c != '\\' && c != '"'
}

func (l *pathLexer) next() (pathToken, error) {
	for l.at < len(l.in) {
		rest := l.in[l.at:]
		switch {
		case strings.IndexByte(pathBlank, rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				l.at = len(l.in)
				return pathToken{}, pathError("unexpected end of comment", "")
			}
			l.at += end + 4
		default:
			return l.token(rest)
		}
	}
	return pathToken{kind: pathEnd}, nil
}

func (l *pathLexer) token(rest string) (pathToken, error) {
	for _, op := range []string{"&&", "||", "**", "<=", "==", "<>", "!=", ">="} {
		if strings.HasPrefix(rest, op) {
			l.at += 2
			if op == "<>" {
				return pathToken{pathOperator, "!=", op}, nil
			}
			return pathToken{pathOperator, op, op}, nil
		}
	}
	c := rest[0]
	switch {
	case c == '$' && len(rest) > 1 && rest[1] == '"':
		l.at += 2
		text, err := l.quoted()
		return pathToken{pathVariableName, text, `"`}, err
	case c == '$' && len(rest) > 1 && isPathOther(rest[1]):
		l.at++
		start := l.at
		for l.at < len(l.in) && isPathOther(l.in[l.at]) {
			l.at++
		}
		return pathToken{pathVariableName, l.in[start:l.at], l.in[start-1 : l.at]}, nil
	case c == '"':
		l.at++
		text, err := l.quoted()
		return pathToken{pathQuoted, text, `"`}, err
	case isDigitByte(c) || c == '.' && len(rest) > 1 && isDigitByte(rest[1]):
		return l.number(rest)
	case isPathOther(c) || c == '\\':
		return l.word()
	}
	l.at++
	return pathToken{pathOperator, rest[:1], rest[:1]}, nil
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

// number reads a literal: of digits, which single underscores may part, in any
// base that SQL knows.
func (l *pathLexer) number(rest string) (pathToken, error) {
	kind, end := pathInt, 0
	run := func(digits string) {
		for end < len(rest) {
			switch {
			case strings.IndexByte(digits, rest[end]) >= 0:
				end++
			case rest[end] == '_' && end+1 < len(rest) && strings.IndexByte(digits, rest[end+1]) >= 0 && end > 0 && strings.IndexByte(digits, rest[end-1]) >= 0:
				end++
			default:
				return
			}
		}
	}
	const decimal = "0123456789"
	junk := func(n int) (pathToken, error) {
		if n < len(rest) {
			_, size := utf8.DecodeRuneInString(rest[n:])
			n += size
		}
		return pathToken{}, pathError("trailing junk after numeric literal", rest[:n])
	}
	if base, ok := map[byte]string{'x': "0123456789abcdefABCDEF", 'o': "01234567", 'b': "01"}[lowerAt(rest, 1)]; ok && rest[0] == '0' {
		end = 2
		if run(base); end == 2 {
			return junk(1)
		}
	} else {
		if rest[0] == '0' {
			end = 1
		} else {
			run(decimal)
		}
		if end < len(rest) && rest[end] == '.' {
			kind = pathNumeric
			end++
			run(decimal)
		}
		if end < len(rest) && rest[end]|0x20 == 'e' {
			kind = pathNumeric
			mantissa := end
			end++
			if end < len(rest) && (rest[end] == '+' || rest[end] == '-') {
				end++
			}
			start := end
			if run(decimal); end == start {
				if start > mantissa+1 {
					return pathToken{}, pathError("trailing junk after numeric literal", rest[:end])
				}
				return junk(mantissa)
			}
		}
	}
	if end < len(rest) && isPathOther(rest[end]) {
		return junk(end)
	}
	l.at += end
	return pathToken{kind, rest[:end], rest[:end]}, nil
}

func lowerAt(s string, i int) byte {
	if i >= len(s) {
		return 0
	}
	return s[i] | 0x20
}

// word reads an unquoted name or a keyword.
func (l *pathLexer) word() (pathToken, error) {
	var b strings.Builder
	escaped := false
	for l.at < len(l.in) {
		switch c := l.in[l.at]; {
		case c == '\\':
			escaped = true
			l.at++
			if err := l.escape(&b); err != nil {
				return pathToken{}, err
			}
			continue
		case isPathOther(c):
			b.WriteByte(c)
			l.at++
			continue
		}
		break
	}
	// PostgreSQL's scanner has read what ends the word, and put all of it back but
	// white space.
	near := ""
	if end := l.at; end < len(l.in) {
		for end < len(l.in) && strings.IndexByte(pathBlank, l.in[end]) >= 0 {
			end++
		}
		near = l.in[l.at:end]
	}
	text := b.String()
	lower := strings.ToLower(text)
	if anyCase, ok := pathKeywords[lower]; ok && !escaped && (anyCase || text == lower) {
		return pathToken{pathKeyword, text, near}, nil
	}
	return pathToken{pathWord, text, near}, nil
}

// quoted reads up to the closing quote.
func (l *pathLexer) quoted() (string, error) {
	var b strings.Builder
	for l.at < len(l.in) {
		c := l.in[l.at]
		l.at++
		switch c {
		case '"':
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", pathError("unterminated quoted string", "")
}

// escape reads what follows a backslash.
func (l *pathLexer) escape(b *strings.Builder) error {
	if l.at == len(l.in) {
		return pathError("unexpected end after backslash", `\`)
	}
	c := l.in[l.at]
	start := l.at - 1
	l.at++
	switch c {
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'v':
		b.WriteByte('\v')
	case 'x':
		n, ok := l.hex(2)
		if !ok {
			return pathError("invalid hexadecimal character sequence", l.in[start:l.at])
		}
		return writePathRune(b, n)
	case 'u':
		return l.unicode(b, start)
	default:
		_, size := utf8.DecodeRuneInString(l.in[l.at-1:])
		b.WriteString(l.in[l.at-1 : l.at-1+size])
		l.at += size - 1
	}
	return nil
}

func (l *pathLexer) hex(digits int) (rune, bool) {
	n := rune(0)
	for range digits {
		if l.at == len(l.in) || !isHexByte(l.in[l.at]) {
			return 0, false
		}
		n = n<<4 | hexValue(l.in[l.at])
		l.at++
	}
	return n, true
}

func isHexByte(c byte) bool { return isDigitByte(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func hexValue(c byte) rune {
	if isDigitByte(c) {
		return rune(c - '0')
	}
	return rune(c|0x20-'a') + 10
}

// unicode reads \uXXXX or \u{X...}, of which two may be a pair of surrogates.
func (l *pathLexer) unicode(b *strings.Builder, start int) error {
	n, ok := l.codePoint()
	if !ok {
		return pathError("invalid Unicode escape sequence", l.in[start:l.at])
	}
	if !utf16.IsSurrogate(n) {
		return writePathRune(b, n)
	}
	bad := func(which string) error {
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type jsonpath").WithDetail("Unicode %s surrogate.", which)
	}
	if n >= 0xdc00 || !strings.HasPrefix(l.in[l.at:], `\u`) {
		return bad("low surrogate must follow a high")
	}
	l.at += 2
	low, ok := l.codePoint()
	switch {
	case !ok:
		return pathError("invalid Unicode escape sequence", l.in[start:l.at])
	case low >= 0xd800 && low < 0xdc00:
		return bad("high surrogate must not follow a high")
	case !utf16.IsSurrogate(low):
		return bad("low surrogate must follow a high")
	}
	return writePathRune(b, utf16.DecodeRune(n, low))
}

func (l *pathLexer) codePoint() (rune, bool) {
	if !strings.HasPrefix(l.in[l.at:], "{") {
		return l.hex(4)
	}
	l.at++
	n, digits := rune(0), 0
	for ; digits < 6 && l.at < len(l.in) && isHexByte(l.in[l.at]); digits++ {
		n = n<<4 | hexValue(l.in[l.at])
		l.at++
	}
	if digits == 0 || l.at == len(l.in) || l.in[l.at] != '}' {
		return 0, false
	}
	l.at++
	return n, true
}

func writePathRune(b *strings.Builder, n rune) error {
	if n == 0 {
		return sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail("\\u0000 cannot be converted to text.")
	}
	b.WriteRune(n)
	return nil
}
