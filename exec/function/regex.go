package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
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
	define("regexp_like(text, text) bool strict immutable", Definition{Vector: regexKernel(false, false),
		Examples: examples("regexp_like('abc', 'b')", "t", "regexp_like('abc', 'b(?=c)')", "t", "regexp_like('abc', '(?<!a)b')", "f", `regexp_like('abab', '^(..)\1$')`, "t")})
	define("regexp_like(text, text, text) bool strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			re, _, err := regexOf(a[1].S, a[2].S, "regexp_like")
			if err != nil {
				return types.Value{}, err
			}
			found, err := regexMatch(env, re, a[0].S)
			return types.NewBool(found), err
		}, Examples: examples("regexp_like('ABC', 'b', 'i')", "t", "regexp_like('a', 'a', 'g')", "ERROR 22023", "regexp_like('a', 'a', 'qx')", "ERROR 2201B", "regexp_like('a+', 'a+', 'q')", "t")})
	const call = "substring('foobar' from 'o.b')"
	define("substring(text, text) text strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return substringMatching(env, a[0].S, a[1].S) },
		Examples: examples(call, "oob", strings.Replace(call, "o.b", "o(.)b", 1), "o", strings.Replace(call, "o.b", "x", 1), "NULL", "substring('XY1234Z' from 'Y*?([0-9]{1,3})')", "1")})
	define("regexp_replace(text, text, text) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return regexReplace(env, a[0].S, a[1].S, a[2].S, "")
		},
		Examples: examples(`regexp_replace('Thomas', '.[mN]a.', 'M')`, "ThM", `regexp_replace('foobar', '(o+)(b)', '\2-\1-\&')`, "fb-oo-oobar"),
	})
	define("regexp_replace(text, text, text, text) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return regexReplace(env, a[0].S, a[1].S, a[2].S, a[3].S)
		},
		Examples: examples("regexp_replace('foo Foo', 'o', 'x', 'g')", "fxx Fxx", "regexp_replace('Hi', 'h', 'x', 'i')", "xi"),
	})
	firstGroups := func(env *Env, a []types.Value, flags string) (types.Value, error) {
		re, _, err := regexOf(a[1].S, flags, "regexp_match")
		if err != nil {
			return types.Value{}, err
		}
		m, err := firstMatch(env, re, a[0].S)
		if err != nil || m == nil {
			return types.NullOf(types.Of(types.Lookup(types.Text).Array)), err
		}
		return groupsOf(a[0].S, m), nil
	}
	define("regexp_match(text, text) _text strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return firstGroups(env, a, "") },
		Examples: examples("regexp_match('foobarbequebaz', '(bar)(beque)')", "{bar,beque}", "regexp_match('abc', 'b')", "{b}", "regexp_match('abc', 'x')", "NULL"),
	})
	define("regexp_match(text, text, text) _text strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return firstGroups(env, a, a[2].S) },
		Examples: examples("regexp_match('ABC', 'b', 'i')", "{B}", "regexp_match('ABC', 'b', 'g')", "ERROR 22023"),
	})
	define("regexp_split_to_array(text, text) _text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			parts, err := regexSplit(env, a[0].S, a[1].S, "", "regexp_split_to_array")
			return textArray(parts), err
		}, Examples: examples(`regexp_split_to_array('hello  world', '\s+')`, "{hello,world}", "regexp_split_to_array('abc', '')", "{a,b,c}"),
	})
}

// regexKernel matches; a constant pattern is compiled once for a batch.
func regexKernel(fold, not bool) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		texts, patterns := bytesAt(c.Args[0]), bytesAt(c.Args[1])
		_, constant := c.Args[1].(*vec.Const)
		var re *regex.Regexp
		var err error
		if constant {
			re, err = compileRegex(textOf(patterns(0)), regex.Flags{Fold: fold})
		}
		c.each(func(row int) {
			if c.null(row) {
				return
			}
			if !constant {
				re, err = compileRegex(textOf(patterns(row)), regex.Flags{Fold: fold})
			}
			if err != nil {
				c.Errs.Set(row, err)
				return
			}
			found, failed := regexMatch(c.Env, re, textOf(texts(row)))
			if failed != nil {
				c.Errs.Set(row, failed)
				return
			}
			out[row] = found != not
		})
	}
}

func regexReplace(env *Env, s, pattern, with, flags string) (types.Value, error) {
	if flags != "" && flags[0] >= '0' && flags[0] <= '9' {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", flags[0]).
			WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
	}
	re, o, err := regexOf(pattern, flags, "")
	if err != nil {
		return types.Value{}, err
	}
	n := int64(1)
	if o.global {
		n = 0
	}
	return replaceMatches(env, re, s, with, 0, n)
}

// replaceMatches replaces the n-th match from a byte on, or all for n 0.
func replaceMatches(env *Env, re *regex.Regexp, s, with string, from int, n int64) (types.Value, error) {
	b := builder{env: env}
	last, count := 0, int64(0)
	var full error
	err := eachMatch(env, re, s, from, func(m []int) bool {
		if count++; n != 0 && count != n {
			return true
		}
		if full = b.append(s[last:m[0]]); full == nil {
			full = expandReplacement(&b, s, with, m)
		}
		last = m[1]
		return n == 0 && full == nil
	})
	if err == nil {
		err = full
	}
	if err != nil || last == 0 && len(b.out) == 0 {
		return types.NewText(s), err
	}
	err = b.append(s[last:])
	return types.NewText(textOf(b.out)), err
}

// expandReplacement writes a replacement, in which \1 to \9 are groups, \& the
// whole match and \\ a backslash.
func expandReplacement(b *builder, s, with string, m []int) error {
	for with != "" {
		plain := strings.IndexByte(with, '\\')
		if plain < 0 || plain == len(with)-1 {
			return b.append(with)
		}
		if err := b.append(with[:plain]); err != nil {
			return err
		}
		part := with[plain : plain+2]
		switch c := part[1]; {
		case c == '&':
			part = s[m[0]:m[1]]
		case c >= '1' && c <= '9':
			part = ""
			if g := int(c - '0'); 2*g+1 < len(m) && m[2*g] >= 0 {
				part = s[m[2*g]:m[2*g+1]]
			}
		case c == '\\':
			part = part[1:]
		}
		if err := b.append(part); err != nil {
			return err
		}
		with = with[plain+2:]
	}
	return nil
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
// characters, and not at the ends or right behind a match.
func regexSplit(env *Env, s, pattern, flags, function string) ([]string, error) {
	re, _, err := regexOf(pattern, flags, function)
	if err != nil {
		return nil, err
	}
	var parts []string
	var many error
	count := items{env: env, size: valueBytes}
	last, end := 0, 0
	err = eachMatch(env, re, s, 0, func(m []int) bool {
		if m[0] < len(s) && m[1] > end {
			parts = append(parts, s[last:m[0]])
			last = m[1]
			many = count.more()
		}
		end = m[1]
		return many == nil
	})
	if err == nil {
		err = many
	}
	return append(parts, s[last:]), err
}
