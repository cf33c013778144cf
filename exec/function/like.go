package function

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func init() {
	for _, f := range []struct {
		sig       string
		fold, not bool
		ex        []Example
	}{
		{"textlike(text, text)", false, false, examples("'abc' LIKE 'a%'", "t", "'abc' LIKE '_b_'", "t", "'abc' LIKE 'c'", "f", `'a%c' LIKE 'a\%c'`, "t", "'äöü' LIKE '_ö_'", "t", "'aXbXc' LIKE '%X%X%'", "t", `'abc' LIKE 'ab\'`, "ERROR 22025", `'ab' LIKE 'ab\'`, "f", `'b' LIKE 'ab\'`, "f", "NULL::text LIKE 'a'", "NULL")},
		{"textnlike(text, text)", false, true, examples("'abc' NOT LIKE 'a%'", "f")},
		{"namelike(name, text)", false, false, examples("'abc'::name LIKE '%c'", "t")},
		{"namenlike(name, text)", false, true, examples("'abc'::name NOT LIKE '%c'", "f")},
		{"bpcharlike(bpchar, text)", false, false, examples("'ab'::char(3) LIKE 'ab%'", "t")},
		{"bpcharnlike(bpchar, text)", false, true, examples("'ab'::char(3) NOT LIKE 'ab_'", "f")},
		{"bytealike(bytea, bytea)", false, false, examples(`'\x616263'::bytea LIKE 'a%'::bytea`, "t")},
		{"byteanlike(bytea, bytea)", false, true, examples(`'\x616263'::bytea NOT LIKE 'a%'::bytea`, "f")},
		{"texticlike(text, text)", true, false, examples("'ABC' ILIKE 'a%'", "t")},
		{"texticnlike(text, text)", true, true, examples("'ABC' NOT ILIKE 'a%'", "f")},
		{"nameiclike(name, text)", true, false, examples("'ABC'::name ILIKE '%c'", "t")},
		{"nameicnlike(name, text)", true, true, examples("'ABC'::name NOT ILIKE '%c'", "f")},
		{"bpchariclike(bpchar, text)", true, false, examples("'AB'::char(2) ILIKE 'ab'", "t")},
		{"bpcharicnlike(bpchar, text)", true, true, examples("'AB'::char(2) NOT ILIKE 'ab'", "f")},
	} {
		define(f.sig+" bool strict immutable", Definition{Vector: likeKernel(f.fold, f.not), Examples: f.ex})
	}
	for name, not := range map[string]bool{"like": false, "notlike": true} {
		define(name+"(text, text) bool strict immutable", Definition{Vector: likeKernel(false, not),
			Examples: examples(`"`+name+`"('abc', 'a%')`, truth(!not))})
	}
	for name, not := range map[string]bool{"like": false, "notlike": true} {
		define(name+"(name, text) bool strict immutable", Definition{Vector: likeKernel(false, not),
			Examples: examples(`"`+name+`"('abc'::name, 'a%')`, truth(!not))})
	}
	define("like_escape(text, text) text strict immutable", Definition{
		Value:    likeEscape,
		Examples: examples("'a%c' LIKE 'a#%c' ESCAPE '#'", "t", "'abc' LIKE 'a#%c' ESCAPE '#'", "f", `'a\bc' LIKE 'a\%' ESCAPE ''`, "t"),
	})
}

// likeKernel compiles a constant pattern once for a batch.
func likeKernel(fold, not bool) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		column, one := c.Args[0], false
		if k, ok := column.(*vec.Const); ok {
			column, one = k.Of, true
		}
		texts := column.(*vec.Bytes)
		text := func(row int) []byte {
			if one {
				row = 0
			}
			return texts.At(row)
		}
		match := func(p *likePattern, row int) {
			b := text(row)
			if len(b) > LongValue && !c.goesOn(row) {
				return
			}
			if fold {
				b = bytes.ToLower(b)
			}
			ok, err := p.match(b)
			out[row] = ok != not
			if err != nil && !c.null(row) {
				c.Errs.Set(row, err)
			}
		}
		if k, ok := c.Args[1].(*vec.Const); ok {
			p := likePatterns.Get().(*likePattern)
			p.compile(k.Of.(*vec.Bytes).At(0), fold)
			c.each(func(row int) { match(p, row) })
			likePatterns.Put(p)
			return
		}
		patterns := c.Args[1].(*vec.Bytes)
		p := likePatterns.Get().(*likePattern)
		c.each(func(row int) {
			if c.null(row) {
				return
			}
			p.compile(patterns.At(row), fold)
			match(p, row)
		})
		likePatterns.Put(p)
	}
}

// likePatterns are patterns that nobody uses, with their buffers.
var likePatterns = sync.Pool{New: func() any { return new(likePattern) }}

// likePattern is a LIKE pattern cut at its percent signs. One part: the whole
// string has to match it; else the first stands at the beginning, the last at
// the end, and the others anywhere between, in order.
type likePattern struct {
	parts []likePart
	// dangling: a lone escape character ends the pattern. That is an error only
	// for a string of which something is left when the match comes to it.
	dangling bool

	text []byte // of all parts
	any  []bool
}

// likePart is text without %. any says where a character may be any; nil: nowhere.
type likePart struct {
	text []byte
	any  []bool // by byte of text; a 0 byte stands for the character
}

func (p *likePattern) compile(pattern []byte, fold bool) {
	if fold {
		pattern = bytes.ToLower(pattern)
	}
	p.parts, p.dangling = p.parts[:0], false
	p.text, p.any = slices.Grow(p.text[:0], len(pattern)), slices.Grow(p.any[:0], len(pattern))
	start, wild := 0, false
	end := func() {
		part := likePart{text: p.text[start:]}
		if wild {
			part.any = p.any[start:]
		}
		p.parts = append(p.parts, part)
		start, wild = len(p.text), false
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '%':
			end()
		case '_':
			p.text, p.any, wild = append(p.text, 0), append(p.any, true), true
		default:
			if c == '\\' {
				if i++; i == len(pattern) {
					p.dangling = true
					continue // to the end
				}
			}
			p.text, p.any = append(p.text, pattern[i]), append(p.any, false)
		}
	}
	end()
}

// match reports whether the pattern matches the whole of b.
func (p *likePattern) match(b []byte) (bool, error) {
	first := &p.parts[0]
	n := first.prefix(b)
	if len(p.parts) == 1 {
		if p.dangling && n >= 0 && n < len(b) {
			return false, errDanglingEscape
		}
		return n == len(b) && !p.dangling, nil
	}
	if n < 0 {
		return false, nil
	}
	b = b[n:]
	last := len(p.parts) - 1
	for i := 1; i < last; i++ {
		end := p.parts[i].find(b)
		if end < 0 {
			return false, nil
		}
		b = b[end:]
	}
	if !p.dangling {
		return p.parts[last].suffix(b), nil
	}
	if end := p.parts[last].find(b); len(p.parts[last].text) == 0 || end >= 0 && end < len(b) {
		return false, errDanglingEscape
	}
	return false, nil
}

var errDanglingEscape = sqlerr.Errorf(sqlerr.InvalidEscapeSequence, "LIKE pattern must not end with escape character")

// prefix is the number of bytes of b that the part takes at its beginning, -1
// where it does not match there.
func (p *likePart) prefix(b []byte) int {
	if p.any == nil {
		if bytes.HasPrefix(b, p.text) {
			return len(p.text)
		}
		return -1
	}
	at := 0
	for i, c := range p.text {
		switch {
		case at == len(b):
			return -1
		case p.any[i]:
			_, size := utf8.DecodeRune(b[at:])
			at += size
		case b[at] == c:
			at++
		default:
			return -1
		}
	}
	return at
}

// find is where the part's first match in b ends, -1 where there is none.
func (p *likePart) find(b []byte) int {
	if p.any == nil {
		i := bytes.Index(b, p.text)
		if i < 0 {
			return -1
		}
		return i + len(p.text)
	}
	for at := 0; at <= len(b); {
		if n := p.prefix(b[at:]); n >= 0 {
			return at + n
		}
		_, size := utf8.DecodeRune(b[at:])
		at += max(size, 1)
	}
	return -1
}

// suffix reports whether b ends with the part.
func (p *likePart) suffix(b []byte) bool {
	if p.any == nil {
		return bytes.HasSuffix(b, p.text)
	}
	for at := 0; at <= len(b); {
		if p.prefix(b[at:]) == len(b)-at {
			return true
		}
		_, size := utf8.DecodeRune(b[at:])
		at += max(size, 1)
	}
	return false
}

// likeEscape rewrites a pattern with another escape character to one with \.
func likeEscape(_ *Env, a []types.Value) (types.Value, error) {
	pattern, escape := a[0].S, a[1].S
	if escape == "\\" {
		return a[0], nil
	}
	if escape == "" {
		return text(strings.ReplaceAll(pattern, `\`, `\\`))
	}
	r, size := utf8.DecodeRuneInString(escape)
	if size != len(escape) {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	var b strings.Builder
	escaped := false
	for _, c := range pattern {
		switch {
		case c == r && !escaped:
			b.WriteByte('\\')
			escaped = true
			continue
		case c == '\\' && !escaped:
			b.WriteString(`\\`)
		default:
			b.WriteRune(c)
		}
		escaped = false
	}
	return text(b.String())
}
