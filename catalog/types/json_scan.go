package types

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// jsonScanner cuts JSON text into tokens. Its errors are PostgreSQL's.
type jsonScanner struct {
	s     string
	pos   int // after the token
	start int // of the token
	depth int
	// unescapes is set where strings will be unescaped: then surrogates must
	// come in pairs. As plain text they may be anything.
	unescapes bool
	// plain is set where the string or number just read is canonical as it is:
	// no escape, no exponent.
	plain bool
	// ended says why whoever waits for the value waits no more; it is asked each
	// time that pos has passed another askedJSON bytes. nil: it is not asked.
	ended func() error
	asked int // the pos from which on it is asked
}

// askedJSON is how many bytes are read in some 100 us.
const askedJSON = 1 << 14

// maxJSONDepth bounds nesting, as PostgreSQL's stack does.
const maxJSONDepth = 6400

// jsonToken is the kind of a token: its first byte, or one of these.
type jsonToken byte

const (
	jsonEnd    jsonToken = 0
	jsonString jsonToken = '"'
	jsonNumber jsonToken = '0'
	jsonTrue   jsonToken = 't'
	jsonFalse  jsonToken = 'f'
	jsonNull   jsonToken = 'n'
)

func errJSON(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(format, args...)
}

// text is the token as written.
func (j *jsonScanner) text() string { return j.s[j.start:j.pos] }

// next reads a token.
func (j *jsonScanner) next() (jsonToken, error) {
	if j.ended != nil && j.pos >= j.asked {
		j.asked = j.pos + askedJSON
		if err := j.ended(); err != nil {
			return jsonEnd, err
		}
	}
	for j.pos < len(j.s) {
		if c := j.s[j.pos]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			break
		}
		j.pos++
	}
	j.start = j.pos
	if j.pos == len(j.s) {
		return jsonEnd, nil
	}
	switch c := j.s[j.pos]; {
	case c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':':
		j.pos++
		return jsonToken(c), nil
	case c == '"':
		return jsonString, j.skipString()
	case c == '-' || isDigit(c):
		return jsonNumber, j.skipNumber()
	}
	j.skipWord()
	if j.pos == j.start {
		j.pos++ // one character that begins nothing
		return 0, errJSON("Token \"%s\" is invalid.", j.text())
	}
	switch j.text() {
	case "true":
		return jsonTrue, nil
	case "false":
		return jsonFalse, nil
	case "null":
		return jsonNull, nil
	}
	return 0, errJSON("Token \"%s\" is invalid.", j.text())
}

// wordByte reports whether c belongs to a word, which for the sake of errors
// has everything that is no ASCII punctuation.
func wordByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '_' || c >= 0x80 }

func (j *jsonScanner) skipWord() {
	for j.pos < len(j.s) && wordByte(j.s[j.pos]) {
		j.pos++
	}
}

func (j *jsonScanner) skipDigits() bool {
	from := j.pos
	for j.pos < len(j.s) && isDigit(j.s[j.pos]) {
		j.pos++
	}
	return j.pos > from
}

func (j *jsonScanner) skipNumber() error {
	at := func(c byte) bool {
		if j.pos < len(j.s) && j.s[j.pos] == c {
			j.pos++
			return true
		}
		return false
	}
	j.plain = !at('-') || j.pos < len(j.s) && j.s[j.pos] != '0'
	ok := at('0') || j.skipDigits()
	if ok && at('.') {
		ok = j.skipDigits()
	}
	if ok && (at('e') || at('E')) {
		j.plain = false
		if !at('+') {
			at('-')
		}
		ok = j.skipDigits()
	}
	// What runs on without a separator is part of the bad token.
	if j.pos < len(j.s) && wordByte(j.s[j.pos]) {
		ok = false
		j.skipWord()
	}
	if !ok {
		return errJSON("Token \"%s\" is invalid.", j.text())
	}
	return nil
}

// skipString reads over a string and checks its escapes.
func (j *jsonScanner) skipString() error {
	surrogate := false // the last thing was a high one
	j.plain = true
	for j.pos++; ; j.pos++ {
		for !surrogate && j.pos+8 <= len(j.s) {
			special := JSONSpecial(binary.LittleEndian.Uint64(bytesOf(j.s[j.pos : j.pos+8])))
			if special != 0 {
				j.pos += bits.TrailingZeros64(special) >> 3
				break
			}
			j.pos += 8
		}
		if j.pos >= len(j.s) {
			return errJSON("Token \"%s\" is invalid.", j.text())
		}
		c := j.s[j.pos]
		if surrogate && c != '\\' {
			return errJSON("Unicode low surrogate must follow a high surrogate.")
		}
		switch {
		case c == '"':
			j.pos++
			return nil
		case c < 0x20:
			return errJSON("Character with value 0x%02x must be escaped.", c)
		case c == '\\':
			j.pos++
			j.plain = false
			var err error
			if surrogate, err = j.skipEscape(surrogate); err != nil {
				return err
			}
		}
	}
}

// skipEscape checks what follows a backslash, leaving pos at its last byte.
func (j *jsonScanner) skipEscape(surrogate bool) (high bool, err error) {
	if j.pos >= len(j.s) {
		return false, errJSON("Token \"%s\" is invalid.", j.text())
	}
	c := j.s[j.pos]
	if c != 'u' {
		if surrogate {
			return false, errJSON("Unicode low surrogate must follow a high surrogate.")
		}
		if strings.IndexByte("\"\\/bfnrt", c) < 0 {
			_, n := utf8.DecodeRuneInString(j.s[j.pos:])
			j.pos += n
			return false, errJSON("Escape sequence \"\\%s\" is invalid.", j.s[j.pos-n:j.pos])
		}
		return false, nil
	}
	for i := range 4 {
		if j.pos+1+i == len(j.s) {
			j.pos = len(j.s)
			return false, errJSON("Token \"%s\" is invalid.", j.text())
		}
		if digitValue(j.s[j.pos+1+i]) > 15 {
			return false, errJSON("\"\\u\" must be followed by four hexadecimal digits.")
		}
	}
	r := hex4(j.s[j.pos+1:])
	j.pos += 4
	if !j.unescapes {
		return false, nil
	}
	switch {
	case r >= 0xd800 && r < 0xdc00:
		if surrogate {
			return false, errJSON("Unicode high surrogate must not follow a high surrogate.")
		}
		return true, nil
	case r >= 0xdc00 && r < 0xe000:
		if !surrogate {
			return false, errJSON("Unicode low surrogate must follow a high surrogate.")
		}
		return false, nil
	case surrogate:
		return false, errJSON("Unicode low surrogate must follow a high surrogate.")
	}
	return false, nil
}

// hex4 is the value of four hexadecimal digits.
func hex4(s string) (r rune) {
	for i := range 4 {
		r = r<<4 | rune(digitValue(s[i]))
	}
	return r
}

// expected is the error for a token that may not be where it is.
func (j *jsonScanner) expected(t jsonToken, what string) error {
	if t == jsonEnd {
		return errJSON("The input string ended unexpectedly.")
	}
	return errJSON("Expected %s, but found \"%s\".", what, j.text())
}

// enter counts a level of nesting.
func (j *jsonScanner) enter() error {
	if j.depth++; j.depth > maxJSONDepth {
		return sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Nest JSON at most %d levels deep.", maxJSONDepth)
	}
	return nil
}

// appendUnescaped appends the characters of a checked string token. It is false
// where the string has \u0000, which no text can hold.
func appendUnescaped(dst []byte, token string) ([]byte, bool) {
	s := token[1 : len(token)-1]
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...), true
		}
		dst = append(dst, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(s)
			s = s[4:]
			if r == 0 {
				return dst, false
			}
			if r >= 0xd800 && r < 0xdc00 {
				low := hex4(s[2:])
				s = s[6:]
				r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// AppendJSONString appends s as a JSON string, escaping what PostgreSQL does:
// quotes, backslashes and control characters.
func AppendJSONString(dst []byte, s string) []byte {
	return AppendJSONBytes(dst, bytesOf(s))
}

// AppendJSONBytes is AppendJSONString of text in bytes.
func AppendJSONBytes(dst, s []byte) []byte {
	dst = append(dst, '"')
	from, i := 0, 0
	for {
		for i+8 <= len(s) && JSONSpecial(binary.LittleEndian.Uint64(s[i:])) == 0 {
			i += 8
		}
		for i < len(s) && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' {
			i++
		}
		if i >= len(s) {
			break
		}
		dst = append(dst, s[from:i]...)
		switch c := s[i]; c {
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '"', '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// JSONSpecial has the high bit set in the byte of w that is the first quote, backslash
// or control character; bytes above that one may be wrong. The first byte of the text
// is the lowest of w.
func JSONSpecial(w uint64) uint64 {
	const low, high = 0x0101010101010101, 0x8080808080808080
	q := w ^ '"'*low
	s := w ^ '\\'*low
	return ((q-low)&^q | (s-low)&^s | (w-0x20*low)&^w) & high
}
