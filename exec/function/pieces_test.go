package function

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

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
