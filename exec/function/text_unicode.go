package function

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Unicode's normal forms and escapes, and names in quotes.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("normalize(text, optional text = NFC) text strict immutable", func(env *Env, a vs) (types.Value, error) {
		form, err := normalForm(a[1:])
		if err != nil {
			return types.Value{}, err
		}
		return normalized(env, form, a[0].S)
	}, `"normalize"(unistr('\0061\0308'), 'NFC')`, "ä", `octet_length("normalize"('ä', 'NFD'))`, "3", `"normalize"('a', 'x')`, "ERROR 22023")
	op("is_normalized(text, optional text = NFC) bool strict immutable", func(env *Env, a vs) (types.Value, error) {
		form, err := normalForm(a[1:])
		if err != nil {
			return types.Value{}, err
		}
		normal := true
		err = normalPieces(env, form, a[0].S, func(piece string) bool {
			normal = form.IsNormalString(piece)
			return normal
		})
		return types.NewBool(normal), err
	}, "is_normalized('ä', 'NFC')", "t", "is_normalized('ä', 'NFD')", "f", "is_normalized('a')", "t")
	op("unistr(text) text strict immutable", func(env *Env, a vs) (types.Value, error) {
		s, err := unicodeEscapes(env, a[0].S)
		return types.NewText(s), err
	}, `unistr('d\0061t\+000061')`, "data", `unistr('\u0441\\x\U00000041')`, `с\xA`, `unistr('\d83d\de00')`, "😀", `unistr('\d83d')`, "ERROR 42601", `unistr('wrong: \xyz')`, "ERROR 42601")
	op("parse_ident(str text, optional strict bool = true) _text strict immutable", func(env *Env, a vs) (types.Value, error) {
		parts, err := splitIdent(env, a[0].S, len(a) < 2 || a[1].Bool())
		return types.NewArray(types.Of(types.Text), parts), err
	}, `parse_ident('"SomeSchema".someTable')`, "{SomeSchema,sometable}", "parse_ident('a.b[0]')", "ERROR 22023", "parse_ident('a.b[0]', false)", "{a,b}", "parse_ident('a.')", "ERROR 22023", `parse_ident('"a""b" . c')`, `{"a\"b",c}`, "parse_ident('1a')", "ERROR 22023", `parse_ident('""')`, "ERROR 22023")
	define("string_to_table(text, text, text) setof text immutable", Definition{
		Set: func(_ *Env, a vs) (Set, error) { return newSplitter(a[0], a[1], a[2]), nil }, Examples: examples("string_to_table('a,b,,c', ',', '')", "a, b, NULL, c")})
}

// normalized brings a text into a form.
func normalized(env *Env, form norm.Form, s string) (types.Value, error) {
	var out []byte
	err := normalPieces(env, form, s, func(piece string) bool {
		out = form.AppendString(out, piece)
		return true
	})
	return types.NewText(textOf(out)), err
}

// normalPieces calls f with a text piece by piece, until it returns false: what begins
// at a boundary does not change what stands before it.
func normalPieces(env *Env, form norm.Form, s string, f func(piece string) bool) error {
	const most = 64 << 10
	for len(s) > most {
		if err := env.Ended(); err != nil {
			return err
		}
		n := form.LastBoundary(bytesOf(s[:most]))
		if n <= 0 {
			break
		}
		if !f(s[:n]) {
			return nil
		}
		s = s[n:]
	}
	f(s)
	return nil
}

// normalForm reads the argument that names the form; NFC where there is none.
func normalForm(a []types.Value) (norm.Form, error) {
	name := "NFC"
	if len(a) > 0 {
		name = a[0].S
	}
	switch strings.ToUpper(name) {
	case "NFC":
		return norm.NFC, nil
	case "NFD":
		return norm.NFD, nil
	case "NFKC":
		return norm.NFKC, nil
	case "NFKD":
		return norm.NFKD, nil
	}
	return norm.NFC, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid normalization form: %s", name)
}

// unicodeEscapes resolves \XXXX, \+XXXXXX, \uXXXX and \UXXXXXXXX.
func unicodeEscapes(env *Env, s string) (string, error) {
	var b strings.Builder
	high := rune(0) // of a surrogate pair
	for n := 0; s != ""; n++ {
		if err := endedAt(env, n); err != nil {
			return "", err
		}
		if s[0] != '\\' || strings.HasPrefix(s, `\\`) {
			if high != 0 {
				return "", badSurrogates()
			}
			size := firstRune(s)
			b.WriteString(s[:size])
			if s[0] == '\\' {
				size++ // two are one
			}
			s = s[size:]
			continue
		}
		skip, digits := 1, 4
		if len(s) > 1 {
			switch s[1] {
			case '+':
				skip, digits = 2, 6
			case 'u':
				skip = 2
			case 'U':
				skip, digits = 2, 8
			}
		}
		if len(s) < skip+digits {
			return "", badEscape()
		}
		code, err := strconv.ParseUint(s[skip:skip+digits], 16, 32)
		if err != nil {
			return "", badEscape()
		}
		s = s[skip+digits:]
		r := rune(code)
		switch {
		case high != 0:
			if r = utf16.DecodeRune(high, r); r == utf8.RuneError {
				return "", badSurrogates()
			}
			high = 0
		case r >= 0xd800 && r < 0xdc00:
			high = r
			continue
		case utf16.IsSurrogate(r):
			return "", badSurrogates()
		case code == 0 || code > utf8.MaxRune:
			return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Unicode code point: %04X", code)
		}
		b.WriteRune(r)
	}
	if high != 0 {
		return "", badSurrogates()
	}
	return b.String(), nil
}

func badEscape() error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "invalid Unicode escape").WithHint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
}

func badSurrogates() error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "invalid Unicode surrogate pair")
}

// splitIdent cuts a qualified name. Not strict, it ignores what follows the last
// part.
func splitIdent(env *Env, s string, strict bool) ([]types.Value, error) {
	bad := func() error {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "string is not a valid identifier: \"%s\"", s)
	}
	var parts []types.Value
	count := items{env: env, size: valueBytes}
	rest := strings.TrimLeft(s, " \t\n\r\f\v")
	for {
		if err := count.more(); err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(rest, `"`):
			part, after, ok := quotedPart(rest)
			if err := endedLong(env, len(rest)-len(after)); err != nil {
				return nil, err
			}
			if !ok {
				return nil, bad().(*sqlerr.Error).WithDetail("String has unclosed double quotes.")
			}
			if part == "" {
				return nil, bad().(*sqlerr.Error).WithDetail("Quoted identifier must not be empty.")
			}
			parts, rest = append(parts, types.NewText(part)), after
		default:
			n := 0
			for n < len(rest) && (isWordByte(rest[n]) || rest[n] >= 0x80 || n > 0 && rest[n] == '$') {
				n++
			}
			if err := endedLong(env, n); err != nil {
				return nil, err
			}
			if n == 0 || rest[0] >= '0' && rest[0] <= '9' {
				return nil, bad()
			}
			parts, rest = append(parts, types.NewText(strings.ToLower(rest[:n]))), rest[n:]
		}
		rest = strings.TrimLeft(rest, " \t\n\r\f\v")
		switch {
		case strings.HasPrefix(rest, "."):
			rest = strings.TrimLeft(rest[1:], " \t\n\r\f\v")
		case rest == "" || !strict:
			return parts, nil
		default:
			return nil, bad()
		}
	}
}

// quotedPart reads a name in quotes, in which two quotes are one.
func quotedPart(s string) (part, rest string, ok bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], `""`, `"`), s[i+1:], true
	}
	return "", "", false
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
