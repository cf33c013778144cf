package parse

import "strings"

// kind classes the tokens of PostgreSQL's scanner as far as this package needs.
type kind uint8

const (
	word   kind = iota // identifier or keyword
	quoted             // "identifier", U&"identifier"
	str                // any string, bit string or dollar quote, with its continuations
	number             // numeric literal
	param              // $1
	op                 // operator, :: and :=, =>, .. among them
	punct              // one of ( ) [ ] , ; : .
	broken             // text that PostgreSQL's scanner refuses: an open quote, a stray byte
)

// token is a piece of a text, by bytes.
type token struct {
	kind       kind
	start, end int32
	// pair is the token that closes or opens this bracket; -1: none.
	pair int32
}

// tokens are a scanned text.
type tokens struct {
	text string
	list []token
	// notes are the -- comments that begin their line.
	notes []span
	// blanks are the comments that the parser must not see: # comments inside
	// WITH ( ) lists, those between the pieces of a string, and nested ones.
	blanks []span
	// tooLong: a run of operator characters is longer than maxOperators.
	tooLong bool
}

// span is a range of bytes.
type span struct{ start, end int }

// at returns token i's text; "" past the end.
func (t *tokens) at(i int) string {
	if i < 0 || i >= len(t.list) {
		return ""
	}
	return t.text[t.list[i].start:t.list[i].end]
}

// is reports whether token i is the keyword or punctuation s, given in lower
// case. A quoted identifier is never a keyword.
func (t *tokens) is(i int, s string) bool {
	if i < 0 || i >= len(t.list) {
		return false
	}
	tok := t.list[i]
	return int(tok.end-tok.start) == len(s) && tok.kind != quoted && tok.kind != str && strings.EqualFold(t.at(i), s)
}

// isAny reports whether token i is one of the keywords of a set, which are in
// lower case.
func (t *tokens) isAny(i int, set map[string]bool) bool {
	if i < 0 || i >= len(t.list) || t.list[i].kind == quoted || t.list[i].kind == str {
		return false
	}
	var lower [16]byte // no keyword here is longer
	s := t.at(i)
	if len(s) > len(lower) {
		return false
	}
	for n := range len(s) {
		lower[n] = s[n]
		if s[n] >= 'A' && s[n] <= 'Z' {
			lower[n] += 'a' - 'A'
		}
	}
	return set[string(lower[:len(s)])]
}

// are reports whether the tokens from i on are the given ones.
func (t *tokens) are(i int, words ...string) bool {
	for n, w := range words {
		if !t.is(i+n, w) {
			return false
		}
	}
	return true
}

// isName reports whether token i can be an identifier.
func (t *tokens) isName(i int) bool {
	return i >= 0 && i < len(t.list) && (t.list[i].kind == word || t.list[i].kind == quoted)
}

// isLabel reports whether token i is a name by its place, whatever the word:
// after a dot, or after AS.
func (t *tokens) isLabel(i int) bool { return t.is(i-1, ".") || t.is(i-1, "as") }

// start returns the first byte of token i, the end of the text past the last.
func (t *tokens) start(i int) int {
	if i >= len(t.list) {
		return len(t.text)
	}
	return int(t.list[i].start)
}

// end returns the byte after token i.
func (t *tokens) end(i int) int { return int(t.list[i].end) }

// closing returns the token that closes bracket i, or limit where none does.
func (t *tokens) closing(i, limit int) int {
	if p := int(t.list[i].pair); p > i && p < limit {
		return p
	}
	return limit
}

// after returns the first token that starts at or after byte b.
func (t *tokens) after(b int) int {
	lo, hi := 0, len(t.list)
	for lo < hi {
		mid := (lo + hi) / 2
		if int(t.list[mid].start) < b {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
