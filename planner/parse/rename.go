package parse

import (
	"slices"
	"strings"
)

// Replacement is a new text for the dotted name, * included, that begins at byte
// At of a text. Text gets the name's parts; "" leaves them as they are written.
type Replacement struct {
	At   int
	Text func(parts []string) string
}

// Replace returns a text with names in it replaced. Of several replacements of one
// place the first counts.
func Replace(text string, all []Replacement) string {
	t := lex(text)
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Replacement) int { return a.At - b.At })
	all = slices.CompactFunc(all, func(a, b Replacement) bool { return a.At == b.At })
	var out strings.Builder
	done, i := 0, 0
	for _, r := range all {
		for i < len(t.list) && t.start(i) < r.At {
			i++
		}
		if i >= len(t.list) || t.start(i) != r.At {
			continue
		}
		last, parts := i, []string{nameAt(t, i)}
		for last+2 < len(t.list) && t.is(last+1, ".") {
			last += 2
			parts = append(parts, nameAt(t, last))
		}
		if by := r.Text(parts); by != "" {
			out.WriteString(text[done:t.start(i)] + by)
			done = t.end(last)
		}
	}
	return out.String() + text[done:]
}

// nameAt is the name that a token stands for.
func nameAt(t *tokens, i int) string {
	s := t.text[t.start(i):t.end(i)]
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return strings.ToLower(s)
}
