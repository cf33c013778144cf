package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// MaxText is the longest text that is parsed, in bytes: PostgreSQL's tree of a
// text is some hundred times its size.
const MaxText = 4 << 20

// Source is a text with the map from PostgreSQL's byte offsets to the
// characters that clients count.
type Source struct {
	Text string
}

// Char returns the character, from 1, at byte offset b of the text.
func (s *Source) Char(b int) int {
	b = max(0, min(b, len(s.Text)))
	return runes(s.Text[:b]) + 1
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
