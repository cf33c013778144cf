package function

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func init() {
	chars := charLength
	trimmedChars := lengthOf(func(b []byte) int { return utf8.RuneCount(bytes.TrimRight(b, " ")) })
	octets := lengthOf(func(b []byte) int { return len(b) })
	bits := lengthOf(func(b []byte) int { return len(b) * 8 })
	for _, f := range []struct {
		sig    string
		kernel VectorFunc
		ex     []Example
	}{
		{"length(text)", chars, examples("length('jose')", "4", "length('jösé')", "4", "length(NULL::text)", "NULL")},
		{"length(bpchar)", trimmedChars, examples("length('ab  '::char(4))", "2")},
		{"length(bytea)", octets, examples(`length('\x0102'::bytea)`, "2")},
		{"char_length(text)", chars, examples("char_length('jösé')", "4")},
		{"char_length(bpchar)", trimmedChars, examples("char_length('ab  '::char(4))", "2")},
		{"character_length(text)", chars, examples("character_length('jösé')", "4")},
		{"character_length(bpchar)", trimmedChars, examples("character_length('ab  '::char(4))", "2")},
		{"octet_length(text)", octets, examples("octet_length('jösé')", "6")},
		{"octet_length(bpchar)", octets, examples("octet_length('ab  '::char(4))", "4")},
		{"octet_length(bytea)", octets, examples(`octet_length('\x010203'::bytea)`, "3")},
		{"bit_length(text)", bits, examples("bit_length('ab')", "16")},
		{"bit_length(bytea)", bits, examples(`bit_length('\x01'::bytea)`, "8")},
	} {
		define(f.sig+" int4 strict immutable", Definition{Vector: f.kernel, Examples: f.ex})
	}
	const ours = "PostgreSQL has no byte_length"
	define("byte_length(text) int4 strict immutable oid 9901", Definition{Vector: octets, Examples: []Example{{SQL: "byte_length('jösé')", Text: "6", Ours: ours}}})
	define("byte_length(bytea) int4 strict immutable oid 9902", Definition{Vector: octets, Examples: []Example{{SQL: `byte_length('\x0102'::bytea)`, Text: "2", Ours: ours}}})

	mapped := func(name string, kernel VectorFunc, ex ...Example) {
		define(name+"(text) text strict immutable", Definition{Vector: kernel, Examples: ex})
	}
	const locale = "PostgreSQL under the C locale maps only ASCII"
	mapped("lower", mapCase(bytes.ToLower, 'A', 'Z'), Example{SQL: "lower('TOM')", Text: "tom"}, Example{SQL: "lower('TÖM')", Text: "töm", Ours: locale})
	mapped("upper", mapCase(bytes.ToUpper, 'a', 'z'), Example{SQL: "upper('tom')", Text: "TOM"}, Example{SQL: "upper('tömß')", Text: "TÖMß", Ours: locale})
	define("initcap(text) text strict immutable", Definition{
		Value:    func(env *Env, a []types.Value) (types.Value, error) { return initcap(env, a[0].S) },
		Examples: examples("initcap('hi THOMAS o''neil x2y')", "Hi Thomas O'Neil X2y"),
	})
	define("reverse(text) text strict immutable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			out := make([]byte, len(a[0].S))
			at := len(out)
			err := pieces(env, a[0].S, func(piece string) {
				for i, n := 0, 0; i < len(piece); i += n {
					_, n = utf8.DecodeRuneInString(piece[i:])
					at -= n
					copy(out[at:], piece[i:i+n])
				}
			})
			return types.NewText(textOf(out)), err
		}, Examples: examples("reverse('abcdé')", "édcba"),
	})
}

// lengthOf measures each string.
func lengthOf(measure func([]byte) int) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Fixed[int32]).Resize(c.Rows)
		in := c.Args[0].(*vec.Bytes)
		c.each(func(row int) { out[row] = int32(measure(in.At(row))) })
	}
}

// charLength counts the characters of each string.
func charLength(c *Call) {
	out := c.Out.(*vec.Fixed[int32]).Resize(c.Rows)
	in := c.Args[0].(*vec.Bytes)
	c.each(func(row int) {
		b := in.At(row)
		if len(b) <= pieceBytes {
			out[row] = int32(utf8.RuneCount(b))
			return
		}
		n := 0
		if err := pieces(c.Env, b, func(piece []byte) { n += utf8.RuneCount(piece) }); err != nil {
			c.Errs.Set(row, err)
		}
		out[row] = int32(n)
	})
}

// mapCase maps strings of ASCII by flipping the bit of the letters from to;
// others go through slow.
func mapCase(slow func([]byte) []byte, from, to byte) VectorFunc {
	return func(c *Call) {
		out := c.Out.(*vec.Bytes)
		c.eachBytes(func(row int, b []byte) {
			err := pieces(c.Env, b, func(piece []byte) {
				start := len(out.Data)
				out.Data = append(out.Data, piece...)
				high := byte(0)
				for i, x := range out.Data[start:] {
					high |= x
					if x >= from && x <= to {
						out.Data[start+i] = x ^ 0x20
					}
				}
				if high >= utf8.RuneSelf {
					out.Data = append(out.Data[:start], slow(piece)...)
				}
			})
			if err != nil {
				c.Errs.Set(row, err)
			}
		})
	}
}

func initcap(env *Env, s string) (types.Value, error) {
	out := make([]byte, 0, len(s))
	inWord := false
	err := pieces(env, s, func(piece string) {
		for _, r := range piece {
			letter := unicode.IsLetter(r) || unicode.IsDigit(r)
			switch {
			case letter && inWord:
				r = unicode.ToLower(r)
			case letter:
				r = unicode.ToUpper(r)
			}
			inWord = letter
			out = utf8.AppendRune(out, r)
		}
	})
	return types.NewText(textOf(out)), err
}
