package types

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func parseTSVector(s string, _ int32, _ *Format) (Value, error) {
	if err := checkUTF8(s); err != nil {
		return Value{}, err
	}
	r := lexemeReader{whole: s, rest: s}
	var all []Lexeme
	text := 0
	for {
		l, ok, err := r.next()
		if err != nil {
			return Value{}, err
		}
		if !ok {
			return newTSVector(sortLexemes(all))
		}
		if len(l.Word) > maxLexeme {
			return Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "word is too long (%d bytes, max %d bytes)", len(l.Word), maxLexeme)
		}
		if text > maxLexemeBytes { // as PostgreSQL counts: words that come again too
			return Value{}, errLongTSVector(text)
		}
		text += len(l.Word)
		all = append(all, l)
	}
}

// lexemeReader reads words of a tsvector, and of a tsquery where query is set:
// there operators end a word, and no positions follow it.
type lexemeReader struct {
	whole, rest string
	query       bool
}

func (r *lexemeReader) syntax() error {
	if r.query {
		return sqlerr.Errorf(sqlerr.SyntaxError, "syntax error in tsquery: \"%s\"", strings.Clone(r.whole))
	}
	return sqlerr.Errorf(sqlerr.SyntaxError, "syntax error in tsvector: \"%s\"", strings.Clone(r.whole))
}

// isTSOperator reports whether c ends a word of a tsquery.
func isTSOperator(c byte) bool { return strings.IndexByte("!&|()<", c) >= 0 }

// next reads a word and its positions; not ok at the end.
func (r *lexemeReader) next() (l Lexeme, ok bool, err error) {
	r.rest = trimLeftSpace(r.rest)
	if r.rest == "" {
		return l, false, nil
	}
	if r.rest[0] == '\'' {
		l.Word, err = r.quoted()
	} else {
		l.Word, err = r.bare()
	}
	if err != nil || r.query {
		return l, true, err
	}
	if strings.HasPrefix(r.rest, ":") {
		l.Positions, err = r.positions()
	}
	return l, true, err
}

func trimLeftSpace(s string) string {
	return strings.TrimLeft(s, " \t\n\r\v\f")
}

// quoted reads 'word', with quotes doubled and backslashes before what they
// keep.
func (r *lexemeReader) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '\\':
			if i++; i == len(r.rest) {
				return "", sqlerr.Errorf(sqlerr.SyntaxError, "there is no escaped character: \"%s\"", strings.Clone(r.whole))
			}
			b.WriteByte(r.rest[i])
		case c == '\'' && i+1 < len(r.rest) && r.rest[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case c == '\'':
			r.rest = r.rest[i+1:]
			if b.Len() == 0 {
				return "", r.syntax()
			}
			return b.String(), nil
		default:
			b.WriteByte(c)
		}
	}
	return "", r.syntax()
}

// bare reads a word up to white space, a colon or, in a query, an operator.
func (r *lexemeReader) bare() (string, error) {
	var b strings.Builder
	i := 0
	for ; i < len(r.rest); i++ {
		c := r.rest[i]
		if c == '\\' {
			if i++; i == len(r.rest) {
				return "", sqlerr.Errorf(sqlerr.SyntaxError, "there is no escaped character: \"%s\"", strings.Clone(r.whole))
			}
			b.WriteByte(r.rest[i])
			continue
		}
		if i > 0 && c == ':' || isSpace(c) || r.query && isTSOperator(c) {
			break
		}
		b.WriteByte(c)
	}
	r.rest = r.rest[i:]
	if b.Len() == 0 {
		return "", r.syntax()
	}
	return b.String(), nil
}

// positions reads :1,2A,3B.
func (r *lexemeReader) positions() ([]uint16, error) {
	var out []uint16
	for {
		r.rest = r.rest[1:]
		n := 0
		for n < len(r.rest) && isDigit(r.rest[n]) {
			n++
		}
		if n == 0 {
			return nil, r.syntax()
		}
		place := min(atoi(r.rest[:n]), maxPosition)
		if place == 0 {
			return nil, sqlerr.Errorf(sqlerr.SyntaxError, "wrong position info in tsvector: \"%s\"", strings.Clone(r.whole))
		}
		r.rest = r.rest[n:]
		p := uint16(place)
		weighted := false
	suffix:
		for r.rest != "" {
			weight := uint16(0)
			switch r.rest[0] {
			case 'a', 'A', '*':
				weight = 3
			case 'b', 'B':
				weight = 2
			case 'c', 'C':
				weight = 1
			case 'd', 'D':
			default:
				break suffix
			}
			if weighted && weight > 0 || p>>14 != 0 {
				return nil, r.syntax()
			}
			weighted = weight > 0
			p |= weight << 14
			r.rest = r.rest[1:]
		}
		out = append(out, p)
		for r.rest != "" && isDigit(r.rest[0]) {
			r.rest = r.rest[1:] // digits after a weight say nothing
		}
		switch {
		case strings.HasPrefix(r.rest, ","):
		case r.rest == "" || isSpace(r.rest[0]):
			return out, nil
		default:
			return nil, r.syntax()
		}
	}
}
