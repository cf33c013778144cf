package function

import (
	"regexp"
	"strings"

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
		{"textregexeq(text, text)", false, false, examples("'abc' ~ '^a.c$'", "t", "'abc' ~ '(b|d)'", "t", `'a1' ~ '\d'`, "t", "'abc' ~ 'B'", "f", "'abc' ~ '('", "ERROR 2201B", `'foo bar' ~ '\mbar\M'`, "t", "'aXc' ~ '[[:upper:]]'", "t", "NULL::text ~ 'a'", "NULL")},
		{"textregexne(text, text)", false, true, examples("'abc' !~ 'b'", "f")},
		{"texticregexeq(text, text)", true, false, examples("'ABC' ~* 'b'", "t")},
		{"texticregexne(text, text)", true, true, examples("'ABC' !~* 'b'", "f")},
		{"nameregexeq(name, text)", false, false, examples("'abc'::name ~ '^(abc)$'", "t")},
		{"nameregexne(name, text)", false, true, examples("'abc'::name !~ 'b'", "f")},
		{"nameicregexeq(name, text)", true, false, examples("'ABC'::name ~* 'b'", "t")},
		{"nameicregexne(name, text)", true, true, examples("'ABC'::name !~* 'b'", "f")},
		{"bpcharregexeq(bpchar, text)", false, false, examples("'ab'::char(3) ~ 'ab $'", "t")},
		{"bpcharregexne(bpchar, text)", false, true, examples("'ab'::char(3) !~ 'ab'", "f")},
		{"bpcharicregexeq(bpchar, text)", true, false, examples("'AB'::char(2) ~* 'ab'", "t")},
		{"bpcharicregexne(bpchar, text)", true, true, examples("'AB'::char(2) !~* 'ab'", "f")},
	} {
		define(f.sig+" bool strict immutable", Definition{Vector: regexKernel(f.fold, f.not), Examples: f.ex})
	}
	const look = "RE2 has no look-around"
	define("regexp_like(text, text) bool strict immutable", Definition{Vector: regexKernel(false, false),
		Examples: append(examples("regexp_like('abc', 'b')", "t"), Example{SQL: "regexp_like('abc', 'a(?=b)')", Text: "ERROR 0A000", Ours: look})})
	define("regexp_like(text, text, text) bool strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			re, _, err := regexOf(a[1].S, a[2].S, false)
			if err != nil {
				return types.Value{}, err
			}
			return boolean(re.MatchString(a[0].S))
		}, Examples: examples("regexp_like('ABC', 'b', 'i')", "t", "regexp_like('a', 'a', 'g')", "ERROR 22023")})
	define("substring(text, text, text) text strict immutable", Definition{
		Value: func(_ *Env, _ []types.Value) (types.Value, error) {
			return types.Value{}, sqlerr.Unsupported("Write substring(string FROM pattern) with a regular expression, and a group around the part that is wanted.",
				"substring(string SIMILAR pattern ESCAPE character) is not supported")
		}, Examples: []Example{{SQL: `substring('foobar', '%#"o_b#"%', '#')`, Text: "ERROR 0A000", Ours: "its parts match the shortest and the longest text in turn, which RE2 cannot"}}})
	const call = "substring('foobar' from 'o.b')"
	define("substring(text, text) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			re, err := compileRegex(a[1].S, regexFlags{})
			if err != nil {
				return types.Value{}, err
			}
			m := re.FindStringSubmatchIndex(a[0].S)
			switch {
			case m == nil:
				return null(types.Text)
			case len(m) > 2 && m[2] < 0:
				return null(types.Text)
			case len(m) > 2:
				return text(a[0].S[m[2]:m[3]])
			}
			return text(a[0].S[m[0]:m[1]])
		}, Examples: examples(call, "oob", strings.Replace(call, "o.b", "o(.)b", 1), "o", strings.Replace(call, "o.b", "x", 1), "NULL")})
	define("regexp_replace(text, text, text) text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return regexReplace(a[0].S, a[1].S, a[2].S, "") },
		Examples: examples(`regexp_replace('Thomas', '.[mN]a.', 'M')`, "ThM", `regexp_replace('foobar', '(o+)(b)', '\2-\1-\&')`, "fb-oo-oobar"),
	})
	define("regexp_replace(text, text, text, text) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return regexReplace(a[0].S, a[1].S, a[2].S, a[3].S)
		},
		Examples: examples("regexp_replace('foo Foo', 'o', 'x', 'g')", "fxx Fxx", "regexp_replace('Hi', 'h', 'x', 'i')", "xi"),
	})
	regexMatch := func(a []types.Value, flags string) (types.Value, error) {
		re, _, err := regexOf(a[1].S, flags, false)
		if err != nil {
			return types.Value{}, err
		}
		m := re.FindStringSubmatchIndex(a[0].S)
		if m == nil {
			return null(types.Lookup(types.Text).Array)
		}
		return groupsOf(a[0].S, m), nil
	}
	define("regexp_match(text, text) _text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return regexMatch(a, "") },
		Examples: examples("regexp_match('foobarbequebaz', '(bar)(beque)')", "{bar,beque}", "regexp_match('abc', 'b')", "{b}", "regexp_match('abc', 'x')", "NULL"),
	})
	define("regexp_match(text, text, text) _text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return regexMatch(a, a[2].S) },
		Examples: examples("regexp_match('ABC', 'b', 'i')", "{B}"),
	})
	define("regexp_count(text, text) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			re, err := compileRegex(a[1].S, regexFlags{})
			if err != nil {
				return types.Value{}, err
			}
			return int4(len(allMatches(re, a[0].S)))
		}, Examples: examples("regexp_count('banana', 'a')", "3"),
	})
	define("regexp_split_to_array(text, text) _text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			re, err := compileRegex(a[1].S, regexFlags{})
			if err != nil {
				return types.Value{}, err
			}
			return textArray(regexSplit(re, a[0].S)), nil
		}, Examples: examples(`regexp_split_to_array('hello  world', '\s+')`, "{hello,world}", "regexp_split_to_array('abc', '')", "{a,b,c}"),
	})
	define("similar_to_escape(text) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			s, err := similarToRegex(a[0].S, `\`)
			return types.NewText(s), err
		},
		Examples: examples("'abc' SIMILAR TO '%(b|d)%'", "t", "'abc' SIMILAR TO '(b|c)%'", "f", "'a.c' SIMILAR TO 'a.c'", "t", "'abc' SIMILAR TO 'a.c'", "f"),
	})
	define("similar_to_escape(text, text) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			s, err := similarToRegex(a[0].S, a[1].S)
			return types.NewText(s), err
		},
		Examples: examples("'a%' ~ similar_to_escape('a#%', '#')", "t"),
	})
}

// regexOf compiles a pattern with a flags argument.
func regexOf(pattern, flags string, global bool) (*regexp.Regexp, regexFlags, error) {
	f, err := parseRegexFlags(flags, global)
	if err != nil {
		return nil, f, err
	}
	g := f
	g.global = false
	re, err := compileRegex(pattern, g)
	return re, f, err
}

// regexKernel matches; a constant pattern is compiled once for a batch.
func regexKernel(fold, not bool) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		texts, patterns := bytesAt(c.Args[0]), bytesAt(c.Args[1])
		_, constant := c.Args[1].(*vec.Const)
		var re *regexp.Regexp
		var err error
		if constant {
			re, err = compileRegex(textOf(patterns(0)), regexFlags{icase: fold})
		}
		c.each(func(row int) {
			if c.null(row) {
				return
			}
			if !constant {
				re, err = compileRegex(textOf(patterns(row)), regexFlags{icase: fold})
			}
			if err != nil {
				c.Errs.Set(row, err)
				return
			}
			out[row] = re.Match(texts(row)) != not
		})
	}
}

func regexReplace(s, pattern, with, flags string) (types.Value, error) {
	if flags != "" && flags[0] >= '0' && flags[0] <= '9' {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", flags[0]).
			WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
	}
	re, f, err := regexOf(pattern, flags, true)
	if err != nil {
		return types.Value{}, err
	}
	matches := [][]int{}
	if f.global {
		matches = allMatches(re, s)
	} else if m := re.FindStringSubmatchIndex(s); m != nil {
		matches = append(matches, m)
	}
	var b strings.Builder
	last := 0
	for _, m := range matches {
		b.WriteString(s[last:m[0]])
		expandReplacement(&b, s, with, m)
		last = m[1]
	}
	b.WriteString(s[last:])
	return text(b.String())
}

// expandReplacement writes a replacement, in which \1 to \9 are groups, \& the
// whole match and \\ a backslash.
func expandReplacement(b *strings.Builder, s, with string, m []int) {
	for i := 0; i < len(with); i++ {
		if with[i] != '\\' || i+1 == len(with) {
			b.WriteByte(with[i])
			continue
		}
		i++
		switch c := with[i]; {
		case c == '&':
			b.WriteString(s[m[0]:m[1]])
		case c >= '1' && c <= '9':
			if g := int(c - '0'); 2*g+1 < len(m) && m[2*g] >= 0 {
				b.WriteString(s[m[2*g]:m[2*g+1]])
			}
		case c == '\\':
			b.WriteByte('\\')
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
}

// groupsOf are the groups of a match, or all of it where there is none.
func groupsOf(s string, m []int) types.Value {
	if len(m) == 2 {
		return textArray([]string{s[m[0]:m[1]]})
	}
	var elems []types.Value
	for i := 2; i < len(m); i += 2 {
		if m[i] < 0 {
			elems = append(elems, types.NullOf(types.Of(types.Text)))
			continue
		}
		elems = append(elems, types.NewText(s[m[i]:m[i+1]]))
	}
	return types.NewArray(types.Of(types.Text), elems)
}

func textArray(parts []string) types.Value {
	elems := make([]types.Value, len(parts))
	for i, p := range parts {
		elems[i] = types.NewText(p)
	}
	return types.NewArray(types.Of(types.Text), elems)
}

// regexSplit cuts a string at its matches; an empty match cuts between two
// characters, and not at the ends.
func regexSplit(re *regexp.Regexp, s string) []string {
	var parts []string
	last := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[0] == m[1] && (m[0] == 0 || m[0] == len(s)) {
			continue
		}
		parts = append(parts, s[last:m[0]])
		last = m[1]
	}
	return append(parts, s[last:])
}
