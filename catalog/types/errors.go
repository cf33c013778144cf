package types

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Errors copy the text they name: it may lie in a buffer that is reused, and
// without a copy that buffer could not lie on the stack.

// errSyntax is PostgreSQL's answer to text that no value of the type looks
// like. typ is the type's name as PostgreSQL writes it in that message.
func errSyntax(typ, s string) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", typ, strings.Clone(s))
}

// errRange is 22003 for a text whose number is too large for the type.
func errRange(typ, s string) error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", strings.Clone(s), typ)
}

// OutOfRange is 22003 for a computed value that does not fit the type, as
// integer arithmetic and casts raise it. name is the type's SQL name.
func OutOfRange(name string) error {
	return sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "%s out of range", name)
}

func errBinaryLength(b []byte, want int) error {
	if len(b) == 0 && want == 1 {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "no data left in message")
	}
	if len(b) < want {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "insufficient data left in message")
	}
	return sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "incorrect binary data format")
}

// checkUTF8 refuses text that PostgreSQL could not have stored: bytes that are
// not UTF-8, and the zero byte.
func checkUTF8(s string) error {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return nil
	}
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c == 0 {
				return errInvalidByte(s[i : i+1])
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return errInvalidByte(s[i:min(len(s), i+sequenceLength(c))])
		}
		i += n
	}
	return nil
}

// CheckUTF8 is 22021, in PostgreSQL's words, unless b is valid text.
func CheckUTF8(b []byte) error { return checkUTF8(view(b)) }

// sequenceLength is how long a UTF-8 sequence claims to be by its first byte.
func sequenceLength(c byte) int {
	switch {
	case c&0xe0 == 0xc0:
		return 2
	case c&0xf0 == 0xe0:
		return 3
	case c&0xf8 == 0xf0:
		return 4
	}
	return 1
}

func errInvalidByte(s string) error {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 5*len(s))
	for i := range len(s) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, '0', 'x', hex[s[i]>>4], hex[s[i]&15])
	}
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", b)
}

// view reads b as a string without a copy, for parsers that keep nothing of it.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// isSpace is C's isspace in every locale that matters.
func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

func isDigit(c byte) bool { return c-'0' <= 9 }

func isAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// trimSpace drops white space at both ends.
func trimSpace(s string) string {
	const many = "                                                                "
	for strings.HasPrefix(s, many) {
		s = s[len(many):]
	}
	for strings.HasSuffix(s, many) {
		s = s[:len(s)-len(many)]
	}
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
