package parse

import (
	"slices"
	"strings"
)

// RenameColumn writes a column's new name where a text refers to it: at the last
// name of the references that begin at the bytes given. What is spread out of *
// stays.
func RenameColumn(text string, references []int, from, to string) string {
	t := lex(text)
	slices.Sort(references)
	var out strings.Builder
	done, i := 0, 0
	for _, at := range slices.Compact(references) {
		for i < len(t.list) && t.start(i) < at {
			i++
		}
		last := i
		for last+2 < len(t.list) && t.is(last+1, ".") {
			last += 2
		}
		if last >= len(t.list) || t.start(i) != at || nameAt(t, last) != from {
			continue
		}
		out.WriteString(text[done:t.start(last)] + to)
		done = t.end(last)
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
