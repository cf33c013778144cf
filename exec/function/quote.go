package function

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("quote_ident(text) text strict immutable", func(env *Env, a vs) (types.Value, error) { return quotedIdent(env, a[0].S) },
		"quote_ident('Foo bar')", `"Foo bar"`, "quote_ident('foo')", "foo", "quote_ident('select')", `"select"`, `quote_ident('a"b')`, `"a""b"`)
	op("quote_literal(text) text strict immutable", func(env *Env, a vs) (types.Value, error) { return quotedLiteral(env, a[0].S) },
		"quote_literal('O''Reilly')", "'O''Reilly'", `quote_literal('a\b')`, `E'a\\b'`)
	op("quote_literal(anyelement) text strict stable", func(env *Env, a vs) (types.Value, error) { return quotedLiteral(env, textForm(env, a[0])) },
		"quote_literal(42.5)", "'42.5'")
	op("quote_nullable(text) text immutable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return text("NULL")
		}
		return quotedLiteral(env, a[0].S)
	}, "quote_nullable(NULL::text)", "NULL", "quote_nullable('a'::text)", "'a'")
	op("quote_nullable(anyelement) text stable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return text("NULL")
		}
		return quotedLiteral(env, textForm(env, a[0]))
	}, "quote_nullable(42.5)", "'42.5'")
	op("format(text) text stable", func(env *Env, a vs) (types.Value, error) { return format(env, a) }, "format('100%%')", "100%", "format('%s')", "ERROR 22023")
	define("format(text, variadic any) text stable", Definition{Value: func(env *Env, a vs) (types.Value, error) { return format(env, a) }, NullSpread: true, Examples: examples(
		"format('Hello %s, %1$s', 'World')", "Hello World, World", "format('INSERT INTO %I VALUES(%L)', 'my table', 'O''Reilly')", `INSERT INTO "my table" VALUES('O''Reilly')`, "format('|%10s|%-10s|', 'foo', 'bar')", "|       foo|bar       |", "format('%s %L', NULL, NULL)", " NULL", "format('%s %s', 1)", "ERROR 22023", "format('%x', 1)", "ERROR 22023", "format('%*s|', 5, 'a')", "    a|")})
}

func quoteLiteral(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// quotedIdent is catalog.QuoteName of what may be long.
func quotedIdent(env *Env, s string) (types.Value, error) {
	if len(s) <= LongValue {
		return text(catalog.QuoteName(s))
	}
	safe := true // but for its first character and keywords, of which none is long
	out := append(make([]byte, 0, len(s)+2), '"')
	err := pieces(env, s, func(piece string) {
		for i := range len(piece) {
			c := piece[i]
			safe = safe && catalog.IsNameByte(c)
			if c == '"' {
				out = append(out, c)
			}
			out = append(out, c)
		}
	})
	if safe && (s[0] < '0' || s[0] > '9') {
		return types.NewText(s), err
	}
	return types.NewText(textOf(append(out, '"'))), err
}

// quotedLiteral is quoteLiteral of what may be long.
func quotedLiteral(env *Env, s string) (types.Value, error) {
	escapes := strings.Contains(s, `\`)
	out := make([]byte, 0, len(s)+3)
	if escapes {
		out = append(out, 'E')
	}
	out = append(out, '\'')
	err := pieces(env, s, func(piece string) {
		for i := range len(piece) {
			c := piece[i]
			if c == '\'' || c == '\\' {
				out = append(out, c)
			}
			out = append(out, c)
		}
	})
	return types.NewText(textOf(append(out, '\''))), err
}

// formatSpec is one % of format.
type formatSpec struct {
	position int // from 1; 0: the next
	left     bool
	width    int
	kind     byte
}

// format is SQL's format(text, ...).
func format(env *Env, args []types.Value) (types.Value, error) {
	if args[0].Null {
		return null(types.Text)
	}
	f := formatter{env: env, s: args[0].S, args: args[1:]}
	for n := 1; f.at < len(f.s); n++ {
		if n%askedEvery == 0 {
			if err := env.Ended(); err != nil {
				return types.Value{}, err
			}
		}
		c := f.s[f.at]
		f.at++
		if c != '%' {
			f.out.WriteByte(c)
			continue
		}
		if f.at < len(f.s) && f.s[f.at] == '%' {
			f.at++
			f.out.WriteByte('%')
			continue
		}
		if err := f.one(); err != nil {
			return types.Value{}, err
		}
	}
	return text(f.out.String())
}

type formatter struct {
	env  *Env
	s    string
	at   int
	args []types.Value
	next int
	out  strings.Builder
}

func badFormat(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, format, args...)
}

// number reads digits, -1 where there is none.
func (f *formatter) number() int {
	start := f.at
	for f.at < len(f.s) && f.s[f.at] >= '0' && f.s[f.at] <= '9' {
		f.at++
	}
	if start == f.at {
		return -1
	}
	n, err := strconv.Atoi(f.s[start:f.at])
	if err != nil {
		return 1 << 30
	}
	return n
}

func (f *formatter) argument(position int) (types.Value, error) {
	if position == 0 {
		f.next++
	} else {
		f.next = position
	}
	if f.next > len(f.args) {
		return types.Value{}, badFormat("too few arguments for format()")
	}
	return f.args[f.next-1], nil
}

func (f *formatter) spec() (formatSpec, error) {
	var s formatSpec
	start := f.at
	if n := f.number(); n >= 0 && f.at < len(f.s) && f.s[f.at] == '$' {
		if n == 0 {
			return s, badFormat("format specifies argument 0, but arguments are numbered from 1")
		}
		s.position = n
		f.at++
	} else {
		f.at = start
	}
	for f.at < len(f.s) && f.s[f.at] == '-' {
		s.left = true
		f.at++
	}
	if f.at < len(f.s) && f.s[f.at] == '*' {
		f.at++
		position := 0
		if n := f.number(); n >= 0 {
			if f.at == len(f.s) || f.s[f.at] != '$' {
				return s, badFormat("width argument position must be ended by \"$\"")
			}
			f.at++
			position = n
		}
		v, err := f.argument(position)
		if err != nil {
			return s, err
		}
		if s.width, err = formatWidth(v); err != nil {
			return s, err
		}
		if s.width < 0 {
			s.left, s.width = true, -s.width
		}
	} else if n := f.number(); n > 0 {
		s.width = n
	}
	if f.at == len(f.s) {
		return s, badFormat("unterminated format() type specifier").(*sqlerr.Error).WithHint("For a single \"%%\" use \"%%%%\".")
	}
	s.kind = f.s[f.at]
	f.at++
	return s, nil
}

// formatWidth is the argument that * stands for as a width; NULL is none.
func formatWidth(v types.Value) (int, error) {
	switch v.Type.OID {
	case types.Int2, types.Int4, types.Int8:
		return int(v.I), nil
	}
	if v.Null {
		return 0, nil
	}
	n, err := types.Parse(types.Of(types.Int4), string(types.AppendText(nil, v, types.DefaultFormat())), types.DefaultFormat())
	return int(n.I), err
}

func (f *formatter) one() error {
	s, err := f.spec()
	if err != nil {
		return err
	}
	if s.kind != 's' && s.kind != 'I' && s.kind != 'L' {
		return badFormat("unrecognized format() type specifier \"%c\"", s.kind).(*sqlerr.Error).WithHint("For a single \"%%\" use \"%%%%\".")
	}
	v, err := f.argument(s.position)
	if err != nil {
		return err
	}
	var part string
	switch {
	case v.Null && s.kind == 'I':
		return sqlerr.Errorf(sqlerr.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
	case v.Null && s.kind == 'L':
		part = "NULL"
	case v.Null:
	case s.kind == 'I':
		quoted, err := quotedIdent(f.env, string(appendOutput(f.env, nil, v)))
		if err != nil {
			return err
		}
		part = quoted.S
	case s.kind == 'L':
		quoted, err := quotedLiteral(f.env, string(appendOutput(f.env, nil, v)))
		if err != nil {
			return err
		}
		part = quoted.S
	default:
		part = string(appendOutput(f.env, nil, v))
	}
	if s.width > maxText {
		return tooLong()
	}
	if err := endedLong(f.env, len(part)+s.width); err != nil {
		return err
	}
	missing := max(s.width-utf8.RuneCountInString(part), 0)
	size := f.out.Len() + len(part) + missing
	if limit := f.env.MemoryLimit; limit > 0 && int64(size) > limit {
		return OverLimit(size, int(limit))
	}
	if size > maxText {
		return tooLong()
	}
	pad := strings.Repeat(" ", missing)
	if s.left {
		f.out.WriteString(part + pad)
	} else {
		f.out.WriteString(pad + part)
	}
	return nil
}
