package function

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
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
	sum := func(env *Env, a vs) (types.Value, error) {
		b, err := digest(env, md5.New(), a[0].S)
		return types.NewText(hex.EncodeToString(bytesOf(b.S))), err
	}
	op("md5(text) text strict immutable", sum, "md5('abc')", "900150983cd24fb0d6963f7d28e17f72")
	op("md5(bytea) text strict immutable", sum, `md5('\x616263'::bytea)`, "900150983cd24fb0d6963f7d28e17f72")
	op("sha256(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return digest(env, sha256.New(), a[0].S)
	}, "sha256('abc'::bytea)", `\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad`)
	op("sha512(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return digest(env, sha512.New(), a[0].S)
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

// digest is what h makes of s.
func digest(env *Env, h hash.Hash, s string) (types.Value, error) {
	err := pieces(env, bytesOf(s), func(piece []byte) { h.Write(piece) })
	return types.NewString(types.Bytea, textOf(h.Sum(nil))), err
}

func unrecognizedEncoding(name string) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", name)
}

func encode(env *Env, a []types.Value) (types.Value, error) {
	b := bytesOf(a[0].S)
	switch strings.ToLower(a[1].S) {
	case "hex":
		out := make([]byte, 0, hex.EncodedLen(len(b)))
		err := pieces(env, b, func(piece []byte) { out = hex.AppendEncode(out, piece) })
		return types.NewText(textOf(out)), err
	case "base64":
		return encodeBase64(env, b)
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

// encodeBase64 is b in lines of 76 characters; as in PostgreSQL a full line ends with a
// newline, the last one too.
func encodeBase64(env *Env, b []byte) (types.Value, error) {
	const line = 76 / 4 * 3
	n := base64.StdEncoding.EncodedLen(len(b))
	out := make([]byte, 0, n+n/76)
	for i := 0; i < len(b); i += line {
		if i/line%askedEvery == askedEvery-1 {
			if err := env.Ended(); err != nil {
				return types.Value{}, err
			}
		}
		out = base64.StdEncoding.AppendEncode(out, b[i:min(i+line, len(b))])
		if i+line <= len(b) {
			out = append(out, '\n')
		}
	}
	return types.NewText(textOf(out)), nil
}

// decodeHex reads pairs of digits; white space may stand between pairs.
func decodeHex(env *Env, s string) (types.Value, error) {
	out := make([]byte, 0, len(s)/2)
	high := -1 // the first digit of a pair
	err := eachEncoded(env, s, func(c byte, rest string) error {
		d := hexDigit(c)
		switch {
		case d < 0 && high < 0 && isBlank(c):
		case d < 0:
			r, _ := utf8.DecodeRuneInString(rest)
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal digit: \"%c\"", r)
		case high < 0:
			high = d
		default:
			out = append(out, byte(high<<4|d))
			high = -1
		}
		return nil
	})
	if err == nil && high >= 0 {
		err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
	}
	return types.NewString(types.Bytea, textOf(out)), err
}

// eachEncoded calls f with each byte of s, and with it and what follows it.
func eachEncoded(env *Env, s string, f func(c byte, rest string) error) error {
	for i := range len(s) {
		if err := endedAt(env, i); err != nil {
			return err
		}
		if err := f(s[i], s[i:]); err != nil {
			return err
		}
	}
	return nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// hexDigit is the value of a hexadecimal digit, -1 of anything else.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Values are the values of base64's digits, from one on; 0: it is none.
var base64Values = func() (values [256]byte) {
	for i := range len(base64Digits) {
		values[base64Digits[i]] = byte(i) + 1
	}
	return values
}()

// decodeBase64 is PostgreSQL's pg_base64_decode, which goes on behind an end.
func decodeBase64(env *Env, s string) (types.Value, error) {
	out := make([]byte, 0, len(s)/4*3)
	var group uint32
	n, end := 0, 0 // digits of the group; of how many bytes the last groups are
	err := eachEncoded(env, s, func(c byte, rest string) error {
		v := base64Values[c]
		switch {
		case isBlank(c):
			return nil
		case c == '=' && end == 0 && n < 2:
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unexpected \"=\" while decoding base64 sequence")
		case c == '=' && end == 0:
			end = n - 1
		case c != '=' && v == 0:
			r, _ := utf8.DecodeRuneInString(rest)
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid symbol \"%c\" found while decoding base64 sequence", r)
		}
		group = group<<6 + uint32(max(v, 1)-1)
		if n++; n < 4 {
			return nil
		}
		whole := [...]byte{byte(group >> 16), byte(group >> 8), byte(group)}
		if end == 0 {
			out = append(out, whole[:]...)
		} else {
			out = append(out, whole[:end]...)
		}
		group, n = 0, 0
		return nil
	})
	if err == nil && n > 0 {
		err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid base64 end sequence").
			WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
	}
	return types.NewString(types.Bytea, textOf(out)), err
}

func decode(env *Env, a []types.Value) (types.Value, error) {
	s := a[0].S
	switch strings.ToLower(a[1].S) {
	case "hex":
		return decodeHex(env, s)
	case "base64":
		return decodeBase64(env, s)
	case "escape":
		b, err := types.ParseByteaUntil(nil, s, env.Ended)
		if err := env.Ended(); err != nil {
			return types.Value{}, err
		}
		if strings.HasPrefix(s, `\x`) || err != nil {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type %s", "bytea")
		}
		return bytea(textOf(b))
	}
	return types.Value{}, unrecognizedEncoding(a[1].S)
}
