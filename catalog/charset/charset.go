// Package charset knows PostgreSQL's encodings of text by their names, and turns bytes
// of those into UTF-8 and back, as PostgreSQL does. It knows nothing of where they come
// from.
package charset

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Charset is an encoding.
type Charset struct {
	// Name is PostgreSQL's, as its messages have it.
	Name string
	// What it is made of; none: it cannot be converted.
	plain  bool // the bytes are UTF-8's
	narrow *narrow
	wide   *wide
}

// Find returns the encoding of a name, in any of the spellings that PostgreSQL takes;
// nil: there is none.
func Find(name string) *Charset {
	return byName()[strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)]
}

// Converts reports whether Decode and Encode are there.
func (c *Charset) Converts() bool { return c.plain || c.narrow != nil || c.wide != nil }

// Plain reports whether its bytes are UTF-8's: UTF8 itself, and SQL_ASCII, which says
// nothing of them.
func (c *Charset) Plain() bool { return c.plain }

// Decode appends to dst the UTF-8 of src and returns how many bytes of src that was: all
// but a character whose end has not come, where last is false. What is wrong with a
// character (22021, 22P05) comes with what stands before it.
func (c *Charset) Decode(dst, src []byte, last bool) (out []byte, n int, err error) {
	for n < len(src) {
		b := src[n]
		if b < utf8.RuneSelf {
			if b == 0 {
				return dst, n, c.invalid(src[n : n+1])
			}
			dst = append(dst, b)
			n++
			continue
		}
		size := 1
		if c.wide != nil {
			size = c.wide.size(src[n:])
		}
		if n+size > len(src) {
			if !last {
				return dst, n, nil
			}
			return dst, n, c.invalid(src[n:])
		}
		char := src[n : n+size]
		var r rune
		if c.wide != nil {
			if !c.wide.valid(char) {
				return dst, n, c.invalid(char)
			}
			r = c.wide.decode(char)
		} else {
			r = c.narrow.runes[b-utf8.RuneSelf]
		}
		if r == utf8.RuneError {
			return dst, n, untranslatable(char, c.Name, "UTF8")
		}
		dst = utf8.AppendRune(dst, r)
		n += size
	}
	return dst, n, nil
}

// DecodeAll is Decode of a text that is there to its end.
func (c *Charset) DecodeAll(dst, src []byte) ([]byte, error) {
	dst, _, err := c.Decode(dst, src, true)
	return dst, err
}

// Encode appends to dst the bytes of src, which is valid UTF-8. A character that the
// encoding does not have is 22P05.
func (c *Charset) Encode(dst, src []byte) ([]byte, error) {
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			dst = append(dst, src[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		var ok bool
		if c.wide != nil {
			dst, ok = c.wide.encode(dst, r)
		} else {
			var b byte
			if b, ok = c.narrow.bytes[r]; ok {
				dst = append(dst, b)
			}
		}
		if !ok {
			return dst, untranslatable(src[i:i+size], "UTF8", c.Name)
		}
		i += size
	}
	return dst, nil
}

func (c *Charset) invalid(char []byte) error {
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"%s\": %s", c.Name, shown(char))
}

func untranslatable(char []byte, from, to string) error {
	return sqlerr.Errorf(sqlerr.UntranslatableCharacter, "character with byte sequence %s in encoding \"%s\" has no equivalent in encoding \"%s\"", shown(char), from, to)
}

// shown are bytes as 0xe2 0x82 0xac.
func shown(b []byte) string {
	const digits = "0123456789abcdef"
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = "0x" + string([]byte{digits[c>>4], digits[c&15]})
	}
	return strings.Join(parts, " ")
}
