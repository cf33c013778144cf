package function

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	type vs = []types.Value
	define("similar_to_escape(text) text strict immutable", Definition{
		Value: func(_ *Env, a vs) (types.Value, error) {
			s, err := similarToRegex(a[0].S, `\`)
			return types.NewText(s), err
		},
		Examples: examples("'abc' SIMILAR TO '%(b|d)%'", "t", "'abc' SIMILAR TO '(b|c)%'", "f", "'a.c' SIMILAR TO 'a.c'", "t", "'abc' SIMILAR TO 'a.c'", "f",
			`'a]' SIMILAR TO 'a[]]'`, "t", `similar_to_escape('_[^]%(]%(x)')`, "^(?:.[^]%(].*(?:x))$"),
	})
	define("similar_to_escape(text, text) text strict immutable", Definition{
		Value: func(_ *Env, a vs) (types.Value, error) {
			s, err := similarToRegex(a[0].S, a[1].S)
			return types.NewText(s), err
		},
		Examples: examples("'a%' ~ similar_to_escape('a#%', '#')", "t", "similar_to_escape('a', '##')", "ERROR 22025"),
	})
	define("similar_escape(text, text) text immutable", Definition{
		Value: func(_ *Env, a vs) (types.Value, error) {
			escape := `\`
			switch {
			case a[0].Null:
				return null(types.Text)
			case !a[1].Null:
				escape = a[1].S
			}
			s, err := similarToRegex(a[0].S, escape)
			return types.NewText(s), err
		},
		Examples: examples("similar_escape('a%', NULL)", "^(?:a.*)$", "similar_escape(NULL, 'x')", "NULL"),
	})
	define("substring(text, text, text) text strict immutable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			pattern, err := similarToRegex(a[1].S, a[2].S)
			if err != nil {
				return types.Value{}, err
			}
			return substringMatching(env, a[0].S, pattern)
		}, Examples: examples(`substring('foobar', '%#"o_b#"%', '#')`, "oob", `substring('foobar' SIMILAR '#"o_b#"%' ESCAPE '#')`, "NULL",
			`substring('abcdefg' SIMILAR 'a#"%#"g' ESCAPE '#')`, "bcdef", `substring('abcdefg' SIMILAR 'a#"%#"x|g' ESCAPE '#')`, "bcdef",
			`substring('abc' SIMILAR 'a#"%#"%#"c' ESCAPE '#')`, "ERROR 2200C")})
}

// substringMatching is the first group of a match, or all of it.
func substringMatching(env *Env, s, pattern string) (types.Value, error) {
	re, err := compileRegex(pattern, regex.Flags{})
	if err != nil {
		return types.Value{}, err
	}
	m, err := firstMatch(env, re, s)
	switch {
	case err != nil:
		return types.Value{}, err
	case m == nil || len(m) > 2 && m[2] < 0:
		return null(types.Text)
	case len(m) > 2:
		return text(s[m[2]:m[3]])
	}
	return text(s[m[0]:m[1]])
}

// similarity rewrites a SIMILAR TO pattern as a regular expression.
type similarity struct {
	out    strings.Builder
	quotes int // escaped double quotes, which part the pattern in three
	// depth counts the brackets that are open. place is 1 behind the first of
	// them, 2 behind a caret there, and more elsewhere: a closing bracket in the
	// first two places is a character like any other.
	depth, place int
}

// similarToRegex rewrites a SIMILAR TO pattern. escape "" has no escape
// character.
func similarToRegex(pattern, escape string) (string, error) {
	if utf8.RuneCountInString(escape) > 1 {
		return "", sqlerr.Errorf(sqlerr.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	var s similarity
	s.out.WriteString("^(?:")
	escaped := false
	for _, c := range pattern {
		switch {
		case escaped:
			if err := s.escaped(c); err != nil {
				return "", err
			}
			escaped = false
		case escape != "" && string(c) == escape:
			escaped = true
		default:
			s.plain(c)
		}
	}
	s.out.WriteString(")$")
	return s.out.String(), nil
}

// escaped writes a character behind the escape character. The first of the
// parts matches the shortest text, the second the longest.
func (s *similarity) escaped(c rune) error {
	if c != '"' || s.depth > 0 {
		s.out.WriteByte('\\')
		s.out.WriteRune(c)
		return nil
	}
	switch s.quotes {
	case 0:
		s.out.WriteString("){1,1}?(")
	case 1:
		s.out.WriteString("){1,1}(?:")
	default:
		return sqlerr.Errorf(sqlerr.InvalidUseOfEscapeCharacter, "SQL regular expression may not contain more than two escape-double-quote separators")
	}
	s.quotes++
	return nil
}

func (s *similarity) plain(c rune) {
	switch {
	case s.depth > 0:
		s.inBrackets(c)
	case c == '[':
		s.out.WriteByte('[')
		s.depth, s.place = 1, 1
	case c == '%':
		s.out.WriteString(".*")
	case c == '_':
		s.out.WriteByte('.')
	case c == '(':
		s.out.WriteString("(?:")
	case c == '\\' || c == '.' || c == '^' || c == '$':
		s.out.WriteByte('\\')
		s.out.WriteRune(c)
	default:
		s.out.WriteRune(c)
	}
}

func (s *similarity) inBrackets(c rune) {
	if c == '\\' {
		s.out.WriteByte('\\')
	}
	s.out.WriteRune(c)
	switch {
	case c == ']' && s.place > 2:
		s.depth--
	case c == '[':
		s.depth++
	}
	if c == '^' {
		s.place++
	} else {
		s.place = 3
	}
}
