package function

import (
	"crypto/sha256"
	"crypto/sha512"
	"math/bits"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions over bytea.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...string) {
		define(sig, Definition{Value: f, Examples: examples(ex...)})
	}
	op("sha224(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return digest(env, sha256.New224(), a[0].S)
	}, "sha224('abc'::bytea)", `\x23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7`)
	op("sha384(bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return digest(env, sha512.New384(), a[0].S)
	}, "length(sha384('abc'::bytea))", "48")
	op("get_byte(bytea, int4) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := byteIndex(a[1].I, len(a[0].S)); err != nil {
			return types.Value{}, err
		}
		return int4(int(a[0].S[a[1].I]))
	}, `get_byte('\x1234567890'::bytea, 4)`, "144", `get_byte('\x12'::bytea, 1)`, "ERROR 2202E")
	op("set_byte(bytea, int4, int4) bytea strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := byteIndex(a[1].I, len(a[0].S)); err != nil {
			return types.Value{}, err
		}
		b := []byte(a[0].S)
		b[a[1].I] = byte(a[2].I)
		return bytea(textOf(b))
	}, `set_byte('\x1234567890'::bytea, 4, 64)`, `\x1234567840`)
	op("get_bit(bytea, int8) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := byteIndex(a[1].I, len(a[0].S)*8); err != nil {
			return types.Value{}, err
		}
		return int4(int(a[0].S[a[1].I/8] >> (a[1].I % 8) & 1))
	}, `get_bit('\x1234567890'::bytea, 30::int8)`, "1", `get_bit('\x12'::bytea, 8::int8)`, "ERROR 2202E")
	op("set_bit(bytea, int8, int4) bytea strict immutable", func(_ *Env, a vs) (types.Value, error) {
		if err := byteIndex(a[1].I, len(a[0].S)*8); err != nil {
			return types.Value{}, err
		}
		if a[2].I != 0 && a[2].I != 1 {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "new bit must be 0 or 1")
		}
		b := []byte(a[0].S)
		b[a[1].I/8] = b[a[1].I/8]&^(1<<(a[1].I%8)) | byte(a[2].I)<<(a[1].I%8)
		return bytea(textOf(b))
	}, `set_bit('\x1234567890'::bytea, 30::int8, 0)`, `\x1234563890`, `set_bit('\x12'::bytea, 0::int8, 2)`, "ERROR 22023")
	op("bit_count(bytea) int8 strict immutable", func(env *Env, a vs) (types.Value, error) {
		n := 0
		err := pieces(env, a[0].S, func(piece string) {
			for i := range len(piece) {
				n += bits.OnesCount8(piece[i])
			}
		})
		return types.NewInt(types.Int8, int64(n)), err
	}, `bit_count('\x1234567890'::bytea)`, "15")
	op("overlay(bytea, bytea, int4, int4) bytea strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return overlayBytes(a[0].S, a[1].S, a[2].I, a[3].I)
	}, `overlay('\x1234567890'::bytea, '\002\003'::bytea, 2, 3)`, `\x12020390`, `overlay('\x12'::bytea, '\x00'::bytea, 0, 1)`, "ERROR 22011")
	op("overlay(bytea, bytea, int4) bytea strict immutable", func(_ *Env, a vs) (types.Value, error) {
		return overlayBytes(a[0].S, a[1].S, a[2].I, int64(len(a[1].S)))
	}, `overlay('\x1234567890'::bytea, '\x0203'::bytea, 2)`, `\x1202037890`)
	op("ltrim(bytea, bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return trimBytes(env, a, true, false)
	}, `ltrim('\x1234567890'::bytea, '\x9012'::bytea)`, `\x34567890`)
	op("rtrim(bytea, bytea) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return trimBytes(env, a, false, true)
	}, `rtrim('\x1234567890'::bytea, '\x9012'::bytea)`, `\x12345678`)
	op("convert_from(bytea, name) text strict immutable", func(env *Env, a vs) (types.Value, error) {
		s, err := decodeText(env, a[0].S, a[1].S, "source")
		return types.NewText(s), err
	}, `convert_from('\x74c3a9'::bytea, 'UTF8')`, "té", `convert_from('\x74e9'::bytea, 'LATIN1')`, "té", `convert_from('\xff'::bytea, 'UTF8')`, "ERROR 22021", `convert_from('\x93fa967b'::bytea, 'SJIS')`, "日本", `convert_from('\x81'::bytea, 'WIN1252')`, "ERROR 22P05",
		`convert_from('a'::bytea, 'nosuch')`, "ERROR 22023")
	op("convert_to(text, name) bytea strict immutable", func(env *Env, a vs) (types.Value, error) {
		return encodeText(env, a[0].S, a[1].S)
	}, "convert_to('té', 'UTF8')", `\x74c3a9`, "convert_to('té', 'LATIN1')", `\x74e9`, "convert_to('€', 'LATIN1')", "ERROR 22P05", "convert_to('日本', 'EUC_JP')", `\xc6fccbdc`, "convert_to('a', 'nosuch')", "ERROR 22023")
	op("length(bytea, name) int4 strict immutable", func(env *Env, a vs) (types.Value, error) {
		s, err := decodeText(env, a[0].S, a[1].S, "")
		return types.NewInt(types.Int4, int64(utf8.RuneCountInString(s))), err
	}, `length('jos\303\251'::bytea, 'UTF8')`, "4")
}

// trimBytes drops the bytes of the second argument at the ends of the first.
func trimBytes(env *Env, a []types.Value, left, right bool) (types.Value, error) {
	var set [256]bool
	for i := range len(a[1].S) {
		set[a[1].S[i]] = true
	}
	s := a[0].S
	from, to := 0, len(s)
	for work := 0; from < to; work++ {
		if err := endedAt(env, work); err != nil {
			return types.Value{}, err
		}
		switch {
		case left && set[s[from]]:
			from++
		case right && set[s[to-1]]:
			to--
		default:
			return bytea(s[from:to])
		}
	}
	return bytea("")
}

func byteIndex(i int64, n int) error {
	if i < 0 || i >= int64(n) {
		return sqlerr.Errorf(sqlerr.ArraySubscriptError, "index %d out of valid range, 0..%d", i, n-1)
	}
	return nil
}

func overlayBytes(s, with string, from, count int64) (types.Value, error) {
	if from <= 0 {
		return types.Value{}, negativeLength()
	}
	if end := from + count; end != int64(int32(end)) {
		return types.Value{}, types.OutOfRange("integer")
	}
	n := int64(len(s))
	rest := min(max(from-1+count, 0), n)
	return bytea(s[:min(from-1, n)] + with + s[rest:])
}

// encodingNamed is the encoding that convert_from, convert_to and length name; side is
// what of it the message says, "" or source or destination.
func encodingNamed(name, side string) (*charset.Charset, error) {
	c := charset.Find(name)
	switch {
	case c == nil && side == "":
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid encoding name \"%s\"", name)
	case c == nil:
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid %s encoding name \"%s\"", side, name)
	case !c.Converts():
		return nil, sqlerr.Unsupported("Convert the text in the client, or before it comes.", "encoding \"%s\" is not supported", c.Name)
	}
	return c, nil
}

func decodeText(env *Env, s, encoding, side string) (string, error) {
	c, err := encodingNamed(encoding, side)
	if err != nil {
		return "", err
	}
	if c.Plain() {
		return s, types.Pieces(bytesOf(s), env.Ended, types.CheckUTF8)
	}
	var out []byte
	for rest := bytesOf(s); ; {
		piece := rest[:min(len(rest), pieceBytes)]
		n := 0
		if out, n, err = c.Decode(out, piece, len(piece) == len(rest)); err != nil {
			return "", err
		}
		if rest = rest[n:]; len(rest) == 0 {
			return textOf(out), nil
		}
		if err := env.Ended(); err != nil {
			return "", err
		}
	}
}

func encodeText(env *Env, s, encoding string) (types.Value, error) {
	c, err := encodingNamed(encoding, "destination")
	if err != nil {
		return types.Value{}, err
	}
	if c.Plain() {
		return bytea(s)
	}
	var out []byte
	err = types.Pieces(bytesOf(s), env.Ended, func(piece []byte) error {
		var err error
		out, err = c.Encode(out, piece)
		return err
	})
	return types.NewString(types.Bytea, textOf(out)), err
}
