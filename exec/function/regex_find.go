package function

import (
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The regexp_ functions that search from a character and pick the n-th match:
// arguments not given are 1, the flags "" and the group 0.

func init() {
	type vs = []types.Value
	define("regexp_count(text, text) int4 strict immutable", Definition{Value: countMatches, Examples: examples("regexp_count('banana', 'a')", "3", "regexp_count('aaa', 'a*')", "2")})
	define("regexp_count(text, text, int4) int4 strict immutable", Definition{Value: countMatches, Examples: examples("regexp_count('banana', 'a', 3)", "2", "regexp_count('a', 'a', 0)", "ERROR 22023", "regexp_count('a', 'a', 9)", "0", "regexp_count('aaa', '^a', 2)", "0")})
	define("regexp_count(text, text, int4, text) int4 strict immutable", Definition{Value: countMatches, Examples: examples("regexp_count('bAnana', 'a', 1, 'i')", "3", "regexp_count('a', 'a', 1, 'g')", "ERROR 22023")})
	for _, f := range []struct {
		args string
		ex   []Example
	}{
		{"text, text", examples("regexp_instr('number of your street, town zip, FR', '[^,]+')", "1", "regexp_instr('abc', 'x')", "0")},
		{"text, text, int4", examples("regexp_instr('äbcb', 'b', 3)", "4")},
		{"text, text, int4, int4", examples("regexp_instr('abcabc', 'b', 1, 2)", "5", "regexp_instr('abc', 'b', 1, 0)", "ERROR 22023")},
		{"text, text, int4, int4, int4", examples("regexp_instr('abcabc', 'b', 1, 2, 1)", "6", "regexp_instr('abc', 'b', 1, 1, 2)", "ERROR 22023")},
		{"text, text, int4, int4, int4, text", examples("regexp_instr('ABCABC', 'b', 1, 2, 0, 'i')", "5")},
		{"text, text, int4, int4, int4, text, int4", examples("regexp_instr('abcabc', 'a(b)(c)', 1, 2, 0, '', 2)", "6", "regexp_instr('abc', 'b', 1, 1, 0, '', 1)", "2", "regexp_instr('abc', 'b', 1, 1, 0, '', 2)", "0", "regexp_instr('abc', 'b', 1, 1, 0, '', -1)", "ERROR 22023")},
	} {
		define("regexp_instr("+f.args+") int4 strict immutable", Definition{Value: func(env *Env, a vs) (types.Value, error) {
			s := regexSearch{n: 1}
			if err := s.arguments(a, "regexp_instr"); err != nil {
				return types.Value{}, err
			}
			from, to, err := s.find(env, a[0].S)
			switch {
			case err != nil:
				return types.Value{}, err
			case from < 0:
				return int4(0)
			case s.atEnd:
				from = to
			}
			return int4(utf8.RuneCountInString(a[0].S[:from]) + 1)
		}, Examples: f.ex})
	}
	for _, f := range []struct {
		args string
		ex   []Example
	}{
		{"text, text", examples("regexp_substr('number of your street, town zip, FR', '[^,]+')", "number of your street", "regexp_substr('abc', 'x')", "NULL")},
		{"text, text, int4", examples("regexp_substr('abcb1', 'b.', 3)", "b1")},
		{"text, text, int4, int4", examples("regexp_substr('a1a2', 'a.', 1, 2)", "a2")},
		{"text, text, int4, int4, text", examples("regexp_substr('a1A2', 'a.', 1, 2, 'i')", "A2", "regexp_substr('a', 'a', 1, 1, 'g')", "ERROR 22023")},
		{"text, text, int4, int4, text, int4", examples("regexp_substr('ABCDEFGHI', '(c)(d)', 1, 1, 'i', 2)", "D", "regexp_substr('abc', '(x)?b', 1, 1, '', 1)", "NULL")},
	} {
		define("regexp_substr("+f.args+") text strict immutable", Definition{Value: func(env *Env, a vs) (types.Value, error) {
			// regexp_substr has no argument for the end.
			if len(a) > 4 {
				a = append(append(append(vs{}, a[:4]...), types.NewInt(types.Int4, 0)), a[4:]...)
			}
			s := regexSearch{n: 1}
			if err := s.arguments(a, "regexp_substr"); err != nil {
				return types.Value{}, err
			}
			from, to, err := s.find(env, a[0].S)
			if err != nil || from < 0 {
				return types.NullOf(types.Of(types.Text)), err
			}
			return text(a[0].S[from:to])
		}, Examples: f.ex})
	}
	for _, f := range []struct {
		args string
		ex   []Example
	}{
		{"text, text, text, int4", examples("regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 4)", "A PXstgreSQL function")},
		{"text, text, text, int4, int4", examples("regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 3)", "A PostgreSQL fXnction", "regexp_replace('aaa', 'a', 'b', 1, 0)", "bbb", "regexp_replace('aaa', 'a', 'b', 1, -1)", "ERROR 22023")},
		{"text, text, text, int4, int4, text", examples("regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 3, 'i')", "A PostgrXSQL function", "regexp_replace('aAa', 'a', 'b', 2, 0, 'i')", "abb")},
	} {
		define("regexp_replace("+f.args+") text strict immutable", Definition{Value: replaceNth, Examples: f.ex})
	}
	for _, t := range []string{"array", "table"} {
		split := func(env *Env, a vs) (types.Value, error) {
			parts, err := regexSplit(env, a[0].S, a[1].S, a[2].S, "regexp_split_to_"+t)
			return textArray(parts), err
		}
		if t == "array" {
			define("regexp_split_to_array(text, text, text) _text strict immutable", Definition{
				Value:    split,
				Examples: examples("regexp_split_to_array('aXbxc', 'x', 'i')", "{a,b,c}", "regexp_split_to_array('a', 'x', 'g')", "ERROR 22023")})
			continue
		}
		define("regexp_split_to_table(text, text, text) setof text strict immutable", Definition{
			Set: setOf(func(env *Env, a vs) ([]types.Value, error) {
				parts, err := split(env, a)
				if err != nil {
					return nil, err
				}
				return parts.A.Elems, nil
			}),
			Examples: examples("regexp_split_to_table('aXbxc', 'x', 'i')", "a, b, c", "regexp_split_to_table('a', 'x', 'g')", "ERROR 22023")})
	}
}

func badRegexArgument(name string, value int64) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, value)
}

// regexSearch is which match, and which part of it, a function wants.
type regexSearch struct {
	re    *regex.Regexp
	start int64 // characters to pass, counted from 1
	n     int64
	atEnd bool
	group int64
}

// arguments reads pattern, start, n, end, flags and group.
func (s *regexSearch) arguments(a []types.Value, function string) error {
	at := func(i int, otherwise int64) int64 {
		if len(a) > i {
			return a[i].I
		}
		return otherwise
	}
	s.start, s.n, s.group = at(2, 1), at(3, 1), at(6, 0)
	end, flags := at(4, 0), ""
	if len(a) > 5 {
		flags = a[5].S
	}
	switch {
	case s.start < 1:
		return badRegexArgument("start", s.start)
	case s.n < 1:
		return badRegexArgument("n", s.n)
	case end != 0 && end != 1:
		return badRegexArgument("endoption", end)
	case s.group < 0:
		return badRegexArgument("subexpr", s.group)
	}
	s.atEnd = end == 1
	re, _, err := regexOf(a[1].S, flags, function)
	s.re = re
	return err
}

// find returns where the group of the n-th match is, -1 where there is none.
func (s *regexSearch) find(env *Env, in string) (from, to int, err error) {
	from, to = -1, -1
	count := int64(0)
	err = eachMatchFrom(env, s.re, in, s.start, func(m []int) bool {
		if count++; count < s.n {
			return true
		}
		switch {
		case len(m) == 2 && s.group == 1:
			// Of a pattern without groups the first is the whole, as in PostgreSQL.
			from, to = m[0], m[1]
		case 2*s.group+1 < int64(len(m)):
			from, to = m[2*s.group], m[2*s.group+1]
		}
		return false
	})
	return from, to, err
}

// eachMatchFrom is eachMatch from a character, counted from 1, on.
func eachMatchFrom(env *Env, re *regex.Regexp, in string, start int64, f func(m []int) bool) error {
	if start-1 > int64(utf8.RuneCountInString(in)) {
		return nil
	}
	from, err := skipChars(env, in, start-1)
	if err != nil {
		return err
	}
	return eachMatch(env, re, in, from, f)
}

func countMatches(env *Env, a []types.Value) (types.Value, error) {
	start, flags := int64(1), ""
	if len(a) > 2 {
		start = a[2].I
	}
	if len(a) > 3 {
		flags = a[3].S
	}
	if start < 1 {
		return types.Value{}, badRegexArgument("start", start)
	}
	re, _, err := regexOf(a[1].S, flags, "regexp_count")
	if err != nil {
		return types.Value{}, err
	}
	count := 0
	err = eachMatchFrom(env, re, a[0].S, start, func([]int) bool { count++; return true })
	return types.NewInt(types.Int4, int64(count)), err
}

// replaceNth replaces the n-th match from a character on; all for n 0.
func replaceNth(env *Env, a []types.Value) (types.Value, error) {
	start, n, flags := a[3].I, int64(1), ""
	if len(a) > 4 {
		n = a[4].I
	}
	if len(a) > 5 {
		flags = a[5].S
	}
	switch {
	case start < 1:
		return types.Value{}, badRegexArgument("start", start)
	case n < 0:
		return types.Value{}, badRegexArgument("n", n)
	}
	re, o, err := regexOf(a[1].S, flags, "")
	if err != nil {
		return types.Value{}, err
	}
	if len(a) < 5 && o.global {
		n = 0
	}
	in := a[0].S
	if start-1 > int64(utf8.RuneCountInString(in)) {
		return text(in)
	}
	from, err := skipChars(env, in, start-1)
	if err != nil {
		return types.Value{}, err
	}
	return replaceMatches(env, re, in, a[2].S, from, n)
}
