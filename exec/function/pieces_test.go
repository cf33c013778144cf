package function

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestPieces cuts texts of characters of each length, which do not end where pieces
// do, and bytes that are no text.
func TestPieces(t *testing.T) {
	env := &Env{}
	for _, c := range []string{"a", "ä", "€", "😀", "\x80"} {
		s := "x" + strings.Repeat(c, 3*pieceBytes/len(c)+1)
		var all strings.Builder
		n := 0
		err := pieces(env, s, func(piece string) {
			if len(piece) == 0 || len(piece) > pieceBytes || c != "\x80" && !utf8.ValidString(piece) {
				t.Errorf("a piece of %d bytes", len(piece))
			}
			n++
			all.WriteString(piece)
		})
		if err != nil || all.String() != s || n < 3 {
			t.Errorf("%d pieces of %q, with %d of %d bytes: %v", n, c, all.Len(), len(s), err)
		}
	}
}

// TestLongValuesEnd: a call over one long value gives up in the midst of it where the
// statement has ended, and says the same of it where it has not, as in pieces.
func TestLongValuesEnd(t *testing.T) {
	ended := errors.New("ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	over, going := &Env{Context: ctx, Format: types.DefaultFormat()}, &Env{Context: t.Context(), Format: types.DefaultFormat()}
	long := strings.Repeat("aé'\\\"", 500_000)
	byteaType := types.Of(types.Bytea)
	object := "{" + strings.Repeat(`"a": 1, `, 100_000) + `"b": 2}`
	for _, c := range []struct {
		name  string
		args  []types.Value
		bytes int // of the result, where it is a text
	}{
		{"md5", []types.Value{types.NewText(long)}, 32},
		{"sha256", []types.Value{{Type: byteaType, S: long}}, 32},
		{"sha512", []types.Value{{Type: byteaType, S: long}}, 64},
		{"bit_count", []types.Value{{Type: byteaType, S: long}}, 0},
		{"length", []types.Value{types.NewText(long)}, 0},
		{"upper", []types.Value{types.NewText(long)}, len(long)},
		{"lower", []types.Value{types.NewText(long)}, len(long)},
		{"initcap", []types.Value{types.NewText(long)}, len(long)},
		{"reverse", []types.Value{types.NewText(long)}, len(long)},
		{"quote_literal", []types.Value{types.NewText(long)}, len(long) + 2*500_000 + 3},
		{"encode", []types.Value{{Type: byteaType, S: long}, types.NewText("escape")}, len(long) + 500_000 + 6*500_000},
		{"encode", []types.Value{{Type: byteaType, S: long}, types.NewText("hex")}, 2 * len(long)},
		{"encode", []types.Value{{Type: byteaType, S: long}, types.NewText("base64")}, 4_000_000 + 52_631},
		{"decode", []types.Value{types.NewText(strings.Repeat("4a", 1_000_000)), types.NewText("hex")}, 1_000_000},
		{"decode", []types.Value{types.NewText(strings.Repeat("abcd", 500_000)), types.NewText("base64")}, 3 * 500_000},
		{"decode", []types.Value{types.NewText(strings.Repeat(`\101`, 500_000)), types.NewText("escape")}, 500_000},
		{"quote_ident", []types.Value{types.NewText(long)}, len(long) + 500_000 + 2},
		{"convert_to", []types.Value{types.NewText(long), types.NewString(types.Name, "LATIN1")}, 5 * 500_000},
		{"convert_from", []types.Value{{Type: byteaType, S: long}, types.NewString(types.Name, "LATIN1")}, 8 * 500_000},
		{"convert_from", []types.Value{{Type: byteaType, S: long}, types.NewString(types.Name, "UTF8")}, len(long)},
		{"replace", []types.Value{types.NewText(long), types.NewText("a"), types.NewText("xyz")}, len(long) + 2*500_000},
		{"replace", []types.Value{types.NewText(long), types.NewText("zz"), types.NewText("")}, len(long)},
		{"translate", []types.Value{types.NewText(long), types.NewText("aé"), types.NewText("x")}, 4 * 500_000},
		{"translate", []types.Value{types.NewText(long), types.NewText("aébcdefghijklmnopqrs"), types.NewText("x")}, 4 * 500_000},
		{"substring", []types.Value{types.NewText(long), types.NewInt(types.Int4, 2_000_001)}, 6 * 100_000},
		{"left", []types.Value{types.NewText(long), types.NewInt(types.Int4, -1)}, len(long) - 1},
		{"right", []types.Value{types.NewText(long), types.NewInt(types.Int4, -2_000_000)}, 6 * 100_000},
		{"btrim", []types.Value{types.NewText(long + "z" + long), types.NewText(`é'\"a`)}, 1},
		{"btrim", []types.Value{{Type: byteaType, S: long + "z" + long}, {Type: byteaType, S: `é'\"a`}}, 1},
		{"split_part", []types.Value{types.NewText(long), types.NewText("a"), types.NewInt(types.Int4, 400_000)}, 5},
		{"split_part", []types.Value{types.NewText(long), types.NewText("a"), types.NewInt(types.Int4, -400_000)}, 5},
		{"strpos", []types.Value{types.NewText(long), types.NewText("zz")}, 0},
		{"unistr", []types.Value{types.NewText(strings.Repeat(`\0061bcdefgh`, 500_000))}, 8 * 500_000},
		{"is_normalized", []types.Value{types.NewText(long), types.NewText("NFC")}, 0},
		{"normalize", []types.Value{types.NewText(long), types.NewText("NFD")}, len(long) + 500_000},
		{"sha384", []types.Value{{Type: byteaType, S: long}}, 48},
		{"bitnot", []types.Value{types.NewString(types.Bit, strings.Repeat("01", 1_000_000))}, 2_000_000},
		{"format", []types.Value{types.NewText(strings.Repeat("%1$s", 100_000)), types.NewText("x")}, 100_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ts []types.OID
			for _, a := range c.args {
				ts = append(ts, a.Type.OID)
			}
			def := Lookup(c.name, ts...)
			if c.name == "format" {
				def = Lookup("format", types.Text, types.Any)
			}
			if def == nil {
				t.Fatal("there is no such function")
			}
			if _, err := callOnce(def, over, c.args); !errors.Is(err, ended) {
				t.Errorf("it goes on: %v", err)
			}
			v, err := callOnce(def, going, c.args)
			if err != nil || c.bytes > 0 && len(v.S) != c.bytes {
				t.Errorf("%d bytes, want %d: %v", len(v.S), c.bytes, err)
			}
		})
	}
	for _, env := range []*Env{over, going} {
		is, err := isJSON(env, object, "value", true)
		if (env == over) != errors.Is(err, ended) || is {
			t.Errorf("IS JSON WITH UNIQUE KEYS is %v, %v", is, err)
		}
	}
}

// TestLongResultsMeetTheLimit: what a call makes of short arguments is refused when it is
// more than a query may have, and not when it is made.
func TestLongResultsMeetTheLimit(t *testing.T) {
	env := &Env{Context: t.Context(), Format: types.DefaultFormat(), MemoryLimit: 10 << 20}
	many, long := types.NewText(strings.Repeat("a", 50_000)), types.NewText(strings.Repeat("b", 50_000))
	array := types.NewArray(types.Of(types.Text), slices.Repeat([]types.Value{types.NewText("a")}, 1000))
	for name, args := range map[string][]types.Value{
		"replace":         {many, types.NewText("a"), long},
		"regexp_replace":  {many, types.NewText("a"), long, types.NewText("g")},
		"array_to_string": {array, long},
		"parse_ident":     {types.NewText(strings.Repeat("a.", 1_000_000) + "a"), types.NewBool(true)},
	} {
		var ts []types.OID
		for _, a := range args {
			ts = append(ts, a.Type.OID)
		}
		if name == "array_to_string" {
			ts[0] = types.AnyArray
		}
		def := Lookup(name, ts...)
		if def == nil {
			t.Fatalf("there is no %s", name)
		}
		_, err := callOnce(def, env, args)
		var e *sqlerr.Error
		if !errors.As(err, &e) || e.Code != sqlerr.OutOfMemory {
			t.Errorf("%s: %v, want 53200", name, err)
		}
	}
}

// callOnce is a call of one row.
func callOnce(def *Definition, env *Env, args []types.Value) (types.Value, error) {
	if def.Value != nil {
		return def.Value(env, args)
	}
	ret := types.Of(def.Func.Ret)
	c := &Call{Env: env, Rows: 1, Out: vec.New(ret), Nulls: &vec.Bitmap{}, Errs: &Errors{}}
	for _, a := range args {
		v := vec.New(a.Type)
		vec.Append(v, a)
		c.Args = append(c.Args, v)
	}
	def.Vector(c)
	if err := c.Errs.At(0); err != nil {
		return types.Value{}, err
	}
	return vec.Get(c.Out, 0, ret), nil
}
