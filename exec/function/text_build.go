package function

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// maxText is the longest string a function makes, as in PostgreSQL.
const maxText = 1<<30 - 5

func tooLong() error {
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "requested length too large")
}

func init() {
	define("textcat(text, text) text strict immutable", Definition{Vector: concatenate, Examples: examples("'Post' || 'greSQL'", "PostgreSQL", "'a' || NULL::text", "NULL")})
	define("byteacat(bytea, bytea) bytea strict immutable", Definition{Vector: concatenate, Examples: examples(`'\x01'::bytea || '\x02'::bytea`, `\x0102`)})
	define("anytextcat(anynonarray, text) text strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return text(textForm(env, a[0]) + a[1].S)
		}, Examples: examples("42 || 'x'", "42x", "true || 'x'", "truex"),
	})
	define("textanycat(text, anynonarray) text strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return text(a[0].S + textForm(env, a[1]))
		}, Examples: examples("'Value: ' || 42", "Value: 42", "'d ' || date '2024-02-29'", "d 2024-02-29"),
	})
	define("concat(variadic any) text stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			return joined(env, a, "")
		}, Examples: examples("concat('abcde', 2, NULL, 22, true)", "abcde222t", "concat(NULL)", ""),
	})
	define("concat_ws(text, variadic any) text stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			if a[0].Null {
				return null(types.Text)
			}
			return joined(env, a[1:], a[0].S)
		}, Examples: examples("concat_ws(',', 'abcde', 2, NULL, 22)", "abcde,2,22", "concat_ws(NULL, 'a', 'b')", "NULL"),
	})
	for _, f := range []struct {
		name string
		left bool
		ex   []Example
	}{
		{"lpad", true, examples("lpad('hi', 5, 'xy')", "xyxhi", "lpad('hello', 2, 'x')", "he", "lpad('hi', 5, '')", "hi")},
		{"rpad", false, examples("rpad('hi', 5, 'xy')", "hixyx", "rpad('hello', -1, 'x')", "")},
	} {
		pad := func(env *Env, s, fill string, n int64) (types.Value, error) {
			n = max(n, 0)
			have := int64(utf8.RuneCountInString(s))
			switch {
			case n*4 > maxText:
				return types.Value{}, tooLong()
			case have >= n || fill == "":
				end, err := skipChars(env, s, n)
				return types.NewText(s[:end]), err
			}
			return padded(env, s, fill, int(n-have), f.left)
		}
		define(f.name+"(text, int4, text) text strict immutable", Definition{
			Value:    func(env *Env, a []types.Value) (types.Value, error) { return pad(env, a[0].S, a[2].S, a[1].I) },
			Examples: f.ex,
		})
		define(f.name+"(text, int4) text strict immutable", Definition{
			Value:    func(env *Env, a []types.Value) (types.Value, error) { return pad(env, a[0].S, " ", a[1].I) },
			Examples: examples("length("+f.name+"('hi', 5))", "5"),
		})
	}
	define("repeat(text, int4) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			n := max(a[1].I, 0)
			size := int64(len(a[0].S)) * n
			if size > maxText {
				return types.Value{}, tooLong()
			}
			return extended(env, "", a[0].S, int(size), "")
		}, Examples: examples("repeat('Pg', 4)", "PgPgPgPg", "repeat('Pg', -1)", "", "repeat('Pg', 2000000000)", "ERROR 54000"),
	})
	define("chr(int4) text strict immutable", Definition{
		Value: chr, Examples: examples("chr(65)", "A", "chr(8364)", "€", "chr(0)", "ERROR 54000", "chr(-1)", "ERROR 22023"),
	})
	define("ascii(text) int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			if a[0].S == "" {
				return int4(0)
			}
			r, _ := utf8.DecodeRuneInString(a[0].S)
			return int4(int(r))
		}, Examples: examples("ascii('x')", "120", "ascii('€')", "8364", "ascii('')", "0"),
	})
	define("to_hex(int4) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return text(strconv.FormatUint(uint64(uint32(a[0].I)), 16))
		},
		Examples: examples("to_hex(2147483647)", "7fffffff", "to_hex(-1)", "ffffffff"),
	})
	define("to_hex(int8) text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return text(strconv.FormatUint(uint64(a[0].I), 16))
		},
		Examples: examples("to_hex(5000000000)", "12a05f200"),
	})
}

// concatenate joins two columns of strings.
func concatenate(c *Call) {
	out, limit := c.Out.(*vec.Bytes), c.limit()
	left, right := bytesAt(c.Args[0]), bytesAt(c.Args[1])
	join := func(row int) {
		l, r := left(row), right(row)
		if n := len(out.Data) + len(l) + len(r); n > limit {
			c.over(row, n)
			return
		}
		out.Data = append(append(out.Data, l...), r...)
	}
	if c.Sel == nil && !c.Nulls.Any() {
		out.Pad(0)
		for row := range c.Rows {
			join(row)
			out.Offsets = append(out.Offsets, int32(len(out.Data)))
		}
		return
	}
	c.each(func(row int) {
		out.Pad(row)
		if !c.null(row) {
			join(row)
		}
		out.EndRow()
	})
	out.Pad(c.Rows)
}

// bytesAt reads a column of strings, or a constant.
func bytesAt(v vec.Vec) func(row int) []byte {
	if k, ok := v.(*vec.Const); ok {
		b := k.Of.(*vec.Bytes).At(0)
		return func(int) []byte { return b }
	}
	return v.(*vec.Bytes).At
}

// textForm is a value cast to text.
func textForm(env *Env, v types.Value) string {
	switch v.Type.OID {
	case types.Bool:
		if v.I != 0 {
			return "true"
		}
		return "false"
	case types.BPChar:
		return strings.TrimRight(v.S, " ")
	case types.Inet, types.Cidr:
		return inetText(types.InetOf(v))
	case types.Text, types.Varchar, types.Name, types.Unknown:
		return v.S
	}
	return textOf(types.AppendText(nil, v, env.Format))
}

// joined are the output forms of the values that are not NULL, with sep between them.
func joined(env *Env, vs []types.Value, sep string) (types.Value, error) {
	r := builder{env: env}
	first := true
	for _, v := range vs {
		if v.Null {
			continue
		}
		if !first {
			if err := r.append(sep); err != nil {
				return types.Value{}, err
			}
		}
		first = false
		from := len(r.out)
		r.out = appendOutput(env, r.out, v)
		if err := r.made(len(r.out) - from); err != nil {
			return types.Value{}, err
		}
	}
	return types.NewText(textOf(r.out)), nil
}

// appendOutput appends what the type's output function gives.
func appendOutput(env *Env, dst []byte, v types.Value) []byte {
	if v.Type.OID == types.Unknown {
		return append(dst, v.S...)
	}
	return types.AppendText(dst, v, env.Format)
}

// padded is s with n characters of fill, repeated for ever, on its one side.
func padded(env *Env, s, fill string, n int, left bool) (types.Value, error) {
	chars := utf8.RuneCountInString(fill)
	part, err := skipChars(env, fill, int64(n%chars))
	if err != nil {
		return types.Value{}, err
	}
	size := n/chars*len(fill) + part
	if left {
		return extended(env, "", fill, size, s)
	}
	return extended(env, s, fill, size, "")
}

// extended is before, then the first size bytes of s repeated for ever, then after.
// It is refused before it is made where it is more than a query may have.
func extended(env *Env, before, s string, size int, after string) (types.Value, error) {
	whole := len(before) + size + len(after)
	if env.MemoryLimit > 0 && int64(whole) > env.MemoryLimit {
		return types.Value{}, OverLimit(whole, int(env.MemoryLimit))
	}
	const block = 256 << 10 // bytes between two looks whether the statement has ended
	var b strings.Builder
	b.Grow(whole)
	b.WriteString(before)
	if len(s) < block && size > block {
		s = strings.Repeat(s, block/len(s))
	}
	for left := size; left > 0; {
		n := min(left, len(s))
		for from := 0; from < n; from += block {
			if err := env.Ended(); err != nil {
				return types.Value{}, err
			}
			b.WriteString(s[from:min(from+block, n)])
		}
		left -= n
	}
	b.WriteString(after)
	return text(b.String())
}

func chr(_ *Env, a []types.Value) (types.Value, error) {
	n := a[0].I
	switch {
	case n < 0:
		return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "character number must be positive")
	case n == 0:
		return types.Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "null character not permitted")
	case n > utf8.MaxRune:
		return types.Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	case n >= 0xd800 && n <= 0xdfff:
		return types.Value{}, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	}
	return text(string(rune(n)))
}
