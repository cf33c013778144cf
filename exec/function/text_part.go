package function

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func bytea(s string) (types.Value, error) { return types.NewString(types.Bytea, s), nil }

func init() {
	for _, f := range []struct {
		name string
		cut  func(env *Env, s, set string) (string, error)
		ex   [2][]Example
	}{
		{"btrim", trimBoth, [2][]Example{examples("btrim('  trim  ')", "trim"), examples("btrim('xyxtrimyyx', 'xyz')", "trim")}},
		{"ltrim", trimLeft, [2][]Example{examples("ltrim('  trim ')", "trim "), examples("ltrim('zzzytest', 'xyz')", "test")}},
		{"rtrim", trimRight, [2][]Example{examples("rtrim(' trim  ')", " trim"), examples("rtrim('testxxzx', 'xyz')", "test")}},
	} {
		cut := f.cut
		define(f.name+"(text) text strict immutable", Definition{Value: func(env *Env, a []types.Value) (types.Value, error) {
			s, err := cut(env, a[0].S, " ")
			return types.NewText(s), err
		}, Examples: f.ex[0]})
		define(f.name+"(text, text) text strict immutable", Definition{Value: func(env *Env, a []types.Value) (types.Value, error) {
			s, err := cut(env, a[0].S, a[1].S)
			return types.NewText(s), err
		}, Examples: f.ex[1]})
	}
	define("btrim(bytea, bytea) bytea strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return trimBytes(env, a, true, true) },
		Examples: examples(`btrim('\x1234567890'::bytea, '\x9012'::bytea)`, `\x345678`),
	})
	for _, name := range []string{"substring", "substr"} {
		define(name+"(text, int4) text strict immutable", Definition{
			Value:    func(env *Env, a []types.Value) (types.Value, error) { return substring(env, a[0].S, a[1].I, unlimited) },
			Examples: examples(name+"('Thomas', 3)", "omas", name+"('Thomas', -1)", "Thomas"),
		})
		define(name+"(text, int4, int4) text strict immutable", Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				if a[2].I < 0 {
					return types.Value{}, negativeLength()
				}
				return substring(env, a[0].S, a[1].I, a[1].I+a[2].I)
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
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			n, err := leftChars(env, a[0].S, a[1].I)
			return types.NewText(a[0].S[:n]), err
		},
		Examples: examples(`"left"('abcde', 2)`, "ab", `"left"('abcde', -2)`, "abc", `"left"('äöü', 2)`, "äö"),
	})
	define(`right(text, int4) text strict immutable`, Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			if a[1].I == 0 {
				return text("")
			}
			if a[1].I == -1<<31 {
				return a[0], nil // there is no 2147483648 to leave out
			}
			n, err := leftChars(env, a[0].S, -a[1].I)
			return types.NewText(a[0].S[n:]), err
		},
		Examples: examples(`"right"('abcde', 2)`, "de", `"right"('abcde', -2)`, "cde", `"right"('abcde', 0)`, "", `"right"('abcde', -2147483648)`, "abcde"),
	})
	define("replace(text, text, text) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			if a[1].S == "" {
				return a[0], nil
			}
			return replaced(env, a[0].S, a[1].S, a[2].S)
		}, Examples: examples("replace('abcdefabcdef', 'cd', 'XX')", "abXXefabXXef", "replace('abc', '', 'x')", "abc"),
	})
	define("translate(text, text, text) text strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return translate(env, a[0].S, a[1].S, a[2].S) },
		Examples: examples("translate('12345', '143', 'ax')", "a2x5"),
	})
	for _, name := range []string{"strpos", "position"} {
		ex := examples("strpos('high', 'ig')", "2", "strpos('äöü', 'ü')", "3", "strpos('a', 'b')", "0", "strpos('a', '')", "1")
		if name == "position" {
			ex = examples("position('om' in 'Thomas')", "3")
		}
		define(name+"(text, text) int4 strict immutable", Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				i, err := indexOf(env, a[0].S, a[1].S)
				if i < 0 || err != nil {
					return types.NewInt(types.Int4, 0), err
				}
				return int4(utf8.RuneCountInString(a[0].S[:i]) + 1)
			}, Examples: ex})
	}
	define("position(bytea, bytea) int4 strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			i, err := indexOf(env, a[0].S, a[1].S)
			return types.NewInt(types.Int4, int64(i)+1), err
		},
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
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return overlay(env, a[0].S, a[1].S, a[2].I, a[3].I)
		}, Examples: examples("overlay('Txxxxas', 'hom', 2, 4)", "Thomas"),
	})
	define("overlay(text, text, int4) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return overlay(env, a[0].S, a[1].S, a[2].I, int64(utf8.RuneCountInString(a[1].S)))
		}, Examples: examples("overlay('Txxmas', 'ho', 2)", "Thomas"),
	})
}

func negativeLength() error {
	return sqlerr.Errorf(sqlerr.SubstringError, "negative substring length not allowed")
}

const unlimited = int64(1) << 40

// substring is the characters from position from (1 is the first) up to, not
// including, position to.
func substring(env *Env, s string, from, to int64) (types.Value, error) {
	from, to = max(from, 1), max(to, 1)
	if to <= from {
		return text("")
	}
	start, err := skipChars(env, s, from-1)
	if err != nil {
		return types.Value{}, err
	}
	n, err := skipChars(env, s[start:], to-from)
	return types.NewText(s[start : start+n]), err
}

// skipChars is the length in bytes of the first n characters.
func skipChars(env *Env, s string, n int64) (int, error) {
	if n >= int64(len(s)) {
		return len(s), nil
	}
	i := 0
	for int64(pieceBytes) <= n && len(s)-i > pieceBytes {
		piece := types.Piece(s[i:])
		n -= int64(utf8.RuneCountInString(piece))
		i += len(piece)
		if err := env.Ended(); err != nil {
			return 0, err
		}
	}
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i, nil
}

// indexOf is strings.Index of a text that may be long.
func indexOf(env *Env, s, part string) (int, error) {
	step := max(pieceBytes, len(part))
	at := 0
	for len(s)-at > step+len(part) {
		if i := strings.Index(s[at:at+step+len(part)], part); i >= 0 {
			return at + i, nil
		}
		at += step
		if err := env.Ended(); err != nil {
			return -1, err
		}
	}
	if i := strings.Index(s[at:], part); i >= 0 {
		return at + i, nil
	}
	return -1, nil
}

func subbytes(s string, from, to int64) string {
	from, to = max(from, 1)-1, min(max(to, 1)-1, int64(len(s)))
	if from >= to {
		return ""
	}
	return s[from:to]
}

// leftChars is the length in bytes of the first n characters, or of all but the last -n.
func leftChars(env *Env, s string, n int64) (int, error) {
	if n < 0 {
		chars := int64(0)
		if err := pieces(env, s, func(piece string) { chars += int64(utf8.RuneCountInString(piece)) }); err != nil {
			return 0, err
		}
		n = max(chars+n, 0)
	}
	return skipChars(env, s, n)
}

func translate(env *Env, s, from, to string) (types.Value, error) {
	source, target := []rune(from), []rune(to)
	place := func(r rune) int { return slices.Index(source, r) }
	if len(source) > 16 {
		places := make(map[rune]int, len(source))
		for i, r := range slices.Backward(source) {
			places[r] = i
		}
		place = func(r rune) int {
			if i, ok := places[r]; ok {
				return i
			}
			return -1
		}
	}
	out := make([]byte, 0, len(s))
	err := pieces(env, s, func(piece string) {
		for _, r := range piece {
			switch i := place(r); {
			case i < 0:
				out = utf8.AppendRune(out, r)
			case i < len(target):
				out = utf8.AppendRune(out, target[i])
			}
		}
	})
	return types.NewText(textOf(out)), err
}

func splitPart(env *Env, a []types.Value) (types.Value, error) {
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
	if n < 0 {
		parts := int64(1)
		for rest := s; ; parts++ {
			_, after, found, err := cutLong(env, rest, sep, parts)
			if err != nil {
				return types.Value{}, err
			}
			if !found {
				break
			}
			rest = after
		}
		if n += parts + 1; n < 1 {
			return text("")
		}
	}
	for ; ; n-- {
		part, rest, found, err := cutLong(env, s, sep, n)
		if err != nil {
			return types.Value{}, err
		}
		switch {
		case n == 1:
			return text(part)
		case !found:
			return text("")
		}
		s = rest
	}
}

// cutLong is strings.Cut of a text that may be long, the n-th of many times.
func cutLong(env *Env, s, sep string, n int64) (part, rest string, found bool, err error) {
	if n%askedEvery == 0 {
		if err := env.Ended(); err != nil {
			return "", "", false, err
		}
	}
	i, err := indexOf(env, s, sep)
	if i < 0 {
		return s, "", false, err
	}
	return s[:i], s[i+len(sep):], true, err
}

func overlay(env *Env, s, with string, from, count int64) (types.Value, error) {
	if from <= 0 {
		return types.Value{}, negativeLength()
	}
	if end := from + count; end != int64(int32(end)) {
		return types.Value{}, types.OutOfRange("integer")
	}
	before, err := substring(env, s, 1, from)
	if err != nil {
		return types.Value{}, err
	}
	after, err := substring(env, s, from+count, unlimited)
	return types.NewText(before.S + with + after.S), err
}
