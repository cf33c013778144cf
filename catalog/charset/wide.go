package charset

import (
	"maps"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// wide is an encoding of several bytes a character.
type wide struct {
	of encoding.Encoding
	// size is how many bytes the character takes that begins a text, whose first byte
	// is not ASCII; valid whether it is one.
	size  func([]byte) int
	valid func([]byte) bool
	// other are characters for which PostgreSQL has another than of, by their bytes.
	other map[string]rune
	// outward are characters whose bytes are no character the other way.
	outward map[rune]string

	once   sync.Once
	coding map[rune]string // of other and outward
}

func (w *wide) decode(char []byte) rune {
	if r, ok := w.other[string(char)]; ok {
		return r
	}
	var out [8]byte
	n, used, err := w.of.NewDecoder().Transform(out[:], char, true)
	if err != nil || used != len(char) {
		return utf8.RuneError
	}
	r, size := utf8.DecodeRune(out[:n])
	if size != n {
		return utf8.RuneError
	}
	return r
}

// encode appends a character; false: the encoding does not have it.
func (w *wide) encode(dst []byte, r rune) ([]byte, bool) {
	w.once.Do(func() {
		w.coding = map[rune]string{}
		maps.Copy(w.coding, w.outward)
		for b, r := range w.other {
			w.coding[r] = b
		}
	})
	if b, ok := w.coding[r]; ok {
		return append(dst, b...), true
	}
	var in [utf8.UTFMax]byte
	var out [8]byte
	n, _, err := w.of.NewEncoder().Transform(out[:], in[:utf8.EncodeRune(in[:], r)], true)
	char := out[:n]
	if err != nil || n == 0 || w.size(char) != n || !w.valid(char) {
		return dst, false
	}
	if _, taken := w.other[string(char)]; taken {
		return dst, false
	}
	return append(dst, char...), true
}

func within(b, from, to byte) bool { return b >= from && b <= to }

// two is the size of characters that take two bytes.
func two([]byte) int { return 2 }

// high reports whether all bytes are from 0xa1 to 0xfe.
func high(char []byte) bool {
	for _, b := range char {
		if !within(b, 0xa1, 0xfe) {
			return false
		}
	}
	return true
}

// filled reports whether no byte is a zero.
func filled(char []byte) bool {
	for _, b := range char {
		if b == 0 {
			return false
		}
	}
	return true
}

func sizeSJIS(b []byte) int {
	if within(b[0], 0xa1, 0xdf) {
		return 1
	}
	return 2
}

func validSJIS(b []byte) bool {
	if len(b) == 1 {
		return true
	}
	return (within(b[0], 0x81, 0x9f) || within(b[0], 0xe0, 0xfc)) && (within(b[1], 0x40, 0x7e) || within(b[1], 0x80, 0xfc))
}

func sizeEUCJP(b []byte) int {
	if b[0] == 0x8f {
		return 3
	}
	return 2
}

func validEUCJP(b []byte) bool {
	switch b[0] {
	case 0x8e:
		return within(b[1], 0xa1, 0xdf)
	case 0x8f:
		return high(b[1:])
	}
	return high(b)
}

func sizeGB18030(b []byte) int {
	if len(b) > 1 && within(b[1], 0x30, 0x39) {
		return 4
	}
	return 2
}

func validGB18030(b []byte) bool {
	if len(b) == 4 {
		return within(b[0], 0x81, 0xfe) && within(b[2], 0x81, 0xfe) && within(b[3], 0x30, 0x39)
	}
	return within(b[0], 0x81, 0xfe) && (within(b[1], 0x40, 0x7e) || within(b[1], 0x80, 0xfe))
}
