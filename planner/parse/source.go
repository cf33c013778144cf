package parse

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// MaxText is the longest text that is parsed, in bytes, and MaxTokens the most
// tokens: PostgreSQL's tree takes some hundred bytes a token.
const (
	MaxText   = 16 << 20
	MaxTokens = 500_000
)

// Source is a text with the map from PostgreSQL's byte offsets to the
// characters that clients count.
type Source struct {
	Text string

	once sync.Once
	// counts are the characters before each stretch of the text; nil: every byte
	// is a character.
	counts []int32
}

// stretch is how many bytes Char counts at most.
const stretch = 1024

// Char returns the character, from 1, at byte offset b of the text.
func (s *Source) Char(b int) int {
	s.once.Do(s.count)
	b = max(0, min(b, len(s.Text)))
	if s.counts == nil {
		return b + 1
	}
	k := b / stretch
	return int(s.counts[k]) + starts(s.Text[k*stretch:b]) + 1
}

func (s *Source) count() {
	if starts(s.Text) == len(s.Text) {
		return
	}
	s.counts = make([]int32, 1, len(s.Text)/stretch+1)
	for b := 0; b+stretch <= len(s.Text); b += stretch {
		s.counts = append(s.counts, s.counts[len(s.counts)-1]+int32(starts(s.Text[b:b+stretch])))
	}
}

// starts counts the bytes of s at which a character begins.
func starts(s string) int {
	n := 0
	for i := range len(s) {
		if s[i]&0xc0 != 0x80 {
			n++
		}
	}
	return n
}

// runes counts the characters of a text.
func runes(s string) int { return utf8.RuneCountInString(s) }

// byteOf returns the byte at which character n, from 0, of s begins, within s.
func byteOf(s string, n int) int {
	for i := range s {
		if n <= 0 {
			return i
		}
		n--
	}
	return len(s)
}

// checkText refuses what no statement may hold.
func checkText(text string) *sqlerr.Error {
	if len(text) > MaxText {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a statement text of %d bytes exceeds the limit of %d bytes", len(text), MaxText).
			WithHint("Send it as several texts, and data as parameters of a prepared statement.")
	}
	if i := strings.IndexByte(text, 0); i >= 0 || !utf8.ValidString(text) {
		return invalidEncoding(text)
	}
	return nil
}

// invalidEncoding is PostgreSQL's error for the first bytes of a text that are
// not UTF-8, or are zero.
func invalidEncoding(text string) *sqlerr.Error {
	i := 0
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	n := 1
	switch c := text[i]; {
	case c&0xe0 == 0xc0:
		n = 2
	case c&0xf0 == 0xe0:
		n = 3
	case c&0xf8 == 0xf0:
		n = 4
	}
	var shown []string
	for _, c := range []byte(text[i:min(i+n, len(text))]) {
		shown = append(shown, fmt.Sprintf("0x%02x", c))
	}
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", strings.Join(shown, " "))
}
