package types

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TSVector is a document as full-text search has it: lexemes, and where each
// stands.
const TSVector OID = 3614

// PostgreSQL's limits of a document.
const (
	maxLexeme          = 2046
	maxLexemePositions = 255
	maxPosition        = 1<<14 - 1
	maxLexemeBytes     = 1<<20 - 1
)

// Lexeme is one word of a document. A position is its weight (3 for A, 0 for
// D) in the two highest bits, and 14 bits of place.
type Lexeme struct {
	Word      string
	Positions []uint16
}

// The value is bytes whose order is a btree's: the size PostgreSQL would store,
// the number of lexemes, then each: 0 where it has positions, else 1; the word
// and a zero byte; the positions, of which fewer and lower come last.

func newTSVector(lexemes []Lexeme) (Value, error) {
	text := 0
	for _, l := range lexemes {
		if len(l.Positions) > 0 {
			text += (len(l.Word)+1)&^1 + 2 + 2*len(l.Positions)
		} else {
			text += len(l.Word)
		}
	}
	if text > maxLexemeBytes {
		return Value{}, errLongTSVector(text)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(8+4*len(lexemes)+text))
	b = binary.BigEndian.AppendUint32(b, uint32(len(lexemes)))
	for _, l := range lexemes {
		bare := byte(1)
		if len(l.Positions) > 0 {
			bare = 0
		}
		b = append(append(append(b, bare), l.Word...), 0)
		if bare == 1 {
			continue
		}
		b = binary.BigEndian.AppendUint16(b, ^uint16(len(l.Positions)))
		for _, p := range l.Positions {
			// The place decides before the weight.
			b = binary.BigEndian.AppendUint16(b, ^(p<<2 | p>>14))
		}
	}
	return NewString(TSVector, string(b)), nil
}

func errLongTSVector(bytes int) error {
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "string is too long for tsvector (%d bytes, max %d bytes)", bytes, maxLexemeBytes)
}

// LexemesOf are a document's lexemes, in order.
func LexemesOf(v Value) []Lexeme {
	s := v.S[8:]
	var all []Lexeme
	for s != "" {
		bare := s[0] == 1
		end := strings.IndexByte(s[1:], 0) + 1
		l := Lexeme{Word: s[1:end]}
		s = s[end+1:]
		if !bare {
			n := int(^binary.BigEndian.Uint16([]byte(s[:2])))
			for i := range n {
				p := ^binary.BigEndian.Uint16([]byte(s[2+2*i : 4+2*i]))
				l.Positions = append(l.Positions, p>>2|p<<14)
			}
			s = s[2+2*n:]
		}
		all = append(all, l)
	}
	return all
}

// sortLexemes orders lexemes and joins those of one word.
func sortLexemes(all []Lexeme) []Lexeme {
	slices.SortStableFunc(all, func(a, b Lexeme) int { return strings.Compare(a.Word, b.Word) })
	var out []Lexeme
	for _, l := range all {
		if n := len(out); n > 0 && out[n-1].Word == l.Word {
			out[n-1].Positions = append(out[n-1].Positions, l.Positions...)
			continue
		}
		out = append(out, l)
	}
	for i := range out {
		out[i].Positions = sortPositions(out[i].Positions)
	}
	return out
}

// sortPositions orders positions by place; of one place the highest weight
// stays.
func sortPositions(ps []uint16) []uint16 {
	const place = maxPosition
	slices.SortStableFunc(ps, func(a, b uint16) int { return cmp.Compare(a&place, b&place) })
	var out []uint16
	for _, p := range ps {
		if n := len(out); n > 0 && out[n-1]&place == p&place {
			out[n-1] = max(out[n-1], p)
			continue
		}
		if n := len(out); n == maxLexemePositions || n > 0 && out[n-1]&place == place {
			break
		}
		out = append(out, p)
	}
	return out
}

var _ = register(&Info{
	OID: TSVector, Name: "tsvector", SQLName: "tsvector", Array: 3643, Len: -1, Align: 'i',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: parseTSVector,
	AppendText: func(dst []byte, v Value, _ *Format) []byte {
		for i, l := range LexemesOf(v) {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = appendLexeme(dst, l.Word)
			for k, p := range l.Positions {
				dst = append(dst, ":,"[min(k, 1)])
				dst = AppendInt(dst, int64(p&maxPosition))
				if w := p >> 14; w > 0 {
					dst = append(dst, "DCBA"[w])
				}
			}
		}
		return dst
	},
	Recv: recvTSVector,
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte {
		all := LexemesOf(v)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(all)))
		for _, l := range all {
			dst = append(append(dst, l.Word...), 0)
			dst = binary.BigEndian.AppendUint16(dst, uint16(len(l.Positions)))
			for _, p := range l.Positions {
				dst = binary.BigEndian.AppendUint16(dst, p)
			}
		}
		return dst
	},
	Compare: compareS,
})

// appendLexeme appends a word in quotes, those inside and backslashes doubled.
func appendLexeme(dst []byte, word string) []byte {
	dst = append(dst, '\'')
	for i := range len(word) {
		if word[i] == '\'' || word[i] == '\\' {
			dst = append(dst, word[i])
		}
		dst = append(dst, word[i])
	}
	return append(dst, '\'')
}

func recvTSVector(b []byte, _ int32) (Value, error) {
	bad := func(format string, args ...any) (Value, error) {
		return Value{}, sqlerr.Errorf(sqlerr.InternalError, format, args...)
	}
	r := formReader{b: b}
	n := int32(r.uint32())
	if r.err == nil && (n < 0 || n > (1<<30-1)/4) {
		return bad("invalid size of tsvector")
	}
	var all []Lexeme
	for range n {
		l := Lexeme{Word: r.cstring()}
		count := r.uint16()
		switch {
		case r.err != nil:
			return Value{}, r.err
		case len(l.Word) > maxLexeme+1:
			return bad("invalid tsvector: lexeme too long")
		case count > maxLexemePositions+1:
			return bad("unexpected number of tsvector positions")
		}
		for range count {
			p := r.uint16()
			if r.err != nil {
				return Value{}, r.err
			}
			if k := len(l.Positions); k > 0 && p&maxPosition <= l.Positions[k-1]&maxPosition {
				return bad("position information is misordered")
			}
			l.Positions = append(l.Positions, p)
		}
		all = append(all, l)
	}
	if err := r.end(); err != nil {
		return Value{}, err
	}
	slices.SortStableFunc(all, func(a, b Lexeme) int { return strings.Compare(a.Word, b.Word) })
	return newTSVector(all)
}
