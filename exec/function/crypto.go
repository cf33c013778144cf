package function

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	digest := func(env *Env, h hash.Hash, s string) ([]byte, error) {
		err := pieces(env, bytesOf(s), func(piece []byte) { h.Write(piece) })
		return h.Sum(nil), err
	}
	sum := func(env *Env, a vs) (types.Value, error) {
		b, err := digest(env, md5.New(), a[0].S)
		return types.NewText(hex.EncodeToString(b)), err
	}
	op("md5(text) text strict immutable", sum, "md5('abc')", "900150983cd24fb0d6963f7d28e17f72")
	op("md5(bytea) text strict immutable", sum, `md5('\x616263'::bytea)`, "900150983cd24fb0d6963f7d28e17f72")
	op("sha256(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		b, err := digest(env, sha256.New(), a[0].S)
		return types.NewString(types.Bytea, textOf(b)), err
	}, "sha256('abc'::bytea)", `\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad`)
	op("sha512(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		b, err := digest(env, sha512.New(), a[0].S)
		return types.NewString(types.Bytea, textOf(b)), err
	}, "length(sha512('abc'::bytea))", "64")
	op("encode(bytea, text) text strict immutable", encode, `encode('\x1234'::bytea, 'hex')`, "1234", "encode('abc'::bytea, 'base64')", "YWJj", `encode('a\000b'::bytea, 'escape')`, `a\000b`, "encode('a'::bytea, 'rot13')", "ERROR 22023")
	op("decode(text, text) bytea strict immutable", decode, "decode('1234', 'hex')", `\x1234`, "decode('YWJj', 'base64')", `\x616263`, `decode('a\000b', 'escape')`, `\x610062`, "decode('zz', 'hex')", "ERROR 22023")
	op("gen_random_uuid() uuid strict volatile", func(*Env, vs) (types.Value, error) {
		var u types.UUIDValue
		if _, err := rand.Read(u[:]); err != nil {
			return types.Value{}, err
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		return types.NewUUID(u), nil
	}, "gen_random_uuid() <> gen_random_uuid()", "t", "length(gen_random_uuid()::text)", "36")
}

func unrecognizedEncoding(name string) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", name)
}

func encode(env *Env, a []types.Value) (types.Value, error) {
	b := bytesOf(a[0].S)
	switch strings.ToLower(a[1].S) {
	case "hex":
		return text(hex.EncodeToString(b))
	case "base64":
		return text(wrapLines(base64.StdEncoding.EncodeToString(b), 76))
	case "escape":
		var out []byte
		err := pieces(env, b, func(piece []byte) { out = appendEscapes(out, piece) })
		return types.NewText(textOf(out)), err
	}
	return types.Value{}, unrecognizedEncoding(a[1].S)
}

// appendEscapes appends b as encode's escape has it.
func appendEscapes(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case c == '\\':
			dst = append(dst, `\\`...)
		case c == 0 || c >= 128:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// wrapLines breaks a string into lines, as MIME's base64 does.
func wrapLines(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width])
		b.WriteByte('\n')
		s = s[width:]
	}
	b.WriteString(s)
	return b.String()
}

// decodeHex reads pairs of digits; white space may stand between pairs.
func decodeHex(s string) (types.Value, error) {
	out := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); {
		if strings.IndexByte(" \n\t\r", s[i]) >= 0 {
			i++
			continue
		}
		pair := s[i:min(i+2, len(s))]
		for j := range len(pair) {
			if strings.IndexByte("0123456789abcdefABCDEF", pair[j]) < 0 {
				c, _ := utf8.DecodeRuneInString(s[i+j:])
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal digit: \"%c\"", c)
			}
		}
		if len(pair) < 2 {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		b, err := hex.DecodeString(pair)
		if err != nil {
			return types.Value{}, fmt.Errorf("decoding %q: %w", pair, err)
		}
		out, i = append(out, b...), i+2
	}
	return bytea(textOf(out))
}

func decode(_ *Env, a []types.Value) (types.Value, error) {
	s := a[0].S
	switch strings.ToLower(a[1].S) {
	case "hex":
		return decodeHex(s)
	case "base64":
		b, err := base64.StdEncoding.DecodeString(strings.Map(dropSpace, s))
		if err != nil {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid base64 end sequence").
				WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
		}
		return bytea(textOf(b))
	case "escape":
		b, err := types.ParseBytea(nil, s)
		if strings.HasPrefix(s, `\x`) || err != nil {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type %s", "bytea")
		}
		return bytea(textOf(b))
	}
	return types.Value{}, unrecognizedEncoding(a[1].S)
}

func dropSpace(r rune) rune {
	switch r {
	case ' ', '\t', '\n', '\r':
		return -1
	}
	return r
}
