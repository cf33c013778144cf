package parse

import "unicode/utf8"

// Source is a text with the map from PostgreSQL's byte offsets to the
// characters that clients count.
type Source struct {
	Text string
}

// Char returns the character, from 1, at byte offset b of the text.
func (s *Source) Char(b int) int {
	b = max(0, min(b, len(s.Text)))
	return utf8.RuneCountInString(s.Text[:b]) + 1
}
