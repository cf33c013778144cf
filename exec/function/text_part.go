package function

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// value1 and the like adapt Go functions over strings.

func text1(f func(s string) string) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) { return text(f(a[0].S)) }
}

func text2(f func(s, t string) string) ValueFunc {
	return func(_ *Env, a []types.Value) (types.Value, error) { return text(f(a[0].S, a[1].S)) }
}

func bytea(s string) (types.Value, error) { return types.NewString(types.Bytea, s), nil }

func init() {
	for _, f := range []struct {
		name string
		cut  func(s, set string) string
		ex   [2][]Example
	}{
		{"btrim", strings.Trim, [2][]Example{examples("btrim('  trim  ')", "trim"), examples("btrim('xyxtrimyyx', 'xyz')", "trim")}},
		{"ltrim", strings.TrimLeft, [2][]Example{examples("ltrim('  trim ')", "trim "), examples("ltrim('zzzytest', 'xyz')", "test")}},
		{"rtrim", strings.TrimRight, [2][]Example{examples("rtrim(' trim  ')", " trim"), examples("rtrim('testxxzx', 'xyz')", "test")}},
	} {
		cut := f.cut
		define(f.name+"(text) text strict immutable", Definition{Value: text1(func(s string) string { return cut(s, " ") }), Examples: f.ex[0]})
		define(f.name+"(text, text) text strict immutable", Definition{Value: text2(func(s, set string) string {
			if set == "" {
				return s
			}
			return cut(s, set)
		}), Examples: f.ex[1]})
	}
	define("btrim(bytea, bytea) bytea strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			in := func(c byte) bool { return strings.IndexByte(a[1].S, c) >= 0 }
			s := a[0].S
			for len(s) > 0 && in(s[0]) {
				s = s[1:]
			}
			for len(s) > 0 && in(s[len(s)-1]) {
				s = s[:len(s)-1]
			}
			return bytea(s)
		}, Examples: examples(`btrim('\x1234567890'::bytea, '\x9012'::bytea)`, `\x345678`),
	})
	for _, name := range []string{"substring", "substr"} {
		define(name+"(text, int4) text strict immutable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return text(substring(a[0].S, a[1].I, unlimited)) },
			Examples: examples(name+"('Thomas', 3)", "omas", name+"('Thomas', -1)", "Thomas"),
		})
		define(name+"(text, int4, int4) text strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				if a[2].I < 0 {
					return types.Value{}, negativeLength()
				}
				return text(substring(a[0].S, a[1].I, a[1].I+a[2].I))
			},
			Examples: examples(name+"('Thomas', 2, 3)", "hom", name+"('Thömas', 3, 2)", "öm", name+"('Thomas', -1, 4)", "Th", name+"('Thomas', 2, -1)", "ERROR 22011"),
		})
		define(name+"(bytea, int4) bytea strict immutable", Definition{
			Value:    func(_ *Env, a []types.Value) (types.Value, error) { return bytea(subbytes(a[0].S, a[1].I, unlimited)) },
			Examples: examples(name+`('\x010203'::bytea, 2)`, `\x0203`),
		})
		define(name+"(bytea, int4, int4) bytea strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				if a[2].I < 0 {
					return types.Value{}, negativeLength()
				}
				return bytea(subbytes(a[0].S, a[1].I, a[1].I+a[2].I))
			},
			Examples: examples(name+`('\x010203'::bytea, 2, 1)`, `\x02`),
		})
	}
	define(`left(text, int4) text strict immutable`, Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return text(leftChars(a[0].S, a[1].I)) },
		Examples: examples(`"left"('abcde', 2)`, "ab", `"left"('abcde', -2)`, "abc", `"left"('äöü', 2)`, "äö"),
	})
	define(`right(text, int4) text strict immutable`, Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[1].I == 0 {
				return text("")
			}
			if a[1].I == -1<<31 {
				return a[0], nil // there is no 2147483648 to leave out
			}
			return text(a[0].S[len(leftChars(a[0].S, -a[1].I)):])
		},
		Examples: examples(`"right"('abcde', 2)`, "de", `"right"('abcde', -2)`, "cde", `"right"('abcde', 0)`, "", `"right"('abcde', -2147483648)`, "abcde"),
	})
	define("replace(text, text, text) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[1].S == "" {
				return a[0], nil
			}
			return text(strings.ReplaceAll(a[0].S, a[1].S, a[2].S))
		}, Examples: examples("replace('abcdefabcdef', 'cd', 'XX')", "abXXefabXXef", "replace('abc', '', 'x')", "abc"),
	})
	define("translate(text, text, text) text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return text(translate(a[0].S, a[1].S, a[2].S)) },
		Examples: examples("translate('12345', '143', 'ax')", "a2x5"),
	})
	for _, name := range []string{"strpos", "position"} {
		ex := examples("strpos('high', 'ig')", "2", "strpos('äöü', 'ü')", "3", "strpos('a', 'b')", "0", "strpos('a', '')", "1")
		if name == "position" {
			ex = examples("position('om' in 'Thomas')", "3")
		}
		define(name+"(text, text) int4 strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				i := strings.Index(a[0].S, a[1].S)
				if i < 0 {
					return int4(0)
				}
				return int4(utf8.RuneCountInString(a[0].S[:i]) + 1)
			}, Examples: ex})
	}
	define("position(bytea, bytea) int4 strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return int4(strings.Index(a[0].S, a[1].S) + 1) },
		Examples: examples(`position('\x02'::bytea in '\x010203'::bytea)`, "2"),
	})
	define("split_part(text, text, int4) text strict immutable", Definition{
		Value:    splitPart,
		Examples: examples("split_part('abc~@~def~@~ghi', '~@~', 2)", "def", "split_part('a,b,c', ',', -1)", "c", "split_part('a,b', ',', 3)", "", "split_part('a', ',', 0)", "ERROR 22023"),
	})
	define("starts_with(text, text) bool strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return boolean(strings.HasPrefix(a[0].S, a[1].S)) },
		Examples: examples("starts_with('alphabet', 'alph')", "t", "'alphabet' ^@ 'bet'", "f"),
	})
	define("overlay(text, text, int4, int4) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return overlay(a[0].S, a[1].S, a[2].I, a[3].I)
		}, Examples: examples("overlay('Txxxxas', 'hom', 2, 4)", "Thomas"),
	})
	define("overlay(text, text, int4) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return overlay(a[0].S, a[1].S, a[2].I, int64(utf8.RuneCountInString(a[1].S)))
		}, Examples: examples("overlay('Txxmas', 'ho', 2)", "Thomas"),
	})
}

func negativeLength() error {
	return sqlerr.Errorf(sqlerr.SubstringError, "negative substring length not allowed")
}

const unlimited = int64(1) << 40

// substring is the characters from position from (1 is the first) up to, not
// including, position to.
func substring(s string, from, to int64) string {
	from, to = max(from, 1), max(to, 1)
	if to <= from {
		return ""
	}
	start := skipChars(s, from-1)
	return s[start : start+skipChars(s[start:], to-from)]
}

// skipChars is the length in bytes of the first n characters.
func skipChars(s string, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}

func subbytes(s string, from, to int64) string {
	from, to = max(from, 1)-1, min(max(to, 1)-1, int64(len(s)))
	if from >= to {
		return ""
	}
	return s[from:to]
}

// leftChars is the first n characters, or all but the last -n.
func leftChars(s string, n int64) string {
	if n < 0 {
		n = max(int64(utf8.RuneCountInString(s))+n, 0)
	}
	return s[:skipChars(s, n)]
}

func translate(s, from, to string) string {
	source, target := []rune(from), []rune(to)
	return strings.Map(func(r rune) rune {
		for i, f := range source {
			if f != r {
				continue
			}
			if i < len(target) {
				return target[i]
			}
			return -1
		}
		return r
	}, s)
}

func splitPart(_ *Env, a []types.Value) (types.Value, error) {
	s, sep, n := a[0].S, a[1].S, a[2].I
	if n == 0 {
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "field position must not be zero")
	}
	if s == "" {
		return text("")
	}
	if sep == "" {
		if n == 1 || n == -1 {
			return text(s)
		}
		return text("")
	}
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(s, sep)
		if !ok {
			return text("")
		}
		s = rest
	}
	if n == 1 {
		part, _, _ := strings.Cut(s, sep)
		return text(part)
	}
	at := int64(strings.Count(s, sep)) + 1 + n
	if at < 0 {
		return text("")
	}
	for range at {
		_, s, _ = strings.Cut(s, sep)
	}
	part, _, _ := strings.Cut(s, sep)
	return text(part)
}

func overlay(s, with string, from, count int64) (types.Value, error) {
	if from <= 0 {
		return types.Value{}, negativeLength()
	}
	if end := from + count; end != int64(int32(end)) {
		return types.Value{}, types.OutOfRange("integer")
	}
	return text(substring(s, 1, from) + with + substring(s, from+count, unlimited))
}
