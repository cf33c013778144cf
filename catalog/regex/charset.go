package regex

import (
	"slices"
	"unicode"
)

// span is a range of characters, both ends included.
type span struct{ lo, hi rune }

// charset is a set of characters: spans in ascending order that do not touch.
type charset []span

const maxRune = unicode.MaxRune

// normal sorts and joins spans.
func normal(spans []span) charset {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var out charset
	for _, s := range spans {
		if n := len(out); n > 0 && s.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}

// complement is every other character.
func (c charset) complement() charset {
	var out charset
	next := rune(0)
	for _, s := range c {
		if s.lo > next {
			out = append(out, span{next, s.lo - 1})
		}
		next = s.hi + 1
	}
	if next <= maxRune {
		out = append(out, span{next, maxRune})
	}
	return out
}

func (c charset) contains(r rune) bool {
	_, found := slices.BinarySearchFunc(c, r, func(s span, r rune) int {
		switch {
		case s.hi < r:
			return -1
		case s.lo > r:
			return 1
		}
		return 0
	})
	return found
}

// one is a character in a set of its own, with its other case where case does
// not count.
func one(r rune, fold bool) charset {
	if !fold {
		return charset{{r, r}}
	}
	return normal(appendCases(nil, r))
}

// appendCases appends a character and its simple upper and lower case.
func appendCases(spans []span, r rune) []span {
	spans = append(spans, span{r, r})
	if l := unicode.ToLower(r); l != r {
		spans = append(spans, span{l, l})
	}
	if u := unicode.ToUpper(r); u != r {
		spans = append(spans, span{u, u})
	}
	return spans
}

// between is a range, with the other cases of its characters where case does not
// count.
func between(lo, hi rune, fold bool) charset {
	spans := []span{{lo, hi}}
	if fold {
		// Above the letters that have cases there is nothing to add.
		for r := lo; r <= min(hi, 0x1ffff); r++ {
			spans = appendCases(spans, r)
		}
	}
	return normal(spans)
}
