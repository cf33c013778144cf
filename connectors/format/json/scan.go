package json

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// maxDepth bounds nesting, as encoding/json does.
const maxDepth = 10000

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
	zeros    = 0x3030303030303030
)

func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// plain scans a string's content from i. It returns the index of the closing
// quote, or -1 where the string has an escape, a control character, or no end,
// and the OR of the words passed, whose high bits tell whether all was ASCII.
func plain(b []byte, i int) (int, uint64) {
	var seen uint64
	for i+8 <= len(b) {
		w := load(b, i)
		if m := types.JSONSpecial(w); m != 0 {
			n := bits.TrailingZeros64(m) &^ 7
			i += n >> 3
			if b[i] != '"' {
				return -1, 0
			}
			return i, seen | w&(1<<n-1)
		}
		seen |= w
		i += 8
	}
	for ; i < len(b); i++ {
		c := b[i]
		if c == '"' {
			return i, seen
		}
		if c < 0x20 || c == '\\' {
			return -1, 0
		}
		seen |= uint64(c)
	}
	return -1, 0
}

// digits reads up to eight decimal digits of the word; n is how many.
func digits(w uint64) (value uint64, n int) {
	t := w ^ zeros
	n = bits.TrailingZeros64(((t+0x76*lowBits)|t)&highBits) >> 3
	return combined(t << uint(64-8*n)), n
}

// combined is the number that eight digits make, which are the bytes of t, the first the
// lowest.
func combined(t uint64) uint64 {
	t = t*10 + t>>8
	t = (t&0x00ff00ff00ff00ff)*100 + t>>16&0x00ff00ff00ff00ff
	t = (t&0x0000ffff0000ffff)*10000 + t>>32&0x0000ffff0000ffff
	return t & 0xffffffff
}

// allDigits reports whether each byte of t is at most 9.
func allDigits(t uint64) bool { return ((t+0x76*lowBits)|t)&highBits == 0 }

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the index after the string that opens at i, -1 where it
// is not a JSON string.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		if end, _ := plain(b, i); end >= 0 {
			return end + 1
		}
		for i < len(b) && b[i] != '\\' {
			if b[i] < 0x20 || b[i] == '"' {
				return -1
			}
			i++
		}
		i++
		if i >= len(b) {
			return -1
		}
		switch b[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := hex4(b, i+1); !ok {
				return -1
			}
			i += 4
		default:
			return -1
		}
	}
	return -1
}

// skipNumber returns the index after the number at i, -1 where there is none.
func skipNumber(b []byte, i int) int {
	run := func() bool {
		from := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !run() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !run() {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !run() {
			return -1
		}
	}
	return i
}

func skipWord(b []byte, i int, word string) int {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// skipValue returns the index after the value at i, -1 where it is not JSON.
func skipValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	case '{':
		return skipMembers(b, i, depth, '}')
	case '[':
		return skipMembers(b, i, depth, ']')
	}
	return skipNumber(b, i)
}

func skipMembers(b []byte, i, depth int, end byte) int {
	if depth++; depth > maxDepth {
		return -1
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == end {
		return i + 1
	}
	for {
		if end == '}' {
			if i >= len(b) || b[i] != '"' {
				return -1
			}
			if i = skipString(b, i); i < 0 {
				return -1
			}
			if i = space(b, i); i >= len(b) || b[i] != ':' {
				return -1
			}
			i = space(b, i+1)
		}
		if i = skipValue(b, i, depth); i < 0 {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		if b[i] == end {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = space(b, i+1)
	}
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		n := nibble(c)
		if n > 15 {
			return 0, false
		}
		r = r<<4 | rune(n)
	}
	return r, true
}

func nibble(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// unquote appends the text of a valid JSON string, quotes included in s. It
// fails on what text cannot hold: a half surrogate and U+0000.
func unquote(dst, s []byte) ([]byte, error) {
	for i := 1; i < len(s)-1; i++ {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = s[i]; c {
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
			r, _ := hex4(s, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				if i+2 >= len(s) || s[i+1] != '\\' || s[i+2] != 'u' {
					return dst, errSurrogate
				}
				low, _ := hex4(s, i+3)
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return dst, errSurrogate
				}
				i += 6
			}
			if r == 0 {
				return dst, errNul
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// End returns the index after the value that b begins with, -1 where b does not
// hold all of it. It looks at brackets and strings only: what it returns need
// not be JSON.
func End(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; ; i++ {
				if i >= len(b) {
					return -1
				}
				if b[i] == '\\' {
					i++
				} else if b[i] == '"' {
					break
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return max(i, 1)
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 && i > 0 {
				return i
			}
		}
	}
	return -1
}
