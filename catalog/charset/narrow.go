package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// narrow is an encoding of one byte a character.
type narrow struct {
	runes [128]rune // of the bytes from 0x80 on; utf8.RuneError: the byte is no character
	bytes map[rune]byte
}

// newNarrow is a table of PostgreSQL's. Those of ISO have the control characters of
// 0x80 to 0x9f, those of Windows have none where nothing else is; other is where
// PostgreSQL has another character, or utf8.RuneError for none.
func newNarrow(m *charmap.Charmap, controls bool, other map[byte]rune) *narrow {
	n := &narrow{bytes: map[rune]byte{}}
	for i := range n.runes {
		b := byte(i + utf8.RuneSelf)
		r := m.DecodeByte(b)
		switch changed, ok := other[b]; {
		case ok:
			r = changed
		case controls && b < 0xa0:
			r = rune(b)
		case !controls && r >= 0x80 && r < 0xa0:
			r = utf8.RuneError
		}
		if n.runes[i] = r; r != utf8.RuneError {
			n.bytes[r] = b
		}
	}
	return n
}
